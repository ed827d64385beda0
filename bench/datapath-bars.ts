/** What suite `datapath` must reach. A bar whose ways were not measured in this run is left out. */
import { median, rounded } from "../test/netns/figures.ts";
import { medianRatio, ratio, type Track } from "./datapath.ts";
import { type Effort, type Round, summary } from "./measure-way.ts";
import type { Bar } from "./report.ts";

export function barsOf(tracks: readonly Track[], effort: Effort): readonly Bar[] {
  const find = (name: string) => tracks.find(({ way }) => way.name === name);
  const [raw, ours] = [find("raw"), find("ringway")];
  if (raw === undefined || ours === undefined) return [];
  const bars: Bar[] = [];
  const against = (
    one: Track | undefined,
    other: Track | undefined,
    what: string,
    pick: (round: Round) => number | undefined,
    is: Bar["is"],
    bar: number,
  ) => {
    if (one === undefined || other === undefined) return;
    const name = `${what}, ${one.way.name} through ${other.way.name}`;
    bars.push({ name, value: ratio(one, other, pick), unit: "ratio", bar, is });
  };
  const tcp1 = (round: Round) => round.tcp1BitsPerS;
  const tcp4 = (round: Round) => round.tcp4BitsPerS;

  const wireguard = find("wireguard-go");
  for (const [other, bar] of [
    [wireguard, 3.5],
    [find("nebula"), 1.8],
    [find("tailscale"), 2.7],
  ] as const) {
    against(ours, other, "TCP, one stream", tcp1, "atLeast", bar);
    against(ours, other, "TCP, four streams", tcp4, "atLeast", bar);
  }
  against(ours, wireguard, "CPU time a gigabyte", (round) => round.cpuSPerGb, "atMost", 0.3);
  against(find("ringway-chacha"), wireguard, "TCP, one stream", tcp1, "atLeast", 2);
  against(find("ringway-relay"), ours, "TCP, one stream", tcp1, "atLeast", 0.75);
  against(find("ringway-tcp"), ours, "TCP, one stream", tcp1, "atLeast", 0.5);
  bars.push({
    name: "TCP, one stream, ringway through raw, packets of 1,500 bytes on the wire",
    value: medianRatio(ours.plainWire, raw.plainWire),
    unit: "ratio",
    bar: 0.5,
    is: "atLeast",
  });

  const middle = summary(ours.rounds);
  bars.push(
    { name: "loss of 500 Mbit/s UDP", value: middle.pacedLossPct, unit: "%", bar: 0.5, is: "below" },
    { name: "memory of a helper", value: rounded(middle.residentBytes / 1e6, 1), unit: "MB", bar: 150, is: "below" },
  );
  const rtt = (one: Track) => median(summary(one.rounds).rttMs) ?? Number.POSITIVE_INFINITY;
  const others = tracks.filter(({ way }) => way.name !== "raw" && !way.name.startsWith("ringway"));
  if (others.length > 0) {
    const least = Math.min(...others.map((other) => rtt(other) - rtt(raw)));
    bars.push({
      name: "round trip added when idle, median",
      value: rounded(rtt(ours) - rtt(raw), 3),
      unit: "ms",
      bar: rounded(least, 3) ?? 0,
      is: "atMost",
    });
  }
  if (!effort.all) return bars;
  const udp = (round: Round) => round.udpBitsPerS;
  against(ours, wireguard, "UDP with less than 1 % loss", udp, "atLeast", 3);
  against(ours, raw, "UDP with less than 1 % loss", udp, "atLeast", 0.45);
  const loaded = rounded(median(middle.loadedRttMs), 3);
  bars.push({ name: "round trip under one TCP stream, median", value: loaded, unit: "ms", bar: 2, is: "atMost" });
  return bars;
}
