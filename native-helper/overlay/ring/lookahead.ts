/**
 * Who is linked to whom, one step further: each node tells its neighbours its near and far edges, so that a packet is
 * handed to the neighbour whose neighbour is nearest to its destination (docs/protocol.md, "Look-ahead").
 */
import {
  EDGES_FULL_PERIOD_MS,
  EDGES_GAP_MS,
  EDGES_GAP_YOUNG_MS,
  EDGES_LISTED,
  EDGES_REST_MS,
  YOUNG_MEMBER_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";
import type { MessageOf } from "../wire/types.ts";
import { compareDistance, lowerBound, placeDistance, placeOf, type RingAddress } from "./address.ts";

export interface LookaheadHooks {
  isNear(address: RingAddress): boolean;
  /** What neighbours told changed the table. */
  changed(): void;
}

interface Entry {
  readonly target: RingAddress;
  readonly via: RingAddress;
}

/** The best way so far to a neighbour's neighbour. */
interface Way {
  /** How far this node is from it; the hop must be nearer. */
  readonly limit: number;
  via: RingAddress;
  distance: number;
  ms: number;
}

const NO_RTT_MS = 0xffff;
const UNKNOWN_RTT_MS = 300;
const WALK = 8;

export class Lookahead {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #hooks: LookaheadHooks;
  /** What this node told everybody; the difference to it is told next. */
  #told: ReadonlySet<RingAddress> = new Set();
  #seq = 0;
  #timer: Timer | undefined;
  #firstChangeAt: number | undefined;
  #memberSince: number | undefined;
  #entries: readonly Entry[] | undefined;
  #targets: readonly RingAddress[] = [];

  constructor(core: Core, peers: Peers, control: Control, hooks: LookaheadHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#hooks = hooks;
  }

  start(): void {
    this.#core.roughlyAfter(EDGES_FULL_PERIOD_MS, "edge lists", () => this.#tellAllPeriodically());
  }

  clear(): void {
    this.#told = new Set();
    this.#timer = undefined;
    this.#firstChangeAt = undefined;
    this.#memberSince = undefined;
    this.#entries = undefined;
  }

  /** The own edges changed, or a new neighbour has to be told. */
  edgesChanged(): void {
    this.#entries = undefined;
    const core = this.#core;
    if (core.member) this.#memberSince ??= core.now;
    this.#firstChangeAt ??= core.now;
    this.#timer?.cancel();
    // A newcomer's edges change by the moment; so do those of all when many come at once.
    const gap = core.now - (this.#memberSince ?? core.now) < YOUNG_MEMBER_MS ? EDGES_GAP_YOUNG_MS : EDGES_GAP_MS;
    const wait = Math.max(0, Math.min(EDGES_REST_MS, this.#firstChangeAt + gap - core.now));
    this.#timer = core.after(wait, "edge lists", () => this.#tell());
  }

  onEdges(peer: Peer, edges: MessageOf<"edges">): void {
    if (edges.full) peer.edgeList.clear();
    else if (edges.seq !== ((peer.edgeListSeq ?? 0) + 1) % 0x10000) {
      // A change was lost: the list is no longer to be trusted until the next full one.
      if (peer.edgeListSeq !== undefined) this.#core.drop("edge list out of step");
      peer.edgeListSeq = undefined;
      return;
    }
    peer.edgeListSeq = edges.seq;
    for (const { op, address, rttMs } of edges.changes) {
      if (op === "remove") peer.edgeList.delete(address);
      else if (peer.edgeList.size < EDGES_LISTED && address !== this.#core.address)
        peer.edgeList.set(address, { rttMs, place: placeOf(address) });
    }
    this.#entries = undefined;
    this.#hooks.changed();
  }

  /**
   * Each neighbour's neighbour once; in ring order, own neighbours not repeated. Of several ways there the quickest one
   * whose hop is nearer to it than this node, else the one whose hop is nearest.
   */
  entries(): readonly Entry[] {
    if (!this.#entries) {
      const best = new Map<RingAddress, Way>();
      const ownPlace = placeOf(this.#core.address);
      for (const address of this.#peers.liveMembers()) {
        const peer = this.#peers.get(address) as Peer;
        const place = placeOf(address);
        const firstMs = peer.srttMs ?? UNKNOWN_RTT_MS;
        for (const [target, { rttMs, place: targetPlace }] of peer.edgeList) {
          let way = best.get(target);
          if (!way) {
            if (this.#peers.get(target)?.live) continue;
            const limit = placeDistance(targetPlace, ownPlace);
            way = { limit, via: address, distance: Number.POSITIVE_INFINITY, ms: 0 };
            best.set(target, way);
          }
          const distance = placeDistance(targetPlace, place);
          const ms = firstMs + (rttMs === NO_RTT_MS ? UNKNOWN_RTT_MS : rttMs);
          if (way.distance < way.limit ? distance >= way.limit || ms >= way.ms : distance >= way.distance) continue;
          way.via = address;
          way.distance = distance;
          way.ms = ms;
        }
      }
      const entries: Entry[] = [];
      for (const [target, { via }] of best) entries.push({ target, via });
      this.#entries = entries.sort((a, b) => (a.target < b.target ? -1 : 1));
      this.#targets = this.#entries.map(({ target }) => target);
    }
    return this.#entries;
  }

  /** The neighbour that leads nearest to `dst` within one step more, if it comes strictly closer than `self`. */
  nextHop(dst: RingAddress, self: RingAddress, isRefused: (via: RingAddress) => boolean): RingAddress | undefined {
    const entries = this.entries();
    const size = entries.length;
    if (size === 0) return undefined;
    let above = lowerBound(this.#targets, dst);
    let below = above - 1;
    for (let step = 0; step < Math.min(WALK, size); step++) {
      const up = entries[above % size] as Entry;
      const down = entries[(below + size) % size] as Entry;
      const next = compareDistance(dst, up.target, down.target) <= 0 ? up : down;
      if (next === up) above++;
      else below--;
      if (!isRefused(next.via) && compareDistance(dst, next.via, self) < 0) return next.via;
    }
    return undefined;
  }

  #tell(): void {
    const core = this.#core;
    this.#firstChangeAt = undefined;
    if (!core.member) return;
    const now = this.#listed();
    const changes: MessageOf<"edges">["changes"][number][] = [];
    for (const address of now) {
      if (!this.#told.has(address)) changes.push({ op: "add", address, rttMs: this.#rttOf(address) });
    }
    for (const address of this.#told) if (!now.has(address)) changes.push({ op: "remove", address, rttMs: NO_RTT_MS });
    this.#told = now;
    if (changes.length > 0) this.#seq = (this.#seq + 1) % 0x10000;
    for (const peer of this.#peers.edges()) {
      if (!peer.member) continue;
      if (peer.toldEdges === undefined) this.#tellFull(peer);
      else if (changes.length > 0) this.#send(peer, false, changes.slice(0, EDGES_LISTED));
    }
  }

  #tellFull(peer: Peer): void {
    peer.toldEdges = this.#seq;
    this.#send(
      peer,
      true,
      [...this.#told]
        .slice(0, EDGES_LISTED)
        .map((address) => ({ op: "add" as const, address, rttMs: this.#rttOf(address) })),
    );
  }

  #send(peer: Peer, full: boolean, changes: MessageOf<"edges">["changes"]): void {
    this.#control.sendAcked(peer, { type: "edges", seq: this.#seq, full, changes }, 3, {
      onFail: () => {
        peer.toldEdges = undefined;
      },
    });
  }

  #tellAllPeriodically(): void {
    for (const peer of this.#peers.edges()) if (peer.member) this.#tellFull(peer);
    this.#core.roughlyAfter(this.#core.vary(EDGES_FULL_PERIOD_MS, 0.1), "edge lists", () =>
      this.#tellAllPeriodically(),
    );
  }

  /** Near and far edges of ours to members; what only leads in, anchors or carries traffic is not listed. */
  #listed(): ReadonlySet<RingAddress> {
    const listed = new Set<RingAddress>();
    for (const address of this.#peers.liveMembers()) {
      const peer = this.#peers.get(address) as Peer;
      if (this.#hooks.isNear(address) || peer.hasKind("near") || peer.hasKind("far")) listed.add(address);
    }
    return listed;
  }

  #rttOf(address: RingAddress): number {
    return this.#peers.get(address)?.srttMs ?? NO_RTT_MS;
  }
}
