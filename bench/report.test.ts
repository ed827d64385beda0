import { describe, expect, it } from "vitest";
import { type Bar, benchReport, textOf } from "./report.ts";

const bar = (value: number | null, is: Bar["is"]): Bar => ({ name: "added round trip", value, unit: "ms", bar: 1, is });
const report = (...bars: Bar[]) => benchReport("datapath", 2, { ringway: "0.1.0" }, { figures: { rounds: 3 }, bars });

describe("the report of a benchmark", () => {
  it.each([
    [0.99, "below", true],
    [1, "below", false],
    [1, "atLeast", true],
    [0.99, "atLeast", false],
    [1, "atMost", true],
    [1.01, "atMost", false],
    [null, "below", false],
    [null, "atLeast", false],
    [Number.NaN, "below", false],
  ] as const)("judges %d that must be %s the bar of 1: %s", (value, is, pass) => {
    expect(report(bar(value, is)).pass).toBe(pass);
  });

  it("passes only if every bar does, and not without any", () => {
    expect(report(bar(0, "below"), bar(2, "below")).pass).toBe(false);
    expect(report(bar(0, "below"), bar(2, "atLeast")).pass).toBe(true);
    expect(report().pass).toBe(false);
  });

  it("tells people each bar and what was not measured", () => {
    const text = textOf(report(bar(0.5, "below"), bar(null, "atLeast")));
    expect(text).toContain("pass  added round trip: 0.5 ms (under 1)");
    expect(text).toContain("FAIL  added round trip: not measured ms (at least 1)");
  });
});
