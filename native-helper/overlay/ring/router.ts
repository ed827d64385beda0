/**
 * Control messages that travel hop by hop around the ring, and their answers, which come home the same way
 * (docs/protocol.md, "Control messages": ROUTED).
 */
import { RID_LIFE_MS, RIDS_IN_ALL, RIDS_PER_EDGE, TTL } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";
import { decodeBody, encodeBody, messageTypeNumber } from "../wire/ctrl.ts";
import type { Message, MessageOf } from "../wire/types.ts";
import { clockwiseDistance, compareDistance, type RingAddress, ringDistance } from "./address.ts";
import type { Lookahead } from "./lookahead.ts";

/** A request that ends here. */
export interface RoutedRequest {
  readonly src: RingAddress;
  readonly dst: RingAddress;
  readonly message: Message;
  readonly hops: number;
  /** The neighbour that brought it; undefined for one of our own. */
  readonly from: Peer | undefined;
  /** This node owns the key asked for (mode nearest), or is meant itself. */
  answer(message: Message): void;
}

export interface RequestOptions {
  readonly dst: RingAddress;
  readonly mode: "exact" | "nearest";
  readonly message: Message;
  /** The neighbour to hand it to first, where own routing does not lead there. */
  readonly firstHop?: Peer | undefined;
  readonly timeoutMs: number;
  /** `from` is what the answer claims; the message inside proves itself where that matters. */
  onAnswer(message: Message, from: RingAddress, elapsedMs: number): void;
  onTimeout(): void;
  /** What nodes on the way answer, where the message makes them. */
  onPass?(message: Message, from: RingAddress): void;
}

/** A request passes this node on its way. */
export type OnPass = (from: Peer, innerType: number, hops: number, answer: (message: Message) => void) => void;

/** How far this node is with handing one message on. */
interface Handing {
  readonly tried: Set<RingAddress>;
  /** Hops that may still acknowledge. */
  waiting: number;
  isDone: boolean;
}

/** A message whose owner may be on the other side of silent neighbours, and who brought it here. */
interface Beyond {
  readonly routed: Routed;
  readonly from: Peer | undefined;
  readonly timer: Timer;
}

interface Home {
  readonly from: Peer | undefined;
  readonly at: number;
}

const TRIES_A_HOP = 2;
export const HOPS_TRIED = 8;
const BEYOND_MS = 2_500;
const NO_ROUTE = messageTypeNumber("noRoute");
type Routed = MessageOf<"routed">;

export class Router {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #lookahead: Lookahead;
  readonly #deliver: (request: RoutedRequest) => void;
  readonly #silent: (peer: Peer) => void;
  readonly #passes: OnPass;
  readonly #homes = new Map<bigint, Home>();
  /** By the number under which they are asked for beyond. */
  readonly #beyond = new Map<bigint, Beyond>();
  readonly #ridsOfEdge = new Map<number, number>();
  readonly #pending = new Map<bigint, { options: RequestOptions; sentAt: number; timer: Timer }>();

  constructor(
    core: Core,
    peers: Peers,
    control: Control,
    lookahead: Lookahead,
    deliver: (request: RoutedRequest) => void,
    silent: (peer: Peer) => void,
    passes: OnPass,
  ) {
    this.#lookahead = lookahead;
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#deliver = deliver;
    this.#silent = silent;
    this.#passes = passes;
  }

  request(options: RequestOptions): void {
    const core = this.#core;
    const rid = this.#newRid();
    const { type, body } = encodeBody(options.message);
    const routed: Routed = {
      type: "routed",
      ttl: TTL,
      back: false,
      mode: options.mode,
      hops: 0,
      rid,
      dst: options.dst,
      src: core.address,
      innerType: type,
      inner: body,
    };
    const timer = core.after(options.timeoutMs, "routed answer", () => {
      this.#pending.delete(rid);
      options.onTimeout();
    });
    this.#pending.set(rid, { options, sentAt: core.now, timer });
    this.#remember(rid, undefined);
    if (options.firstHop?.up) this.#send(options.firstHop, routed, newHanding());
    else this.#forward(routed, undefined, newHanding());
  }

  /** To one node, without an answer. */
  send(dst: RingAddress, message: Message): void {
    const rid = this.#newRid();
    const { type, body } = encodeBody(message);
    this.#remember(rid, undefined);
    const { address: src } = this.#core;
    const head = { type: "routed", ttl: TTL, back: false, mode: "exact", hops: 0, rid, dst, src } as const;
    this.#forward({ ...head, innerType: type, inner: body }, undefined, newHanding());
  }

  onRouted(from: Peer, routed: Routed): void {
    const core = this.#core;
    if (routed.back) return this.#bringHome(routed);
    if (this.#homes.has(routed.rid)) return core.drop("routed message twice");
    if (routed.ttl === 0) return core.drop("routed message out of hops");
    if ((this.#ridsOfEdge.get(from.slot) ?? 0) >= RIDS_PER_EDGE) return core.drop("routed messages of one edge");
    this.#remember(routed.rid, from);
    const hops = routed.hops + 1;
    if (routed.mode === "exact" && routed.dst !== core.address)
      this.#passes(from, routed.innerType, hops, (message) => this.#answer(routed, from, message));
    this.#forward({ ...routed, ttl: routed.ttl - 1, hops }, from, newHanding());
  }

  clear(): void {
    for (const pending of this.#pending.values()) pending.timer.cancel();
    for (const { timer } of this.#beyond.values()) timer.cancel();
    this.#pending.clear();
    this.#beyond.clear();
    this.#homes.clear();
    this.#ridsOfEdge.clear();
  }

  #forward(routed: Routed, from: Peer | undefined, handing: Handing): void {
    const core = this.#core;
    if (routed.dst === core.address && routed.mode === "exact") return this.#arrived(routed, from);
    const hop = this.#nextHop(routed, from, handing.tried);
    if (hop) return this.#send(hop, routed, handing);
    if (routed.mode === "nearest") {
      if (core.member) return this.#seemsOwn(routed, from, handing);
      return core.drop("routed message before membership");
    }
    core.drop("no route");
    if (from) this.#answer(routed, from, { type: "noRoute", dst: routed.dst });
    else this.#failOwn(routed.rid);
  }

  /** No nearer neighbour takes it. If some of them were silent, there may be a nearer member behind them. */
  #seemsOwn(routed: Routed, from: Peer | undefined, handing: Handing): void {
    const core = this.#core;
    const { best, dst } = routed;
    if (best === core.address) return this.#settle(routed.rid);
    if (best !== undefined && from && compareDistance(dst, best, core.address) < 0)
      return this.#answer(routed, from, { type: "noRoute", dst });
    if (best !== undefined || handing.tried.size === 0 || routed.ttl === 0) return this.#arrived(routed, from);
    const asked: Routed = { ...routed, ttl: routed.ttl - 1, rid: this.#newRid(), best: core.address };
    const hop = this.#nextHop(asked, from, handing.tried);
    if (!hop) return this.#arrived(routed, from);
    const timer = core.after(BEYOND_MS, "answer from beyond", () => this.#settle(asked.rid));
    this.#beyond.set(asked.rid, { routed, from, timer });
    this.#remember(asked.rid, undefined);
    this.#send(hop, asked, { ...newHanding(), tried: handing.tried });
  }

  /** Nobody beyond is nearer: this node is the owner. */
  #settle(rid: bigint): void {
    const beyond = this.#beyond.get(rid);
    if (!beyond) return;
    this.#beyond.delete(rid);
    beyond.timer.cancel();
    this.#arrived(beyond.routed, beyond.from);
  }

  /** The nearest to `dst` on the side of it that `best` is not on, and nearer than this node if it is on that side too. */
  #hopBeyond(dst: RingAddress, best: RingAddress, isRefused: (hop: RingAddress) => boolean): Peer | undefined {
    const self = this.#core.address;
    const isAbove = !isClockwiseOf(dst, best);
    let nearest: RingAddress | undefined;
    for (const candidate of this.#peers.aroundOf(dst, HOPS_TRIED)) {
      if (isRefused(candidate) || isClockwiseOf(dst, candidate) !== isAbove) continue;
      if (self !== best && compareDistance(dst, candidate, self) >= 0) continue;
      if (!nearest || compareDistance(dst, candidate, nearest) < 0) nearest = candidate;
    }
    return nearest === undefined ? undefined : this.#peers.get(nearest);
  }

  #nextHop(routed: Routed, from: Peer | undefined, tried: ReadonlySet<RingAddress>): Peer | undefined {
    const core = this.#core;
    const { dst, src } = routed;
    const exact = this.#peers.get(dst);
    if (routed.mode === "exact" && exact?.live && !tried.has(dst)) return exact;
    const isRefused = (hop: RingAddress) => tried.has(hop) || hop === src || hop === from?.address;
    if (routed.best !== undefined) return this.#hopBeyond(dst, routed.best, isRefused);
    // In mode nearest the key may belong to this node's own neighbourhood, which near edges know best.
    const far =
      core.member && routed.mode === "exact" ? this.#lookahead.nextHop(dst, core.address, isRefused) : undefined;
    if (far) return this.#peers.get(far);
    let best: RingAddress | undefined;
    for (const candidate of this.#peers.aroundOf(dst, HOPS_TRIED)) {
      if (isRefused(candidate)) continue;
      if (!best || compareDistance(dst, candidate, best) < 0) best = candidate;
    }
    // The key itself may be a member's address: then it is the nearest of all, unless it asks about its own place.
    if (routed.mode === "nearest" && dst !== src && exact?.live && exact.member && !tried.has(dst)) best = dst;
    if (!best) return undefined;
    if (core.member && compareDistance(dst, core.address, best) <= 0 && !(dst === core.address && src === core.address))
      return undefined;
    return this.#peers.get(best);
  }

  /** A hop that is silent is asked again, and at the same time the next best one: a double is dropped where they meet. */
  #send(hop: Peer, routed: Routed, handing: Handing): void {
    const from = () => this.#homes.get(routed.rid)?.from;
    handing.tried.add(hop.address);
    handing.waiting++;
    this.#control.sendAcked(hop, routed, TRIES_A_HOP, {
      onAck: () => {
        handing.isDone = true;
      },
      onSlow: () => {
        this.#silent(hop);
        if (handing.isDone || handing.tried.size >= HOPS_TRIED) return;
        const other = this.#nextHop(routed, from(), handing.tried);
        if (other) this.#send(other, routed, handing);
      },
      onFail: () => {
        this.#silent(hop);
        handing.waiting--;
        if (handing.isDone || handing.waiting > 0) return;
        if (handing.tried.size >= HOPS_TRIED) return this.#core.drop("no hop acknowledges");
        this.#forward(routed, from(), handing);
      },
    });
  }

  #arrived(routed: Routed, from: Peer | undefined): void {
    const message = decodeBody(routed.innerType, routed.inner);
    if (!message) return this.#core.drop("routed message malformed");
    this.#deliver({
      src: routed.src,
      dst: routed.dst,
      message,
      hops: routed.hops,
      from,
      answer: (answer) => this.#answer(routed, from, answer),
    });
  }

  #answer(routed: Routed, from: Peer | undefined, message: Message): void {
    const { type, body } = encodeBody(message);
    const answer: Routed = {
      ...routed,
      best: undefined,
      ttl: TTL,
      back: true,
      hops: 0,
      dst: routed.src,
      src: this.#core.address,
      innerType: type,
      inner: body,
    };
    if (!from) return this.#bringHome(answer);
    if (from.up)
      this.#control.sendAcked(from, answer, TRIES_A_HOP + 1, {
        onFail: () => this.#core.drop("answer not acknowledged"),
      });
  }

  #bringHome(routed: Routed): void {
    const core = this.#core;
    const beyond = this.#beyond.get(routed.rid);
    if (beyond) {
      if (routed.innerType === NO_ROUTE) return this.#settle(routed.rid);
      this.#beyond.delete(routed.rid);
      beyond.timer.cancel();
      return this.#bringHome({ ...routed, rid: beyond.routed.rid });
    }
    const home = this.#homes.get(routed.rid);
    if (!home) return core.drop("answer unexpected");
    if (home.from) {
      if (routed.ttl === 0 || !home.from.up) return core.drop("answer lost");
      this.#control.sendAcked(home.from, { ...routed, ttl: routed.ttl - 1, hops: routed.hops + 1 }, TRIES_A_HOP + 1, {
        onFail: () => core.drop("answer not acknowledged"),
      });
      return;
    }
    const pending = this.#pending.get(routed.rid);
    if (!pending) return core.drop("answer unexpected");
    const message = decodeBody(routed.innerType, routed.inner);
    if (!message) return core.drop("answer malformed");
    const { onPass, dst, mode } = pending.options;
    if (onPass && mode === "exact" && routed.src !== dst && message.type !== "noRoute")
      return onPass(message, routed.src);
    pending.timer.cancel();
    this.#pending.delete(routed.rid);
    pending.options.onAnswer(message, routed.src, core.now - pending.sentAt);
  }

  #failOwn(rid: bigint): void {
    const pending = this.#pending.get(rid);
    if (!pending) return;
    pending.timer.cancel();
    this.#pending.delete(rid);
    pending.options.onTimeout();
  }

  #newRid(): bigint {
    return (BigInt(this.#core.entropy.u32()) << 32n) | BigInt(this.#core.entropy.u32());
  }

  #remember(rid: bigint, from: Peer | undefined): void {
    const { now } = this.#core;
    for (const [old, home] of this.#homes) {
      if (now - home.at < RID_LIFE_MS && this.#homes.size < RIDS_IN_ALL) break;
      this.#homes.delete(old);
      if (home.from) {
        const left = (this.#ridsOfEdge.get(home.from.slot) ?? 1) - 1;
        if (left > 0) this.#ridsOfEdge.set(home.from.slot, left);
        else this.#ridsOfEdge.delete(home.from.slot);
      }
    }
    this.#homes.set(rid, { from, at: now });
    if (from) this.#ridsOfEdge.set(from.slot, (this.#ridsOfEdge.get(from.slot) ?? 0) + 1);
  }
}

/** Whether `address` lies in the half ring that follows `target` clockwise. */
export function isClockwiseOf(target: RingAddress, address: RingAddress): boolean {
  return clockwiseDistance(target, address) <= clockwiseDistance(address, target);
}

function newHanding(): Handing {
  return { tried: new Set(), waiting: 0, isDone: false };
}

/** Whether `a` is strictly nearer to `target` than `b`. */
export function isNearer(target: RingAddress, a: RingAddress, b: RingAddress): boolean {
  return ringDistance(a, target) < ringDistance(b, target);
}
