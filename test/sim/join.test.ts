import { describe, expect, it } from "vitest";
import { LEAF_LIMIT } from "../../native-helper/overlay/constants.ts";
import { checkRing } from "./checks.ts";
import { runJoin } from "./scenario-join.ts";
import { World } from "./world.ts";

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

  it(
    "gets in by one address that has no room for all of them",
    () => {
      const world = new World({ seed: 3, replay: "npx vitest run --project unit test/sim/join.test.ts" });
      const first = world.addHost({ kind: "public" });
      const startAddresses = [first.options.socket.local];
      for (let i = 0; i < LEAF_LIMIT + 20; i++) world.addHost({ kind: "public", startAddresses });
      let mostLeaves = 0;
      for (const host of world.hosts) host.start();
      const isWhole = () => {
        const leaves = first.view()?.peers.filter((peer) => peer.kinds.includes("leaf")).length ?? 0;
        mostLeaves = Math.max(mostLeaves, leaves);
        const { consistent, nearExact } = checkRing(world.hosts);
        return consistent && nearExact;
      };
      expect(world.runUntil(isWhole, 15_000)).toBeDefined();
      expect(mostLeaves).toBeGreaterThan(LEAF_LIMIT - 10);
      expect(mostLeaves).toBeLessThanOrEqual(LEAF_LIMIT);
    },
    LARGE_WORLD_TIMEOUT_MS,
  );
});
