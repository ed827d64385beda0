/**
 * Suite `datapath`: what the virtual network costs on one direct link, against the same veth pair without it. Raw and
 * Ringway take turns; each round measures both. Both ends and the load run on this computer's cores.
 */
import { readFileSync } from "node:fs";
import { config2006 } from "../test/netns/config-2006.ts";
import { median, quantile, rounded } from "../test/netns/figures.ts";
import { HelperProcess } from "../test/netns/helper-process.ts";
import { type Host, Internet } from "../test/netns/internet.ts";
import { startThroughputServer, type Throughput, throughput } from "../test/netns/measure.ts";
import { ping } from "../test/netns/ping.ts";
import type { Measured } from "./report.ts";

interface Effort {
  readonly rounds: number;
  readonly pings: number;
  readonly seconds: number;
}

const QUICK: Effort = { rounds: 3, pings: 40, seconds: 3 };
const FULL: Effort = { rounds: 5, pings: 200, seconds: 10 };
/** Intervals under 20 ms would hide what it costs to wake up. */
const PING_INTERVAL_MS = 25;
const IP_A = "172.16.1.5";
const IP_B = "172.16.1.6";
const UDP = { bitsPerS: 500_000_000, payloadBytes: 1_200 };
/** Clock ticks of proc(5) in a second, USER_HZ. */
const TICKS_PER_S = 100;

/** What one way between the two hosts did, over all rounds. */
class Way {
  readonly rttMs: number[] = [];
  readonly tcp1: number[] = [];
  readonly tcp4: number[] = [];
  readonly udp: Throughput[] = [];
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }

  figures() {
    return {
      rttMs: { median: rounded(median(this.rttMs), 3), p99: rounded(quantile(this.rttMs, 0.99), 3) },
      tcp1MbitPerS: mbit(median(this.tcp1)),
      ...(this.tcp4.length > 0 && { tcp4MbitPerS: mbit(median(this.tcp4)) }),
      ...(this.udp.length > 0 && {
        udp: {
          offeredMbitPerS: UDP.bitsPerS / 1e6,
          payloadBytes: UDP.payloadBytes,
          mbitPerS: mbit(median(this.udp.map((one) => one.bitsPerS))),
          lossPct: rounded(median(this.udp.map((one) => one.lossPct)), 3),
        },
      }),
    };
  }
}

export async function measureDatapath(quick: boolean, say: (text: string) => void): Promise<Measured> {
  const effort = quick ? QUICK : FULL;
  const internet = await Internet.open();
  const stop = () => void internet.close().then(() => process.exit(130));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const [a, b] = await internet.addWire("a", "b");
    const helpers = await startHelpers(a, b);
    await startThroughputServer(b);
    say("two hosts on one veth pair reach each other over tap0");

    const raw = new Way(b.address);
    const ringway = new Way(IP_B);
    let cpuS = 0;
    let bits = 0;
    for (let round = 1; round <= effort.rounds; round++) {
      for (const way of [raw, ringway]) {
        way.rttMs.push(...(await roundTrips(a, way.address, effort.pings)));
        const before = cpuSeconds(helpers);
        const tcp1 = await throughput(a, way.address, { seconds: effort.seconds });
        way.tcp1.push(tcp1.bitsPerS);
        if (way === ringway) {
          cpuS += cpuSeconds(helpers) - before;
          bits += tcp1.bitsPerS * effort.seconds;
        }
        if (quick) continue;
        way.tcp4.push((await throughput(a, way.address, { seconds: effort.seconds, streams: 4 })).bitsPerS);
        way.udp.push(await throughput(a, way.address, { seconds: effort.seconds, udp: UDP }));
      }
      say(
        `round ${round} of ${effort.rounds}: TCP ${mbit(ringway.tcp1.at(-1) ?? null)} Mbit/s, raw ${mbit(raw.tcp1.at(-1) ?? null)}`,
      );
    }

    const [rawRtt, ringwayRtt] = [median(raw.rttMs), median(ringway.rttMs)];
    const added = rawRtt === null || ringwayRtt === null ? null : rounded(ringwayRtt - rawRtt, 3);
    const tcp1 = mbit(median(ringway.tcp1));
    return {
      figures: {
        rounds: effort.rounds,
        pingsPerRound: effort.pings,
        secondsPerTest: effort.seconds,
        raw: raw.figures(),
        ringway: ringway.figures(),
        addedRttMs: added,
        // Both helpers together, user and system time, by bytes that TCP delivered.
        cpuSPerGb: bits > 0 ? rounded(cpuS / (bits / 8e9), 2) : null,
      },
      bars: [
        { name: "added round trip, median", value: added, unit: "ms", bar: 1, is: "below" },
        { name: "TCP, one stream", value: tcp1, unit: "Mbit/s", bar: 500, is: "atLeast" },
      ],
    };
  } finally {
    await internet.close();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

async function startHelpers(a: Host, b: Host): Promise<readonly HelperProcess[]> {
  const helpers = [
    new HelperProcess(a, { config: config2006({ virtualIp: IP_A, startAddresses: [`${b.address}:15000`] }) }),
    new HelperProcess(b, { config: config2006({ virtualIp: IP_B, startAddresses: [`${a.address}:15000`] }) }),
  ];
  for (const helper of helpers) await helper.client();
  const first = await ping(a, IP_B, { count: 10, intervalMs: 100, deadlineMs: 30_000 });
  if (!first.answered) {
    throw new Error(`${IP_A} does not reach ${IP_B} over tap0 within 30 s; the helper's log:\n${helpers[0]?.log()}`);
  }
  return helpers;
}

async function roundTrips(host: Host, address: string, count: number): Promise<readonly number[]> {
  const result = await ping(host, address, { count, intervalMs: PING_INTERVAL_MS, deadlineMs: 30_000 });
  if (!result.answered) throw new Error(`${address} answered ${result.rttMs.length} of ${count} pings within 30 s`);
  return result.rttMs;
}

/** Processor time of the processes so far (proc(5) stat, fields 14 and 15). */
function cpuSeconds(helpers: readonly HelperProcess[]): number {
  let ticks = 0;
  for (const { pid } of helpers) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_S;
}

function mbit(bitsPerS: number | null): number | null {
  return bitsPerS === null ? null : rounded(bitsPerS / 1e6, 1);
}
