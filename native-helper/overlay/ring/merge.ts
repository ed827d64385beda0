/**
 * Finds out that the ring is split or wound twice, and makes it one: checks over far edges and past peers, and MERGE
 * hints that carry what one node found to all others (docs/protocol.md, "Checks and merge").
 */
import {
  CACHED_CHECK_LEAST_MS,
  CACHED_CHECK_PERIOD_MS,
  MERGE_WINDOW_MS,
  MERGES_FOREIGN,
  MERGES_REMEMBERED,
  MERGES_STARTED,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Descs } from "../link/descs.ts";
import type { Linker } from "../link/linker.ts";
import type { Peer } from "../link/peer.ts";
import { around, type Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";
import { MAX_DESCS, MAX_MERGE_BRIEFS } from "../wire/ring-messages.ts";
import type { Brief, Desc, MessageOf } from "../wire/types.ts";
import { compareDistance, type RingAddress } from "./address.ts";

export interface MergeHooks {
  /** Asks, through that peer, who stands around our own address. */
  findSelf(through: Peer, then: (found: MessageOf<"found">) => void): void;
  /** Takes what an answer or a hint names as candidates for the near set, and links to those that belong to it. */
  learn(briefs: readonly Brief[], descs: readonly Desc[], teller: RingAddress): void;
  /** Whether that member would be among the near ones if there were an edge to it. */
  wouldBeNear(address: RingAddress): boolean;
  briefOf(address: RingAddress): Brief;
  /** Dials one past peer or start address without an edge; `then` gets it where it answers. */
  dialOutside(then: (peer: Peer) => void): void;
  /** The session made for a question is needed no more. */
  dismiss(peer: Peer): void;
  sizeEstimate(): number;
  /** This node is no newcomer, and its near set has not changed for a while. */
  isSettled(): boolean;
}

/** A hint about to be told to our edges, as soon as one that it names can be reached through us. */
interface Hint {
  readonly mergeId: bigint;
  readonly briefs: readonly Brief[];
  readonly fresh: readonly RingAddress[];
  readonly from: RingAddress | undefined;
  readonly since: number;
}

/** A hint taken up, whose contact is being linked to. */
interface Awaited {
  readonly mergeId: bigint;
  readonly from: RingAddress;
  readonly timer: Timer;
}

const TELL_LOOK_MS = 100;
const TELL_AT_LAST_MS = 700;
const TELL_GIVE_UP_MS = 3_000;
const CONTACT_WAIT_MS = 2_500;
const CLOSE_OUTSIDE_MS = 2_000;
const SECOND_MS = 1_000;
const JUDGE_AGAIN_MS = 3_000;

export class Merge {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #hooks: MergeHooks;
  readonly #seen = new Set<bigint>();
  readonly #awaited = new Map<RingAddress, Awaited>();
  #again: Timer | undefined;
  #started: number[] = [];
  #foreign: number[] = [];

  constructor(core: Core, peers: Peers, control: Control, linker: Linker, descs: Descs, hooks: MergeHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#linker = linker;
    this.#descs = descs;
    this.#hooks = hooks;
  }

  start(): void {
    this.#core.roughlyAfter(this.#outsidePeriod(), "check of past peers", () => this.#checkOutsidePeriodically());
  }

  stop(): void {
    for (const { timer } of this.#awaited.values()) timer.cancel();
    this.#awaited.clear();
    this.#again = undefined;
    this.#seen.clear();
    this.#started = [];
    this.#foreign = [];
  }

  /** An answer about our own place: what it tells of members nearer than those we know, and whether two rings meet here. */
  judge(found: MessageOf<"found">, through: Peer, isOutside: boolean): void {
    const core = this.#core;
    const members = found.briefs.filter((brief) => brief.flags.member && brief.address !== core.address);
    const unknown = members.filter((brief) => !this.#knows(brief.address));
    const fresh = unknown.map((brief) => brief.address).filter((address) => this.#hooks.wouldBeNear(address));
    this.#hooks.learn(found.briefs, found.descs, through.address);
    if (!core.member || fresh.length === 0 || !(isOutside || 2 * unknown.length > members.length)) return;
    // Where the own neighbourhood still changes, strangers are the crowd that joins, not another ring.
    if (!this.#hooks.isSettled()) return this.#judgeAgain(through, isOutside);
    if (!this.#mayTake("started")) return core.drop("merge not started: one was lately");
    const mergeId = (BigInt(core.entropy.u32()) << 32n) | BigInt(core.entropy.u32());
    this.#remember(mergeId);
    core.log("info", `another part of the ring is found: ${unknown.length} members that were not known`);
    if (isOutside) this.#linker.want(through.address, "leaf");
    const briefs = isOutside ? [this.#hooks.briefOf(through.address), ...members] : members;
    this.#tellSoon({ mergeId, briefs, fresh, from: undefined, since: core.now });
  }

  /** Somebody found another part of the ring: is there more of it around our own place? */
  onMerge(from: Peer, merge: MessageOf<"merge">): void {
    const core = this.#core;
    if (!core.member || this.#seen.has(merge.mergeId)) return;
    if (!this.#mayTake("foreign")) return core.drop("merge hint beyond the rate");
    this.#remember(merge.mergeId);
    const briefs = merge.briefs.filter((brief) => brief.flags.member && brief.address !== core.address);
    this.#hooks.learn(briefs, merge.descs, from.address);
    const contact = briefs
      .map((brief) => brief.address)
      .reduce<RingAddress | undefined>(
        (best, address) => (best && compareDistance(core.address, best, address) <= 0 ? best : address),
        undefined,
      );
    if (!contact) return;
    const peer = this.#peers.get(contact);
    if (peer?.live) return this.#askThrough(peer, merge.mergeId, from.address);
    if (this.#awaited.has(contact)) return;
    if (!this.#linker.isTrying(contact) && !this.#linker.want(contact, "leaf", from.address)) return;
    const timer = core.after(CONTACT_WAIT_MS, "contact of a merge", () => this.#awaited.delete(contact));
    this.#awaited.set(contact, { mergeId: merge.mergeId, from: from.address, timer });
  }

  edgeUp(peer: Peer): void {
    const awaited = this.#awaited.get(peer.address);
    if (!awaited) return;
    awaited.timer.cancel();
    this.#awaited.delete(peer.address);
    this.#askThrough(peer, awaited.mergeId, awaited.from);
  }

  /** Whether it was another ring is asked once more when the crowd, if it was one, is in. */
  #judgeAgain(through: Peer, isOutside: boolean): void {
    if (this.#again?.run) return;
    this.#again = this.#core.after(JUDGE_AGAIN_MS, "merge judged", () => {
      if (!this.#core.member || this.#peers.get(through.address) !== through || !through.up) return;
      this.#hooks.findSelf(through, (found) => this.judge(found, through, isOutside));
    });
  }

  /** One question to a peer outside: a start address that has just answered, a past peer. */
  checkThrough(peer: Peer): void {
    if (!this.#core.member) return;
    this.#hooks.findSelf(peer, (found) => this.judge(found, peer, true));
  }

  #askThrough(contact: Peer, mergeId: bigint, from: RingAddress): void {
    this.#hooks.findSelf(contact, (found) => {
      const members = found.briefs.filter((brief) => brief.flags.member && brief.address !== this.#core.address);
      const fresh = members
        .map((brief) => brief.address)
        .filter((address) => !this.#peers.get(address)?.live && this.#hooks.wouldBeNear(address));
      this.#hooks.learn(found.briefs, found.descs, contact.address);
      // Nothing new here: the hint ends, so invented ones die at the first hop.
      if (fresh.length === 0) return;
      const briefs = [this.#hooks.briefOf(contact.address), ...members];
      this.#tellSoon({ mergeId, briefs, fresh, from, since: this.#core.now });
    });
  }

  /** Who is told links to a contact through us, so the hint waits until we have an edge to one. */
  #tellSoon(hint: Hint): void {
    const core = this.#core;
    core.after(TELL_LOOK_MS, "merge hint", () => {
      if (!core.member) return;
      const age = core.now - hint.since;
      const isLive = (address: RingAddress) => this.#peers.get(address)?.live ?? false;
      const hasFresh = hint.fresh.some(isLive);
      const hasAny = hint.briefs.some((brief) => isLive(brief.address));
      if (hasFresh || (hasAny && age >= TELL_AT_LAST_MS)) this.#tell(hint);
      else if (age < TELL_GIVE_UP_MS) this.#tellSoon(hint);
    });
  }

  #tell({ mergeId, briefs, from }: Hint): void {
    const isLive = (brief: Brief) => this.#peers.get(brief.address)?.live ?? false;
    // Linking told whether a contact is a member, which a bare session does not.
    const linked = briefs.filter(isLive).map((brief) => this.#hooks.briefOf(brief.address));
    const listed = [...linked, ...briefs.filter((brief) => !isLive(brief))]
      .filter((brief, place, all) => all.findIndex((other) => other.address === brief.address) === place)
      .slice(0, MAX_MERGE_BRIEFS);
    const descs: Desc[] = [];
    for (const { address } of listed) {
      const desc = this.#descs.get(address) ?? this.#peers.get(address)?.desc;
      if (desc && descs.length < MAX_DESCS) descs.push(desc);
    }
    for (const peer of this.#peers.edges()) {
      if (peer.member && peer.address !== from)
        this.#control.send(peer, { type: "merge", mergeId, briefs: listed, descs });
    }
  }

  #checkOutsidePeriodically(): void {
    if (this.#core.member && this.#peers.edges().length > 0 && !this.#core.isBroken("past-peers")) {
      this.#hooks.dialOutside((peer) => {
        this.checkThrough(peer);
        this.#core.after(CLOSE_OUTSIDE_MS, "past peer asked", () => {
          if (!peer.isEdge && !this.#linker.isTrying(peer.address)) this.#hooks.dismiss(peer);
        });
      });
    }
    this.#core.roughlyAfter(this.#outsidePeriod(), "check of past peers", () => this.#checkOutsidePeriodically());
  }

  /** About one such question a second in the whole ring, and from each node one a minute at least. */
  #outsidePeriod(): number {
    const shared = SECOND_MS * this.#hooks.sizeEstimate();
    const period = Math.min(CACHED_CHECK_PERIOD_MS, Math.max(CACHED_CHECK_LEAST_MS, shared));
    return this.#core.vary(period, 0.5);
  }

  #knows(address: RingAddress): boolean {
    if (this.#peers.get(address)?.live) return true;
    for (const peer of this.#peers.all()) if (peer.live && peer.knows(address)) return true;
    return false;
  }

  #mayTake(which: "started" | "foreign"): boolean {
    const { now } = this.#core;
    const recent = (which === "started" ? this.#started : this.#foreign).filter((at) => now - at < MERGE_WINDOW_MS);
    const isAllowed = recent.length < (which === "started" ? MERGES_STARTED : MERGES_FOREIGN);
    if (isAllowed) recent.push(now);
    if (which === "started") this.#started = recent;
    else this.#foreign = recent;
    return isAllowed;
  }

  /** Who could not be reached may be there again: once for each merge the holds on failed members end. */
  #remember(mergeId: bigint): void {
    this.#linker.releaseAll();
    this.#seen.add(mergeId);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= MERGES_REMEMBERED) break;
      this.#seen.delete(oldest);
    }
  }
}

/** Whether `address` would be among the `count` nearest on each side of `self` beside `live`, which is in ring order. */
export function wouldBeAround(
  live: readonly RingAddress[],
  address: RingAddress,
  self: RingAddress,
  count: number,
): boolean {
  if (address === self) return false;
  const union = live.includes(address) ? live : [...live, address].sort();
  return around(union, self, count).includes(address);
}
