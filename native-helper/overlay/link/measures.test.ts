import { describe, expect, it } from "vitest";
import { LinkMeasures } from "./measures.ts";

describe("measures of a link", () => {
  it("have the jitter of RFC 3550", () => {
    const measures = new LinkMeasures();
    measures.answered(0, 20);
    expect(measures.jitterMs).toBeUndefined();
    measures.answered(1_000, 36);
    expect(measures.jitterMs).toBe(1);
    measures.answered(2_000, 20);
    expect(measures.jitterMs).toBe(1 + 15 / 16);
    for (let i = 3; i < 400; i++) measures.answered(i * 1_000, i % 2 ? 30 : 20);
    expect(measures.jitterMs).toBeCloseTo(10, 3);
  });

  it("know the least round trip of 5 to 10 minutes", () => {
    const measures = new LinkMeasures();
    measures.answered(0, 10);
    for (let at = 1_000; at <= 590_000; at += 1_000) measures.answered(at, 20);
    expect(measures.leastMs).toBe(10);
    for (let at = 591_000; at <= 1_000_000; at += 1_000) measures.answered(at, 20);
    expect(measures.leastMs).toBe(20);
  });

  it("count what of the last 64 questions was lost", () => {
    const measures = new LinkMeasures();
    expect(measures.lossPct).toBeUndefined();
    measures.answered(0, 10);
    measures.lost();
    expect(measures.lossPct).toBe(50);
    for (let i = 0; i < 63; i++) measures.answered(i, 10);
    expect(measures.lossPct).toBe(1.6);
    measures.answered(99, 10);
    expect(measures.lossPct).toBe(0);
  });

  it("begin anew on another path", () => {
    const measures = new LinkMeasures();
    measures.answered(0, 10);
    measures.answered(1, 90);
    measures.lost();
    measures.restart(5);
    expect(measures).toMatchObject({
      newest: undefined,
      since: 5,
      jitterMs: undefined,
      leastMs: undefined,
      lossPct: undefined,
    });
  });
});
