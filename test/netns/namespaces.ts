/**
 * Network namespaces that belong to one run and vanish with it: at its end, at a failure, at Ctrl-C; and what a killed
 * run left behind vanishes at the start of the next one.
 *
 * A namespace is called `ringway-PID-START-COUNT-NAME`, after the process that owns it and when that process started
 * (clock ticks since boot), so that a later process with the same PID is not taken for the owner.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ended, inParallel, must, run, stop } from "./shell.ts";

const PREFIX = /^ringway-(\d+)-(\d+)-\d+-/;
const NAMESPACE_FOLDER = "/run/netns";

/** Why no namespaces can be made here, or undefined where they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces exist only on Linux";
  if (process.getuid?.() !== 0) return "making network namespaces needs root";
  return undefined;
}

let runs = 0;

export class NamespaceSet {
  /** A temporary folder that goes away with the namespaces. */
  readonly folder: string;
  readonly #prefix: string;
  readonly #names = new Set<string>();
  readonly #children = new Set<ChildProcess>();
  readonly #atExit = () => this.#closeNow();
  #closed: Promise<void> | undefined;

  private constructor() {
    this.#prefix = `ringway-${process.pid}-${startTicks("self")}-${++runs}-`;
    this.folder = mkdtempSync(join(tmpdir(), this.#prefix));
    process.on("exit", this.#atExit);
  }

  /** Removes what dead runs left, then begins an empty set. */
  static async open(): Promise<NamespaceSet> {
    const refusal = whyNoNamespaces();
    if (refusal !== undefined) throw new Error(refusal);
    await removeLeftovers();
    return new NamespaceSet();
  }

  /** Makes a namespace; its full name. Names may hold letters, digits and dashes. */
  async add(name: string): Promise<string> {
    const full = this.#prefix + name;
    this.#names.add(full);
    await must(["ip", "netns", "add", full]);
    return full;
  }

  /** Starts a program that is stopped when the set closes, and killed by the kernel when this process dies. */
  start(command: readonly string[], options: SpawnOptions): ChildProcess {
    if (this.#closed !== undefined) throw new Error("the test bed is closing");
    const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", ...command], options);
    this.#children.add(child);
    child.on("exit", () => this.#children.delete(child));
    return child;
  }

  /** Ends every program that was started and removes the namespaces and the folder. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const children = [...this.#children];
    await Promise.all(children.map((child) => stop(child)));
    await Promise.all(children.map(ended));
    await inParallel([...this.#names], 4, remove);
    rmSync(this.folder, { recursive: true, force: true });
    process.off("exit", this.#atExit);
  }

  /** The last resort, when the process exits without `close`: nothing may be awaited any more. */
  #closeNow(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of this.#names) {
      try {
        for (const pid of pids(execFileSync("ip", ["netns", "pids", name], { encoding: "utf8" }))) kill(pid);
        execFileSync("ip", ["netns", "delete", name], { stdio: "ignore" });
      } catch {
        // It may not have been made yet; the next run removes what cannot be removed now.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Removes the namespaces and folders of runs whose process no longer lives; their names. */
export async function removeLeftovers(): Promise<string[]> {
  const dead = (name: string) => {
    const match = PREFIX.exec(name);
    return match !== null && startTicks(match[1] as string) !== match[2];
  };
  const names = list(NAMESPACE_FOLDER).filter(dead);
  await inParallel(names, 4, remove);
  for (const name of list(tmpdir()).filter(dead)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  return names;
}

async function remove(name: string): Promise<void> {
  for (const pid of pids((await run(["ip", "netns", "pids", name])).stdout)) kill(pid);
  const removed = await run(["ip", "netns", "delete", name]);
  if (removed.status !== 0 && list(NAMESPACE_FOLDER).includes(name)) {
    throw new Error(`namespace ${name} cannot be removed: ${removed.stderr.trim()}`);
  }
}

/** When a process started, in clock ticks since boot (field 22 of proc(5) stat); undefined where there is none. */
function startTicks(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function pids(text: string): number[] {
  return text.split("\n").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
