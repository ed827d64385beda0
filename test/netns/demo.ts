/**
 * `npm run demo`: a small internet on this computer, a node on each of its hosts, "condor wow" joined by all of them.
 *
 * With `--check` it prints one JSON document and ends; exit status 0 where every pair is reachable and the ring whole.
 * Without, it prints ring and links for people and serves the window of one node until Ctrl-C.
 */

import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { AFFILIATION } from "./config-2006.ts";
import { type DemoPlan, planDemo } from "./demo-plan.ts";
import { type DemoNode, type DemoResult, keepLogs, runDemo } from "./demo-run.ts";
import { Internet } from "./internet.ts";
import { whyNoNamespaces } from "./namespaces.ts";
import { linkTable, matrixTable, ringPicture } from "./picture.ts";
import { brokenNeighbours, demoHolds, demoReport } from "./report.ts";
import { built, ended, stop } from "./shell.ts";

const USAGE = `usage: npm run demo -- [--check] [--tcp] [--nodes N] [--seed N] [--port N] [--no-open] [--logs FOLDER]
  --check     print one JSON document and end; exit status 1 if a pair is unreachable or the ring not whole
  --tcp       every node uses TCP alone; the public ones are dialled
  --nodes N   so many nodes (default 11)
  --seed N    of the delays of the links (default 1)
  --port N    of the window's address on this computer (default 8473, or any free one where that is taken)
  --no-open   print the window's address without opening a browser
  --logs FOLDER   keep there what each helper logged and what it said of itself at the end`;

interface DemoOptions {
  readonly check: boolean;
  readonly plan: DemoPlan;
  readonly seed: number;
  /** The port that the user named for the window. */
  readonly port: number | undefined;
  readonly uiArgs: readonly string[];
  readonly logs: string | undefined;
}

const started = performance.now();
const say = (text: string) =>
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`demo: ${(error as Error).message}\n${USAGE}\n`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const refusal = whyNoNamespaces();
  if (refusal !== undefined) {
    process.stderr.write(`demo: ${refusal}; run it as root on Linux\n`);
    return process.getuid?.() === 0 ? 1 : 4;
  }
  if (!options.check && options.port !== undefined && !(await isFree(options.port))) {
    process.stderr.write(`demo: port ${options.port} of 127.0.0.1 belongs to another program; name another --port\n`);
    return 1;
  }
  return await withInternet(options);
}

/** Asked before anything is built: a window that cannot be served is not worth half a minute of waiting for it. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

async function withInternet(options: DemoOptions): Promise<number> {
  const internet = await Internet.open({ seed: options.seed });
  let interrupted: NodeJS.Signals | undefined;
  const interruption = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (interrupted === undefined) say("removing everything");
        interrupted = signal;
        resolve();
      });
    }
  });
  const nodes: DemoNode[] = [];
  try {
    const course = runDemo(internet, options.plan, nodes, (text) => {
      if (interrupted === undefined) say(text);
    });
    // What is still under way when the user has had enough fails as its programs end; nobody needs to hear of it.
    const result = await Promise.race([course, interruption]);
    if (result === undefined) course.catch(() => {});
    else if (options.check) return printCheck(result);
    else return await show(internet, nodes, result, options, interruption);
    return 130;
  } catch (error) {
    if (interrupted !== undefined) return 130;
    say((error as Error).message);
    return 1;
  } finally {
    if (options.logs !== undefined) await keepLogs(nodes, options.logs);
    await internet.close();
  }
}

function printCheck(result: DemoResult): number {
  const report = demoReport(result.seen, result.pings, result.joinMs, result);
  for (const { node, lacks } of brokenNeighbours(result.seen))
    say(`the ring is not whole: ${node} has no near link to ${lacks}`);
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return demoHolds(report) ? 0 : 1;
}

/** For people: picture, tables, and the window of a node behind a NAT until Ctrl-C. */
async function show(
  internet: Internet,
  nodes: readonly DemoNode[],
  result: DemoResult,
  options: DemoOptions,
  interruption: Promise<void>,
): Promise<number> {
  const report = demoReport(result.seen, result.pings, result.joinMs, result);
  const whole = report.ring.consistent ? "the ring is whole" : "the ring is not whole";
  const parts = [
    ringPicture(result.seen, [AFFILIATION, `${report.nodes} members`, whole]),
    linkTable(result.seen, result.pings, report),
    matrixTable(report),
    `${report.reachable} of ${report.pairs} pairs reach each other: ${report.direct} directly, ${report.relayed} through a relay, ` +
      `${report.routed} around the ring.\n` +
      `From join to the first answered ping: ${report.joinMs.median} ms (median), ${report.joinMs.max} ms (longest).\n` +
      `Round trips: ${report.pingMs.median} ms (median), ${report.pingMs.p99} ms (99 of 100).\n` +
      `A helper takes ${report.memoryPssMb} MB, and ${report.idleCpuPct} % of a core at rest (medians).`,
  ];
  process.stdout.write(`\n${parts.join("\n\n")}\n\n`);
  const node = nodes.find((one) => one.plan.kind === "cone") as DemoNode;
  process.stdout.write(
    `The window of ${node.plan.name} (${node.plan.virtualIp}); Ctrl-C ends the demo and removes everything.\n`,
  );
  const command = [process.execPath, built("ringway.js"), "--socket", node.helper.socket, "ui", ...options.uiArgs];
  // In a process group of its own, because Ctrl-C in the terminal is for us; we end the window.
  const window = internet.namespaces.start(command, { stdio: ["ignore", "inherit", "inherit"], detached: true });
  await Promise.race([interruption, ended(window)]);
  const failed = window.exitCode !== null && window.exitCode !== 0;
  await stop(window);
  if (failed) say("the window could not be shown");
  return failed || !demoHolds(report) ? 1 : 0;
}

/** Undefined where help was asked for. */
function readOptions(args: readonly string[]): DemoOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      check: { type: "boolean", default: false },
      tcp: { type: "boolean", default: false },
      nodes: { type: "string", default: "11" },
      seed: { type: "string", default: "1" },
      port: { type: "string" },
      "no-open": { type: "boolean", default: false },
      logs: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const whole = (name: string, value: string, most: number) => {
    if (!/^\d{1,9}$/.test(value) || Number(value) > most) {
      throw new Error(`--${name} must be a whole number from 0 to ${most}, not "${value}"`);
    }
    return Number(value);
  };
  const port = values.port === undefined ? undefined : whole("port", values.port, 65_535);
  return {
    check: values.check,
    plan: planDemo(whole("nodes", values.nodes, 999_999_999), values.tcp ? "tcp" : undefined),
    seed: whole("seed", values.seed, 999_999_999),
    logs: values.logs,
    port,
    uiArgs: [...(port === undefined ? [] : ["--port", String(port)]), ...(values["no-open"] ? ["--no-open"] : [])],
  };
}
