/**
 * The suite `planetlab`: the experiment of 2006 beside ours. Then 118 hosts of PlanetLab were joined over TCP and pinged
 * each other through the overlay; now as many computers do so in the simulator, once with links made for traffic and once
 * without.
 */
import { mean, quantile, round } from "../test/sim/figures.ts";
import { measurePlanetlab, OF_2006, type PlanetlabFigures } from "../test/sim/scenario-planetlab118.ts";
import type { Measured } from "./report.ts";

const SEED = 7;
/** What a direct link may add to the round trip of the underlay. */
const ADDED_MS = 1;

interface Row {
  readonly what: string;
  readonly nodes: number;
  readonly meanRttMs: number;
  readonly sdRttMs: number;
  readonly medianRttMs: number | null;
  readonly directPairsPct: number | null;
}

export async function measurePlanetlabSuite({ say }: { say: (text: string) => void }): Promise<Measured> {
  const replay = `npm run bench -- --suite planetlab (seed ${SEED})`;
  const run = (shortcuts: boolean) => measurePlanetlab({ nodes: OF_2006.nodes, seed: SEED, shortcuts, replay }, say);
  const on = run(true);
  const off = run(false);
  const table: Row[] = [
    { what: "2006, IPOP on PlanetLab", ...OF_2006, medianRttMs: null, directPairsPct: null },
    row("Ringway, links for traffic off", off),
    row("Ringway", on),
    { ...row("the underlay itself", { ...on, rttMs: on.underlayRttMs }), directPairsPct: 100 },
  ];
  const medianAddedMs = round(quantile(on.rttMs, 0.5) - quantile(on.underlayRttMs, 0.5), 2);
  return {
    figures: { table, medianAddedMs },
    bars: [
      { name: "pairsDirectPct", value: row("", on).directPairsPct, unit: "%", bar: 100, is: "atLeast" },
      { name: "medianAddedMs", value: medianAddedMs, unit: "ms", bar: ADDED_MS, is: "below" },
    ],
  };
}

function row(what: string, { rttMs, direct, pairs }: PlanetlabFigures): Row {
  const average = mean(rttMs);
  return {
    what,
    nodes: OF_2006.nodes,
    meanRttMs: round(average, 1),
    sdRttMs: round(Math.sqrt(mean(rttMs.map((ms) => (ms - average) ** 2))), 1),
    medianRttMs: round(quantile(rttMs, 0.5), 1),
    directPairsPct: round((100 * direct) / pairs, 1),
  };
}
