import { describe, expect, it } from "vitest";
import { cpuPct, memoryPssMb, pssKb } from "./fitness.ts";

describe("the fitness of processes", () => {
  it("reads the proportional set size", () => {
    const rollup =
      "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  90000 kB\nPss:               41234 kB\nPss_Anon: 1 kB\n";
    expect(pssKb(rollup)).toBe(41_234);
    expect(() => pssKb("Rss: 1 kB")).toThrow(/Pss/);
  });

  it.skipIf(process.platform !== "linux")("sees memory and processor time of this very process", async () => {
    expect(memoryPssMb([process.pid])).toBeGreaterThan(5);
    const busy = cpuPct([process.pid], 200);
    const until = performance.now() + 100;
    while (performance.now() < until);
    const { idleCpuPct, idleCpuPctMax } = await busy;
    expect(idleCpuPct).toBeGreaterThan(2);
    expect(idleCpuPctMax).toBe(idleCpuPct);
  });
});
