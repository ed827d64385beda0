/** Scales of charts: marks in steps of 1, 2 or 5, and a top that grows at once and shrinks only after a while. */

/** The smallest step of 1, 2 or 5 times a power of ten by which `most` marks reach `value`. */
export function stepFor(value: number, most: number): number {
  if (!(value > 0)) return 1;
  const rough = value / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999999) ?? 10;
  return step * power;
}

const SHRINK_AFTER_MS = 30_000;

/** The highest value a scale must hold. */
export class SteadyTop {
  #top = 0;
  #lowerSince: number | undefined;

  /** `now` in milliseconds, never decreasing. */
  next(wanted: number, now: number): number {
    if (wanted >= this.#top) {
      this.#top = wanted;
      this.#lowerSince = undefined;
    } else {
      this.#lowerSince ??= now;
      if (now - this.#lowerSince >= SHRINK_AFTER_MS) {
        this.#top = wanted;
        this.#lowerSince = undefined;
      }
    }
    return this.#top;
  }
}
