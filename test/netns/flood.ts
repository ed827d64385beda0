/** Random datagrams at a helper's port, and what a TCP stream beside them keeps. */
import { readFileSync } from "node:fs";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import type { Host, Internet } from "./internet.ts";
import { startThroughputServer, throughput } from "./measure.ts";
import { ping } from "./ping.ts";
import { built } from "./shell.ts";

export const FLOOD_PER_S = 50_000;
/** What a helper's memory may grow by, whatever the flood. */
export const GROWTH_LIMIT_BYTES = 20 * 1024 * 1024;
/** The least share of TCP, against the same flood at a port where nobody listens. */
export const TCP_SHARE_LEAST = 0.7;

const IP_FLOODED = "172.16.1.5";
const PORT = 15_000;
const OTHER_PORT = 9_999;

export interface Flooded {
  readonly flooded: Host;
  readonly flooder: Host;
  readonly helper: HelperProcess;
  readonly virtualIp: string;
}

/** Two members on one wire, the first of which is to be flooded by the second. */
export async function floodBed(internet: Internet): Promise<Flooded> {
  const [flooded, flooder] = await internet.addWire("flooded", "flooder");
  const config = (virtualIp: string, other: Host) =>
    config2006({ virtualIp, port: PORT, startAddresses: [`${other.address}:${PORT}`] });
  const helper = new HelperProcess(flooded, { config: config(IP_FLOODED, flooder) });
  const other = new HelperProcess(flooder, { config: config("172.16.1.6", flooded) });
  await Promise.all([helper.connected(), other.connected()]);
  const { answered } = await ping(flooder, IP_FLOODED, { count: 2, intervalMs: 100, deadlineMs: 10_000 });
  if (!answered) throw new Error(`${IP_FLOODED} answers no ping`);
  await startThroughputServer(flooded);
  return { flooded, flooder, helper, virtualIp: IP_FLOODED };
}

export interface FloodRound {
  /** TCP into the flooded host, over the virtual network, while its helper's port is flooded. */
  readonly bitsPerS: number;
  /** The same while another port of that host is. */
  readonly besideBitsPerS: number;
  /** Datagrams a second that were really sent at the helper's port. */
  readonly floodPerS: number;
  /** To the flood; there is to be none. */
  readonly answers: number;
}

/** TCP for `seconds` beside each of the two floods, one after the other. */
export async function floodRound(bed: Flooded, seconds: number): Promise<FloodRound> {
  const during = async (port: number) => {
    const [{ bitsPerS }, flood] = await Promise.all([
      throughput(bed.flooder, bed.virtualIp, { seconds }),
      flooding(bed, port, seconds + 2),
    ]);
    return { bitsPerS, ...flood };
  };
  const { bitsPerS: besideBitsPerS } = await during(OTHER_PORT);
  const { bitsPerS, floodPerS, answers } = await during(PORT);
  return { bitsPerS, besideBitsPerS, floodPerS, answers };
}

/** Memory of a process that is in use now (proc(5) status, VmRSS). */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} tells no VmRSS`);
  return Number(kib) * 1024;
}

async function flooding({ flooder, flooded }: Flooded, port: number, forSeconds: number) {
  const words = [flooded.address, port, FLOOD_PER_S, forSeconds].map(String);
  const said = await flooder.must([built("ringway-emulator"), "flood", ...words], {
    timeoutMs: (forSeconds + 30) * 1e3,
  });
  const { sent, answers, seconds } = JSON.parse(said) as { sent: number; answers: number; seconds: number };
  return { floodPerS: sent / seconds, answers };
}
