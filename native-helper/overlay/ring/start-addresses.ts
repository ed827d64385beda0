/** The transport addresses that this node starts from: a few are dialled at a time until somebody answers. */
import type { DirectPath, SocketAddress } from "../boundary.ts";
import { ALONE_RETRY_MS, DIAL_GAP_MS, DIALS_AT_ONCE, TCP_AFTER_MS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Handshakes } from "../link/handshakes.ts";
import { isDirect, type Peer, pathId } from "../link/peer.ts";
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
  past(): readonly DirectPath[];
  /** Packets go to that address by UDP, and it should answer. */
  askedByUdp(remote: SocketAddress): void;
}

export class StartAddresses {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #handshakes: Handshakes;
  readonly #hooks: StartHooks;
  /** Addresses that lead back to this node. */
  readonly #own = new Set<SocketAddress>();
  readonly #dialing = new Set<string>();
  #listed: readonly DirectPath[] = [];
  /** Of those being dialled, how many have been so for a moment only. */
  #turns = 0;
  #queue: DirectPath[] = [];
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
    return [...new Set(this.#listed.map(({ remote }) => remote).filter((remote) => !this.#own.has(remote)))];
  }

  /** Nothing is dialled or waits for it. */
  get isIdle(): boolean {
    return this.#dialing.size === 0 && this.#queue.length === 0;
  }

  /** `addresses` are written for UDP, `streams` for TCP; the transport of this node decides how they are dialled. */
  set(addresses: readonly SocketAddress[], streams: readonly SocketAddress[]): void {
    const known = new Set(this.#listed.map(pathId));
    this.#listed = this.#startsOf(addresses, streams);
    const added = this.#listed.filter((start) => !known.has(pathId(start)));
    if (added.length > 0) this.#enqueue(added);
  }

  /** Dials the listed ones and past peers in random order. */
  start(): void {
    this.#isRunning = true;
    this.#enqueue(this.#all());
    this.#core.roughlyAfter(ALONE_RETRY_MS, "start addresses again", () => this.#again());
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
      if (this.#peers.edges().length === 0) this.#enqueue(this.#all());
    });
  }

  /** Dials one start address or past peer without an edge, for a question only; `then` where it answers. */
  dialOutside(then: (peer: Peer) => void): void {
    const others = unique(this.#all()).filter(
      (start) => !this.#own.has(start.remote) && !this.#isConnected(start) && !this.#dialing.has(pathId(start)),
    );
    const start = others[this.#core.entropy.u32() % Math.max(1, others.length)];
    if (start === undefined) return;
    const dial = (path: DirectPath) => {
      const id = pathId(path);
      this.#dialing.add(id);
      this.#handshakes.dial(path, undefined, (result) => {
        this.#dialing.delete(id);
        if (result.kind === "self") this.#own.add(path.remote);
        if (result.kind === "up") then(result.peer);
      });
    };
    dial(start);
    this.#fallBack(start, TCP_AFTER_MS, dial);
  }

  #all(): DirectPath[] {
    const { usesUdp, usesTcp } = this.#core;
    return [...this.#listed, ...this.#hooks.past().filter(({ kind }) => (kind === "udp" ? usesUdp : usesTcp))];
  }

  #startsOf(addresses: readonly SocketAddress[], streams: readonly SocketAddress[]): DirectPath[] {
    const { usesUdp, usesTcp } = this.#core;
    const udp = usesUdp ? addresses.map((remote): DirectPath => ({ kind: "udp", remote })) : [];
    // Where TCP alone is used, an address written for UDP names the same host and port.
    const forTcp = usesUdp ? streams : [...new Set([...addresses, ...streams])];
    const tcp = usesTcp ? forTcp.map((remote): DirectPath => ({ kind: "tcp", remote })) : [];
    return [...udp, ...tcp];
  }

  #again(): void {
    if (this.#peers.edges().length === 0) this.#enqueue(this.#all());
    this.#core.roughlyAfter(ALONE_RETRY_MS, "start addresses again", () => this.#again());
  }

  #enqueue(starts: readonly DirectPath[]): void {
    if (!this.#isRunning) return;
    const waiting = new Set(this.#queue.map(pathId));
    const queue = unique(starts).filter(
      (start) => !this.#own.has(start.remote) && !waiting.has(pathId(start)) && !this.#isConnected(start),
    );
    for (let i = queue.length - 1; i > 0; i--) {
      const j = this.#core.entropy.u32() % (i + 1);
      [queue[i], queue[j]] = [queue[j] as DirectPath, queue[i] as DirectPath];
    }
    this.#queue.push(...queue);
    this.#dialNext();
  }

  #dialNext(): void {
    if (this.#timer?.run || this.#queue.length === 0 || !this.#isRunning) return;
    if (this.#turns >= DIALS_AT_ONCE) return;
    // One start address that answers is enough to join; small lists are tried whole, since each tells about our NAT.
    if (this.anyAnswer && this.#queue.length > SMALL_LIST && this.#peers.edges().length > 0) return;
    const start = this.#queue.shift() as DirectPath;
    this.#timer = this.#core.after(DIAL_GAP_MS, "next start address", () => this.#dialNext());
    if (this.#dialing.has(pathId(start)) || this.#isConnected(start)) return;
    this.#dial(start);
    this.#fallBack(
      start,
      TCP_AFTER_MS,
      (stream) => this.#dial(stream),
      () => this.#peers.edges().length === 0,
    );
    // With an edge there is no hurry.
    this.#fallBack(start, 2 * TCP_AFTER_MS, (stream) => this.#dial(stream));
  }

  #dial(start: DirectPath): void {
    const id = pathId(start);
    this.#dialing.add(id);
    if (start.kind === "udp") this.#hooks.askedByUdp(start.remote);
    this.#turns++;
    const turn = this.#core.after(DIAL_TURN_MS, "next start address", () => this.#endTurn());
    this.#handshakes.dial(start, "leaf", (result) => {
      this.#dialing.delete(id);
      if (result.kind === "self") {
        this.#own.add(start.remote);
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

  /** Where no UDP comes back from a start address, the same host and port are tried by TCP. */
  #fallBack(start: DirectPath, afterMs: number, dial: (stream: DirectPath) => void, isDue = () => true): void {
    if (start.kind !== "udp" || !this.#core.usesTcp) return;
    const stream: DirectPath = { kind: "tcp", remote: start.remote };
    this.#core.after(afterMs, "start address by TCP", () => {
      const isWaiting = this.#isRunning && this.#dialing.has(pathId(start)) && !this.#own.has(start.remote);
      if (isWaiting && !this.#dialing.has(pathId(stream)) && isDue()) dial(stream);
    });
  }

  #isConnected({ remote }: DirectPath): boolean {
    for (const peer of this.#peers.all()) {
      const path = peer.up ? peer.active?.path : undefined;
      if (path && isDirect(path) && path.remote === remote) return true;
    }
    return false;
  }
}

function unique(starts: readonly DirectPath[]): DirectPath[] {
  return [...new Map(starts.map((start) => [pathId(start), start])).values()];
}
