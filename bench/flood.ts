/**
 * Suite `flood`: 50,000 random datagrams a second at the port of one of two members. It must neither answer nor grow, and
 * TCP beside it must keep most of what it keeps while the same flood goes to another port of that host.
 */
import { median, rounded } from "../test/netns/figures.ts";
import {
  type FloodRound,
  floodBed,
  floodRound,
  GROWTH_LIMIT_BYTES,
  residentBytes,
  TCP_SHARE_LEAST,
} from "../test/netns/flood.ts";
import { onInternet } from "./bed.ts";
import { medianRatio } from "./datapath.ts";
import type { Bar, Measured, SuiteOptions } from "./report.ts";

export async function measureFlood({ quick, rounds = quick ? 2 : 3, say }: SuiteOptions): Promise<Measured> {
  const seconds = quick ? 5 : 30;
  return await onInternet(async (internet) => {
    const bed = await floodBed(internet);
    await floodRound(bed, 1);
    const before = residentBytes(bed.helper.pid);
    const done: FloodRound[] = [];
    for (let round = 1; round <= rounds; round++) {
      const one = await floodRound(bed, seconds);
      done.push(one);
      say(`round ${round}: TCP ${gbit(one.bitsPerS)} Gbit/s, ${gbit(one.besideBitsPerS)} beside another port's flood`);
    }
    const grownMb = rounded((residentBytes(bed.helper.pid) - before) / 2 ** 20, 1);
    const [own, beside] = [done.map((one) => one.bitsPerS), done.map((one) => one.besideBitsPerS)];
    const sum = (pick: (one: FloodRound) => number) => done.reduce((total, one) => total + pick(one), 0);
    const bars: readonly Bar[] = [
      {
        name: "TCP, share of that beside another port's flood",
        value: medianRatio(own, beside),
        unit: "ratio",
        bar: TCP_SHARE_LEAST,
        is: "atLeast",
      },
      { name: "memory grown", value: grownMb, unit: "MiB", bar: GROWTH_LIMIT_BYTES / 2 ** 20, is: "below" },
      { name: "answers", value: sum((one) => one.answers), unit: "datagrams", bar: 0, is: "atMost" },
      { name: "the helper goes on", value: bed.helper.runs() ? 1 : 0, unit: "helper", bar: 1, is: "atLeast" },
    ];
    return {
      figures: {
        rounds,
        secondsPerFlood: seconds,
        floodPerS: rounded(sum((one) => one.floodPerS) / rounds, 0),
        tcpGbitPerS: gbit(median(own)),
        tcpBesideGbitPerS: gbit(median(beside)),
      },
      bars,
    };
  });
}

function gbit(bitsPerS: number | null): number | null {
  return bitsPerS === null ? null : rounded(bitsPerS / 1e9, 2);
}
