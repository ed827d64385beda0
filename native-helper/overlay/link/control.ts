/** CTRL frames to one peer: numbering, acknowledgement with repetition, and the refusal of doubles. */
import type { Path } from "../boundary.ts";
import { ACK_LEAST_MS, ACK_MEMORY_MS, ACKS_REMEMBERED } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Timer } from "../timers.ts";
import { encodeCtrl } from "../wire/ctrl.ts";
import type { Ctrl, Message } from "../wire/types.ts";
import type { Peer } from "./peer.ts";

interface SendOptions {
  readonly path?: Path;
  /** Marks an answer to a request of the same id. */
  readonly answer?: boolean;
  readonly id?: number;
}

export interface AckHooks {
  /** No try was acknowledged, or the peer is gone. */
  onFail?(): void;
  onAck?(): void;
  /** The first try was not acknowledged in time. */
  onSlow?(): void;
}

interface Waiting {
  readonly peer: Peer;
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly hooks: AckHooks;
  isSlow: boolean;
  triesLeft: number;
  timer: Timer;
}

export class Control {
  readonly #core: Core;
  readonly #waiting = new Map<string, Waiting>();
  /** Ids seen with the acknowledgement flag, by slot; the value is when. */
  readonly #seen = new Map<number, Map<number, number>>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Sends once; returns the id. */
  send(peer: Peer, message: Message, options: SendOptions = {}): number {
    const id = options.id ?? this.#newId(peer);
    const bytes = encodeCtrl({ ackWanted: false, answer: options.answer ?? false, id, message });
    this.#core.emit({ kind: "sendCtrl", slot: peer.slot, bytes, ...(options.path && { path: options.path }) });
    return id;
  }

  /** Sends until acknowledged, `tries` times in all. */
  sendAcked(peer: Peer, message: Message, tries: number, hooks: AckHooks): void {
    const id = this.#newId(peer);
    const bytes = encodeCtrl({ ackWanted: true, answer: false, id, message });
    this.#core.emit({ kind: "sendCtrl", slot: peer.slot, bytes });
    const timer = this.#timer(peer, id);
    const waiting: Waiting = { peer, id, bytes, hooks, isSlow: false, triesLeft: tries - 1, timer };
    this.#waiting.set(`${peer.slot}:${id}`, waiting);
  }

  onAck(peer: Peer, id: number): void {
    const name = `${peer.slot}:${id}`;
    const waiting = this.#waiting.get(name);
    if (!waiting) return;
    waiting.timer.cancel();
    this.#waiting.delete(name);
    waiting.hooks.onAck?.();
  }

  /** Answers the wish for an acknowledgement; false where the message came before. */
  accept(peer: Peer, path: Path, ctrl: Ctrl): boolean {
    if (!ctrl.ackWanted) return true;
    const core = this.#core;
    core.emit({
      kind: "sendCtrl",
      slot: peer.slot,
      path,
      bytes: encodeCtrl({ ackWanted: false, answer: true, id: ctrl.id, message: { type: "ack", id: ctrl.id } }),
    });
    let seen = this.#seen.get(peer.slot);
    if (!seen) {
      seen = new Map();
      this.#seen.set(peer.slot, seen);
    }
    const at = seen.get(ctrl.id);
    if (at !== undefined && core.now - at < ACK_MEMORY_MS) {
      core.drop("control message twice");
      return false;
    }
    seen.delete(ctrl.id);
    seen.set(ctrl.id, core.now);
    for (const [id, when] of seen) {
      if (seen.size <= ACKS_REMEMBERED && core.now - when < ACK_MEMORY_MS) break;
      seen.delete(id);
    }
    return true;
  }

  /** The peer is gone or started anew: nothing waits for it any more, and its numbering begins again. */
  forget(peer: Peer): void {
    this.#seen.delete(peer.slot);
    const failed: Waiting[] = [];
    for (const [name, waiting] of this.#waiting) {
      if (waiting.peer !== peer) continue;
      waiting.timer.cancel();
      this.#waiting.delete(name);
      failed.push(waiting);
    }
    for (const waiting of failed) waiting.hooks.onFail?.();
  }

  clear(): void {
    for (const waiting of this.#waiting.values()) waiting.timer.cancel();
    this.#waiting.clear();
    this.#seen.clear();
  }

  #newId(peer: Peer): number {
    const id = peer.nextControlId;
    peer.nextControlId = (id + 1) >>> 0 || 1;
    return id;
  }

  #timer(peer: Peer, id: number): Timer {
    const wait = Math.max(2 * (peer.srttMs ?? 250), ACK_LEAST_MS);
    return this.#core.after(wait, "acknowledgement", () => {
      const name = `${peer.slot}:${id}`;
      const waiting = this.#waiting.get(name);
      if (!waiting) return;
      if (waiting.triesLeft > 0) {
        waiting.triesLeft--;
        this.#core.emit({ kind: "sendCtrl", slot: peer.slot, bytes: waiting.bytes });
        waiting.timer = this.#timer(peer, id);
        if (!waiting.isSlow) {
          waiting.isSlow = true;
          waiting.hooks.onSlow?.();
        }
        return;
      }
      this.#waiting.delete(name);
      waiting.hooks.onFail?.();
    });
  }
}
