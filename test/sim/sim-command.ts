/**
 * `npm run sim -- [--scenario join] [--nodes 500] [--seed 7] [--mix public] [--json] [--trace]`
 *
 * The document is on stdout, progress and traces on stderr. Exit status: 0 all bars met, 1 a bar missed or a rule broken,
 * 2 wrong use.
 */
import { parseArgs } from "node:util";
import { MIXES, type MixName } from "./crowd.ts";
import { type Report, type RunOptions, reportText } from "./report.ts";
import { runChurn } from "./scenario-churn.ts";
import { runJoin } from "./scenario-join.ts";
import { runLeases } from "./scenario-leases.ts";
import { runLoopy } from "./scenario-loopy.ts";
import { runMassfail } from "./scenario-massfail.ts";
import { runMerge } from "./scenario-merge.ts";
import { runNat } from "./scenario-nat.ts";
import { runPlanetlab118 } from "./scenario-planetlab118.ts";

interface Scenario {
  run(options: RunOptions, progress: (text: string) => void): Report;
  /** Its size, and the kinds of site, unless given. */
  readonly nodes: number;
  readonly mix: MixName;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  join: { run: runJoin, nodes: 500, mix: "public" },
  leases: { run: runLeases, nodes: 500, mix: "public" },
  loopy: { run: runLoopy, nodes: 1001, mix: "public" },
  churn: { run: runChurn, nodes: 100, mix: "public" },
  massfail: { run: runMassfail, nodes: 300, mix: "public" },
  merge: { run: runMerge, nodes: 1000, mix: "public" },
  planetlab118: { run: runPlanetlab118, nodes: 118, mix: "public" },
  nat: { run: runNat, nodes: 36, mix: "public" },
};
const NODES_LIMIT = 100_000;

export const USAGE = `usage: npm run sim -- [--scenario NAME] [--nodes N] [--seed N] [--mix NAME] [--json] [--trace]
  --scenario  ${Object.keys(SCENARIOS).join(", ")} (default join)
  --nodes     1 to ${NODES_LIMIT} (default ${defaults(({ nodes }) => nodes)})
  --seed      0 to ${Number.MAX_SAFE_INTEGER} (default 1)
  --mix       ${Object.keys(MIXES).join(", ")}: kinds of sites (default ${defaults(({ mix }) => mix)})
  --json      one JSON document on stdout
  --trace     what goes into and comes out of each node, on stderr
`;

function defaults(of: (scenario: Scenario) => string | number): string {
  return Object.entries(SCENARIOS)
    .map(([name, scenario]) => `${name} ${of(scenario)}`)
    .join(", ");
}

export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/** Returns the exit status. */
export function main(args: readonly string[], streams: Streams): number {
  const parsed = parse(args);
  if (typeof parsed === "string") {
    streams.err(`${parsed}\n${USAGE}`);
    return 2;
  }
  const { scenario, json, trace, ...rest } = parsed;
  const options: RunOptions = trace ? { ...rest, trace: (line) => streams.err(`${line}\n`) } : rest;
  try {
    const report = scenario.run(options, (text) => streams.err(`${text}\n`));
    streams.out(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return report.pass ? 0 : 1;
  } catch (error) {
    streams.err(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

interface Parsed {
  readonly scenario: Scenario;
  readonly nodes: number;
  readonly seed: number;
  readonly mix: MixName;
  readonly json: boolean;
  readonly trace: boolean;
}

/** A string is what is wrong. */
function parse(args: readonly string[]): Parsed | string {
  let values: Partial<Record<"scenario" | "nodes" | "seed" | "mix", string>> & { json?: boolean; trace?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        scenario: { type: "string" },
        nodes: { type: "string" },
        seed: { type: "string" },
        mix: { type: "string" },
        json: { type: "boolean" },
        trace: { type: "boolean" },
      },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const name = values.scenario ?? "join";
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (scenario === undefined) return `no scenario is called "${name}"`;
  const nodes = values.nodes === undefined ? scenario.nodes : wholeNumber(values.nodes, 1, NODES_LIMIT);
  if (nodes === undefined) return `--nodes must be a whole number from 1 to ${NODES_LIMIT}, not "${values.nodes}"`;
  const seed = wholeNumber(values.seed ?? "1", 0, Number.MAX_SAFE_INTEGER);
  if (seed === undefined)
    return `--seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not "${values.seed}"`;
  const mix = values.mix ?? scenario.mix;
  if (!isMix(mix)) return `no mix is called "${mix}"`;
  return { scenario, nodes, seed, mix, json: values.json ?? false, trace: values.trace ?? false };
}

function isMix(name: string): name is MixName {
  return Object.hasOwn(MIXES, name);
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}
