/**
 * `npm run bench`: measures and judges. Each suite compares with a reference of the same run, in turns with it, because
 * figures of different runs or computers do not compare.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { whyNoNamespaces } from "../test/netns/namespaces.ts";
import { repositoryFolder, run } from "../test/netns/shell.ts";
import { measureDatapath } from "./datapath.ts";
import { measureFlood } from "./flood.ts";
import { measurePlanetlabSuite } from "./planetlab.ts";
import { benchReport, type Measured, type SuiteOptions, textOf } from "./report.ts";
import { measure2006 } from "./suite-2006.ts";
import { measureUi } from "./ui.ts";

const SUITES = {
  datapath: measureDatapath,
  planetlab: measurePlanetlabSuite,
  "2006": measure2006,
  flood: measureFlood,
  ui: measureUi,
} as const satisfies Record<string, (options: SuiteOptions) => Promise<Measured>>;
type SuiteName = `${keyof typeof SUITES}`;

const USAGE = `usage: npm run bench -- [--suite S] [--quick] [--only W,W] [--rounds N] [--json]
  --suite S    ${Object.keys(SUITES).join(", ")} (default datapath)
  --quick      shorter rounds; of datapath raw, ringway and wireguard-go
  --only W,W   these ways beside raw and ringway, for example nebula,tinc
  --rounds N   how often each way is measured, 3 by default
  --json       print one JSON document
  --save       keep the document in bench/results/`;

const started = performance.now();
const say = (text: string) =>
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n${USAGE}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const refusal = options.suite === "ui" ? undefined : whyNoNamespaces();
  if (refusal !== undefined) {
    process.stderr.write(`bench: ${refusal}; run it as root on Linux\n`);
    return process.getuid?.() === 0 ? 1 : 4;
  }
  try {
    // Of a busy computer only the ratios say something.
    const loadBefore = loadavg()[0] ?? 0;
    if (loadBefore > 1) say(`the computer is busy (load ${loadBefore.toFixed(1)}): single figures will be low`);
    const measured = await SUITES[options.suite]({ ...options, say });
    const report = benchReport(options.suite, availableParallelism(), await versions(), {
      ...measured,
      figures: { loadBefore: Number(loadBefore.toFixed(2)), ...measured.figures },
    });
    if (options.save) {
      const name = `${new Date().toISOString().slice(0, 10)}-${options.suite}${options.quick ? "-quick" : ""}.json`;
      writeFileSync(join(repositoryFolder(), "bench/results", name), `${JSON.stringify(report, null, 2)}\n`);
    }
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
    return report.pass ? 0 : 1;
  } catch (error) {
    say((error as Error).message);
    return 1;
  }
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      suite: { type: "string", default: "datapath" },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      rounds: { type: "string" },
      json: { type: "boolean", default: false },
      save: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const suite = values.suite;
  if (!isSuite(suite)) throw new Error(`there is no suite "${suite}"; suites: ${Object.keys(SUITES).join(", ")}`);
  const { only: words, rounds: number, ...rest } = values;
  const rounds = Number(number ?? 3);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 20)
    throw new Error(`--rounds takes 1 to 20, not "${number}"`);
  const only = words?.split(",");
  return { ...rest, suite, ...(only && { only }), ...(number !== undefined && { rounds }) };
}

function isSuite(name: string): name is SuiteName {
  return Object.hasOwn(SUITES, name);
}

async function versions(): Promise<Record<string, string>> {
  const manifest = JSON.parse(readFileSync(join(repositoryFolder(), "package.json"), "utf8"));
  const said = await run(["iperf3", "--version"]).catch(() => ({ stdout: "" }));
  const iperf = /iperf (\S+)/.exec(said.stdout)?.[1];
  return { ringway: manifest.version, node: process.versions.node, kernel: release(), iperf3: iperf ?? "unknown" };
}
