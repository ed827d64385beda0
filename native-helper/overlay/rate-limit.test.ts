import { describe, expect, it } from "vitest";
import { RateLimit } from "./rate-limit.ts";

describe("a rate limit", () => {
  it("allows a burst, then as many as the rate says, for each key alone", () => {
    const limit = new RateLimit(2, 3);
    expect([0, 0, 0, 0].map((at) => limit.allows(1, at))).toEqual([true, true, true, false]);
    expect(limit.allows(2, 0)).toBe(true);
    expect(limit.allows(1, 499)).toBe(false);
    expect(limit.allows(1, 500)).toBe(true);
    expect(limit.allows(1, 600)).toBe(false);
    // A long rest saves up the burst and no more.
    expect([0, 0, 0, 0].map(() => limit.allows(1, 1e9))).toEqual([true, true, true, false]);
  });

  it("keeps no more keys than it may", () => {
    const limit = new RateLimit(1);
    for (let key = 0; key < 1e5; key++) limit.allows(key, 0);
    expect(limit.allows(7, 0)).toBe(true);
  });
});
