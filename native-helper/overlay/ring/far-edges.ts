/** How large the ring is by the density around this node, and the far edges that this asks for (Kleinberg; Symphony). */
import {
  D_NEAR,
  FAR_KEPT_MS,
  FAR_LEAST,
  FAR_MOST,
  FAR_TICK_FULL_MS,
  FAR_TICK_SHORT_MS,
  FAR_WHILE_UNSETTLED,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Descs } from "../link/descs.ts";
import type { Linker } from "../link/linker.ts";
import type { Peers } from "../link/peers.ts";
import type { Brief, MessageOf } from "../wire/types.ts";
import { addressFromNumber, addressToNumber, clockwiseDistance, type RingAddress } from "./address.ts";
import { predictRtt } from "./coordinates.ts";

export interface FarHooks {
  /** The near set, clockwise half first. */
  near(): readonly RingAddress[];
  isNear(address: RingAddress): boolean;
  /** Asks the owner of `target` for the members around it; undefined where no answer comes in time. */
  find(target: RingAddress, then: (found: MessageOf<"found"> | undefined) => void): void;
}

const FINDS_AT_ONCE = 4;
/** A choice made before this node knew its place is made again where that promises to be this much nearer. */
const WORTH_CHANGING = 0.75;
const ATTEMPTS_A_FIND = 3;
/** From this age on a member chooses although its coordinate moves still. */
const UNSETTLED_AT_MOST_MS = 20_000;

interface Choice {
  /** The share of the way from the nearest to the furthest distance, in the logarithm: 0 to 1. */
  u: number;
  readonly madeFor: number;
  readonly at: number;
  /** Made before this node's coordinate had settled. */
  readonly blind: boolean;
}

/** An edge being made for a slot. */
interface Making {
  readonly u: number;
  /** The edge that it is to replace. */
  readonly instead: RingAddress | undefined;
  /** Members that may serve, best first; none before the answer. */
  rest: Brief[];
  attempts: number;
}

export class FarEdges {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #hooks: FarHooks;
  readonly #chosen = new Map<RingAddress, Choice>();
  readonly #making = new Set<Making>();
  /** What the linker is asked for. */
  readonly #linking = new Map<RingAddress, Making>();
  #memberSince: number | undefined;

  constructor(core: Core, peers: Peers, linker: Linker, descs: Descs, hooks: FarHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#linker = linker;
    this.#descs = descs;
    this.#hooks = hooks;
  }

  start(): void {
    this.#core.roughlyAfter(FAR_TICK_SHORT_MS, "far edges", () => this.#upkeep());
  }

  stop(): void {
    this.#chosen.clear();
    this.#making.clear();
    this.#linking.clear();
    this.#memberSince = undefined;
  }

  /** Number of members estimated from the density of the near set and what neighbours estimate. */
  sizeEstimate(): number {
    const members = this.#peers.liveMembers().length;
    if (!this.#core.member || this.#hooks.near().length < 2 * D_NEAR) return this.ownEstimate();
    const all = [Math.log2(this.ownEstimate())];
    for (const peer of this.#peers.all()) if (peer.live && peer.log2N !== undefined) all.push(peer.log2N);
    all.sort((a, b) => a - b);
    return Math.max(members + 1, Math.round(2 ** (all[all.length >> 1] as number)));
  }

  /**
   * What this node sees of the density alone. Neighbours are told this and not the median of all, which would be made
   * of medians then and stay where it was while the ring grows.
   */
  ownEstimate(): number {
    const members = this.#peers.liveMembers().length;
    if (!this.#core.member) return members;
    if (this.#hooks.near().length < 2 * D_NEAR) return members + 1;
    return (2 * D_NEAR) / this.#nearShare();
  }

  /** Far edges wanted: none in a small ring, then the logarithm of its size. */
  wanted(): number {
    const size = this.sizeEstimate();
    return size < 4 * (D_NEAR + 1) ? 0 : Math.min(FAR_MOST, Math.max(FAR_LEAST, Math.ceil(Math.log2(size))));
  }

  /** An attempt to link ended: the next best of the same answer is tried where it failed. */
  ended(address: RingAddress, live: boolean): void {
    const making = this.#linking.get(address);
    if (!making) return;
    this.#linking.delete(address);
    if (live) this.#made(address, making);
    else this.#try(making);
  }

  #upkeep(): void {
    const core = this.#core;
    const wanted = this.wanted();
    if (core.member) this.#memberSince ??= core.now;
    const settled = core.coordinates.settled || core.now - (this.#memberSince ?? core.now) >= UNSETTLED_AT_MOST_MS;
    const size = this.sizeEstimate();
    this.#review(size, wanted);
    // A far edge chosen before the coordinates are known is chosen again later; some are needed from the start.
    const open = this.#openSlots(wanted, settled ? wanted : Math.min(wanted, FAR_WHILE_UNSETTLED));
    if (core.member) {
      for (const slot of open.slice(0, FINDS_AT_ONCE)) this.#find(size, (slot + core.entropy.fraction()) / wanted);
      if (settled && open.length === 0) this.#chooseAgain(size);
    }
    // Who has just come knows a few members only and takes the ring for a small one: it must look again soon.
    const isFull = core.member && wanted > 0 && settled && open.length === 0 && !this.#hasBlind();
    core.roughlyAfter(core.vary(isFull ? FAR_TICK_FULL_MS : FAR_TICK_SHORT_MS, 0.2), "far edges", () => this.#upkeep());
  }

  /** Drops what is gone, too old, or lies at a wrong distance since the ring is half or twice as large. */
  #review(size: number, wanted: number): void {
    const { now } = this.#core;
    for (const [address, choice] of this.#chosen) {
      const peer = this.#peers.get(address);
      const isFar = peer?.ours.has("far") ?? false;
      const isOff = size > 2 * choice.madeFor || choice.madeFor > 2 * size;
      if (isFar && !isOff && now - choice.at < FAR_KEPT_MS) continue;
      peer?.giveUp("far");
      this.#chosen.delete(address);
    }
    if (this.#chosen.size <= wanted) return;
    // Fewer slots than before: of two in one slot the older stays.
    const taken = new Set<number>();
    for (const [address, choice] of this.#chosen) {
      if (this.#chosen.size <= wanted) break;
      const slot = slotOf(choice.u, Math.max(1, wanted));
      if (wanted > 0 && !taken.has(slot)) taken.add(slot);
      else {
        this.#peers.get(address)?.giveUp("far");
        this.#chosen.delete(address);
      }
    }
  }

  /** Slots without an edge of ours, in random order, as many as `limit` allows. */
  #openSlots(wanted: number, limit: number): number[] {
    const taken = new Set<number>();
    const spare: number[] = [];
    for (const { u } of [...this.#chosen.values(), ...[...this.#making].filter(({ instead }) => !instead)]) {
      const slot = slotOf(u, wanted);
      if (taken.has(slot)) spare.push(slot);
      else taken.add(slot);
    }
    // When the number of slots changes two choices may fall into one: the second serves for the next free slot.
    for (const slot of spare) {
      const free = taken.has(slot + 1) || slot + 1 >= wanted ? slot - 1 : slot + 1;
      if (free >= 0) taken.add(free);
    }
    const open: number[] = [];
    for (let slot = 0; slot < wanted; slot++) if (!taken.has(slot)) open.push(slot);
    for (let i = open.length - 1; i > 0; i--) {
      const j = this.#core.entropy.u32() % (i + 1);
      [open[i], open[j]] = [open[j] as number, open[i] as number];
    }
    return open.slice(0, Math.max(0, limit - taken.size));
  }

  /** Looks for the member nearest in time among those around a place at the distance `u`. */
  #find(size: number, u: number, instead?: RingAddress): void {
    const core = this.#core;
    const steps = BigInt(Math.floor(farShare(u, size) * 2 ** 52)) << 108n;
    const place = addressToNumber(core.address) + (core.entropy.fraction() < 0.5 ? steps : -steps);
    const making: Making = { u, instead, rest: [], attempts: 0 };
    this.#making.add(making);
    this.#hooks.find(addressFromNumber(place), (found) => {
      if (!found) return void this.#making.delete(making);
      for (const desc of found.descs) this.#descs.learn(desc);
      making.rest = this.#byPrediction(found.briefs);
      const best = making.rest[0];
      if (instead !== undefined && !(best && this.#isWorth(best, instead))) making.rest = [];
      this.#try(making);
    });
  }

  /** Members that are no far edge of ours yet, nearest in time first; those of unknown place last, in random order. */
  #byPrediction(briefs: readonly Brief[]): Brief[] {
    const core = this.#core;
    const { own } = core.coordinates;
    return briefs
      .filter(({ address, flags }) => flags.member && address !== core.address && this.#mayBeFar(address))
      .map((brief) => ({ brief, rtt: predictRtt(own, brief.coord) ?? 1e6 + core.entropy.fraction() }))
      .sort((a, b) => a.rtt - b.rtt)
      .map(({ brief }) => brief);
  }

  #mayBeFar(address: RingAddress): boolean {
    return !this.#hooks.isNear(address) && !this.#peers.get(address)?.ours.has("far") && !this.#linking.has(address);
  }

  #try(making: Making): void {
    while (making.attempts < ATTEMPTS_A_FIND) {
      const next = making.rest.shift();
      if (!next) break;
      making.attempts++;
      this.#linking.set(next.address, making);
      if (this.#linker.want(next.address, "far")) return;
      this.#linking.delete(next.address);
    }
    this.#making.delete(making);
    if (making.instead !== undefined) this.#keep(making.instead);
  }

  #made(address: RingAddress, making: Making): void {
    const core = this.#core;
    const { u, instead } = making;
    this.#making.delete(making);
    this.#chosen.set(address, {
      u,
      madeFor: this.sizeEstimate(),
      at: core.now,
      blind: !core.coordinates.settled,
    });
    if (instead === undefined) return;
    this.#peers.get(instead)?.giveUp("far");
    this.#chosen.delete(instead);
  }

  #hasBlind(): boolean {
    for (const choice of this.#chosen.values()) if (choice.blind) return true;
    return false;
  }

  /** What was chosen in the dark is chosen again, one at a time; the old edge stays until the new one is up. */
  #chooseAgain(size: number): void {
    for (const { instead } of this.#making) if (instead) return;
    for (const [address, choice] of this.#chosen) {
      if (choice.blind) return this.#find(size, choice.u, address);
    }
  }

  #isWorth(brief: Brief, instead: RingAddress): boolean {
    const now = this.#peers.get(instead)?.srttMs;
    const then = predictRtt(this.#core.coordinates.own, brief.coord);
    return now !== undefined && then !== undefined && then < WORTH_CHANGING * now;
  }

  #keep(address: RingAddress): void {
    const choice = this.#chosen.get(address);
    if (choice) this.#chosen.set(address, { ...choice, blind: false });
  }

  /** The share of the ring that the near set spans. */
  #nearShare(): number {
    const near = this.#hooks.near();
    const first = near[D_NEAR - 1];
    const last = near.at(-1);
    if (!first || !last) return 1;
    const { address } = this.#core;
    const steps = clockwiseDistance(address, first) + clockwiseDistance(last, address);
    return Math.max(1e-9, Number(steps >> 96n) / 2 ** 64);
  }
}

/** The share of the ring that lies between a node and its far edge at the place `u` of 0..1, in a ring of `size`. */
export function farShare(u: number, size: number): number {
  const nearest = (D_NEAR + 1) / size;
  return Math.min(0.5, nearest * (size / 2 / (D_NEAR + 1)) ** u);
}

function slotOf(u: number, slots: number): number {
  return Math.min(slots - 1, Math.floor(u * slots));
}
