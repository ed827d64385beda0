import { describe, expect, it } from "vitest";
import type { RunOptions } from "./report.ts";
import { runLoopy } from "./scenario-loopy.ts";
import { runMerge } from "./scenario-merge.ts";

const QUIET = () => undefined;

function options(nodes: number, seed: number): RunOptions {
  return { nodes, seed, mix: "public" };
}

describe("rings that should be one", () => {
  it("merge by common start addresses, from a small ring's side, and by past peers alone", () => {
    const report = runMerge(options(20, 7), QUIET);
    expect(report.bars.filter((bar) => !bar.pass)).toEqual([]);
    expect(report.pass).toBe(true);
  });

  it("unwind where they are wound twice", () => {
    const report = runLoopy(options(41, 7), QUIET);
    expect(report.figures.woundTwice).toBe(1);
    expect(report.figures.wrongBefore).toBeGreaterThan(41);
    expect(report.bars.filter((bar) => !bar.pass)).toEqual([]);
  });
});
