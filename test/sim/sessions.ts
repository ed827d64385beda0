/** Sessions of the data path's model: slots, their keys in both directions, replay windows and counters. */
import type { Instant, Path, Slot, SlotCounters } from "../../native-helper/overlay/boundary.ts";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import type { Directions } from "./crypto.ts";

export interface Key extends Directions {
  readonly session: Session;
  readonly indexRx: number;
  readonly indexTx: number;
  nextCounter: number;
  readonly window: ReplayWindow;
  confirmed: boolean;
}

export interface Session {
  readonly slot: Slot;
  readonly peer: RingAddress;
  /** Newest last. */
  readonly keys: Key[];
  sendKey: Key | undefined;
  path: Path | undefined;
  readonly counters: { -readonly [K in keyof SlotCounters]: number };
  /** When the engine was last told of a packet by each path that is not the active one. */
  readonly newPathSaidAt: Map<string, Instant>;
  /** Whether IP counters moved since they were last told. */
  ipMoved: boolean;
  /** When the last two IP packets without a direct path were sent, and when a third was last told of at once. */
  readonly ipSentAt: Instant[];
  thirdSaidAt: Instant;
}

export function newSession(slot: Slot, peer: RingAddress): Session {
  return {
    slot,
    peer,
    keys: [],
    sendKey: undefined,
    path: undefined,
    counters: {
      rxPackets: 0,
      rxBytes: 0,
      txPackets: 0,
      txBytes: 0,
      ipRxPackets: 0,
      ipTxPackets: 0,
      transitPackets: 0,
    },
    newPathSaidAt: new Map(),
    ipMoved: false,
    ipSentAt: [],
    thirdSaidAt: Number.NEGATIVE_INFINITY,
  };
}

export function samePath(a: Path, b: Path): boolean {
  if (a.kind === "udp" || a.kind === "tcp") return b.kind === a.kind && a.remote === b.remote;
  if (a.kind === "tunnel") return b.kind === "tunnel" && a.relay === b.relay;
  return b.kind === "ring";
}

export function pathText(path: Path): string {
  if (path.kind === "udp" || path.kind === "tcp") return `${path.kind} ${path.remote}`;
  return path.kind === "tunnel" ? `tunnel ${path.relay}` : "ring";
}

const WINDOW_WORDS = 8;
const WINDOW = WINDOW_WORDS * 32;

/** A sliding window over packet counters; narrower than the real one, because simulated reordering is mild. */
export class ReplayWindow {
  highest = -1;
  readonly #seen = new Uint32Array(WINDOW_WORDS);

  /** False where the counter was seen before or is too old to tell. */
  accept(counter: number): boolean {
    if (counter <= this.highest - WINDOW) return false;
    if (counter > this.highest) {
      const steps = Math.min(counter - this.highest, WINDOW);
      for (let i = 0; i < steps; i++) this.#clear(counter - i);
      this.highest = counter;
    } else if (this.#has(counter)) return false;
    const at = counter % WINDOW;
    this.#seen[at >>> 5] = (this.#seen[at >>> 5] as number) | (1 << (at & 31));
    return true;
  }

  #has(counter: number): boolean {
    const at = counter % WINDOW;
    return (((this.#seen[at >>> 5] as number) >>> (at & 31)) & 1) === 1;
  }

  #clear(counter: number): void {
    const at = counter % WINDOW;
    this.#seen[at >>> 5] = (this.#seen[at >>> 5] as number) & ~(1 << (at & 31));
  }
}
