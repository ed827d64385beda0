/** NEAR: each neighbour is told the members nearest to that neighbour (docs/protocol.md, "Gossip"). */
import { D_NEAR, NEAR_DEBOUNCE_MS, NEAR_PERIOD_MS, NEAR_PERIOD_YOUNG_MS, YOUNG_MS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Descs } from "../link/descs.ts";
import type { Peer } from "../link/peer.ts";
import { around, type Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";
import { MAX_NEAR_REMOVED } from "../wire/ring-messages.ts";
import type { Brief, Coord, Desc } from "../wire/types.ts";
import type { RingAddress } from "./address.ts";
import { hasMoved, NO_COORD } from "./coordinates.ts";

export class Gossip {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #descs: Descs;
  readonly #near: () => readonly RingAddress[];
  #timer: Timer | undefined;
  #startedAt = 0;
  /** When all edges were told again. */
  #repeatedAt = 0;

  constructor(core: Core, peers: Peers, control: Control, descs: Descs, near: () => readonly RingAddress[]) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#descs = descs;
    this.#near = near;
  }

  start(): void {
    this.#startedAt = this.#core.now;
    this.#repeatedAt = this.#core.now;
    this.#timer = undefined;
    this.#core.roughlyAfter(NEAR_PERIOD_YOUNG_MS, "gossip", () => this.#repeat());
  }

  /** The near set changed: told a little later, since changes come in showers. */
  soon(): void {
    if (this.#timer?.run) return;
    this.#timer = this.#core.after(this.#core.vary(NEAR_DEBOUNCE_MS, 0.5), "gossip", () => this.now(false));
  }

  /** To those whose picture changed; to `all` as a repetition against loss. */
  now(all: boolean): void {
    for (const peer of this.#peers.edges()) {
      const isOnlyGettingIn = !peer.member && peer.ours.size === 0 && peer.theirs.has("leaf");
      if (all || !isOnlyGettingIn) this.tell(peer, all);
    }
  }

  /** Tells a neighbour the members nearest to that neighbour, and our own near set; `again`: even if nothing is new. */
  tell(peer: Peer, again: boolean): void {
    if (!peer.live) return;
    const near = this.#near();
    const tailored = this.#tailored(peer);
    if (again && peer.told !== undefined) return this.#tellDiff(peer, peer.told, tailored);
    const listed = this.#newTo(peer, tailored);
    if (listed.length === 0 && !again) return;
    const descs: Desc[] = [];
    // Only a ring neighbour is likely to link to what it hears of here; others ask for what they need.
    for (const address of near.includes(peer.address) ? around(listed, peer.address, 1) : []) {
      if (peer.neighbours.has(address) || peer.toldDescs.has(address)) continue;
      if (peer.member && address < peer.address) continue; // The other one asks first.
      const desc = this.#descs.get(address) ?? this.#peers.get(address)?.desc;
      if (!desc) continue;
      descs.push(desc);
      peer.toldDescs.add(address);
    }
    const briefs = listed.map((address) => this.briefOf(address));
    peer.told = new Map([...(peer.told ?? []), ...briefs.map(({ address, coord }) => [address, coord] as const)]);
    this.#control.send(peer, { type: "near", self: this.#core.brief(), briefs, descs });
  }

  /** The peer holds something else than it was told: all anew. */
  tellAll(peer: Peer): void {
    if (peer.live) this.#tellDiff(peer, undefined, this.#tailored(peer));
  }

  /** What was not told yet or stands elsewhere now, and what of it holds no more. */
  #tellDiff(peer: Peer, told: ReadonlyMap<RingAddress, Coord> | undefined, tailored: ReadonlySet<RingAddress>): void {
    const removed = told ? [...told.keys()].filter((address) => !tailored.has(address)) : [];
    if (removed.length > MAX_NEAR_REMOVED) return this.#tellDiff(peer, undefined, tailored);
    const nowTold = new Map<RingAddress, Coord>();
    const briefs: Brief[] = [];
    for (const address of [...tailored].sort()) {
      const brief = this.briefOf(address);
      const before = told?.get(address);
      const isNews = !before || hasMoved(before, brief.coord);
      if (isNews) briefs.push(brief);
      nowTold.set(address, isNews ? brief.coord : before);
    }
    peer.told = nowTold;
    this.#control.send(peer, {
      type: "nearDiff",
      flags: this.#core.flags(),
      coord: this.#core.coordinates.own,
      full: told === undefined,
      digest: digestOf(tailored),
      removed,
      briefs,
    });
  }

  /** Our near set and the members nearest to the peer. */
  #tailored(peer: Peer): Set<RingAddress> {
    const tailored = new Set([...this.#near(), ...this.#peers.aroundOf(peer.address, D_NEAR)]);
    tailored.delete(peer.address);
    return tailored;
  }

  briefOf(address: RingAddress): Brief {
    if (address === this.#core.address) return this.#core.brief();
    const peer = this.#peers.get(address);
    return { address, flags: peer?.flags ?? this.#core.flags(), coord: peer?.coord ?? NO_COORD };
  }

  #repeat(): void {
    const { now } = this.#core;
    const isAll = now - this.#repeatedAt >= 0.8 * NEAR_PERIOD_MS;
    if (isAll) this.#repeatedAt = now;
    // Ring neighbours hear it more often while this node is young.
    for (const peer of this.#peers.edges()) if (isAll || this.#near().includes(peer.address)) this.tell(peer, true);
    const isYoung = this.#core.now - this.#startedAt < YOUNG_MS;
    const period = isYoung ? NEAR_PERIOD_YOUNG_MS : NEAR_PERIOD_MS;
    this.#core.roughlyAfter(this.#core.vary(period, 0.1), "gossip", () => this.#repeat());
  }

  /** Of `tailored` what the peer was not told yet and may want as a ring neighbour, in ring order. */
  #newTo(peer: Peer, tailored: ReadonlySet<RingAddress>): RingAddress[] {
    const fresh = [...tailored].filter((address) => !peer.told?.has(address) && !peer.neighbours.has(address));
    if (fresh.length === 0) return [];
    const known = new Set([...tailored, ...peer.neighbours.keys(), this.#core.address]);
    known.delete(peer.address);
    const wanted = new Set(around([...known].sort(), peer.address, D_NEAR));
    return fresh.filter((address) => wanted.has(address)).sort();
  }
}

/** Of a set of members, whatever its order: their last 32 bits combined. */
export function digestOf(addresses: Iterable<RingAddress>): number {
  let digest = 0;
  for (const address of addresses) digest ^= Number.parseInt(address.slice(-8), 16);
  return digest >>> 0;
}
