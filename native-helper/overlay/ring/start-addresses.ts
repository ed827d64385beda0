/** The transport addresses that this node starts from: a few are dialled at a time until somebody answers. */
import type { SocketAddress } from "../boundary.ts";
import { ALONE_RETRY_MS, DIAL_GAP_MS, DIALS_AT_ONCE } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Handshakes } from "../link/handshakes.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";

const SMALL_LIST = 2;
const AGAIN_SOON_MS = 500;
/** One that is silent this long gives its turn to the next; its handshake goes on. */
const DIAL_TURN_MS = 1_000;

export interface StartHooks {
  /** An address leads back to this node. */
  foundSelf(): void;
  /** A start address answered. */
  answered(peer: Peer): void;
  /** Where peers met before last answered, newest first. */
  past(): readonly SocketAddress[];
}

export class StartAddresses {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #handshakes: Handshakes;
  readonly #hooks: StartHooks;
  /** Addresses that lead back to this node. */
  readonly #own = new Set<SocketAddress>();
  readonly #dialing = new Set<SocketAddress>();
  #listed: readonly SocketAddress[] = [];
  /** Of those being dialled, how many have been so for a moment only. */
  #turns = 0;
  #queue: SocketAddress[] = [];
  #timer: Timer | undefined;
  #isRunning = false;
  /** Whether any of them answered since the start. */
  anyAnswer = false;

  constructor(core: Core, peers: Peers, handshakes: Handshakes, hooks: StartHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#handshakes = handshakes;
    this.#hooks = hooks;
  }

  /** Those that are not this node itself. */
  get foreign(): SocketAddress[] {
    return this.#listed.filter((address) => !this.#own.has(address));
  }

  /** Nothing is dialled or waits for it. */
  get isIdle(): boolean {
    return this.#dialing.size === 0 && this.#queue.length === 0;
  }

  set(addresses: readonly SocketAddress[]): void {
    const added = addresses.filter((address) => !this.#listed.includes(address));
    this.#listed = [...addresses];
    if (added.length > 0) this.#enqueue(added);
  }

  /** Dials the listed ones and past peers in random order. */
  start(): void {
    this.#isRunning = true;
    this.#enqueue([...this.#listed, ...this.#hooks.past()]);
    this.#core.after(ALONE_RETRY_MS, "start addresses again", () => this.#again());
  }

  stop(): void {
    this.#isRunning = false;
    this.#queue = [];
    this.#dialing.clear();
    this.#turns = 0;
    this.#timer = undefined;
    this.anyAnswer = false;
  }

  /** The last edge is gone. */
  againSoon(): void {
    this.#core.after(AGAIN_SOON_MS, "start addresses again", () => {
      if (this.#peers.edges().length === 0) this.#enqueue([...this.#listed, ...this.#hooks.past()]);
    });
  }

  /** Dials one start address or past peer without an edge, for a question only; `then` where it answers. */
  dialOutside(then: (peer: Peer) => void): void {
    const others = [...new Set([...this.foreign, ...this.#hooks.past()])].filter(
      (address) => !this.#own.has(address) && !this.#isConnected(address) && !this.#dialing.has(address),
    );
    const remote = others[this.#core.entropy.u32() % Math.max(1, others.length)];
    if (remote === undefined) return;
    this.#dialing.add(remote);
    this.#handshakes.dial({ kind: "udp", remote }, undefined, (result) => {
      this.#dialing.delete(remote);
      if (result.kind === "self") this.#own.add(remote);
      if (result.kind === "up") then(result.peer);
    });
  }

  #again(): void {
    if (this.#peers.edges().length === 0) this.#enqueue([...this.#listed, ...this.#hooks.past()]);
    this.#core.after(ALONE_RETRY_MS, "start addresses again", () => this.#again());
  }

  #enqueue(addresses: readonly SocketAddress[]): void {
    if (!this.#isRunning) return;
    const fresh = addresses.filter(
      (address) => !this.#own.has(address) && !this.#queue.includes(address) && !this.#isConnected(address),
    );
    const queue = [...new Set(fresh)];
    for (let i = queue.length - 1; i > 0; i--) {
      const j = this.#core.entropy.u32() % (i + 1);
      [queue[i], queue[j]] = [queue[j] as SocketAddress, queue[i] as SocketAddress];
    }
    this.#queue.push(...queue);
    this.#dialNext();
  }

  #dialNext(): void {
    if (this.#timer?.run || this.#queue.length === 0 || !this.#isRunning) return;
    if (this.#turns >= DIALS_AT_ONCE) return;
    // One start address that answers is enough to join; small lists are tried whole, since each tells about our NAT.
    if (this.anyAnswer && this.#queue.length > SMALL_LIST && this.#peers.edges().length > 0) return;
    const remote = this.#queue.shift() as SocketAddress;
    this.#timer = this.#core.after(DIAL_GAP_MS, "next start address", () => this.#dialNext());
    if (this.#dialing.has(remote) || this.#isConnected(remote)) return;
    this.#dialing.add(remote);
    this.#turns++;
    const turn = this.#core.after(DIAL_TURN_MS, "next start address", () => this.#endTurn());
    this.#handshakes.dial({ kind: "udp", remote }, "leaf", (result) => {
      this.#dialing.delete(remote);
      if (result.kind === "self") {
        this.#own.add(remote);
        this.#hooks.foundSelf();
      }
      if (result.kind === "up") {
        this.anyAnswer = true;
        this.#hooks.answered(result.peer);
      }
      if (turn.run) {
        turn.cancel();
        this.#endTurn();
      }
    });
  }

  #endTurn(): void {
    this.#turns = Math.max(0, this.#turns - 1);
    this.#dialNext();
  }

  #isConnected(remote: SocketAddress): boolean {
    for (const peer of this.#peers.all()) {
      if (peer.up && peer.active?.path.kind === "udp" && peer.active.path.remote === remote) return true;
    }
    return false;
  }
}
