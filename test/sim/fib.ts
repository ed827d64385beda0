/**
 * The forwarding table as the data path uses it: rules 3 to 5 of "Routing of TRANSIT" in docs/protocol.md.
 *
 * Distances are compared by the first 48 bits of addresses, which a double holds exactly, and by all 160 where these
 * are too close to tell.
 */
import type { Fib } from "../../native-helper/overlay/boundary.ts";
import { compareDistance, type RingAddress, ringDistance } from "../../native-helper/overlay/ring/address.ts";

export type FibEdge = Fib["edges"][number];

const LOOKAHEAD_WALK = 8;
const PLACE_DIGITS = 12;
const PLACES = 2 ** (4 * PLACE_DIGITS);

interface Entry {
  readonly address: RingAddress;
  readonly place: number;
  readonly via: FibEdge;
}

export class ForwardingTable {
  readonly fib: Fib;
  readonly #edges = new Map<RingAddress, FibEdge>();
  readonly #exact = new Map<RingAddress, FibEdge>();
  readonly #reserved = new Set<string>();
  /** Sorted by address; made when first asked for, because most tables are replaced before a packet needs them. */
  #lookahead: readonly Entry[] | undefined;
  #members: readonly Entry[] | undefined;

  constructor(fib: Fib) {
    this.fib = fib;
    for (const edge of fib.edges) this.#edges.set(edge.peer, edge);
    for (const { dst, via } of fib.exact) {
      const edge = this.#member(via);
      if (edge !== undefined) this.#exact.set(dst, edge);
    }
    for (const { a, b } of fib.reserved) this.#reserved.add(pairKey(a, b));
  }

  edge(peer: RingAddress): FibEdge | undefined {
    return this.#edges.get(peer);
  }

  isReserved(a: RingAddress, b: RingAddress): boolean {
    return this.#reserved.has(pairKey(a, b));
  }

  /**
   * The edge by which a packet to another node leaves: the first one, in the order of the rules, that is usable now.
   * All but an edge to the destination itself are strictly closer to it than this node.
   */
  nextHop(dst: RingAddress, isUsable: (edge: FibEdge) => boolean): FibEdge | undefined {
    const direct = this.#edges.get(dst);
    if (direct !== undefined && isUsable(direct)) return direct;
    const isHop = (edge: FibEdge) => isCloser(edge.peer, this.fib.self, dst) && isUsable(edge);
    const exact = this.#exact.get(dst);
    if (exact !== undefined && isHop(exact)) return exact;
    return this.#byLookahead(dst, isHop) ?? this.#byNearestEdge(dst, isHop);
  }

  #byLookahead(dst: RingAddress, isHop: (edge: FibEdge) => boolean): FibEdge | undefined {
    this.#lookahead ??= this.#sortLookahead();
    const list = this.#lookahead;
    const place = placeOf(dst);
    let above = lowerPlace(list, dst);
    let below = above - 1;
    for (let i = 0; i < Math.min(LOOKAHEAD_WALK, list.length); i++) {
      const up = list[above % list.length] as Entry;
      const down = list[(below + list.length) % list.length] as Entry;
      const next = isNearer(up, down, dst, place) ? up : down;
      if (next === up) above++;
      else below--;
      if (isHop(next.via)) return next.via;
    }
    return undefined;
  }

  #byNearestEdge(dst: RingAddress, isHop: (edge: FibEdge) => boolean): FibEdge | undefined {
    this.#members ??= this.fib.edges
      .filter((edge) => edge.member)
      .map((edge) => ({ address: edge.peer, place: placeOf(edge.peer), via: edge }))
      .sort(byAddress);
    const list = this.#members;
    if (list.length === 0) return undefined;
    const at = lowerPlace(list, dst);
    const up = list[at % list.length] as Entry;
    const down = list[(at + list.length - 1) % list.length] as Entry;
    const nearest = isNearer(up, down, dst, placeOf(dst)) ? up : down;
    return isHop(nearest.via) ? nearest.via : undefined;
  }

  /** Entries whose hop is no member edge are left out. */
  #sortLookahead(): readonly Entry[] {
    const entries: Entry[] = [];
    for (const { target, via } of this.fib.lookahead) {
      const edge = this.#member(via);
      if (edge !== undefined) entries.push({ address: target, place: placeOf(target), via: edge });
    }
    return entries.sort(byAddress);
  }

  #member(peer: RingAddress): FibEdge | undefined {
    const edge = this.#edges.get(peer);
    return edge?.member ? edge : undefined;
  }
}

function pairKey(a: RingAddress, b: RingAddress): string {
  return a < b ? a + b : b + a;
}

function placeOf(address: RingAddress): number {
  return Number.parseInt(address.slice(0, PLACE_DIGITS), 16);
}

function placeDistance(a: number, b: number): number {
  const steps = Math.abs(a - b);
  return Math.min(steps, PLACES - steps);
}

/** Whether `u` is strictly closer to `dst` than `self` is. */
function isCloser(u: RingAddress, self: RingAddress, dst: RingAddress): boolean {
  const place = placeOf(dst);
  const gain = placeDistance(placeOf(self), place) - placeDistance(placeOf(u), place);
  // Cutting off the low bits moves each distance by less than one.
  if (gain > 2 || gain < -2) return gain > 0;
  return ringDistance(u, dst) < ringDistance(self, dst);
}

function isNearer(a: Entry, b: Entry, dst: RingAddress, place: number): boolean {
  const gain = placeDistance(b.place, place) - placeDistance(a.place, place);
  if (gain > 2 || gain < -2) return gain > 0;
  return compareDistance(dst, a.address, b.address) <= 0;
}

function byAddress(a: Entry, b: Entry): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
}

function lowerPlace(list: readonly Entry[], address: RingAddress): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as Entry).address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
