/** How large the ring is by the density around this node, and the far edges that this asks for. */
import { D_NEAR, FAR_TICK_FULL_MS, FAR_TICK_SHORT_MS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Descs } from "../link/descs.ts";
import type { Linker } from "../link/linker.ts";
import type { Peers } from "../link/peers.ts";
import type { MessageOf } from "../wire/types.ts";
import { addressFromNumber, addressToNumber, clockwiseDistance, type RingAddress } from "./address.ts";

export interface FarHooks {
  /** The near set, clockwise half first. */
  near(): readonly RingAddress[];
  /** Asks the owner of `target` for the members around it. */
  find(target: RingAddress, then: (found: MessageOf<"found">) => void): void;
}

export const FAR_LEAST = 4;
const FAR_MOST = 20;
const FINDS_AT_ONCE = 3;

export class FarEdges {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #hooks: FarHooks;
  /** The estimated size of the ring for which each far edge was chosen. */
  readonly #madeFor = new Map<RingAddress, number>();

  constructor(core: Core, peers: Peers, linker: Linker, descs: Descs, hooks: FarHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#linker = linker;
    this.#descs = descs;
    this.#hooks = hooks;
  }

  start(): void {
    this.#core.after(FAR_TICK_SHORT_MS, "far edges", () => this.#upkeep());
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

  #upkeep(): void {
    const core = this.#core;
    const wanted = this.wanted();
    this.#releaseMisplaced();
    const have = this.#peers.edges().filter((peer) => peer.ours.has("far")).length;
    if (core.member && have < wanted) {
      const size = this.sizeEstimate();
      for (let missing = 0; missing < Math.min(FINDS_AT_ONCE, wanted - have); missing++) this.#make(size, wanted);
    }
    // Who has just come knows a few members only and takes the ring for a small one: it must look again soon.
    const isFull = core.member && wanted > 0 && have >= wanted;
    core.after(core.vary(isFull ? FAR_TICK_FULL_MS : FAR_TICK_SHORT_MS, 0.2), "far edges", () => this.#upkeep());
  }

  /** One far edge at a harmonic distance (Kleinberg; Symphony), stratified over the slots. */
  #make(size: number, slots: number): void {
    const core = this.#core;
    const slot = core.entropy.u32() % slots;
    const u = (slot + core.entropy.fraction()) / slots;
    const nearest = (D_NEAR + 1) / size;
    const share = Math.min(0.5, nearest * (size / 2 / (D_NEAR + 1)) ** u);
    const steps = BigInt(Math.floor(share * 2 ** 52)) << 108n;
    const place = addressToNumber(core.address) + (core.entropy.fraction() < 0.5 ? steps : -steps);
    this.#hooks.find(addressFromNumber(place), (found) => {
      for (const desc of found.descs) this.#descs.learn(desc);
      // The owner knows the members next to it; what it lists beyond lies anywhere, mostly far from the target.
      const fresh = found.briefs
        .slice(0, 2 * D_NEAR + 1)
        .filter(
          (brief) => brief.flags.member && brief.address !== core.address && !this.#peers.get(brief.address)?.live,
        );
      const pick = fresh[core.entropy.u32() % Math.max(1, fresh.length)];
      if (pick && this.#linker.want(pick.address, "far")) this.#madeFor.set(pick.address, size);
    });
  }

  /** Far edges chosen for a ring half or twice as large lie at the wrong distances: others take their places. */
  #releaseMisplaced(): void {
    const size = this.sizeEstimate();
    for (const [address, madeFor] of this.#madeFor) {
      const peer = this.#peers.get(address);
      const isFar = peer?.ours.has("far") ?? false;
      if (isFar && size <= 2 * madeFor && madeFor <= 2 * size) continue;
      if (!isFar && this.#linker.isTrying(address)) continue;
      peer?.giveUp("far");
      this.#madeFor.delete(address);
    }
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
