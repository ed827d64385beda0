import { describe, expect, it } from "vitest";
import { SteadyTop, stepFor } from "./scale.ts";

describe("marks", () => {
  it.each([
    [0, 4, 1],
    [7.6, 4, 2],
    [8, 4, 2],
    [8.1, 4, 5],
    [1_740_000, 2, 1_000_000],
    [340, 2, 200],
    [0.03, 3, 0.01],
  ])("for %s in at most %s steps are %s apart", (value, most, step) => expect(stepFor(value, most)).toBeCloseTo(step));
});

describe("the top of a scale", () => {
  it("grows at once and shrinks after 30 s of lower values", () => {
    const top = new SteadyTop();
    expect(top.next(8, 0)).toBe(8);
    expect(top.next(20, 1_000)).toBe(20);
    expect(top.next(4, 2_000)).toBe(20);
    expect(top.next(4, 31_999)).toBe(20);
    expect(top.next(4, 32_000)).toBe(4);
  });

  it("counts the 30 s anew after a value that reaches it", () => {
    const top = new SteadyTop();
    top.next(20, 0);
    top.next(4, 1_000);
    expect(top.next(20, 29_000)).toBe(20);
    expect(top.next(4, 40_000)).toBe(20);
  });
});
