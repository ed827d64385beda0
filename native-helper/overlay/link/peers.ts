/** The table of peers: by ring address, by slot, and the list of live member edges in ring order. */
import type { Slot } from "../boundary.ts";
import type { Core } from "../core.ts";
import { lowerBound, type RingAddress } from "../ring/address.ts";
import type { NodeFlags } from "../wire/types.ts";
import { Peer } from "./peer.ts";

export class Peers {
  readonly #core: Core;
  readonly #memberChanged: () => void;
  readonly #byAddress = new Map<RingAddress, Peer>();
  readonly #bySlot = new Map<Slot, Peer>();
  #members: RingAddress[] | undefined;
  #nextSlot = 1;

  /** `memberChanged`: a peer became a member, or is none any more. */
  constructor(core: Core, memberChanged: () => void) {
    this.#core = core;
    this.#memberChanged = memberChanged;
  }

  get size(): number {
    return this.#byAddress.size;
  }

  get(address: RingAddress): Peer | undefined {
    return this.#byAddress.get(address);
  }

  bySlot(slot: Slot): Peer | undefined {
    return this.#bySlot.get(slot);
  }

  all(): IterableIterator<Peer> {
    return this.#byAddress.values();
  }

  obtain(address: RingAddress): Peer {
    let peer = this.#byAddress.get(address);
    if (!peer) {
      peer = new Peer(address, this.#nextSlot++, this.#core.now);
      this.#byAddress.set(address, peer);
      this.#bySlot.set(peer.slot, peer);
    }
    return peer;
  }

  /** What the peer says of itself; its membership decides about the ring. */
  setFlags(peer: Peer, flags: NodeFlags): void {
    const changed = peer.flags.member !== flags.member;
    peer.flags = flags;
    if (!changed) return;
    this.#members = undefined;
    this.#memberChanged();
  }

  remove(peer: Peer): void {
    this.#byAddress.delete(peer.address);
    this.#bySlot.delete(peer.slot);
    this.#members = undefined;
  }

  /** Call after anything that may have changed whether an edge is live or its peer a member. */
  edgesChanged(): void {
    this.#members = undefined;
  }

  /** Addresses of members with a live edge, in ring order. */
  liveMembers(): readonly RingAddress[] {
    if (!this.#members) {
      const members: RingAddress[] = [];
      for (const peer of this.#byAddress.values()) if (peer.live && peer.member) members.push(peer.address);
      this.#members = members.sort();
    }
    return this.#members;
  }

  /** Live edges, members or not, in the order of their making. */
  edges(): Peer[] {
    const edges: Peer[] = [];
    for (const peer of this.#byAddress.values()) if (peer.live) edges.push(peer);
    return edges;
  }

  /** The `count` live members nearest to `target` on each side of it, clockwise side first; `target` itself left out. */
  aroundOf(target: RingAddress, count: number): RingAddress[] {
    return around(this.liveMembers(), target, count);
  }
}

/** Of a sorted list: up to `count` entries clockwise of `target` and as many counter-clockwise, without doubles. */
export function around(sorted: readonly RingAddress[], target: RingAddress, count: number): RingAddress[] {
  const size = sorted.length;
  if (size === 0) return [];
  const start = lowerBound(sorted, target);
  const hit = sorted[start] === target;
  const others = size - (hit ? 1 : 0);
  const picked: RingAddress[] = [];
  const clockwise = Math.min(count, others);
  for (let i = 0; i < clockwise; i++) picked.push(sorted[(start + i + (hit ? 1 : 0)) % size] as RingAddress);
  const counter = Math.min(count, others - clockwise);
  for (let i = 1; i <= counter; i++) picked.push(sorted[(start - i + size) % size] as RingAddress);
  return picked;
}
