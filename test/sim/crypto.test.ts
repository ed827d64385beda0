import { describe, expect, it } from "vitest";
import type { HandshakeOptions } from "../../native-helper/overlay/boundary.ts";
import { standInCrypto } from "./crypto.ts";
import { SeededEntropy } from "./random.ts";

const entropy = new SeededEntropy(1, "crypto test");
const crypto = standInCrypto(entropy);
const alice = crypto.identity(entropy.fork("alice"));
const bob = crypto.identity(entropy.fork("bob"));
const carol = crypto.identity(entropy.fork("carol"));
const prologue = Uint8Array.of(1, 2, 3);
const psk = new Uint8Array(32);
const hello = Uint8Array.of(7, 8, 9);

function pair(pattern: "IK" | "XX", change: Partial<HandshakeOptions> = {}) {
  return {
    initiator: crypto.handshake({
      pattern,
      initiator: true,
      identity: alice,
      prologue,
      psk,
      remoteStatic: bob.xPublic,
    }),
    responder: crypto.handshake({ pattern, initiator: false, identity: bob, prologue, psk, ...change }),
  };
}

describe("stand-in crypto", () => {
  it.each(["IK", "XX"] as const)(
    "completes %s: payloads pass, both learn the other's key, directions match",
    (pattern) => {
      const { initiator, responder } = pair(pattern);
      const first = initiator.write(hello);
      expect(responder.read(first)).toEqual(hello);
      expect(initiator.read(responder.write(hello))).toEqual(hello);
      if (pattern === "XX") expect(responder.read(initiator.write(hello))).toEqual(hello);
      expect(responder.remoteStatic()).toEqual(alice.xPublic);
      expect(initiator.remoteStatic()).toEqual(bob.xPublic);
      const ours = crypto.directions(initiator.split(1));
      const theirs = crypto.directions(responder.split(1));
      expect(ours).toEqual({ tx: theirs.rx, rx: theirs.tx });
      expect(ours.tx).not.toBe(ours.rx);
    },
  );

  it("has the sizes of Noise: IK 96 and 48, XX 48, 96 and 64 bytes beside the payload", () => {
    const ik = pair("IK");
    const ik1 = ik.initiator.write(hello);
    ik.responder.read(ik1);
    const xx = pair("XX");
    const xx1 = xx.initiator.write(hello);
    xx.responder.read(xx1);
    const xx2 = xx.responder.write(hello);
    xx.initiator.read(xx2);
    const sizes = [ik1, ik.responder.write(hello), xx1, xx2, xx.initiator.write(hello)].map(
      (m) => m.length - hello.length,
    );
    expect(sizes).toEqual([96, 48, 48, 96, 64]);
  });

  it.each([
    ["another prologue", "IK", { prologue: Uint8Array.of(1, 2, 4) }, 1],
    ["another responder", "IK", { identity: carol }, 1],
    ["another passphrase", "IK", { psk: new Uint8Array(32).fill(1) }, 2],
    ["another prologue", "XX", { prologue: new Uint8Array(0) }, 1],
    ["another passphrase", "XX", { psk: new Uint8Array(32).fill(1) }, 3],
  ] as const)("does not authenticate under %s (%s)", (_, pattern, change, failingMessage) => {
    const { initiator, responder } = pair(pattern, change);
    const results: boolean[] = [];
    for (let turn = 0; turn < failingMessage; turn++) {
      const [writer, reader] = turn % 2 === 0 ? [initiator, responder] : [responder, initiator];
      results.push(reader.read(writer.write(hello)) !== undefined);
    }
    expect(results).toEqual([...Array.from({ length: failingMessage - 1 }, () => true), false]);
  });

  it("refuses a message with any bit flipped, and one that is cut", () => {
    const message = pair("IK").initiator.write(hello);
    for (let bit = 0; bit < message.length * 8; bit += 5) {
      const changed = message.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(pair("IK").responder.read(changed)).toBeUndefined();
    }
    for (const length of [0, 31, 79, message.length - 1]) {
      expect(pair("IK").responder.read(message.subarray(0, length))).toBeUndefined();
    }
  });

  it("verifies a signature for its key and message only", () => {
    const signature = alice.sign(hello);
    expect(signature).toHaveLength(64);
    expect(crypto.verify(alice.edPublic, hello, signature)).toBe(true);
    expect(crypto.verify(bob.edPublic, hello, signature)).toBe(false);
    expect(crypto.verify(alice.edPublic, Uint8Array.of(7, 8), signature)).toBe(false);
    expect(crypto.verify(alice.edPublic, hello, signature.with(63, (signature[63] as number) ^ 1))).toBe(false);
  });

  it("spreads hashes over the whole ring", () => {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const digest = crypto.sha256(Uint8Array.of(i & 255, i >> 8));
      counts[(digest[0] as number) >> 4] = (counts[(digest[0] as number) >> 4] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(160); // Five standard deviations.
  });

  it("draws the same numbers for one seed and label, and others for another", () => {
    const draw = (seed: number, label: string) => [...new SeededEntropy(seed, label).bytes(24)];
    expect(draw(7, "a")).toEqual(draw(7, "a"));
    expect(draw(7, "a")).not.toEqual(draw(7, "b"));
    expect(draw(7, "a")).not.toEqual(draw(7 + 2 ** 32, "a"));
  });
});
