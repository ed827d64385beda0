import { describe, expect, it } from "vitest";
import { runLeaseWorld } from "./lease-world.ts";

const TIMEOUT_MS = 300_000;

describe("leases in a small world that strains them", () => {
  it(
    "go to one holder each, whatever is lost, sleeps, dies and wakes",
    () => {
      runLeaseWorld({ seed: 1, replay: "npx vitest run --project unit test/sim/leases.test.ts" });
    },
    TIMEOUT_MS,
  );

  it(
    "go to two where owners and replicas break the rules, and the checker finds it",
    () => {
      const broken = new Set(["lease-quorum"] as const);
      expect(() => runLeaseWorld({ seed: 4, replay: "none", broken })).toThrow(/both use 172\.16\.0\.1/);
    },
    TIMEOUT_MS,
  );
});
