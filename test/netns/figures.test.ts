import { describe, expect, it } from "vitest";
import { median, quantile, rounded } from "./figures.ts";

describe("figures", () => {
  it.each([
    [[], 0.5, null],
    [[7], 0.5, 7],
    [[7], 0.99, 7],
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.5, 2],
    [Array.from({ length: 100 }, (_, i) => 100 - i), 0.99, 99],
    [[1, 2], 0, 1],
  ])("quantile of %j at %d", (values, fraction, expected) => {
    expect(quantile(values, fraction)).toBe(expected);
  });

  it("leaves the values in their order", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("rounds and keeps null", () => {
    expect(rounded(1.2345, 2)).toBe(1.23);
    expect(rounded(null, 2)).toBeNull();
  });
});
