/** What `npm run sim:swarm` does, but for the threads it does it on. */
import { parseArgs } from "node:util";
import { BREAKABLE, type Breakable } from "../../native-helper/overlay/debug.ts";
import { runLeaseWorld } from "./lease-world.ts";
import { runSwarmWorld } from "./swarm-world.ts";

const SECONDS_LIMIT = 86_400;
/** Of the failing world: lines kept while it runs again, and lines told of the hosts that the failure names. */
const TRACE_LINES_KEPT = 20_000;
const TRACE_LINES_TOLD = 40;
/** Of so many seeds one makes a world that strains leases. */
const LEASE_WORLD_EACH = 4;

export const USAGE = `usage: npm run sim:swarm -- [--seconds N] [--seed N] [--break NAME]
  --seconds  1 to ${SECONDS_LIMIT} (default 60): how long new worlds are begun
  --seed     0 to ${Number.MAX_SAFE_INTEGER}: this world alone
  --break    a planted fault of the engine, which the checks must find:
${Object.entries(BREAKABLE)
  .map(([name, what]) => `             ${name}: ${what}`)
  .join("\n")}
`;

export interface SwarmReply {
  readonly seed: number;
  /** What broke, where the world failed. */
  readonly failure?: string;
}

export interface SwarmWorker {
  run(seed: number): Promise<SwarmReply>;
  stop(): void;
}

export interface Surroundings {
  out(text: string): void;
  err(text: string): void;
  readonly workers: number;
  startWorker(broken: readonly Breakable[]): SwarmWorker;
}

/** Runs the world of one seed. */
export function worldOf(seed: number, broken: readonly Breakable[], trace?: (line: string) => void): SwarmReply {
  const flaw = broken.length === 0 ? "" : ` --break ${broken.join(",")}`;
  const replay = `npm run sim:swarm -- --seed ${seed}${flaw}`;
  const runWorld = seed % LEASE_WORLD_EACH === 1 ? runLeaseWorld : runSwarmWorld;
  try {
    runWorld({ seed, replay, broken: new Set(broken), ...(trace && { trace }) });
    return { seed };
  } catch (error) {
    return { seed, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** Returns the exit status. */
export async function main(args: readonly string[], around: Surroundings): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === "string") {
    around.err(`${parsed}\n${USAGE}`);
    return 2;
  }
  const { seconds, seed, broken } = parsed;
  const replies = seed === undefined ? await runFor(seconds, broken, around) : [worldOf(seed, broken)];
  const failures = replies.filter((reply) => reply.failure !== undefined);
  for (const { seed: failed, failure } of failures) {
    around.out(`world ${failed}: ${failure}\n`);
    around.out(`the last messages of the hosts concerned:\n${lastMessages(failed, failure ?? "", broken)}\n`);
  }
  const seeds = new Set(replies.map((reply) => reply.seed)).size;
  around.out(`${replies.length} runs, ${seeds} seeds, ${failures.length} failures\n`);
  return failures.length === 0 ? 0 : 1;
}

/** World after world on every worker, until the time is over or one fails. */
async function runFor(seconds: number, broken: readonly Breakable[], around: Surroundings): Promise<SwarmReply[]> {
  const replies: SwarmReply[] = [];
  const end = Date.now() + seconds * 1000;
  let next = 1;
  let isOver = false;
  const work = async () => {
    const worker = around.startWorker(broken);
    while (!isOver && Date.now() < end) {
      const reply = await worker.run(next++);
      replies.push(reply);
      isOver ||= reply.failure !== undefined;
      if (replies.length % 20 === 0) around.err(`${replies.length} worlds\n`);
    }
    worker.stop();
  };
  await Promise.all(Array.from({ length: Math.max(1, around.workers) }, work));
  return replies;
}

/** The world again, with every message: what the hosts that the failure names heard and said last. */
function lastMessages(seed: number, failure: string, broken: readonly Breakable[]): string {
  const names = new Set([...failure.matchAll(/\bn\d+\b/g)].map(([name]) => name).slice(0, 3));
  const lines: string[] = [];
  worldOf(seed, broken, (line) => {
    if (names.size > 0 && !names.has(line.trimStart().split(/\s+/)[1] ?? "")) return;
    lines.push(line);
    if (lines.length > TRACE_LINES_KEPT) lines.splice(0, TRACE_LINES_KEPT / 2);
  });
  return lines.slice(-TRACE_LINES_TOLD).join("\n");
}

/** A string is what is wrong. */
function parse(args: readonly string[]): { seconds: number; seed: number | undefined; broken: Breakable[] } | string {
  let values: { seconds?: string; seed?: string; break?: string };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { seconds: { type: "string" }, seed: { type: "string" }, break: { type: "string" } },
    }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const seconds = wholeNumber(values.seconds ?? "60", 1, SECONDS_LIMIT);
  if (seconds === undefined)
    return `--seconds must be a whole number from 1 to ${SECONDS_LIMIT}, not "${values.seconds}"`;
  const seed = values.seed === undefined ? undefined : wholeNumber(values.seed, 0, Number.MAX_SAFE_INTEGER);
  if (values.seed !== undefined && seed === undefined)
    return `--seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not "${values.seed}"`;
  const names = values.break === undefined ? [] : values.break.split(",");
  const unknown = names.find((name) => !Object.hasOwn(BREAKABLE, name));
  if (unknown !== undefined) return `no planted fault is called "${unknown}"`;
  return { seconds, seed, broken: names as Breakable[] };
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}
