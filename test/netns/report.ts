/** What a demo has seen, as the document that `demo --check` prints. */

import { median, quantile, rounded } from "./figures.ts";
import type { Fitness } from "./fitness.ts";

/** One node as it described itself after the pings. */
export interface NodeSeen {
  readonly name: string;
  /** Kind of its site. */
  readonly kind: string;
  readonly virtualIp: string;
  /** 40 hex digits. */
  readonly ringAddress: string;
  /** Its rows of other members. */
  readonly peers: readonly PeerSeen[];
}

export interface PeerSeen {
  readonly ringAddress: string;
  readonly kinds: readonly string[];
  /** `relay`, the name of a direct transport, or null where packets are routed over the ring. */
  readonly transport: string | null;
  readonly via?: string | null | undefined;
  readonly rttMs: number | null;
}

export interface PairPinged {
  readonly from: string;
  readonly to: string;
  readonly answered: boolean;
  readonly rttMs: readonly number[];
}

export type Way = "direct" | "relayed" | "routed";

export interface PairReport {
  readonly from: NodeSeen;
  readonly to: NodeSeen;
  readonly way: Way;
  /** The row of whichever end has less of a link, which is what the pair is judged by; of equals, one with a round trip. */
  readonly row: PeerSeen | undefined;
}

export interface DemoReport {
  readonly nodes: number;
  readonly pairs: number;
  readonly reachable: number;
  readonly direct: number;
  readonly relayed: number;
  readonly routed: number;
  readonly matrix: readonly {
    readonly from: string;
    readonly to: string;
    readonly pairs: number;
    readonly direct: number;
    readonly relayed: number;
    readonly routed: number;
  }[];
  readonly joinMs: { readonly median: number | null; readonly max: number | null };
  /** Over every answer of every pair, the first ones of a pair included. */
  readonly pingMs: { readonly median: number | null; readonly p99: number | null };
  readonly ring: { readonly consistent: boolean };
  /** Of the helpers' processes (see fitness.ts); null where they were not watched. */
  readonly memoryPssMb: number | null;
  readonly idleCpuPct: number | null;
  readonly idleCpuPctMax: number | null;
  /** From the join of two nodes added afterwards to their direct link; null: none in time, or none were added. */
  readonly addedDirectMs: number | null;
}

/** What is known of a run beside what its nodes say. */
export interface RunFacts {
  readonly fitness?: Fitness;
  readonly addedDirectMs?: number | undefined;
}

/** How packets of a pair go: direct where both ends say so, else by what the end with less of a link says. */
export function pairReports(nodes: readonly NodeSeen[]): PairReport[] {
  return nodes.flatMap((from, index) =>
    nodes.slice(index + 1).map((to) => {
      const rows = [rowOf(from, to), rowOf(to, from)];
      const way = rows.map(wayOf).toSorted((a, b) => WAYS.indexOf(b) - WAYS.indexOf(a))[0] as Way;
      const judged = rows.filter((row) => wayOf(row) === way);
      return { from, to, way, row: judged.find((row) => row?.rttMs != null) ?? judged[0] };
    }),
  );
}

/** True where each node has a near link to its true next neighbour on both sides, as all nodes of the run see it. */
export function ringIsConsistent(nodes: readonly NodeSeen[]): boolean {
  return brokenNeighbours(nodes).length === 0;
}

/** Names of nodes and the true neighbours to which they have no near link. */
export function brokenNeighbours(nodes: readonly NodeSeen[]): { readonly node: string; readonly lacks: string }[] {
  const ring = inRingOrder(nodes);
  return ring.flatMap((node, index) => {
    const neighbours = new Set([ring[(index + 1) % ring.length], ring[(index + ring.length - 1) % ring.length]]);
    neighbours.delete(node);
    return [...neighbours]
      .filter((other) => other !== undefined && !isNear(rowOf(node, other)))
      .map((other) => ({ node: node.name, lacks: (other as NodeSeen).name }));
  });
}

export function inRingOrder(nodes: readonly NodeSeen[]): NodeSeen[] {
  return nodes.toSorted((a, b) => (a.ringAddress < b.ringAddress ? -1 : 1));
}

export function demoReport(
  nodes: readonly NodeSeen[],
  pings: readonly PairPinged[],
  joinMs: readonly number[],
  { fitness = NOT_WATCHED, addedDirectMs }: RunFacts = {},
): DemoReport {
  const pairs = pairReports(nodes);
  const count = (ways: readonly PairReport[], way: Way) => ways.filter((pair) => pair.way === way).length;
  const summary = (some: readonly PairReport[]) => ({
    pairs: some.length,
    direct: count(some, "direct"),
    relayed: count(some, "relayed"),
    routed: count(some, "routed"),
  });
  const kinds = [...new Set(nodes.map((node) => node.kind))];
  const rtts = pings.flatMap((pair) => pair.rttMs);
  return {
    nodes: nodes.length,
    pairs: pairs.length,
    reachable: pings.filter((pair) => pair.answered).length,
    direct: count(pairs, "direct"),
    relayed: count(pairs, "relayed"),
    routed: count(pairs, "routed"),
    matrix: kinds.flatMap((from, index) =>
      kinds
        .slice(index)
        .map((to) => ({ from, to, ...summary(pairs.filter((pair) => isBetween(pair, from, to))) }))
        .filter((cell) => cell.pairs > 0),
    ),
    joinMs: { median: rounded(median(joinMs), 0), max: rounded(quantile(joinMs, 1), 0) },
    pingMs: { median: rounded(median(rtts), 2), p99: rounded(quantile(rtts, 0.99), 2) },
    ring: { consistent: nodes.length > 0 && ringIsConsistent(nodes) },
    ...fitness,
    addedDirectMs: addedDirectMs === undefined ? null : Math.round(addedDirectMs),
  };
}

const NOT_WATCHED: Fitness = { memoryPssMb: null, idleCpuPct: null, idleCpuPctMax: null };

/** The demo's promise: every pair reaches each other, on a whole ring. */
export function demoHolds(report: DemoReport): boolean {
  return report.reachable === report.pairs && report.ring.consistent;
}

const WAYS: readonly Way[] = ["direct", "relayed", "routed"];

function wayOf(row: PeerSeen | undefined): Way {
  if (row === undefined || row.transport === null) return "routed";
  return row.transport === "relay" ? "relayed" : "direct";
}

function isNear(row: PeerSeen | undefined): boolean {
  return row !== undefined && row.transport !== null && row.kinds.includes("near");
}

function rowOf(node: NodeSeen, other: NodeSeen): PeerSeen | undefined {
  return node.peers.find((peer) => peer.ringAddress === other.ringAddress);
}

function isBetween(pair: PairReport, a: string, b: string): boolean {
  return (pair.from.kind === a && pair.to.kind === b) || (pair.from.kind === b && pair.to.kind === a);
}
