/**
 * Makes edges: asks a peer over the ring (LINK), agrees keys in the same exchange, then brings up a path: direct checks
 * and a relay at the same time (docs/protocol.md, "Linking").
 */
import { EDGE_HARD_LIMIT, FAILED_HOLD_MS, LINK_TIMEOUT_MS, LINKS_AT_ONCE, NO_RELAY_HOLD_MS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { RingAddress } from "../ring/address.ts";
import type { RoutedRequest, Router } from "../ring/router.ts";
import type { Timer } from "../timers.ts";
import { MAX_REFER_BRIEFS } from "../wire/ring-messages.ts";
import type { Brief, Desc, EdgeKind, MessageOf } from "../wire/types.ts";
import type { Control } from "./control.ts";
import type { Descs } from "./descs.ts";
import type { Handshakes } from "./handshakes.ts";
import { REFER_FULL } from "./leaves.ts";
import type { Paths } from "./paths.ts";
import type { Peer } from "./peer.ts";
import type { Peers } from "./peers.ts";
import type { Relays } from "./relays.ts";

export interface LinkerHooks {
  /** The attempt ended; `live` tells whether an edge is up now. */
  attemptEnded(address: RingAddress, kind: EdgeKind, live: boolean): void;
  /** Another edge of that kind may be opened to this node. */
  hasRoom(kind: EdgeKind): boolean;
  /** Whom a node that finds no room here may ask instead. */
  refer(asker: RingAddress): Brief[];
  /** Whether a link to that member failed lately for want of room. */
  wasRefused(address: RingAddress): boolean;
  /** That member has no room for an edge of that kind. */
  refused(address: RingAddress, kind: EdgeKind): void;
}

interface Attempt {
  readonly address: RingAddress;
  readonly kind: EdgeKind;
  readonly teller: RingAddress | undefined;
  readonly nonce: bigint;
  readonly deadline: Timer;
  readonly startedAt: number;
  /** Its descriptor is asked of the teller; or the peer itself is asked; or paths are tried. */
  state: "descriptor" | "asking" | "paths";
  initIndex: number | undefined;
  asked: number;
  /** Neighbours that LINK was handed to. */
  readonly tellers: Set<RingAddress>;
}

const ASKS = 4;
const DESC_WAIT_MS = 500;
const EASY_WAIT_MS = 1_500;

export class Linker {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #router: Router;
  readonly #handshakes: Handshakes;
  readonly #paths: Paths;
  readonly #relays: Relays;
  readonly #descs: Descs;
  readonly #hooks: LinkerHooks;
  readonly #attempts = new Map<RingAddress, Attempt>();
  readonly #holds = new Map<RingAddress, number>();
  #releasedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: {
    core: Core;
    peers: Peers;
    control: Control;
    router: Router;
    handshakes: Handshakes;
    paths: Paths;
    relays: Relays;
    descs: Descs;
    hooks: LinkerHooks;
  }) {
    this.#core = parts.core;
    this.#peers = parts.peers;
    this.#control = parts.control;
    this.#router = parts.router;
    this.#handshakes = parts.handshakes;
    this.#paths = parts.paths;
    this.#relays = parts.relays;
    this.#descs = parts.descs;
    this.#hooks = parts.hooks;
  }

  get busy(): boolean {
    return this.#attempts.size >= LINKS_AT_ONCE;
  }

  isTrying(address: RingAddress): boolean {
    return this.#attempts.has(address);
  }

  /** Members to which an edge of that kind is being made. */
  underWay(kind: EdgeKind): RingAddress[] {
    return [...this.#attempts.values()].filter((attempt) => attempt.kind === kind).map(({ address }) => address);
  }

  /** A member that failed lately is not asked again for a while. */
  isHeld(address: RingAddress): boolean {
    const until = this.#holds.get(address);
    if (until === undefined) return false;
    if (until > this.#core.now) return true;
    this.#holds.delete(address);
    return false;
  }

  /** Something came from that peer: it may be asked again. */
  release(address: RingAddress): void {
    this.#holds.delete(address);
  }

  /** Parts of the ring meet: whoever was out of reach may be asked again. */
  releaseAll(): void {
    this.#holds.clear();
    this.#releasedAt = this.#core.now;
  }

  /** Starts making an edge of that kind; false where it is held, already tried, there, or too many are under way. */
  want(address: RingAddress, kind: EdgeKind, teller?: RingAddress): boolean {
    const core = this.#core;
    if (address === core.address || this.#attempts.has(address) || this.isHeld(address)) return false;
    const peer = this.#peers.get(address);
    if (peer?.live && peer.ours.has(kind)) return false;
    if (this.busy && kind !== "near") return false;
    if (this.#attempts.size >= 2 * LINKS_AT_ONCE) return false;
    if (kind !== "near" && !peer?.live && this.#peers.edges().length >= EDGE_HARD_LIMIT) return false;
    const attempt: Attempt = {
      address,
      kind,
      teller,
      nonce: (BigInt(core.entropy.u32()) << 32n) | BigInt(core.entropy.u32()),
      deadline: core.after(LINK_TIMEOUT_MS, "link", () => this.#end(attempt, false)),
      startedAt: core.now,
      state: "asking",
      initIndex: undefined,
      asked: 0,
      tellers: new Set(),
    };
    this.#attempts.set(address, attempt);
    // A session by another way has told both ends where to knock. Who has no room does not open.
    if (kind === "shortcut" && peer?.up && peer.active && !peer.direct && !this.#hooks.wasRefused(address)) {
      this.#control.send(peer, { type: "punchAt", delayMs: 0 });
      this.#paths.punch(peer, peer.tas);
    }
    if (!this.#askForDesc(attempt)) this.#ask(attempt);
    return true;
  }

  /** The neighbour that told of the peer has its descriptor at hand, which spares asking the peer twice. */
  #askForDesc(attempt: Attempt): boolean {
    const teller = attempt.teller === undefined ? undefined : this.#peers.get(attempt.teller);
    if (!teller?.up || this.#descs.get(attempt.address) || this.#peers.get(attempt.address)?.live) return false;
    attempt.state = "descriptor";
    this.#control.send(teller, { type: "descGet", addresses: [attempt.address] });
    this.#core.after(Math.max(DESC_WAIT_MS, 2 * (teller.srttMs ?? 0)), "descriptor", () => {
      if (this.#attempts.get(attempt.address) !== attempt || attempt.state !== "descriptor") return;
      attempt.state = "asking";
      this.#ask(attempt);
    });
    return true;
  }

  /** An edge became live, by whichever way. */
  edgeLive(peer: Peer): void {
    this.release(peer.address);
    const attempt = this.#attempts.get(peer.address);
    // Who is near is near to both ends, whoever asked; other kinds are told.
    const isDone = attempt && (peer.ours.has(attempt.kind) || (attempt.kind === "near" && peer.theirs.has("near")));
    if (isDone) this.#end(attempt, true);
  }

  /** Descriptors came, or the teller has none: whoever waits for one asks its peer now. */
  descsLearned(teller: Peer, count: number): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.state !== "descriptor") continue;
      if (!this.#descs.get(attempt.address) && !(count === 0 && attempt.teller === teller.address)) continue;
      attempt.state = "asking";
      this.#ask(attempt);
    }
  }

  onLink(request: RoutedRequest, link: MessageOf<"link">): void {
    const core = this.#core;
    const from = request.src;
    if (from === core.address) return core.drop("link to self");
    if (!this.#descs.learn(link.desc, from)) return core.drop("descriptor refused");
    this.release(from);
    const known = this.#peers.get(from);
    const isFull = !known?.live && !this.#hooks.hasRoom(link.kind);
    const refuse = () =>
      request.answer({ type: "refer", reason: REFER_FULL, briefs: this.#hooks.refer(from).slice(0, MAX_REFER_BRIEFS) });
    if (link.init.length === 0) {
      if (isFull && link.kind === "shortcut") return refuse();
      request.answer({ type: "linkOk", nonce: link.nonce, desc: core.desc(), resp: EMPTY });
      if (!known?.up) return;
      this.#flags(known, link.desc);
      this.#take(known, link.kind);
      return;
    }
    if (isFull) return refuse();
    const wasUp = known?.up ?? false;
    const answer = this.#handshakes.answerLinkInit(from, link.init);
    if (!answer) return;
    const peer = answer.peer;
    peer.theirs.add(link.kind);
    this.#flags(peer, link.desc);
    peer.desc = this.#descs.get(from) ?? link.desc;
    request.answer({ type: "linkOk", nonce: link.nonce, desc: core.desc(), resp: answer.packet });
    if (wasUp && peer.active && peer.active.path.kind !== "ring") return;
    // Our first checks open our NAT, if there is one, while the answer travels; the asker's come when it arrives.
    peer.tas = answer.tas;
    this.#paths.punch(peer, answer.tas, core.natKind === "public");
  }

  /** A descriptor may be older than what the peer told since: membership, once reached, stays. */
  #flags(peer: Peer, desc: Desc): void {
    this.#peers.setFlags(peer, { ...desc.flags, member: desc.flags.member || peer.flags.member });
  }

  /** The peer opened this edge for that reason too. */
  #take(peer: Peer, kind: EdgeKind): void {
    const wasLive = peer.live;
    peer.theirs.add(kind);
    // A session that was kept for traffic or a question has become an edge: both ends tell each other what they know.
    if (!wasLive && peer.live) this.#hooks.attemptEnded(peer.address, kind, true);
  }

  clear(): void {
    for (const attempt of this.#attempts.values()) attempt.deadline.cancel();
    this.#attempts.clear();
    this.#holds.clear();
    this.#releasedAt = Number.NEGATIVE_INFINITY;
  }

  #ask(attempt: Attempt): void {
    const core = this.#core;
    const { address, kind } = attempt;
    const peer = this.#peers.get(address);
    const desc = this.#descs.get(address);
    const usable = peer?.up && peer.active && peer.active.path.kind !== "ring";
    if (!usable && !desc) return this.#askPeerForDesc(attempt);
    let init: Uint8Array = EMPTY;
    if (!usable && desc) {
      if (attempt.initIndex !== undefined) this.#handshakes.abandon(attempt.initIndex);
      const made = this.#handshakes.initForLink(desc, address, kind, () => {});
      attempt.initIndex = made.index;
      init = made.packet;
    }
    attempt.asked++;
    const teller = this.#tellerFor(attempt);
    const wait = Math.max(1_500, 3 * (teller?.srttMs ?? 300));
    this.#router.request({
      dst: address,
      mode: "exact",
      message: { type: "link", nonce: attempt.nonce, kind, desc: core.desc(), init },
      firstHop: usable ? peer : teller,
      timeoutMs: wait,
      onAnswer: (answer, from) => {
        if (this.#attempts.get(address) !== attempt || attempt.state !== "asking") return;
        if (answer.type === "linkOk" && from === address && answer.nonce === attempt.nonce)
          return this.#onLinkOk(attempt, answer);
        if (answer.type === "refer") {
          this.#hooks.refused(address, attempt.kind);
          const peer = this.#peers.get(address);
          if (attempt.kind === "shortcut" && peer && !peer.live) this.#paths.giveUpDirect(peer);
          return this.#end(attempt, false);
        }
        this.#askAgain(attempt);
      },
      onTimeout: () => {
        if (this.#attempts.get(address) === attempt && attempt.state === "asking") this.#askAgain(attempt);
      },
    });
  }

  /** Nobody at hand knows its keys: it tells them itself, and is asked for the edge then. */
  #askPeerForDesc(attempt: Attempt): void {
    const { address } = attempt;
    attempt.asked++;
    const teller = this.#tellerFor(attempt);
    this.#router.request({
      dst: address,
      mode: "exact",
      message: { type: "descGet", addresses: [address] },
      firstHop: teller,
      timeoutMs: Math.max(1_500, 3 * (teller?.srttMs ?? 300)),
      onAnswer: (answer) => {
        if (this.#attempts.get(address) !== attempt || attempt.state !== "asking") return;
        if (answer.type === "desc") for (const desc of answer.descs) this.#descs.learn(desc);
        if (!this.#descs.get(address)) return this.#askAgain(attempt);
        if (teller) attempt.tellers.delete(teller.address); // The way by it works.
        this.#ask(attempt);
      },
      onTimeout: () => {
        if (this.#attempts.get(address) === attempt && attempt.state === "asking") this.#askAgain(attempt);
      },
    });
  }

  /** While a ring forms, routing may not lead to a new member yet: a neighbour that told of an edge to it does, each tried once. */
  #tellerFor(attempt: Attempt): Peer | undefined {
    let best: Peer | undefined;
    for (const peer of this.#peers.edges()) {
      if (!peer.neighbours.has(attempt.address) || attempt.tellers.has(peer.address)) continue;
      if (!best || (peer.srttMs ?? 1e9) < (best.srttMs ?? 1e9)) best = peer;
    }
    const named = attempt.teller === undefined ? undefined : this.#peers.get(attempt.teller);
    const teller = best ?? (named?.up ? named : undefined);
    if (teller) attempt.tellers.add(teller.address);
    return teller;
  }

  #askAgain(attempt: Attempt): void {
    if (attempt.asked >= ASKS) return this.#end(attempt, false);
    this.#core.after(200, "link again", () => {
      if (this.#attempts.get(attempt.address) === attempt && attempt.state === "asking") this.#ask(attempt);
    });
  }

  #onLinkOk(attempt: Attempt, answer: MessageOf<"linkOk">): void {
    const { address, kind } = attempt;
    if (!this.#descs.learn(answer.desc, address)) return this.#end(attempt, false);
    if (answer.resp.length === 0) {
      const peer = this.#peers.get(address);
      if (peer?.up && peer.active && peer.active.path.kind !== "ring") {
        peer.ours.add(kind);
        this.#flags(peer, answer.desc);
        this.#peers.edgesChanged();
        return this.#end(attempt, true);
      }
      // Now its keys are known: the second question carries the handshake.
      return attempt.asked < ASKS ? this.#ask(attempt) : this.#end(attempt, false);
    }
    attempt.state = "paths";
    const isDone = this.#handshakes.onLinkResp({ kind: "ring", peer: address }, answer.resp);
    const peer = this.#peers.get(address);
    // A later handshake with the same peer may have overtaken this one: its session serves.
    if (!peer || !(isDone || peer.up)) return this.#end(attempt, false);
    peer.ours.add(kind);
    this.#flags(peer, answer.desc);
    peer.desc = this.#descs.get(address);
    if (peer.live) {
      this.#peers.edgesChanged();
      this.#core.emit({ kind: "sendEmpty", slot: peer.slot });
      return this.#end(attempt, true);
    }
    // Both asked at once: the checks that our answer began went out under keys that the peer had not yet.
    if (peer.punchingSince !== undefined) this.#paths.checkNow(peer, peer.tas);
    this.bringUp(peer, attempt.teller);
  }

  /** Direct checks at once; the ring and a relay beside them, or where one end is public when these had no answer. */
  bringUp(peer: Peer, teller?: RingAddress): void {
    const core = this.#core;
    this.#paths.expectPaths(peer);
    this.#paths.punch(peer, peer.tas);
    const easy = peer.flags.public || core.natKind === "public";
    const around = () => {
      if (!peer.up || peer.live) return;
      if (core.member && peer.member && !peer.active) this.#paths.probe(peer, { kind: "ring" });
      this.#relays.ensure(peer, teller);
    };
    if (easy) core.after(EASY_WAIT_MS, "relay for a new edge", around);
    else around();
  }

  #end(attempt: Attempt, live: boolean): void {
    if (this.#attempts.get(attempt.address) !== attempt) return;
    this.#attempts.delete(attempt.address);
    attempt.deadline.cancel();
    if (attempt.initIndex !== undefined) this.#handshakes.abandon(attempt.initIndex);
    if (!live) {
      const peer = this.#peers.get(attempt.address);
      // What was asked while the ring was another one says little.
      const isStale = attempt.startedAt <= this.#releasedAt;
      const hold = attempt.state === "paths" || isStale || !this.#core.member ? NO_RELAY_HOLD_MS : FAILED_HOLD_MS / 4;
      this.#holds.set(attempt.address, this.#core.now + hold);
      if (peer && !peer.live) peer.ours.delete(attempt.kind);
    }
    this.#hooks.attemptEnded(attempt.address, attempt.kind, live);
  }
}

const EMPTY = new Uint8Array(0);
