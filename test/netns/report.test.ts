import { describe, expect, it } from "vitest";
import { brokenNeighbours, demoHolds, demoReport, type NodeSeen, type PeerSeen, pairReports } from "./report.ts";

const address = (place: string) => place.padEnd(40, "0");

function node(name: string, kind: string, place: string, peers: Record<string, string>): NodeSeen {
  const rows = Object.entries(peers).map(([peer, words]): PeerSeen => {
    const [transport, ...kinds] = words.split(" ");
    return {
      ringAddress: address(peer),
      kinds,
      transport: transport === "-" ? null : (transport as string),
      rttMs: 10,
    };
  });
  return { name, kind, virtualIp: `172.16.1.${place}`, ringAddress: address(place), peers: rows };
}

// In ring order: a (1), c (3), b (7), d (f).
const ring = (changes: Partial<Record<string, NodeSeen>> = {}): NodeSeen[] => [
  changes.a ?? node("a", "public", "1", { 3: "udp near", 7: "udp shortcut", f: "udp near" }),
  changes.b ?? node("b", "cone", "7", { 1: "udp shortcut", 3: "udp near", f: "relay near" }),
  changes.c ?? node("c", "cone", "3", { 1: "udp near", 7: "udp near", f: "-" }),
  changes.d ?? node("d", "symmetric", "f", { 1: "udp near", 3: "relay shortcut", 7: "relay near" }),
];

const pings = (nodes: readonly NodeSeen[]) =>
  pairReports(nodes).map(({ from, to }) => ({ from: from.name, to: to.name, answered: true, rttMs: [10, 20] }));

describe("the report of a demo", () => {
  it("counts pairs by how their packets go, and judges a pair by its worse end", () => {
    const report = demoReport(ring(), pings(ring()), [100, 300, 200]);
    expect(report).toEqual({
      nodes: 4,
      pairs: 6,
      reachable: 6,
      direct: 4,
      relayed: 1,
      routed: 1,
      matrix: [
        { from: "public", to: "cone", pairs: 2, direct: 2, relayed: 0, routed: 0 },
        { from: "public", to: "symmetric", pairs: 1, direct: 1, relayed: 0, routed: 0 },
        { from: "cone", to: "cone", pairs: 1, direct: 1, relayed: 0, routed: 0 },
        { from: "cone", to: "symmetric", pairs: 2, direct: 0, relayed: 1, routed: 1 },
      ],
      joinMs: { median: 200, max: 300 },
      pingMs: { median: 10, p99: 20 },
      ring: { consistent: true },
      memoryPssMb: null,
      idleCpuPct: null,
      idleCpuPctMax: null,
      addedDirectMs: null,
    });
    const fitness = { memoryPssMb: 40, idleCpuPct: 0.2, idleCpuPctMax: 0.4 };
    const run = { fitness, addedDirectMs: 1_234.5 };
    expect(demoReport(ring(), pings(ring()), [], run)).toMatchObject({ ...fitness, addedDirectMs: 1_235 });
    expect(demoHolds(report)).toBe(true);
  });

  it("counts a pair that does not know each other as routed", () => {
    expect(pairReports(ring({ b: node("b", "cone", "7", { 3: "udp near", f: "relay near" }) }))[0]?.way).toBe("routed");
  });

  it.each([
    ["no link", node("b", "cone", "7", { 1: "udp shortcut", f: "relay near" })],
    ["a link that is not near", node("b", "cone", "7", { 3: "udp shortcut", f: "relay near" })],
    ["a near row without a path", node("b", "cone", "7", { 3: "- near", f: "relay near" })],
  ])("sees %s between true neighbours", (_, b) => {
    expect(brokenNeighbours(ring({ b }))).toEqual([{ node: "b", lacks: "c" }]);
    expect(demoReport(ring({ b }), [], []).ring.consistent).toBe(false);
  });

  it("does not hold when a pair stays silent or the ring is not whole", () => {
    const [first, ...rest] = pings(ring());
    if (!first) throw new Error("no pairs");
    expect(demoHolds(demoReport(ring(), [{ ...first, answered: false }, ...rest], []))).toBe(false);
    expect(demoHolds(demoReport(ring({ b: node("b", "cone", "7", {}) }), pings(ring()), []))).toBe(false);
    expect(demoHolds(demoReport(ring(), rest, []))).toBe(false);
  });
});
