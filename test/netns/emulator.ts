/** The program `emulator/` as an object: the public internet, to which namespaces are connected by TUN devices. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { NamespaceSet } from "./namespaces.ts";
import { built, stop } from "./shell.ts";

/** What an access link does to packets, in each direction alike; what is left out is 0, which means "nothing". */
export interface LinkSettings {
  /** One way. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Share of packets, 0..1. */
  readonly loss?: number;
  /** Share of packets, 0..1. */
  readonly reorder?: number;
  readonly rateMbit?: number;
}

export interface EmulatorCounters {
  readonly delivered: number;
  readonly lost: number;
  readonly queueFull: number;
  readonly noRoute: number;
  readonly expired: number;
  readonly malformed: number;
}

export class Emulator {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (text: string) => void; reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;

  constructor(namespaces: NamespaceSet, seed: number) {
    // Ahead of what runs on the hosts: a busy computer would otherwise make the internet itself slow and lossy.
    const command = ["nice", "-n", "-15", built("ringway-emulator"), String(seed)];
    this.#child = namespaces.start(command, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin?.on("error", () => {}); // Its end is told by "exit".
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on("line", (line) => this.#answer(line));
    this.#child.on("error", (error) => this.#end(error));
    this.#child.on("exit", (code) => this.#end(new Error(`the link emulator ended with exit status ${code}`)));
  }

  /** Connects a namespace by the TUN device `device`, to which packets for `prefix` then go. */
  async connect(name: string, namespace: string, device: string, prefix: string, link: LinkSettings): Promise<void> {
    await this.#ask(`port ${name} /run/netns/${namespace} ${device} ${prefix} ${words(link)}`);
  }

  /** Changes the link of a connected name from the next packet on; what is left out stays as it is. */
  async change(name: string, link: LinkSettings): Promise<void> {
    await this.#ask(`set ${name} ${words(link)}`);
  }

  async counters(): Promise<EmulatorCounters> {
    const pairs = (await this.#ask("stats")).split(" ").map((pair) => pair.split("="));
    return Object.fromEntries(pairs.map(([key, value]) => [key, Number(value)])) as unknown as EmulatorCounters;
  }

  async close(): Promise<void> {
    await stop(this.#child);
  }

  #ask(line: string): Promise<string> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${line}\n`);
    });
  }

  #answer(line: string): void {
    const waiting = this.#waiting.shift();
    if (line.startsWith("ok ")) waiting?.resolve(line.slice(3));
    else waiting?.reject(new Error(`the link emulator refused: ${line}`));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#ended);
  }
}

function words(link: LinkSettings): string {
  return Object.entries(link)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
