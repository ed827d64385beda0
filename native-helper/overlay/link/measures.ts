/** What is measured of a link by its round-trip questions, since its packets took the path that they take now. */
import type { Instant } from "../boundary.ts";

/** Loss is that of the last questions. */
const QUESTIONS = 64;
/** The least round trip is that of two such spans. */
const LEAST_SPAN_MS = 300_000;

export class LinkMeasures {
  /** The newest round trip as it was measured, and when. */
  newest: { readonly at: Instant; readonly rttMs: number } | undefined;
  /** When packets began to take this path. */
  since: Instant = Number.NEGATIVE_INFINITY;
  #jitterMs: number | undefined;
  #least: { from: Instant; rttMs: number; before: number } | undefined;
  /** Whether each of the last questions was answered, oldest first. */
  readonly #outcomes: boolean[] = [];

  answered(now: Instant, rttMs: number): void {
    // RFC 3550, section 6.4.1, with round trips in place of one-way transits.
    if (this.newest) {
      const jitterMs = this.#jitterMs ?? 0;
      this.#jitterMs = jitterMs + (Math.abs(rttMs - this.newest.rttMs) - jitterMs) / 16;
    }
    this.newest = { at: now, rttMs };
    const least = this.#least;
    if (!least) this.#least = { from: now, rttMs, before: Number.POSITIVE_INFINITY };
    else if (now - least.from >= LEAST_SPAN_MS) this.#least = { from: now, rttMs, before: least.rttMs };
    else least.rttMs = Math.min(least.rttMs, rttMs);
    this.#outcome(true);
  }

  lost(): void {
    this.#outcome(false);
  }

  /** Undefined before the second round trip. */
  get jitterMs(): number | undefined {
    return this.#jitterMs;
  }

  get leastMs(): number | undefined {
    return this.#least && Math.min(this.#least.rttMs, this.#least.before);
  }

  /** Share of questions without an answer in percent; undefined before the first is decided. */
  get lossPct(): number | undefined {
    if (this.#outcomes.length === 0) return undefined;
    const lost = this.#outcomes.filter((isAnswered) => !isAnswered).length;
    return Math.round((1_000 * lost) / this.#outcomes.length) / 10;
  }

  /** Packets take another path: what was measured on the old one says nothing about it. */
  restart(now: Instant): void {
    this.since = now;
    this.newest = undefined;
    this.#jitterMs = undefined;
    this.#least = undefined;
    this.#outcomes.length = 0;
  }

  #outcome(isAnswered: boolean): void {
    this.#outcomes.push(isAnswered);
    if (this.#outcomes.length > QUESTIONS) this.#outcomes.shift();
  }
}
