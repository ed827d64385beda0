import { describe, expect, it } from "vitest";
import { SeededEntropy } from "../../../test/sim/random.ts";
import { D_NEAR } from "../constants.ts";
import { farShare } from "./far-edges.ts";

describe("distances of far edges", () => {
  it.each([20, 100, 1_000, 100_000])("reach from the near set to half of a ring of %i", (size) => {
    expect(farShare(0, size) * size).toBeCloseTo(D_NEAR + 1, 6);
    expect(farShare(1, size)).toBeCloseTo(0.5, 6);
    expect(farShare(2, size)).toBe(0.5);
  });

  it("follow the harmonic law: as many in each doubling of the distance, whichever slot they come from", () => {
    const size = 10_240; // Ten doublings between 5 and 5,120 members away.
    const entropy = new SeededEntropy(7, "far");
    const slots = 14;
    const doublings = new Array<number>(10).fill(0);
    for (let node = 0; node < 2_000; node++) {
      for (let slot = 0; slot < slots; slot++) {
        const gaps = farShare((slot + entropy.fraction()) / slots, size) * size;
        const doubling = Math.min(9, Math.floor(Math.log2(gaps / (D_NEAR + 1))));
        doublings[doubling] = (doublings[doubling] as number) + 1;
      }
    }
    for (const count of doublings) {
      expect(count / 2_000).toBeGreaterThan(1.3);
      expect(count / 2_000).toBeLessThan(1.5);
    }
  });
});
