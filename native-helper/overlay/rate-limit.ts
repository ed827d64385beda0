/** Token buckets by key: what each neighbour may ask of this node in a time. */

const KEYS_LIMIT = 1_024;

export class RateLimit {
  readonly #perS: number;
  readonly #burst: number;
  readonly #buckets = new Map<number, { left: number; at: number }>();

  constructor(perS: number, burst: number = perS) {
    this.#perS = perS;
    this.#burst = burst;
  }

  /** Takes one token of `key`, where one is left. */
  allows(key: number, now: number): boolean {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      if (this.#buckets.size >= KEYS_LIMIT) this.#buckets.clear();
      bucket = { left: this.#burst, at: now };
      this.#buckets.set(key, bucket);
    }
    bucket.left = Math.min(this.#burst, bucket.left + ((now - bucket.at) * this.#perS) / 1_000);
    bucket.at = now;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  clear(): void {
    this.#buckets.clear();
  }
}
