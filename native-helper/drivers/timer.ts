/** The engine's clock and its one timer. */
import { uptime } from "node:os";
import type { Instant, Wake } from "../overlay/boundary.ts";

/** Where a clock reads time from; in tests a model of it. */
export interface TimeSource {
  /** Milliseconds, never back, standing still while the computer sleeps. */
  awakeMs(): number;
  /** Milliseconds, never back, counting during sleep too; may be coarse. */
  alwaysMs(): number;
  /** Unix milliseconds. */
  wallMs(): number;
}

export const systemTime: TimeSource = {
  awakeMs: () => performance.now(),
  alwaysMs: () => 1_000 * uptime(),
  wallMs: () => Date.now(),
};

/** A shorter difference between the two clocks is their coarseness, not sleep. */
const SLEEP_LEAST_MS = 2_000;

/**
 * A clock that is as fine as the awake one and counts sleep: the coarse one, which counts it, tells how much was slept.
 * It learns of sleep in `noticeSleep`, to be called about once a second.
 */
export class SleepAwareClock {
  readonly #source: TimeSource;
  readonly #startGapMs: number;
  #sleptMs = 0;

  constructor(source: TimeSource = systemTime) {
    this.#source = source;
    this.#startGapMs = source.alwaysMs() - source.awakeMs();
  }

  now(): Instant {
    return this.#source.awakeMs() + this.#sleptMs;
  }

  wall(): number {
    return this.#source.wallMs();
  }

  /** Milliseconds slept since the last call, 0 if none; from now on `now()` has them in it. */
  noticeSleep(): number {
    const gapMs = this.#source.alwaysMs() - this.#source.awakeMs() - this.#startGapMs;
    const newMs = gapMs - this.#sleptMs;
    if (newMs < SLEEP_LEAST_MS) return 0;
    this.#sleptMs = gapMs;
    return newMs;
  }
}

/** Timers of the platform take no longer delay than this; the engine may sleep longer, and is then looked at in between. */
const LONGEST_DELAY_MS = 60_000;

/** One timer, set anew after each step to what the engine says. */
export class EngineTimer {
  readonly #clock: SleepAwareClock;
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #setFor = Number.NaN;

  constructor(clock: SleepAwareClock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  set(wake: Wake | undefined): void {
    if (wake === undefined) return this.stop();
    if (this.#timer && this.#setFor === wake.at) return;
    clearTimeout(this.#timer);
    this.#setFor = wake.at;
    const delayMs = Math.min(LONGEST_DELAY_MS, Math.max(0, Math.ceil(wake.at - this.#clock.now())));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onDue();
    }, delayMs);
  }

  /** Computes the delay anew; for when the clock jumped. */
  refresh(wake: Wake | undefined): void {
    this.stop();
    this.set(wake);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
