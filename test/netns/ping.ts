/** The system's own `ping`, on a host of the test bed. */
import { createInterface } from "node:readline";
import type { Host } from "./internet.ts";
import { stop } from "./shell.ts";

export interface PingOptions {
  /** Answers that are waited for. */
  readonly count: number;
  readonly intervalMs: number;
  readonly deadlineMs: number;
  /** Bytes of ICMP payload, sent with "don't fragment". */
  readonly payloadBytes?: number;
}

export interface PingResult {
  readonly answered: boolean;
  /** Of each answer. */
  readonly rttMs: readonly number[];
  /** From the call to the first answer. */
  readonly firstAfterMs: number | undefined;
}

/** Pings until `count` answers have come or the deadline is over, also while there is no route to the target yet. */
export async function ping(host: Host, target: string, options: PingOptions): Promise<PingResult> {
  const started = performance.now();
  const left = () => options.deadlineMs - (performance.now() - started);
  const rttMs: number[] = [];
  let firstAfterMs: number | undefined;
  while (rttMs.length < options.count && left() > 0) {
    const turn = performance.now();
    await pingOnce(host, target, options, options.count - rttMs.length, left(), (rtt) => {
      firstAfterMs ??= performance.now() - started;
      rttMs.push(rtt);
    });
    // Without a route ping gives up at once, and is tried again in time with its interval.
    const pause = options.intervalMs - (performance.now() - turn);
    if (rttMs.length < options.count && pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return { answered: rttMs.length >= options.count, rttMs, firstAfterMs };
}

async function pingOnce(
  host: Host,
  target: string,
  options: PingOptions,
  count: number,
  deadlineMs: number,
  answer: (rttMs: number) => void,
): Promise<void> {
  const command = ["ping", "-n", "-i", String(options.intervalMs / 1000), "-c", String(count)];
  // With a deadline ping counts answers, not questions.
  command.push("-w", String(Math.max(1, Math.ceil(deadlineMs / 1000))));
  if (options.payloadBytes !== undefined) command.push("-M", "do", "-s", String(options.payloadBytes));
  const child = host.start([...command, target], ["ignore", "pipe", "ignore"]);
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve());
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const time = /icmp_seq=\d+ .*time=([\d.]+) ms/.exec(line)?.[1];
      if (time !== undefined) answer(Number(time));
    });
  });
  await stop(child);
}
