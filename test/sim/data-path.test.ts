import { beforeEach, describe, expect, it } from "vitest";
import type { Input, Path, SessionKeys, Via } from "../../native-helper/overlay/boundary.ts";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import { standInCrypto } from "./crypto.ts";
import { DataPath } from "./data-path.ts";
import { EventQueue } from "./event-queue.ts";
import { gateKeys } from "./gate.ts";
import type { IpPacket, Packet } from "./packets.ts";
import { SeededEntropy } from "./random.ts";

const entropy = new SeededEntropy(1, "data path test");
const crypto = standInCrypto(entropy);
const identity = crypto.identity(entropy.fork("identity"));
const gate = gateKeys(crypto, "condor wow", new Uint8Array(32), identity.xPublic);

/** A node without an engine: tests give its effects by hand and read its inputs. */
interface Bare {
  readonly path: DataPath;
  readonly self: RingAddress;
  readonly remote: string;
  readonly inputs: Input[];
  readonly delivered: IpPacket[];
  readonly violations: string[];
}

let queue: EventQueue;
let wire: { from: string; to: string; packet: Packet }[];
let nodes: Bare[];
/** Datagrams to these addresses stay on the wire. */
let cut: Set<string>;

beforeEach(() => {
  queue = new EventQueue();
  wire = [];
  nodes = [];
  cut = new Set();
});

function pass(durationMs: number): void {
  const until = queue.now + durationMs;
  while (queue.step(until));
  queue.advance(until);
}

/** A node at the place of the ring that `digit` starts. */
function node(digit: string): Bare {
  const self = digit.padEnd(40, "0") as RingAddress;
  const remote = `20.0.0.${nodes.length + 1}:1`;
  const inputs: Input[] = [];
  const delivered: IpPacket[] = [];
  const violations: string[] = [];
  const path = new DataPath({
    self,
    crypto,
    gate,
    now: () => queue.now,
    send: (to, packet) => {
      wire.push({ from: remote, to, packet });
      if (!cut.has(to)) nodes.find((other) => other.remote === to)?.path.receive(remote, packet);
    },
    sendStream: () => false,
    openStream: () => {},
    closeStream: () => {},
    input: (input) => inputs.push(input),
    deliverIp: (packet) => delivered.push(packet),
    later: (delayMs, run) => queue.after(delayMs, run),
    violation: (text) => violations.push(text),
  });
  const bare: Bare = { path, self, remote, inputs, delivered, violations };
  nodes.push(bare);
  return bare;
}

let nextKey = 1;

/** Gives two nodes the keys of a session, and the paths given. The slot of a peer is its place in `nodes`, plus 1. */
function join(
  a: Bare,
  b: Bare,
  pathAB: Path = { kind: "udp", remote: b.remote },
  pathBA: Path = { kind: "udp", remote: a.remote },
) {
  const [one, two] = [nextKey++, nextKey++];
  const add = (at: Bare, other: Bare, tx: number, rx: number, path: Path) => {
    const keys = { sessionKeys: { tx, rx } } as unknown as SessionKeys;
    at.path.apply({ kind: "keyAdd", slot: slotOf(other), peer: other.self, keys, indexRx: rx, indexTx: tx });
    at.path.apply({ kind: "keyUse", slot: slotOf(other), indexRx: rx });
    at.path.apply({ kind: "pathUse", slot: slotOf(other), path });
  };
  add(a, b, one, two, pathAB);
  add(b, a, two, one, pathBA);
  return { indexRxOfA: two, indexRxOfB: one };
}

function slotOf(other: Bare): number {
  return nodes.indexOf(other) + 1;
}

function table(
  at: Bare,
  edges: readonly Bare[],
  more: { reserved?: [Bare, Bare][]; lookahead?: [Bare, Bare][]; relayed?: Bare[] } = {},
) {
  at.path.apply({
    kind: "fib",
    fib: {
      self: at.self,
      edges: edges.map((edge) => ({
        peer: edge.self,
        slot: slotOf(edge),
        member: true,
        direct: !more.relayed?.includes(edge),
      })),
      lookahead: (more.lookahead ?? []).map(([target, via]) => ({ target: target.self, via: via.self })),
      exact: [],
      reserved: (more.reserved ?? []).map(([a, b]) => ({ a: a.self, b: b.self })),
    },
  });
}

function ctrlsOf(at: Bare) {
  return at.inputs.filter((input) => input.kind === "ctrl");
}

const BYTES = Uint8Array.of(0, 0, 0, 0, 0, 1);

describe("sessions", () => {
  it("says `confirmed` once for a key, then hands over the frames of the session", () => {
    const [a, b] = [node("1"), node("2")];
    const { indexRxOfB } = join(a, b);
    a.path.apply({ kind: "sendCtrl", slot: slotOf(b), bytes: BYTES });
    a.path.apply({ kind: "sendCtrl", slot: slotOf(b), bytes: BYTES });
    const path = { kind: "udp", remote: a.remote };
    expect(b.inputs).toEqual([
      { kind: "confirmed", slot: slotOf(a), indexRx: indexRxOfB, path },
      { kind: "ctrl", slot: slotOf(a), path, bytes: BYTES },
      { kind: "ctrl", slot: slotOf(a), path, bytes: BYTES },
    ]);
    expect(wire[0]?.packet.sizeBytes).toBe(32 + 4 + BYTES.length);
  });

  it("drops what was seen before, what has another key and what names no index", () => {
    const [a, b] = [node("1"), node("2")];
    join(a, b);
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    const packet = wire[0]?.packet as Packet & { kind: "data" };
    b.path.receive(a.remote, packet);
    b.path.receive(a.remote, { ...packet, counter: 1, key: packet.key + 1 });
    b.path.receive(a.remote, { ...packet, counter: 1, index: 12_345 });
    b.path.receive(a.remote, { ...packet, counter: 1000 });
    b.path.receive(a.remote, { ...packet, counter: 999 });
    b.path.receive(a.remote, { ...packet, counter: 1000 - 256 });
    expect(Object.fromEntries(b.path.drops)).toEqual({ replay: 2, notAuthentic: 1, unknownIndex: 1 });
  });

  it("receives under every key added, and sends under the one in use", () => {
    const [a, b] = [node("1"), node("2")];
    const old = join(a, b);
    const fresh = join(a, b);
    a.path.apply({ kind: "keyUse", slot: slotOf(b), indexRx: old.indexRxOfA });
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    a.path.apply({ kind: "keyUse", slot: slotOf(b), indexRx: fresh.indexRxOfA });
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    b.path.apply({ kind: "keyDrop", slot: slotOf(a), indexRx: old.indexRxOfB });
    a.path.apply({ kind: "keyUse", slot: slotOf(b), indexRx: old.indexRxOfA });
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    expect(b.inputs.map((input) => input.kind === "confirmed" && input.indexRx)).toEqual([
      old.indexRxOfB,
      fresh.indexRxOfB,
    ]);
    expect(b.path.drops.get("unknownIndex")).toBe(1);
  });

  it("says a new path once a second, and only for packets newer than all before", () => {
    const [a, b] = [node("1"), node("2")];
    join(a, b);
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    const packet = wire[0]?.packet as Packet & { kind: "data" };
    const newPaths = () => b.inputs.filter((input) => input.kind === "newPath");
    b.path.receive("9.9.9.9:9", { ...packet, counter: 5 });
    b.path.receive("9.9.9.9:9", { ...packet, counter: 6 });
    b.path.receive("8.8.8.8:8", { ...packet, counter: 4 });
    expect(newPaths()).toEqual([{ kind: "newPath", slot: slotOf(a), path: { kind: "udp", remote: "9.9.9.9:9" } }]);
    pass(1000);
    b.path.receive("9.9.9.9:9", { ...packet, counter: 7 });
    expect(newPaths()).toHaveLength(2);
  });

  it("answers a probe on the path by which it came, with the size of the outermost packet", () => {
    const [a, b] = [node("1"), node("2")];
    join(a, b, { kind: "udp", remote: b.remote }, { kind: "udp", remote: "20.0.0.99:1" });
    a.path.apply({
      kind: "sendProbe",
      slot: slotOf(b),
      path: { kind: "udp", remote: b.remote },
      id: 42,
      sizeBytes: 1280,
    });
    expect(a.inputs).toContainEqual({
      kind: "probeAck",
      slot: slotOf(b),
      path: { kind: "udp", remote: b.remote },
      id: 42,
      sizeBytes: 1280,
    });
  });

  it("tells of effects that name what is not there", () => {
    const [a, b] = [node("1"), node("2")];
    a.path.apply({ kind: "keyUse", slot: 7, indexRx: 1 });
    a.path.apply({ kind: "pathUse", slot: 7, path: { kind: "ring" } });
    expect(a.violations).toHaveLength(2);
    join(a, b);
    a.path.apply({ kind: "sessionDrop", slot: slotOf(b) });
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    expect(a.path.drops.get("noSession")).toBe(1);
  });
});

describe("handshake gate", () => {
  /** An INIT of garbage with a right mac1. */
  function init(payloadBytes = 16): Uint8Array {
    const packet = new Uint8Array(120 + payloadBytes);
    packet.set([0x51, 1, payloadBytes >> 8, payloadBytes & 255]);
    packet.set(crypto.blake2s128(gate.own, packet.subarray(0, packet.length - 32)), packet.length - 32);
    return packet;
  }

  it("passes what has the right length and mac1, and nothing else", () => {
    const a = node("1");
    const right = init();
    const give = (bytes: Uint8Array) =>
      a.path.receive("9.9.9.9:9", { kind: "handshake", bytes, sizeBytes: bytes.length });
    give(right);
    give(right.subarray(0, right.length - 1));
    give(right.with(40, 1));
    give(right.with(0, 0x53)); // As an XX1 it is too long.
    give(right.with(1, 2));
    expect(a.inputs).toEqual([{ kind: "handshake", via: { kind: "udp", remote: "9.9.9.9:9" }, packet: right }]);
    expect(Object.fromEntries(a.path.drops)).toEqual({ malformed: 3, badMac1: 1 });
  });

  it("lets 50 through from one address at once, then 20 a second, and others meanwhile", () => {
    const a = node("1");
    const bytes = init();
    const give = (ip: string, port: number) =>
      a.path.receive(`${ip}:${port}`, { kind: "handshake", bytes, sizeBytes: bytes.length });
    for (let port = 1; port <= 80; port++) give("9.9.9.9", port);
    expect(a.inputs).toHaveLength(50);
    give("9.9.9.8", 1);
    expect(a.inputs).toHaveLength(51);
    pass(500);
    for (let port = 1; port <= 80; port++) give("9.9.9.9", port);
    expect(a.inputs).toHaveLength(61);
  });

  it("takes a handshake over a tunnel and over the ring, and says which way it came", () => {
    const [a, relay, b] = [node("1"), node("5"), node("9")];
    join(a, relay);
    join(relay, b);
    table(a, [relay]);
    table(relay, [a, b], { reserved: [[b, a]] });
    const vias: Via[] = [
      { kind: "tunnel", relay: relay.self, peer: b.self },
      { kind: "ring", peer: b.self },
    ];
    for (const via of vias) a.path.apply({ kind: "sendHandshake", via, packet: init() });
    expect(b.inputs.flatMap((input) => (input.kind === "handshake" ? [input.via] : []))).toEqual([
      { kind: "tunnel", relay: relay.self, peer: a.self },
      { kind: "ring", peer: a.self },
    ]);
  });
});

describe("TRANSIT", () => {
  it("goes hop by hop, strictly closer, and counts at the node that forwards", () => {
    const line = ["1", "3", "5", "7"].map(node) as [Bare, Bare, Bare, Bare];
    const [a, b, c, d] = line;
    for (const [one, two] of [
      [a, b],
      [b, c],
      [c, d],
    ] as const)
      join(one, two);
    join(a, d, { kind: "ring" }, { kind: "ring" });
    table(a, [b]);
    table(b, [a, c]);
    table(c, [b, d]);
    a.path.apply({ kind: "sendCtrl", slot: slotOf(d), bytes: BYTES });
    expect(ctrlsOf(d)).toEqual([{ kind: "ctrl", slot: slotOf(a), path: { kind: "ring" }, bytes: BYTES }]);
    expect(wire.map(({ to }) => to)).toEqual([b.remote, c.remote, d.remote]);
    expect(wire.map(({ packet }) => packet.sizeBytes)).toEqual([118, 118, 118]);
    expect(b.path.sessions.get(slotOf(c))?.counters.transitPackets).toBe(1);
    expect(line.flatMap((each) => each.violations)).toEqual([]);
  });

  it("prefers the look-ahead entry nearest to the destination over the nearest edge", () => {
    const [a, near, good, target] = [node("1"), node("4"), node("3"), node("6")] as [Bare, Bare, Bare, Bare];
    for (const other of [near, good]) join(a, other);
    table(a, [near, good], { lookahead: [[target, good]] });
    expect(a.path.nextHop(target.self)?.peer).toBe(good.self);
    table(a, [near, good]);
    expect(a.path.nextHop(target.self)?.peer).toBe(near.self);
  });

  it("passes over look-ahead entries whose hop is not closer, and finds none where no edge is", () => {
    const [a, away, target] = [node("5"), node("9"), node("4")];
    join(a, away);
    table(a, [away], { lookahead: [[target, away]] });
    expect(a.path.nextHop(target.self)).toBeUndefined();
  });

  it("says `noRoute` once a second for a destination, and not for packets of its own", () => {
    const [a, b] = [node("1"), node("2")];
    const far = node("8");
    join(a, b);
    join(a, far, { kind: "ring" }, { kind: "ring" });
    table(a, [b]);
    table(b, [a]);
    for (let i = 0; i < 3; i++) a.path.apply({ kind: "sendEmpty", slot: slotOf(far) });
    expect(b.inputs.filter((input) => input.kind === "noRoute")).toEqual([
      { kind: "noRoute", src: a.self, dst: far.self },
    ]);
    expect(b.path.drops.get("noRoute")).toBe(3);
    table(a, []);
    a.path.apply({ kind: "sendEmpty", slot: slotOf(far) });
    expect(a.inputs.filter((input) => input.kind === "noRoute")).toEqual([]);
  });

  it("forwards a tunnel for reserved pairs over direct paths only", () => {
    const [a, relay, b] = [node("1"), node("5"), node("9")];
    join(a, relay);
    join(relay, b);
    join(a, b, { kind: "tunnel", relay: relay.self }, { kind: "tunnel", relay: relay.self });
    const send = () => a.path.apply({ kind: "sendCtrl", slot: slotOf(b), bytes: BYTES });
    table(relay, [a, b]);
    send();
    expect(relay.path.drops.get("tunnelNotReserved")).toBe(1);
    table(relay, [a, b], { reserved: [[a, b]], relayed: [b] });
    send();
    expect(relay.path.drops.get("tunnelNotDirect")).toBe(1);
    table(relay, [a, b], { reserved: [[a, b]] });
    send();
    expect(ctrlsOf(b)).toEqual([
      { kind: "ctrl", slot: slotOf(a), path: { kind: "tunnel", relay: relay.self }, bytes: BYTES },
    ]);
  });

  it("crosses an edge that is itself a tunnel, in TRANSIT in TRANSIT", () => {
    const [a, relay, b, c] = [node("1"), node("2"), node("5"), node("7")] as [Bare, Bare, Bare, Bare];
    join(a, relay);
    join(relay, b);
    join(b, c);
    const tunnel: Path = { kind: "tunnel", relay: relay.self };
    join(a, b, tunnel, tunnel);
    join(a, c, { kind: "ring" }, { kind: "ring" });
    table(a, [b], { relayed: [b] });
    table(relay, [a, b], { reserved: [[a, b]] });
    table(b, [relay, a, c], { relayed: [a] });
    a.path.apply({ kind: "sendCtrl", slot: slotOf(c), bytes: BYTES });
    expect(ctrlsOf(c)).toHaveLength(1);
    expect(wire.map(({ packet }) => packet.sizeBytes)).toEqual([194, 194, 118]);
  });

  it("passes over a hop that has no usable path, and refuses an exact entry that leads away", () => {
    const [a, near, other, target] = [node("1"), node("4"), node("3"), node("6")] as [Bare, Bare, Bare, Bare];
    join(a, near);
    join(a, other);
    table(a, [near, other]);
    a.path.apply({ kind: "pathUse", slot: slotOf(near), path: { kind: "ring" } });
    expect(a.path.nextHop(target.self)).toBeUndefined();
    table(a, [near, other], { lookahead: [[target, other]] });
    expect(a.path.nextHop(target.self)?.peer).toBe(other.self);
    const away = node("e");
    join(a, away);
    a.path.apply({
      kind: "fib",
      fib: {
        self: a.self,
        edges: [{ peer: away.self, slot: slotOf(away), member: true, direct: true }],
        lookahead: [],
        exact: [{ dst: target.self, via: away.self }],
        reserved: [],
      },
    });
    expect(a.path.nextHop(target.self)).toBeUndefined();
  });

  it("tells of a packet that comes back to a node", () => {
    const [a, b, target] = [node("1"), node("2"), node("3")] as [Bare, Bare, Bare];
    join(a, b);
    join(a, target);
    table(a, [b, target]);
    b.path.apply({ kind: "sendEmpty", slot: slotOf(a) });
    const inner = wire[0]?.packet as Packet & { kind: "data" };
    const { index, key } = inner;
    const visited = [a.self, b.self];
    a.path.receive(b.remote, {
      ...{ kind: "transit", index, key, counter: 1, ttl: 30, tunnel: false, dst: target.self, src: a.self },
      ...{ inner, sizeBytes: 108, parts: 1, visited },
    });
    expect(a.violations).toEqual([expect.stringContaining("twice")]);
  });
});

describe("IP", () => {
  const ip = (id: number, src = "172.16.1.1", dst = "172.16.1.2"): IpPacket => ({
    id,
    src,
    dst,
    sizeBytes: 84,
    answer: false,
  });

  it("holds packets until the map names a session, and delivers them once the source is allowed", () => {
    const [a, b] = [node("1"), node("2")];
    a.path.sendIp(ip(1));
    a.path.sendIp(ip(2));
    expect(a.inputs).toEqual([{ kind: "miss", ip: "172.16.1.2" }]);
    join(a, b);
    a.path.apply({ kind: "ipMap", entries: [{ prefix: "172.16.1.2/32", peer: b.self, slot: slotOf(b) }] });
    expect(b.delivered).toEqual([]);
    expect(b.inputs.filter((input) => input.kind === "unknownSource")).toEqual([
      { kind: "unknownSource", slot: slotOf(a), ip: "172.16.1.1" },
    ]);
    b.path.apply({ kind: "sources", slot: slotOf(a), prefixes: ["172.16.1.1/32"] });
    expect(b.delivered.map(({ id }) => id)).toEqual([1, 2]);
    b.path.apply({ kind: "sources", slot: slotOf(a), prefixes: ["172.16.2.0/24"] });
    a.path.sendIp(ip(3));
    expect(b.delivered).toHaveLength(2);
  });

  it("holds at most 8 for an address, and none longer than a second", () => {
    const [a, b] = [node("1"), node("2")];
    join(a, b);
    b.path.apply({ kind: "sources", slot: slotOf(a), prefixes: ["172.16.1.0/24"] });
    for (let id = 1; id <= 10; id++) a.path.sendIp(ip(id));
    expect(a.path.drops.get("ipQueueFull")).toBe(2);
    a.path.apply({ kind: "ipMap", entries: [{ prefix: "172.16.0.0/16", peer: b.self, slot: slotOf(b) }] });
    expect(b.delivered).toHaveLength(8);
    a.path.apply({ kind: "ipMap", entries: [] });
    a.path.sendIp(ip(11));
    pass(1500);
    a.path.apply({ kind: "ipMap", entries: [{ prefix: "172.16.1.2/32", peer: b.self, slot: slotOf(b) }] });
    expect(b.delivered).toHaveLength(8);
  });

  it("tells the counters of a session a second after its IP packets moved, and not without", () => {
    const [a, b] = [node("1"), node("2")];
    join(a, b);
    a.path.apply({ kind: "ipMap", entries: [{ prefix: "172.16.1.2/32", peer: b.self, slot: slotOf(b) }] });
    a.path.apply({ kind: "sendEmpty", slot: slotOf(b) });
    while (queue.step(5000));
    expect(a.inputs).toEqual([]);
    for (let id = 1; id <= 3; id++) a.path.sendIp(ip(id));
    while (queue.step(5000));
    const traffic = a.inputs.filter((input) => input.kind === "traffic");
    expect(traffic).toMatchObject([
      { slot: slotOf(b), counters: { ipTxPackets: 3, txPackets: 4, txBytes: 32 + 3 * 120 } },
    ]);
  });

  it("tells the third IP packet within 5 s at once, where no path is direct", () => {
    const [a, b] = [node("1"), node("2")];
    join(a, b);
    a.path.apply({ kind: "pathUse", slot: slotOf(b), path: { kind: "ring" } });
    a.path.apply({ kind: "ipMap", entries: [{ prefix: "172.16.1.2/32", peer: b.self, slot: slotOf(b) }] });
    a.path.sendIp(ip(1));
    a.path.sendIp(ip(2));
    expect(a.inputs).toEqual([]);
    a.path.sendIp(ip(3));
    expect(a.inputs).toMatchObject([{ kind: "traffic", counters: { ipTxPackets: 3 } }]);
    a.path.sendIp(ip(4));
    expect(a.inputs).toHaveLength(1);
  });
});
