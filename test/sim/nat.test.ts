import { describe, expect, it } from "vitest";
import { EventQueue } from "./event-queue.ts";
import { constantDelay, World6 } from "./geography.ts";
import { NatBox, portOf, SITE_KINDS, type SiteKind } from "./nat.ts";
import { Network, NO_FAULTS } from "./network.ts";
import type { Packet } from "./packets.ts";
import { SeededEntropy } from "./random.ts";

const INSIDE = "192.168.1.10:15000";
const A1 = "20.0.0.1:1000";
const A2 = "20.0.0.1:2000";
const B1 = "21.0.0.1:1000";

function box(kind: SiteKind): NatBox {
  const behaviour = SITE_KINDS[kind];
  if (typeof behaviour === "string") throw new Error(`${kind} has no box`);
  return new NatBox(behaviour, "30.0.0.1", new SeededEntropy(1, kind));
}

describe("NAT boxes", () => {
  it.each([
    // kind, same port for another port of A, same port for B, port kept, let in: A from another port, B never sent to
    ["open", true, true, true, true, true],
    ["restricted", true, true, true, true, false],
    ["cone", true, true, true, false, false],
    ["sequential", false, false, false, false, false],
    ["symmetric", false, false, false, false, false],
  ] as const)("%s maps and filters by its kind", (kind, sameForPort, sameForHost, keepsPort, letsPort, letsHost) => {
    const nat = box(kind);
    const toA1 = nat.outbound(INSIDE, A1, 0) as string;
    expect(nat.inbound(portOf(toA1), A1, 1)).toBe(INSIDE);
    expect(nat.inbound(portOf(toA1), A2, 1) === INSIDE).toBe(letsPort);
    expect(nat.inbound(portOf(toA1), B1, 1) === INSIDE).toBe(letsHost);
    expect(nat.inbound(portOf(toA1) + 1, A1, 1)).toBeUndefined();
    expect(portOf(toA1) === 15_000).toBe(keepsPort);
    expect(nat.outbound(INSIDE, A2, 2) === toA1).toBe(sameForPort);
    expect(nat.outbound(INSIDE, B1, 2) === toA1).toBe(sameForHost);
    expect(nat.outbound(INSIDE, A1, 2)).toBe(toA1);
  });

  it("counts ports up where they are sequential", () => {
    const nat = box("sequential");
    const ports = [A1, A2, B1].map((remote) => portOf(nat.outbound(INSIDE, remote, 0) as string));
    expect(ports.map((port) => port - (ports[0] as number))).toEqual([0, 1, 2]);
  });

  it("gives a second host another port where the first one has it", () => {
    const nat = box("cone");
    expect(nat.outbound(INSIDE, A1, 0)).toBe("30.0.0.1:15000");
    expect(nat.outbound("192.168.1.11:15000", A1, 0)).toBe("30.0.0.1:15001");
    expect(nat.inbound(15_001, A1, 0)).toBe("192.168.1.11:15000");
  });

  it("forgets a mapping, and a hole, when nothing went out for their life", () => {
    const nat = box("cone");
    const outer = portOf(nat.outbound(INSIDE, A1, 0) as string);
    nat.outbound(INSIDE, B1, 100_000);
    expect(nat.inbound(outer, A1, 119_000)).toBe(INSIDE);
    expect(nat.inbound(outer, A1, 121_000)).toBeUndefined(); // The hole to A closed,
    expect(nat.inbound(outer, B1, 121_000)).toBe(INSIDE); // the mapping lives on.
    expect(nat.inbound(outer, B1, 221_000)).toBeUndefined();
    expect(nat.mappings).toBe(0);
  });

  it("lets nobody in after a reboot", () => {
    const nat = box("open");
    const outer = portOf(nat.outbound(INSIDE, A1, 0) as string);
    nat.reboot();
    expect(nat.inbound(outer, A1, 1)).toBeUndefined();
  });
});

describe("network", () => {
  const packet: Packet = { kind: "handshake", bytes: new Uint8Array(100), sizeBytes: 100 };

  function net(faults = NO_FAULTS) {
    const queue = new EventQueue();
    return { queue, network: new Network(queue, constantDelay(20), new SeededEntropy(3, "network"), faults) };
  }

  it("takes a datagram through both boxes, with the address that the receiver sees", () => {
    const { queue, network } = net();
    const home = network.addSocket(network.addSite("cone"), 15_000);
    const open = network.addSocket(network.addSite("public"), 15_000);
    const heard: [string, string, number][] = [];
    open.receive = (from) => {
      heard.push(["open", from, queue.now]);
      network.send(open, from, packet);
    };
    home.receive = (from) => heard.push(["home", from, queue.now]);
    network.send(home, open.local, packet);
    while (queue.step(1000));
    expect(heard).toEqual([
      ["open", "20.0.0.10:15000", 20],
      ["home", "21.0.0.10:15000", 40],
    ]);
    expect(open.sent).toEqual({ datagrams: 1, bytes: 100 });
  });

  it("hands datagrams of one site over directly, and none to its own outer address", () => {
    const { queue, network } = net();
    const lab = network.addSite("cone");
    const one = network.addSocket(lab, 15_000);
    const two = network.addSocket(lab, 15_000);
    const heard: string[] = [];
    two.receive = (from) => heard.push(from);
    network.send(two, "99.0.0.1:5", packet);
    network.send(one, two.local, packet);
    network.send(one, `${lab.ip}:15000`, packet);
    while (queue.step(1000));
    expect(heard).toEqual([one.local]);
    expect(network.losses).toEqual(
      new Map([
        ["noSuchHost", 1],
        ["noHairpin", 1],
      ]),
    );
  });

  it("lets nothing out of a site whose UDP is blocked, nor across a partition", () => {
    const { queue, network } = net();
    const blocked = network.addSocket(network.addSite("udp-blocked"), 1);
    const a = network.addSocket(network.addSite("public"), 1);
    const b = network.addSocket(network.addSite("public"), 1);
    for (const socket of [blocked, a, b]) socket.receive = () => expect.unreachable();
    network.send(blocked, a.local, packet);
    network.send(a, "20.0.0.10:1", packet);
    a.group = 1;
    network.send(a, b.local, packet);
    while (queue.step(1000));
    expect(network.losses).toEqual(
      new Map([
        ["udpBlocked", 2],
        ["partition", 1],
      ]),
    );
  });

  it("loses, doubles and reorders at the given odds", () => {
    const { queue, network } = net({ lossOdds: 0.2, duplicateOdds: 0.1, jitterMs: 5, reorderOdds: 0.1 });
    const a = network.addSocket(network.addSite("public"), 1);
    const b = network.addSocket(network.addSite("public"), 1);
    const heard: number[] = [];
    b.receive = (_, { sizeBytes }) => heard.push(sizeBytes);
    for (let i = 0; i < 1000; i++)
      network.send(a, b.local, { kind: "handshake", bytes: new Uint8Array(0), sizeBytes: i });
    while (queue.step(1000));
    const distinct = new Set(heard).size;
    expect(distinct).toBeGreaterThan(740);
    expect(distinct).toBeLessThan(860);
    expect(heard.length - distinct).toBeGreaterThan(40);
    expect(heard.length - distinct).toBeLessThan(130);
    expect(heard).not.toEqual(heard.toSorted((x, y) => x - y));
  });

  it("has a mean direct round trip of about 160 ms in the world of six regions, the same both ways", () => {
    const world = new World6(5);
    let sum = 0;
    let pairs = 0;
    for (let a = 0; a < 200; a++) {
      for (let b = a + 1; b < 200; b++) {
        sum += 2 * world.delayMs(a, b);
        pairs++;
      }
    }
    expect(sum / pairs).toBeGreaterThan(145);
    expect(sum / pairs).toBeLessThan(175);
    expect(world.delayMs(3, 4)).toBe(world.delayMs(4, 3));
  });
});

describe("event queue", () => {
  it("lets events happen by time, those of one instant in the order put in", () => {
    const queue = new EventQueue();
    const entropy = new SeededEntropy(9, "queue");
    const expected: [number, number][] = [];
    const happened: [number, number][] = [];
    for (let i = 0; i < 500; i++) {
      const at = entropy.below(50);
      expected.push([at, i]);
      queue.at(at, () => happened.push([at, i]));
    }
    while (queue.step(100));
    expect(happened).toEqual(expected.toSorted(([t, i], [u, j]) => t - u || i - j));
    expect(queue.now).toBe(Math.max(...expected.map(([at]) => at)));
  });
});
