/**
 * What comes in from the other side, made events that can be trusted. It may come at any rate and in any shape: pictures
 * are taken at most every PICTURE_EVERY_MS (the newest wins), the work for other messages is bounded, and what was not
 * understood or left out is said.
 */
import type { HelperSnapshot } from "#contract";
import { type Bridge, type BridgeEvent, PageMessage } from "#contract/bridge.ts";
import { SnapshotDelta, withDelta } from "#contract/delta.ts";

export const PICTURE_EVERY_MS = 200;
/** Messages a second beyond which the rest is left unread. */
export const MESSAGES_LIMIT = 400;

/** What is wrong with the messages of the other side; times by the window's clock. */
export interface Noise {
  /** Messages that were not understood since the last picture that was. */
  readonly garbled: number;
  /** Messages left unread in the last second. */
  readonly unread: number;
}

export const QUIET: Noise = { garbled: 0, unread: 0 };

export type WindowEvent = BridgeEvent | { readonly kind: "noise"; readonly noise: Noise };
/** A bridge that also says what is wrong with what comes in. */
export interface WindowBridge extends Omit<Bridge, "watch"> {
  watch(listener: (event: WindowEvent) => void): () => void;
}

export type OtherMessage = Exclude<PageMessage, { kind: "snapshot" | "delta" }>;

export interface IntakeOptions {
  readonly hear: (event: WindowEvent) => void;
  /** Messages that are no pictures. */
  readonly other: (message: OtherMessage) => void;
  /** A delta did not fit: the whole picture is needed. */
  readonly lost: () => void;
  readonly clock?: () => number;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #clock: () => number;
  #snapshot: HelperSnapshot | undefined;
  /** The newest whole picture, and the deltas after it, that wait for their turn. */
  #waiting: unknown[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #takenAt = Number.NEGATIVE_INFINITY;
  #second = Number.NEGATIVE_INFINITY;
  #inSecond = 0;
  #noise: Noise = QUIET;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  /** One message as it came: text of JSON, or a value. */
  take(raw: unknown): void {
    const now = this.#clock();
    if (now - this.#second >= 1_000) {
      if (this.#noise.unread > 0 && this.#inSecond <= MESSAGES_LIMIT) this.#tell({ ...this.#noise, unread: 0 });
      this.#second = now;
      this.#inSecond = 0;
    }
    this.#inSecond++;
    const kind = kindOf(raw);
    if (kind === "snapshot") this.#waiting = [raw];
    else if (kind === "delta" && this.#waiting.length < WAITING_LIMIT) this.#waiting.push(raw);
    if (kind === "snapshot" || kind === "delta") {
      if (this.#inSecond > MESSAGES_LIMIT) this.#unread();
      return this.#soon(now);
    }
    if (this.#inSecond > MESSAGES_LIMIT) return this.#unread();
    const message = PageMessage.safeParse(valueIn(raw));
    if (!message.success) return this.#garbled();
    if (message.data.kind !== "snapshot" && message.data.kind !== "delta") this.#options.other(message.data);
  }

  /** Forgets all pictures: the next is a whole one. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.#snapshot = undefined;
  }

  #soon(now: number): void {
    if (this.#timer !== undefined) return;
    const wait = this.#takenAt + PICTURE_EVERY_MS - now;
    if (wait <= 0) return this.#picture();
    this.#timer = setTimeout(() => this.#picture(), wait);
  }

  #picture(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#takenAt = this.#clock();
    const waiting = this.#waiting;
    this.#waiting = [];
    let changed = false;
    for (const raw of waiting) {
      const value = valueIn(raw);
      const snapshot = kindOf(raw) === "snapshot" ? wholeOf(value) : this.#patched(value);
      if (snapshot === "lost") {
        this.#options.lost();
        return;
      }
      if (snapshot === undefined) {
        this.#garbled();
        continue;
      }
      this.#snapshot = snapshot;
      changed = true;
    }
    if (!changed || this.#snapshot === undefined) return;
    if (this.#noise.garbled > 0) this.#tell({ ...this.#noise, garbled: 0 });
    this.#options.hear({ kind: "snapshot", snapshot: this.#snapshot });
  }

  #patched(value: unknown): HelperSnapshot | "lost" | undefined {
    const delta = SnapshotDelta.safeParse((value as { delta?: unknown } | undefined)?.delta);
    if (!delta.success) return undefined;
    return (this.#snapshot && withDelta(this.#snapshot, delta.data)) ?? "lost";
  }

  #garbled(): void {
    this.#tell({ ...this.#noise, garbled: this.#noise.garbled + 1 });
  }

  #unread(): void {
    // Said once a second at most, not for each of them.
    if (this.#noise.unread === 0) this.#tell({ ...this.#noise, unread: 1 });
  }

  #tell(noise: Noise): void {
    const first = this.#noise.garbled === 0 || noise.garbled === 0 || noise.unread !== this.#noise.unread;
    this.#noise = noise;
    if (first) this.#options.hear({ kind: "noise", noise });
  }
}

/** Deltas that may wait for their turn. */
const WAITING_LIMIT = 64;

/** The kind of a message without reading all of it. */
function kindOf(raw: unknown): string | undefined {
  if (typeof raw === "string") return /^\{"kind":"(\w+)"/.exec(raw.slice(0, 40))?.[1];
  if (typeof raw !== "object" || raw === null || !("kind" in raw)) return undefined;
  return typeof raw.kind === "string" ? raw.kind : undefined;
}

function valueIn(raw: unknown): unknown {
  if (typeof raw !== "string") return raw;
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

function wholeOf(value: unknown): HelperSnapshot | undefined {
  const message = PageMessage.safeParse(value);
  return message.success && message.data.kind === "snapshot" ? message.data.snapshot : undefined;
}
