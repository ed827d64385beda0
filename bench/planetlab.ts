/**
 * The suite `planetlab`: the experiment of 2006 beside ours. Then 118 hosts of PlanetLab were joined over TCP and pinged
 * each other through the overlay; now as many computers do so in the simulator (scenario `planetlab118`), once with links
 * made for traffic and once without.
 */
import { built, run } from "../test/netns/shell.ts";
import type { Measured } from "./report.ts";

const SEED = 7;
/** What a direct link may add to the round trip of the underlay. */
const ADDED_MS = 1;
const TIMEOUT_MS = 900_000;

/** The document of the simulator, as far as it is read here. */
interface Simulated {
  readonly nodes: number;
  readonly figures: Readonly<Record<string, number | null>>;
}

export async function measurePlanetlabSuite({ say }: { say: (text: string) => void }): Promise<Measured> {
  const args = ["--scenario", "planetlab118", "--seed", String(SEED), "--json"];
  say("simulating 118 computers that speak TCP, with and without links for traffic");
  const { stdout, stderr } = await run([process.execPath, built("sim.js"), ...args], { timeoutMs: TIMEOUT_MS });
  if (!stdout.startsWith("{")) throw new Error(`the simulator said nothing: ${stderr.trim().slice(-500)}`);
  return tableOf(JSON.parse(stdout) as Simulated);
}

export function tableOf({ nodes, figures }: Simulated): Measured {
  const figure = (name: string) => figures[name] ?? null;
  const share = (name: string) => percent(figure(name), figure("pairs"));
  const row = (what: string, of: string, directPairsPct: number | null) => ({
    what,
    nodes,
    meanRttMs: figure(`meanRttMs${of}`),
    sdRttMs: figure(`sdRttMs${of}`),
    medianRttMs: figure(`medianRttMs${of}`),
    directPairsPct,
  });
  const [ours, underlay] = [figure("medianRttMs"), figure("medianRttMsUnderlay")];
  const medianAddedMs = ours === null || underlay === null ? null : Number((ours - underlay).toFixed(2));
  return {
    figures: {
      table: [
        row("2006, IPOP on PlanetLab", "2006", null),
        row("Ringway, links for traffic off", "WithoutShortcuts", share("pairsDirectWithoutShortcuts")),
        row("Ringway", "", share("pairsDirect")),
        row("the underlay itself", "Underlay", null),
      ],
      medianAddedMs,
    },
    bars: [
      { name: "pairsAnsweredPct", value: share("pairsAnswered"), unit: "%", bar: 100, is: "atLeast" },
      { name: "pairsDirectPct", value: share("pairsDirect"), unit: "%", bar: 100, is: "atLeast" },
      { name: "medianAddedMs", value: medianAddedMs, unit: "ms", bar: ADDED_MS, is: "below" },
    ],
  };
}

function percent(part: number | null, whole: number | null): number | null {
  return part === null || !whole ? null : Number(((100 * part) / whole).toFixed(1));
}
