/** All figures of one way in one round. Each is measured the same for every way. */
import { median } from "../test/netns/figures.ts";
import { throughput } from "../test/netns/measure.ts";
import { ping } from "../test/netns/ping.ts";
import { cpuSeconds, residentBytes, type Way } from "./bed.ts";

export interface Effort {
  readonly rounds: number;
  readonly pings: number;
  /** Of each TCP test. */
  readonly seconds: number;
  /** Whether also what costs much time: UDP searched and in small packets, round trips under load. */
  readonly all: boolean;
}

export const QUICK: Effort = { rounds: 3, pings: 40, seconds: 3, all: false };
export const FULL: Effort = { rounds: 3, pings: 200, seconds: 6, all: true };

/** Intervals under 20 ms would hide what it costs to wake up. */
const PING_INTERVAL_MS = 25;
const PACED = { bitsPerS: 500_000_000, payloadBytes: 1_200 };
const SEARCH_PAYLOAD_BYTES = 1_300;
const SEARCH_STEPS = 6;
const SEARCH_FROM_BITS_PER_S = 4e9;
const LOSS_LIMIT_PCT = 1;

/** One round of one way; each figure a plain number so that rounds can be joined. */
export interface Round {
  readonly rttMs: readonly number[];
  readonly tcp1BitsPerS: number;
  readonly tcp4BitsPerS: number;
  /** Processor time of the way's own programs and of iperf3, both ends, by gigabytes that one TCP stream delivered. */
  readonly cpuSPerGb: number;
  readonly pacedLossPct: number;
  /** The fastest UDP of 1,300 bytes that loses less than one percent. */
  readonly udpBitsPerS?: number;
  readonly smallPacketsPerS?: number;
  readonly loadedRttMs?: readonly number[];
  readonly residentBytes: number;
}

export async function measureRound(way: Way, effort: Effort): Promise<Round> {
  const { from, address, pids } = way;
  const rttMs = await roundTrips(way, effort.pings);
  const before = cpuSeconds(pids);
  const tcp1 = await throughput(from, address, { seconds: effort.seconds });
  const cpuS = cpuSeconds(pids) - before + tcp1.cpuS;
  const tcp4 = await throughput(from, address, { seconds: effort.seconds, streams: 4 });
  const paced = await throughput(from, address, { seconds: Math.min(3, effort.seconds), udp: PACED });
  return {
    rttMs,
    tcp1BitsPerS: tcp1.bitsPerS,
    tcp4BitsPerS: tcp4.bitsPerS,
    cpuSPerGb: cpuS / (tcp1.bytes / 1e9),
    pacedLossPct: paced.lossPct,
    ...(effort.all && {
      udpBitsPerS: await fastestUdp(way),
      smallPacketsPerS: await smallPackets(way),
      loadedRttMs: await roundTripsUnderLoad(way, effort.seconds),
    }),
    residentBytes: Math.max(0, ...pids.map(residentBytes)),
  };
}

async function roundTrips({ name, from, address }: Way, count: number): Promise<readonly number[]> {
  const result = await ping(from, address, { count, intervalMs: PING_INTERVAL_MS, deadlineMs: 30_000 });
  if (!result.answered)
    throw new Error(`${name}: ${address} answered ${result.rttMs.length} of ${count} pings in 30 s`);
  return result.rttMs;
}

async function roundTripsUnderLoad(way: Way, seconds: number): Promise<readonly number[]> {
  const load = throughput(way.from, way.address, { seconds: seconds + 1 });
  const rttMs = await roundTrips(way, Math.floor((seconds * 1000) / PING_INTERVAL_MS / 2));
  await load;
  return rttMs;
}

/** Halves the interval between a rate that is carried and one that is not; the least of `SEARCH_STEPS` tries. */
async function fastestUdp({ from, address }: Way): Promise<number> {
  let [carried, tooFast] = [0, SEARCH_FROM_BITS_PER_S];
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const bitsPerS = carried === 0 ? tooFast / 2 : (carried + tooFast) / 2;
    const udp = { bitsPerS, payloadBytes: SEARCH_PAYLOAD_BYTES };
    const found = await throughput(from, address, { seconds: 1, udp });
    // A sender that does not reach its rate says nothing about a higher one.
    if (found.lossPct < LOSS_LIMIT_PCT && found.bitsPerS > carried) carried = found.bitsPerS;
    if (found.lossPct >= LOSS_LIMIT_PCT || found.bitsPerS < 0.9 * bitsPerS) tooFast = bitsPerS;
  }
  return carried;
}

/** Datagrams of 64 bytes that arrive a second, sent as fast as one sender can. */
async function smallPackets({ from, address }: Way): Promise<number> {
  const payloadBytes = 64;
  const { bitsPerS } = await throughput(from, address, { seconds: 2, udp: { bitsPerS: 0, payloadBytes } });
  return bitsPerS / 8 / payloadBytes;
}

/** What the rounds of one way say together: medians, and for round trips also the tail. */
export function summary(rounds: readonly Round[]) {
  const middle = (pick: (round: Round) => number | undefined) =>
    median(rounds.map(pick).filter((value) => value !== undefined));
  return {
    tcp1: middle((round) => round.tcp1BitsPerS),
    tcp4: middle((round) => round.tcp4BitsPerS),
    cpuPerGb: middle((round) => round.cpuSPerGb),
    pacedLossPct: middle((round) => round.pacedLossPct),
    udp: middle((round) => round.udpBitsPerS),
    packets: middle((round) => round.smallPacketsPerS),
    rttMs: rounds.flatMap((round) => round.rttMs),
    loadedRttMs: rounds.flatMap((round) => round.loadedRttMs ?? []),
    residentBytes: Math.max(0, ...rounds.map((round) => round.residentBytes)),
  };
}
