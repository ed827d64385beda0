import { describe, expect, it } from "vitest";
import { addressFromBytes, type RingAddress } from "../../native-helper/overlay/ring/address.ts";
import { concat } from "../../native-helper/overlay/wire/bytes.ts";
import { decodeCtrl, messageTypeNumber } from "../../native-helper/overlay/wire/ctrl.ts";
import { ascii } from "../../native-helper/overlay/wire/text.ts";
import { checkRing } from "./checks.ts";
import type { Host } from "./host.ts";
import { lookup } from "./lookup.ts";
import { AFFILIATION, World } from "./world.ts";

const HOSTS = 40;
/** As many as a node has neighbours on one side. */
const DEAD = 4;
const VALUE = messageTypeNumber("dhtValue");

describe("a look-up for a key behind neighbours that have just died", () => {
  it("ends at its owner on their other side, as the model of look-ups says", () => {
    const answeredBy: RingAddress[] = [];
    const world = new World({
      seed: 5,
      watch: (host, event) => {
        if (event.kind !== "effect" || event.effect.kind !== "sendCtrl") return;
        const message = decodeCtrl(event.effect.bytes)?.message;
        if (message?.type === "routed" && message.back && message.innerType === VALUE && message.src === host.address)
          answeredBy.push(host.address);
      },
    });
    const first = world.addHost();
    for (let i = 1; i < HOSTS; i++) world.addHost({ startAddresses: [first.options.socket.local] });
    for (const host of world.hosts) host.start();
    expect(world.runUntil(() => checkRing(world.hosts).nearExact, 30_000)).toBeDefined();
    world.run(30_000);

    const ring = world.hosts.toSorted((a, b) => (a.address < b.address ? -1 : 1));
    const [before, ...rest] = ring as [Host, ...Host[]];
    const owner = rest[DEAD] as Host;
    const ip = ipWhoseKey(world, (key) => key > (rest[DEAD - 1] as Host).address && key < owner.address);
    for (const host of rest.slice(0, DEAD)) host.crash();
    const up = new Map(world.up.map((host) => [host.address, host]));
    expect(lookup(before, ip.key, up)).toBe(owner);
    answeredBy.length = 0;
    before.sendIp({ id: 0, src: before.virtualIp as string, dst: ip.text, sizeBytes: 84, answer: false });
    world.run(6_000);
    expect(answeredBy).toContain(owner.address);
  }, 120_000);
});

/** An address that nobody has, whose lease would have its key where `isThere` says. */
function ipWhoseKey({ crypto }: World, isThere: (key: RingAddress) => boolean): { text: string; key: RingAddress } {
  const name = ascii(AFFILIATION);
  const netId = crypto.sha256(concat(ascii("ovl1-net"), new Uint8Array([0, name.length]), name));
  for (let i = 0; i < 65_000; i++) {
    const bytes = new Uint8Array([172, 16, 100 + (i >> 8), i & 255]);
    const key = addressFromBytes(crypto.sha256(concat(ascii("ip4"), netId, bytes)).slice(0, 20));
    if (isThere(key)) return { text: bytes.join("."), key };
  }
  throw new Error("no such address");
}
