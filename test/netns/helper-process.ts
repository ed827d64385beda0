/** A real helper (`ringway helper`) on a host of the test bed, steered over its socket as the command line would. */
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HelperError } from "#contract";
import { connectHelper, type HelperConnection } from "../../native-helper/control/client.ts";
import type { Host } from "./internet.ts";
import { built, ended, type Finished, type RunOptions, run, stop, until } from "./shell.ts";

export interface HelperOptions {
  /** Text of a configuration file, given to the helper at its start. */
  readonly config?: string;
  /** Further words of the command. */
  readonly args?: readonly string[];
  /** Stands before the command, to change its rights or its view of the system. */
  readonly wrapper?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its state, where that is not to be in the host's own folder. */
  readonly stateFolder?: string;
}

/** How long a helper may take from its start until it answers; a loaded computer starts a hundred of them. */
const READY_MS = 60_000;

export class HelperProcess {
  readonly host: Host;
  readonly socket: string;
  readonly stateFolder: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  #connection: Promise<HelperConnection> | undefined;

  constructor(host: Host, options: HelperOptions = {}) {
    this.host = host;
    this.socket = join(host.folder, "helper.sock");
    this.stateFolder = options.stateFolder ?? join(host.folder, "state");
    this.logFile = join(host.folder, "helper.log");
    const command = [...withHostName(host.name), ...(options.wrapper ?? [])];
    command.push(process.execPath, built("ringway.js"), "helper");
    command.push("--state", this.stateFolder, "--socket", this.socket, ...(options.args ?? []));
    if (options.config !== undefined) {
      const file = join(host.folder, "config.txt");
      writeFileSync(file, options.config);
      command.push("--config", file);
    }
    const log = openSync(this.logFile, "a");
    this.#child = host.start(command, ["ignore", log, log], options.env);
    closeSync(log);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`the helper of ${this.host.name} could not be started`);
    return this.#child.pid;
  }

  runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The exit status once it has ended; null where a signal ended it. */
  async ended(): Promise<number | null> {
    await ended(this.#child);
    return this.#child.exitCode;
  }

  /** A connection to it, made when it answers and kept. */
  client(): Promise<HelperConnection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  /** Kills it as nothing can be caught. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await ended(this.#child);
  }

  async stop(): Promise<void> {
    await stop(this.#child);
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8") : "";
  }

  /** Runs the command line against this helper, outside the host's namespace: its socket is a file. */
  command(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run([process.execPath, built("ringway.js"), "--socket", this.socket, ...args], options);
  }

  /** What a command prints with `--json`. */
  async json<T = unknown>(...args: string[]): Promise<T> {
    const finished = await this.command([...args, "--json"]);
    if (finished.status !== 0) {
      throw new Error(`ringway ${args.join(" ")} on ${this.host.name}: ${finished.stdout}${finished.stderr}`);
    }
    return JSON.parse(finished.stdout) as T;
  }

  /** Waits until the only affiliation is connected. */
  async connected(deadlineMs = 30_000): Promise<void> {
    const client = await this.client();
    await until(`${this.host.name} connected`, deadlineMs, async () => {
      const [affiliation] = (await client.status({})).affiliations;
      return affiliation?.state === "connected";
    }).catch(async (error) => {
      const [affiliation] = (await client.status({})).affiliations;
      throw new Error(`${error.message}; it is ${affiliation?.state ?? "in no affiliation"}: ${affiliation?.reason}`);
    });
  }

  async #connect(): Promise<HelperConnection> {
    return await until(
      `the helper of ${this.host.name} to answer`,
      READY_MS,
      async () => {
        if (!this.runs()) {
          const end = this.#child.exitCode ?? this.#child.signalCode;
          throw new Error(`the helper of ${this.host.name} ended (${end}):\n${this.log()}`);
        }
        try {
          return await connectHelper(this.socket);
        } catch (error) {
          if (error instanceof HelperError && error.code === "HELPER_NOT_RUNNING") return undefined;
          throw error;
        }
      },
      50,
    );
  }
}

/** Runs the command after it on a computer of that name, which is the one that other members then see. */
function withHostName(name: string): string[] {
  return ["unshare", "--uts", "sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"', name];
}
