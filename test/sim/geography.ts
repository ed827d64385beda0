/** How long packets take between two places; both models are symmetric and never change during a run. */
import { SeededEntropy } from "./random.ts";

export interface Geography {
  /** One-way delay between the access routers of two sites, known by their numbers. */
  delayMs(a: number, b: number): number;
}

export function constantDelay(oneWayMs: number): Geography {
  return { delayMs: () => oneWayMs };
}

/** Shares of the nodes, and round trips between regions in ms: America east and west, Europe, East Asia, South America, Australia. */
const REGION_SHARES = [0.26, 0.16, 0.28, 0.16, 0.08, 0.06];
const REGION_RTT_MS = [
  [28, 68, 92, 185, 130, 205],
  [68, 24, 142, 130, 175, 150],
  [92, 142, 30, 225, 195, 265],
  [185, 130, 225, 50, 280, 120],
  [130, 175, 195, 280, 45, 290],
  [205, 150, 265, 120, 290, 30],
];

/**
 * The world of `docs/protocol.md`'s figures: six regions, an access delay for each site, and a factor of 0.8 to 1.4 for
 * each pair that breaks the triangle inequality. The mean direct round trip is about 160 ms.
 */
export class World6 implements Geography {
  readonly #seed: number;
  readonly #sites: { region: number; accessMs: number }[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  delayMs(a: number, b: number): number {
    const from = this.#site(a);
    const to = this.#site(b);
    const rtt = REGION_RTT_MS[from.region]?.[to.region] as number;
    return (
      (rtt / 2) * (0.8 + 0.6 * pairFraction(this.#seed, Math.min(a, b), Math.max(a, b))) + from.accessMs + to.accessMs
    );
  }

  #site(number: number): { region: number; accessMs: number } {
    const known = this.#sites[number];
    if (known !== undefined) return known;
    const entropy = new SeededEntropy(this.#seed, `site ${number}`);
    let rest = entropy.fraction();
    let region = 0;
    while (region < REGION_SHARES.length - 1 && rest >= (REGION_SHARES[region] as number)) {
      rest -= REGION_SHARES[region] as number;
      region++;
    }
    // Most accesses are quick, a few are slow.
    const site = { region, accessMs: 1 + 11 * entropy.fraction() ** 2 };
    this.#sites[number] = site;
    return site;
  }
}

/** Uniform in [0, 1), a function of its arguments alone. */
function pairFraction(seed: number, low: number, high: number): number {
  let mix =
    Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(low + 1, 0xc2b2ae35) ^ Math.imul(high + 0x1000193, 0x27d4eb2f);
  mix = Math.imul(mix ^ (mix >>> 15), 0x2c1b3c6d);
  mix = Math.imul(mix ^ (mix >>> 12), 0x297a2d39);
  return ((mix ^ (mix >>> 15)) >>> 0) / 2 ** 32;
}
