/** Running other programs: to their end with what they print, or in the background until the test bed is closed. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Finished {
  /** The exit status; null where a signal (or our timeout) ended the program. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
  /** After this long it is killed. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor takes the place of a pipe for its output, which is then not in the result. */
  readonly output?: number;
}

/** Runs a program to its end, whatever that is. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error("run: the command is empty");
  const output = options.output ?? "pipe";
  const child = spawn(program, args, {
    stdio: [options.input === undefined ? "ignore" : "pipe", output, output],
    ...(options.env && { env: { ...process.env, ...options.env } }),
    ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs, killSignal: "SIGKILL" as const }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin?.on("error", () => {}); // It may end before it has read everything; its status tells.
  child.stdin?.end(options.input);
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** Runs a program that must succeed; what it printed on standard output. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const finished = await run(command, options);
  if (finished.status !== 0) {
    const said = (finished.stderr || finished.stdout).trim();
    throw new Error(`${command.join(" ")}: exit status ${finished.status}${said && `: ${said}`}`);
  }
  return finished.stdout;
}

/** Resolves when the process has ended. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Asks a process to end, and makes it end when it has not after `graceMs`. */
export async function stop(child: ChildProcess, graceMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended(child);
  clearTimeout(timer);
}

/** Awaits a condition: the first value of `attempt` that is neither undefined nor false, asked for every `everyMs`. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  everyMs = 100,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await attempt();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= end) throw new Error(`${what}: not within ${deadlineMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Does the work on every item, on at most `width` at once; the results are in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}

/** The folder of the repository, seen from a bundle in `dist` as well as from a source file. */
export function repositoryFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "ringway") return folder;
    if (folder === dirname(folder))
      throw new Error("not inside a clone of the repository: no package.json of ringway above");
  }
}

/** A file that `npm run build` makes. */
export function built(name: string): string {
  const path = join(repositoryFolder(), "dist", name);
  if (!existsSync(path)) throw new Error(`${path} is missing; run "npm run build" first`);
  return path;
}
