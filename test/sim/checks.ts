/** The invariants of docs/protocol.md that can be seen from outside, over the tables of all nodes at once. */
import type { Fib } from "../../native-helper/overlay/boundary.ts";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import type { Host } from "./host.ts";

/** Near members on each side. */
export const NEAR_PER_SIDE = 4;
const EDGES_LIMIT = 256 + 256;
const LOOKAHEAD_LIMIT = EDGES_LIMIT * 256;
const RESERVED_LIMIT = 512;
const FAULTS_SHOWN = 10;
const HOPS_LIMIT = 32;

export interface RingReport {
  /** Following immediate clockwise neighbours from any member visits every member once and returns, and each edge is held by both ends. */
  readonly consistent: boolean;
  /** Each member's near set is exactly the members closest on each side. */
  readonly nearExact: boolean;
  /** How many things are wrong, and the first few of them. */
  readonly wrong: number;
  readonly faults: readonly string[];
}

/** Invariants 1 and 2 over the hosts that are up; every one of them should be a member. */
export function checkRing(hosts: readonly Host[]): RingReport {
  const faults: string[] = [];
  const ring = hosts.filter((host) => host.isUp).toSorted(byAddress);
  const wholeByTables = checkNeighbours(ring, faults);
  const nearExact = wholeByTables && checkNearSets(ring, faults);
  return { consistent: wholeByTables, nearExact, wrong: faults.length, faults: faults.slice(0, FAULTS_SHOWN) };
}

/** Cheap, from the forwarding tables: every node has a member edge to its true next neighbour on each side. */
function checkNeighbours(ring: readonly Host[], faults: string[]): boolean {
  const before = faults.length;
  for (const [place, host] of ring.entries()) {
    for (const step of ring.length > 1 ? [1, ring.length - 1] : []) {
      const neighbour = ring[(place + step) % ring.length] as Host;
      if (host.dataPath?.table.edge(neighbour.address)?.member) continue;
      faults.push(`${host.name} has no member edge to its ${step === 1 ? "next" : "last"} neighbour ${neighbour.name}`);
    }
  }
  return faults.length === before;
}

function checkNearSets(ring: readonly Host[], faults: string[]): boolean {
  const before = faults.length;
  const pictures: [Host, ReadonlySet<RingAddress>][] = [];
  const nameOf = new Map(ring.map((host) => [host.address, host.name]));
  for (const [place, host] of ring.entries()) {
    const expected = new Set<RingAddress>();
    for (let step = 1; step <= NEAR_PER_SIDE; step++) {
      for (const at of [place + step, place - step + step * ring.length]) {
        const neighbour = ring[at % ring.length] as Host;
        if (neighbour !== host) expected.add(neighbour.address);
      }
    }
    // Its own picture is dear to make, and can be right only where the edges are there.
    const unlinked = [...expected].filter((address) => host.dataPath?.table.edge(address)?.member !== true);
    if (unlinked.length > 0) {
      faults.push(`${host.name} has no member edge to: ${names(unlinked, nameOf)}`);
      continue;
    }
    pictures.push([host, expected]);
  }
  if (faults.length > before) return false;
  for (const [host, expected] of pictures) {
    if (!host.isMember) faults.push(`${host.name} is ${host.view()?.state}: ${host.view()?.reason}`);
    const actual = host
      .links()
      .filter((peer) => peer.kinds.includes("near"))
      .map((peer) => peer.ringAddress);
    const missing = [...expected].filter((address) => !actual.includes(address));
    const extra = actual.filter((address) => !expected.has(address));
    if (missing.length > 0) faults.push(`${host.name} does not count as near: ${names(missing, nameOf)}`);
    if (extra.length > 0) faults.push(`${host.name} counts as near, wrongly: ${names(extra, nameOf)}`);
  }
  return faults.length === before;
}

function names(addresses: readonly RingAddress[], nameOf: ReadonlyMap<RingAddress, string>): string {
  return addresses.map((address) => nameOf.get(address) ?? `${address.slice(0, 8)}, which is down`).join(", ");
}

/** Invariant 12, as far as the forwarding table shows it; cheap enough for every change. */
export function checkTables(fib: Fib): string | undefined {
  if (fib.edges.length > EDGES_LIMIT) return `${fib.edges.length} edges, the limit is ${EDGES_LIMIT}`;
  if (fib.lookahead.length > LOOKAHEAD_LIMIT) return `${fib.lookahead.length} look-ahead entries`;
  if (fib.reserved.length > RESERVED_LIMIT)
    return `${fib.reserved.length} reserved pairs, the limit is ${RESERVED_LIMIT}`;
  return undefined;
}

const TRIM_OK = 15;
/** Where the body of a CTRL frame begins: type, flags, id. */
const CTRL_BODY_AT = 6;

/** Invariant 6, on each agreement to close an edge. */
export function checkTrim({ slot, bytes }: { slot: number; bytes: Uint8Array }, host: Host): string | undefined {
  if (bytes[0] !== TRIM_OK || bytes[CTRL_BODY_AT] !== 1) return undefined;
  const peer = host.dataPath?.sessions.get(slot)?.peer;
  const isNear = host.links().some((each) => each.ringAddress === peer && each.kinds.includes("near"));
  return isNear ? `agrees to close the edge to its ring neighbour ${peer}` : undefined;
}

/** The nodes that a TRANSIT packet visits from one host to another, both included; undefined where it does not arrive. */
export function routeOf(from: Host, to: Host, byAddress: ReadonlyMap<RingAddress, Host>): Host[] | undefined {
  const route = [from];
  let at = from;
  while (at !== to) {
    const hop = at.dataPath?.nextHop(to.address);
    const next = hop === undefined ? undefined : byAddress.get(hop.peer);
    if (next === undefined || !next.isUp || route.length > HOPS_LIMIT) return undefined;
    at = next;
    route.push(at);
  }
  return route;
}

function byAddress(a: Host, b: Host): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}
