/** What every way of a benchmark runs on: two hosts of its own, joined by one veth pair, and what is read of processes. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type Host, Internet } from "../test/netns/internet.ts";
import { startThroughputServer } from "../test/netns/measure.ts";
import { until } from "../test/netns/shell.ts";

/** Two hosts on one wire. Each way has its own, so that none sees another's routes and interfaces. */
export interface Bed {
  readonly a: Host;
  readonly b: Host;
  /** A host between the two, which then have no wire to one another: it forwards nothing by itself. */
  readonly middle?: Middle;
}

export interface Middle {
  readonly host: Host;
  /** Its addresses on the wires to `a` and to `b`. */
  readonly towardsA: string;
  readonly towardsB: string;
}

/** One way from `from` to `address` on `to`: the bare wire, this product in some form, or another one. */
export interface Way {
  readonly name: string;
  readonly from: Host;
  readonly address: string;
  /** The processes that carry it, on both ends. */
  readonly pids: readonly number[];
  /** From the start of its programs to the first answer; absent where nothing had to start. */
  readonly firstPingS?: number;
  /** What its programs said at their end. */
  readonly lastWords?: () => string;
}

/** Opens an internet, does the work and closes it again, also at Ctrl-C. */
export async function onInternet<T>(work: (internet: Internet) => Promise<T>): Promise<T> {
  const internet = await Internet.open();
  const stop = () => void internet.close().then(() => process.exit(130));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await work(internet);
  } finally {
    await internet.close();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/** Two hosts on a wire, with a server of iperf3 on `b`. */
export async function makeBed(internet: Internet, name: string): Promise<Bed> {
  const [a, b] = await internet.addWire(`${name}-a`, `${name}-b`);
  await startThroughputServer(b);
  return { a, b };
}

/** Two hosts with a third between them, with a server of iperf3 on `b`. */
export async function makeBedWithMiddle(internet: Internet, name: string): Promise<Bed> {
  const [a, host] = await internet.addWire(`${name}-a`, `${name}-middle`);
  const { host: b, middleAddress } = await internet.addBehind(host, `${name}-b`);
  await startThroughputServer(b);
  return { a, b, middle: { host, towardsA: host.address, towardsB: middleAddress } };
}

/** Segmentation and coalescing of the wire itself, on both ends: without them packets of 1,500 bytes really cross it. */
export async function setWireOffload({ a, b, middle }: Bed, on: boolean): Promise<void> {
  const word = on ? "on" : "off";
  const set = (host: Host, device: string) =>
    host.must(["ethtool", "-K", device, "tso", word, "gso", word, "gro", word, "tx-udp-segmentation", word]);
  await set(a, "eth0");
  await set(b, "eth0");
  if (middle === undefined) return;
  await set(middle.host, "eth0");
  await set(middle.host, "eth1");
}

/** Clock ticks of proc(5) in a second. */
const TICKS_PER_S = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Processor time of processes so far, user and system (proc(5) stat, fields 14 and 15). */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_S;
}

/** Memory in use of one process in bytes (proc(5) status, VmRSS). */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} tells no VmRSS`);
  return Number(kib) * 1024;
}

/** Waits until `address` answers a ping; after how many seconds. */
export async function firstAnswer(host: Host, address: string, deadlineMs = 40_000): Promise<number> {
  const started = performance.now();
  await until(
    `an answer of ${address}`,
    deadlineMs,
    async () => (await host.run(["ping", "-n", "-c", "1", "-W", "1", address])).status === 0,
    20,
  );
  return (performance.now() - started) / 1000;
}
