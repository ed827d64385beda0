import { createPrivateKey, createPublicKey } from "node:crypto";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { CipherId, Input, SessionKeys } from "../overlay/boundary.ts";
import { addressFromBytes, type RingAddress } from "../overlay/ring/address.ts";
import type { NetworkPort } from "./affiliation-ports.ts";
import {
  argon2id,
  DataPathDriver,
  entropyFrom,
  generateSecret,
  localRanges,
  nativeCrypto,
  nativeEntropy,
  nativeIdentity,
  peerUid,
  removeInterface,
} from "./datapath.ts";

const NET_ID = new Uint8Array(32).fill(7);
const NO_PSK = new Uint8Array(32);
const DEADLINE_MS = 10_000;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A data path with one affiliation, and what it heard. */
class End {
  readonly self: RingAddress;
  readonly identity = nativeIdentity({ edSeed: generateSecret(), xSecret: generateSecret() });
  readonly driver: DataPathDriver;
  readonly network: NetworkPort;
  readonly faults: string[] = [];
  readonly #heard: Input[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(place: number) {
    this.self = addressFromBytes(new Uint8Array(20).fill(place));
    this.driver = new DataPathDriver({ port: 0, onFault: (text) => this.faults.push(text) });
    closers.push(() => this.driver.close());
    this.network = this.driver.addNetwork({
      self: this.self,
      affiliation: "condor wow",
      identity: this.identity,
      netId: NET_ID,
      psk: NO_PSK,
      onInput: (input) => {
        this.#heard.push(input);
        for (const wake of this.#waiting.splice(0)) wake();
      },
      onInterfaceLost: () => this.faults.push("the interface was lost"),
    });
  }

  get remote(): string {
    return `127.0.0.1:${this.driver.port}`;
  }

  /** The next input of this kind. */
  async input<K extends Input["kind"]>(kind: K): Promise<Extract<Input, { kind: K }>> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const place = this.#heard.findIndex((input) => input.kind === kind);
      if (place >= 0) return this.#heard.splice(place, 1)[0] as Extract<Input, { kind: K }>;
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        deadline.addEventListener("abort", () => reject(new Error(`no "${kind}" came in time`)), { once: true });
      });
    }
  }
}

/** The public key by Node's own X25519. */
function x25519Public(secret: Uint8Array): Uint8Array {
  const key = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), secret]);
  const secretKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(secretKey.export({ type: "pkcs8", format: "pem" }));
  return publicKey.export({ type: "spki", format: "der" }).subarray(-32);
}

/** Runs a handshake in memory and gives back the keys of both ends. */
function shake(pattern: "IK" | "XX", a: End, b: End, cipher: CipherId): { a: SessionKeys; b: SessionKeys } {
  const common = { pattern, prologue: NET_ID, psk: NO_PSK };
  const first = nativeCrypto.handshake({
    ...common,
    initiator: true,
    identity: a.identity,
    ...(pattern === "IK" && { remoteStatic: b.identity.xPublic }),
  });
  const second = nativeCrypto.handshake({ ...common, initiator: false, identity: b.identity });
  const ends = [first, second] as const;
  for (let turn = 0; turn < (pattern === "IK" ? 2 : 3); turn++) {
    const payload = new Uint8Array(20).fill(turn);
    const message = ends[turn % 2 === 0 ? 0 : 1].write(payload);
    expect(ends[turn % 2 === 0 ? 1 : 0].read(message)).toEqual(payload);
  }
  expect(first.remoteStatic()).toEqual(b.identity.xPublic);
  expect(second.remoteStatic()).toEqual(a.identity.xPublic);
  return { a: first.split(cipher), b: second.split(cipher) };
}

/** Both ends get the session under slot 5 here and 6 there. */
function connectEnds(pattern: "IK" | "XX", cipher: CipherId = 1): { a: End; b: End } {
  const [a, b] = [new End(1), new End(2)];
  const keys = shake(pattern, a, b, cipher);
  a.network.apply([
    { kind: "keyAdd", slot: 5, peer: b.self, keys: keys.a, indexRx: 1_000, indexTx: 4_294_967_295 },
    { kind: "keyUse", slot: 5, indexRx: 1_000 },
    { kind: "pathUse", slot: 5, path: { kind: "udp", remote: b.remote } },
  ]);
  b.network.apply([
    { kind: "keyAdd", slot: 6, peer: a.self, keys: keys.b, indexRx: 4_294_967_295, indexTx: 1_000 },
    { kind: "keyUse", slot: 6, indexRx: 4_294_967_295 },
    { kind: "pathUse", slot: 6, path: { kind: "udp", remote: a.remote } },
  ]);
  return { a, b };
}

describe("sessions", () => {
  it.each([
    ["IK", 1],
    ["XX", 1],
    ["IK", 2],
  ] as const)("carry control messages after a %s handshake under cipher %i", async (pattern, cipher) => {
    const { a, b } = connectEnds(pattern, cipher);
    a.network.apply([{ kind: "sendEmpty", slot: 5 }]);
    const path = { kind: "udp", remote: a.remote };
    expect(await b.input("confirmed")).toEqual({ kind: "confirmed", slot: 6, indexRx: 4_294_967_295, path });
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251);
    a.network.apply([{ kind: "sendCtrl", slot: 5, bytes }]);
    expect(await b.input("ctrl")).toEqual({ kind: "ctrl", slot: 6, path, bytes });
    expect([...a.faults, ...b.faults]).toEqual([]);
  });

  it("answer probes and tell what moved", async () => {
    const { a, b } = connectEnds("IK");
    const path = { kind: "udp", remote: b.remote } as const;
    a.network.apply([{ kind: "sendProbe", slot: 5, path, id: 77, sizeBytes: 1_200 }]);
    expect(await a.input("probeAck")).toEqual({ kind: "probeAck", slot: 5, path, id: 77, sizeBytes: 1_200 });
    const { counters } = await b.input("traffic");
    expect(counters).toMatchObject({ rxPackets: 1, rxBytes: 1_200, txPackets: 1, ipRxPackets: 0 });
  });

  it("end with sessionDrop", async () => {
    const { a, b } = connectEnds("IK");
    b.network.apply([{ kind: "sessionDrop", slot: 6 }]);
    a.network.apply([{ kind: "sendEmpty", slot: 5 }]);
    await expect.poll(() => b.driver.drops(), { timeout: DEADLINE_MS }).toEqual({ unknownIndex: 1 });
  });

  it("report a refused effect and carry out those behind it", async () => {
    const { a, b } = connectEnds("IK");
    a.network.apply([
      { kind: "pathUse", slot: 5, path: { kind: "udp", remote: "example.org:1" } },
      { kind: "sendEmpty", slot: 5 },
    ]);
    await b.input("confirmed");
    expect(a.faults).toEqual([
      expect.stringContaining('refused "pathUse": "example.org:1" is no numeric socket address'),
    ]);
  });
});

describe("handshake packets", () => {
  it("reach the engine of the affiliation whose mac1 they carry", async () => {
    const [a, b] = [new End(1), new End(2)];
    const packet = new Uint8Array(152).fill(9);
    packet.set([0x51, 1, 0, 32]);
    const key = nativeCrypto.sha256(Buffer.concat([Buffer.from("ovl1-mac1"), NET_ID, NO_PSK, b.identity.xPublic]));
    packet.set(nativeCrypto.blake2s128(key, packet.subarray(0, 120)), 120);
    const forged = packet.slice();
    forged.set([1], 60);
    const via = { kind: "udp", remote: b.remote } as const;
    a.network.apply([
      { kind: "sendHandshake", via, packet: forged },
      { kind: "sendHandshake", via, packet },
    ]);
    expect(await b.input("handshake")).toEqual({ kind: "handshake", via: { kind: "udp", remote: a.remote }, packet });
    expect(b.driver.drops()).toEqual({ mac1: 1 });
  });
});

describe("errors", () => {
  it("say that a port is in use", () => {
    const a = new End(1);
    expect(() => new DataPathDriver({ port: a.driver.port, onFault: () => undefined })).toThrow(
      expect.objectContaining({ code: "PORT_IN_USE", remedy: "Choose another port, or 0 for any free one." }),
    );
  });

  it("leave foreign interfaces alone", () => {
    const a = new End(1);
    const tap = { name: "lo", mac: undefined, mtuBytes: 1_332, ip: "172.16.1.5", prefixBits: 16, dscp: false };
    expect(() => a.network.openTap(tap)).toThrow(expect.objectContaining({ code: "INTERFACE_EXISTS" }));
    expect(() => a.network.openTap({ ...tap, name: "no/name" })).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT" }),
    );
    expect(() => a.network.openTap({ ...tap, name: "rw-x", mtuBytes: 9 })).toThrow(/1280 to 1436/);
    expect(() => removeInterface("lo")).toThrow(expect.objectContaining({ code: "INTERFACE_EXISTS" }));
    expect(removeInterface("rw-no-such")).toBe(false);
  });
});

describe("cryptography", () => {
  it("gives a handshake up after a message that does not authenticate", () => {
    const [a, b] = [new End(1), new End(2)];
    const options = { pattern: "IK", prologue: NET_ID, psk: NO_PSK } as const;
    const handshake = nativeCrypto.handshake({
      ...options,
      initiator: true,
      identity: a.identity,
      remoteStatic: b.identity.xPublic,
    });
    handshake.write(new Uint8Array(0));
    expect(handshake.read(new Uint8Array(48))).toBeUndefined();
    expect(() => handshake.split(1)).toThrow("the handshake is spent");
  });

  it("signs and verifies", () => {
    const { identity } = new End(1);
    const message = Buffer.from("condor wow");
    const signature = identity.sign(message);
    expect(signature).toHaveLength(64);
    expect(nativeCrypto.verify(identity.edPublic, message, signature)).toBe(true);
    expect(nativeCrypto.verify(identity.edPublic, Buffer.from("condor woe"), signature)).toBe(false);
  });

  it("matches known values", () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    expect(hex(nativeCrypto.sha256(Buffer.from("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    // RFC 8032, 7.1, test 1.
    const edSeed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
    const xSecret = generateSecret();
    const identity = nativeIdentity({ edSeed, xSecret });
    expect(hex(identity.edPublic)).toBe("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    expect(hex(identity.xPublic)).toBe(hex(x25519Public(xSecret)));
    const password = { password: Buffer.from("password"), salt: Buffer.from("somesalt") };
    expect(hex(argon2id({ ...password, memoryKib: 256, passes: 2, lanes: 1, lengthBytes: 32 }))).toBe(
      "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe",
    );
  });
});

describe("entropy", () => {
  it("gives every byte of its source once", () => {
    let next = 0;
    const entropy = entropyFrom((length) => Uint8Array.from({ length }, () => next++ % 256));
    expect([...entropy.bytes(3)]).toEqual([0, 1, 2]);
    expect(entropy.u32()).toBe(0x03040506);
    expect([...entropy.bytes(1)]).toEqual([7]);
    expect(entropy.bytes(4_000)).toHaveLength(4_000);
  });

  it("is uniform enough to be told from a constant", () => {
    const drawn = Array.from({ length: 1_000 }, () => nativeEntropy.fraction());
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.1);
    expect(new Set(drawn).size).toBe(1_000);
  });
});

describe("the system", () => {
  it("tells who is at the other end of a Unix socket", async () => {
    const file = path.join(tmpdir(), `ringway-peer-${process.pid}.sock`);
    const uid = await new Promise<number>((resolve, reject) => {
      const server: Server = createServer((socket) => {
        // Node has no other way to the descriptor of a socket.
        const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
        resolve(peerUid(fd));
        socket.destroy();
        server.close();
      });
      server.on("error", reject).listen(file, () => connect(file).on("error", reject));
    });
    expect(uid).toBe(process.getuid?.());
    expect(() => peerUid(-1)).toThrow();
  });

  it("lists addresses with their prefix", () => {
    expect(localRanges()).toContainEqual({ interface: "lo", cidr: "127.0.0.1/8", kind: "address" });
  });
});
