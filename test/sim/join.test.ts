import { describe, expect, it } from "vitest";
import { runJoin } from "./scenario-join.ts";

const LARGE_WORLD_TIMEOUT_MS = 600_000;

describe("a crowd that starts at once", () => {
  it(
    "meets every bar of 100 nodes",
    () => {
      const report = runJoin({ nodes: 100, seed: 7, mix: "public" }, () => undefined);
      expect(report.bars.filter((bar) => !bar.pass)).toEqual([]);
      expect(report.bars.map((bar) => bar.name)).toContain("stretch");
    },
    LARGE_WORLD_TIMEOUT_MS,
  );
});
