/** How light the helpers of a run are, from what the kernel says of their processes. */
import { readdirSync, readFileSync } from "node:fs";
import { median, quantile, rounded } from "./figures.ts";

export interface Fitness {
  /** Proportional set size of a helper, the median: what processes share counts once over all of them. */
  readonly memoryPssMb: number | null;
  /** Processor time of a helper while nothing is sent, in percent of one core: the median, and the most. */
  readonly idleCpuPct: number | null;
  readonly idleCpuPctMax: number | null;
}

/** The median over all processes, in MB. */
export function memoryPssMb(pids: readonly number[]): number | null {
  return rounded(median(pids.map((pid) => pssKb(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) / 1_000)), 1);
}

/** Processor time of each process over a time, in percent of one core. */
export async function cpuPct(
  pids: readonly number[],
  overMs: number,
): Promise<Pick<Fitness, "idleCpuPct" | "idleCpuPctMax">> {
  const before = pids.map(cpuNs);
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, overMs));
  const passedNs = (performance.now() - started) * 1e6;
  const shares = pids.map((pid, index) => (100 * (cpuNs(pid) - (before[index] as number))) / passedNs);
  return { idleCpuPct: rounded(median(shares), 2), idleCpuPctMax: rounded(quantile(shares, 1), 2) };
}

/** The line `Pss:` of proc(5) smaps_rollup. */
export function pssKb(rollup: string): number {
  const kb = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  if (kb === undefined) throw new Error("smaps_rollup has no line Pss");
  return Number(kb);
}

/** Of all its threads; the first field of schedstat, in ns. */
function cpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    try {
      return sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      return sum; // The thread has ended meanwhile.
    }
  }, 0);
}
