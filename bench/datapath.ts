/**
 * Suite `datapath`: what a virtual network costs on one direct link. The bare wire, Ringway in its forms and other
 * products take turns, round after round; each round gives one ratio, and the median of the ratios counts.
 */

import { median, quantile, rounded } from "../test/netns/figures.ts";
import { throughput } from "../test/netns/measure.ts";
import { type Bed, cpuSeconds, makeBed, onInternet, setWireOffload, type Way } from "./bed.ts";
import { barsOf } from "./datapath-bars.ts";
import { type Effort, FULL, measureRound, QUICK, type Round, summary } from "./measure-way.ts";
import { peers, startPeer } from "./peers.ts";
import type { Measured, SuiteOptions } from "./report.ts";
import { bedOf, ringwayVariants, startRingway } from "./ringway-ways.ts";

const QUICK_PEERS = ["wireguard-go"];
const QUICK_VARIANTS = ["ringway"];
const IDLE_S = 10;

/** A way with its bed and all that was measured of it. */
export interface Track {
  readonly way: Way;
  readonly bed: Bed;
  readonly rounds: Round[];
  /** TCP of each round while packets of 1,500 bytes really cross the wire. */
  readonly plainWire: number[];
}

export async function measureDatapath({ quick, only, rounds, say }: SuiteOptions): Promise<Measured> {
  const effort: Effort = { ...(quick ? QUICK : FULL), ...(rounds !== undefined && { rounds }) };
  const wanted = (name: string, inQuick: readonly string[]) =>
    only?.includes(name) ?? (!quick || inQuick.includes(name));
  return await onInternet(async (internet) => {
    const tracks: Track[] = [await track(makeBed(internet, "raw"), async ({ a, b }) => wire(a, b.address))];
    const missing: Record<string, string> = {};
    const versions: Record<string, string> = {};

    for (const [index, variant] of ringwayVariants.entries()) {
      if (variant.name !== "ringway" && !wanted(variant.name, QUICK_VARIANTS)) continue;
      tracks.push(await track(bedOf(internet, variant), (bed) => startRingway(bed, variant, index + 1)));
      say(`${variant.name} is up`);
    }
    for (const [index, peer] of peers.entries()) {
      if (!wanted(peer.name, QUICK_PEERS)) continue;
      try {
        versions[peer.name] = await peer.install();
        say(`${peer.name} ${versions[peer.name]} is built or found`);
        tracks.push(await track(makeBed(internet, peer.name), (bed) => startPeer(peer, bed, 100 + index)));
      } catch (error) {
        // One product that does not build or does not start is no reason to measure none.
        missing[peer.name] = (error as Error).message;
        say(`without ${peer.name}: ${missing[peer.name]}`);
      }
    }

    for (let round = 1; round <= effort.rounds; round++) {
      for (const one of [...tracks]) {
        const { name } = one.way;
        try {
          const measured = await measureRound(one.way, effort);
          one.rounds.push(measured);
          const [tcp1, cpu] = [gbit(measured.tcp1BitsPerS), rounded(measured.cpuSPerGb, 2)];
          say(`round ${round}, ${name}: TCP ${tcp1} Gbit/s, ${cpu} CPU s/GB`);
        } catch (error) {
          if (peers.every((peer) => peer.name !== name)) throw error;
          tracks.splice(tracks.indexOf(one), 1);
          missing[name] = `failed in round ${round}: ${(error as Error).message}; ${one.way.lastWords?.()}`;
          say(`without ${name}: ${missing[name]}`);
        }
      }
      await onPlainWire(tracks, effort, quick);
    }
    const idle = quick ? {} : await idleShares(tracks);
    return {
      versions,
      figures: {
        rounds: effort.rounds,
        secondsPerTest: effort.seconds,
        ways: Object.fromEntries(tracks.map((one) => [one.way.name, { ...figuresOf(one), ...idle[one.way.name] }])),
      },
      bars: barsOf(tracks, effort),
      ratios: { ...ratiosOf(tracks), ...missing },
    };
  });
}

async function track(making: Promise<Bed>, start: (bed: Bed) => Promise<Way>): Promise<Track> {
  const bed = await making;
  return { way: await start(bed), bed, rounds: [], plainWire: [] };
}

function wire(from: Bed["a"], address: string): Way {
  return { name: "raw", from, address, pids: [] };
}

/** One TCP stream each with the wire's own segmentation and coalescing switched off. */
async function onPlainWire(tracks: readonly Track[], effort: Effort, quick: boolean): Promise<void> {
  for (const one of tracks) {
    if (quick && !["raw", "ringway", "wireguard-go"].includes(one.way.name)) continue;
    await setWireOffload(one.bed, false);
    const { bitsPerS } = await throughput(one.way.from, one.way.address, { seconds: Math.min(3, effort.seconds) });
    one.plainWire.push(bitsPerS);
    await setWireOffload(one.bed, true);
  }
}

/** Share of one core that each way takes while nothing happens. */
async function idleShares(tracks: readonly Track[]): Promise<Record<string, { idleCorePct: number | null }>> {
  const before = tracks.map(({ way }) => cpuSeconds(way.pids));
  await new Promise((resolve) => setTimeout(resolve, IDLE_S * 1000));
  return Object.fromEntries(
    tracks.map(({ way }, index) => [
      way.name,
      { idleCorePct: rounded(((cpuSeconds(way.pids) - (before[index] ?? 0)) / IDLE_S) * 100, 2) },
    ]),
  );
}

function figuresOf({ way, rounds, plainWire }: Track) {
  const all = summary(rounds);
  const rtt = (values: readonly number[]) => ({
    median: rounded(median(values), 3),
    p99: rounded(quantile(values, 0.99), 3),
  });
  return {
    tcp1GbitPerS: gbit(all.tcp1),
    tcp4GbitPerS: gbit(all.tcp4),
    plainWireTcp1GbitPerS: gbit(median(plainWire)),
    cpuSPerGb: rounded(all.cpuPerGb, 2),
    rttMs: rtt(all.rttMs),
    pacedUdpLossPct: rounded(all.pacedLossPct, 3),
    ...(all.udp !== null && { losslessUdpGbitPerS: gbit(all.udp) }),
    ...(all.packets !== null && { smallPacketsPerS: Math.round(all.packets) }),
    ...(all.loadedRttMs.length > 0 && { loadedRttMs: rtt(all.loadedRttMs) }),
    ...(way.pids.length > 0 && { residentMb: rounded(all.residentBytes / 1e6, 1) }),
    ...(way.firstPingS !== undefined && { firstPingS: rounded(way.firstPingS, 2) }),
  };
}

/** Ours through theirs, of each round; the medians. */
function ratiosOf(tracks: readonly Track[]) {
  const ours = tracks.find(({ way }) => way.name === "ringway");
  if (ours === undefined) return {};
  const others = tracks.filter(({ way }) => !way.name.startsWith("ringway"));
  return Object.fromEntries(
    others.map((other) => [
      other.way.name,
      {
        tcp1: ratio(ours, other, (round) => round.tcp1BitsPerS),
        tcp4: ratio(ours, other, (round) => round.tcp4BitsPerS),
        udp: ratio(ours, other, (round) => round.udpBitsPerS),
        rtt: ratio(ours, other, (round) => median(round.rttMs) ?? undefined),
        cpuPerGb: ratio(ours, other, (round) => round.cpuSPerGb),
      },
    ]),
  );
}

/** The median of one figure of `one` through that of `other` in the same round; null where it was not measured. */
export function ratio(one: Track, other: Track, pick: (round: Round) => number | undefined): number | null {
  return medianRatio(one.rounds.map(pick), other.rounds.map(pick));
}

export function medianRatio(
  one: readonly (number | undefined)[],
  other: readonly (number | undefined)[],
): number | null {
  const ratios = one.flatMap((value, index) => {
    const divisor = other[index];
    return value !== undefined && divisor !== undefined && divisor > 0 ? [value / divisor] : [];
  });
  return rounded(median(ratios), 3);
}

function gbit(bitsPerS: number | null | undefined): number | null {
  return bitsPerS === null || bitsPerS === undefined ? null : rounded(bitsPerS / 1e9, 3);
}
