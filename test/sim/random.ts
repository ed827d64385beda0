/** Seeded random numbers (xoshiro128**, Blackman and Vigna 2018). Equal seed and label: the same numbers on every machine. */
import type { Entropy } from "../../native-helper/overlay/boundary.ts";

export class SeededEntropy implements Entropy {
  readonly #state: Uint32Array;
  readonly #seed: number;
  readonly #label: string;

  /** `label` separates the streams of one seed, so that a new consumer does not shift the numbers of the others. */
  constructor(seed: number, label: string) {
    this.#seed = seed;
    this.#label = label;
    let mix = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
    for (let i = 0; i < label.length; i++) mix = Math.imul(mix ^ label.charCodeAt(i), 0x85ebca6b) + 0xc2b2ae35;
    this.#state = new Uint32Array(4);
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) | 0;
      let word = Math.imul(mix ^ (mix >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      this.#state[i] = word ^ (word >>> 15);
    }
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1; // The one state that xoshiro never leaves.
  }

  /** An independent stream of the same seed. */
  fork(label: string): SeededEntropy {
    return new SeededEntropy(this.#seed, `${this.#label}/${label}`);
  }

  u32(): number {
    const s = this.#state as unknown as [number, number, number, number];
    const scrambled = Math.imul(s[1], 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  fraction(): number {
    return this.u32() / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.u32();
      bytes[i] = word;
      if (i + 1 < length) bytes[i + 1] = word >>> 8;
      if (i + 2 < length) bytes[i + 2] = word >>> 16;
      if (i + 3 < length) bytes[i + 3] = word >>> 24;
    }
    return bytes;
  }

  /** Uniform integer 0..below-1. */
  below(below: number): number {
    return Math.floor(this.fraction() * below);
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
