/**
 * Suite `2006`: the tables of the paper that this product follows, measured again. Ping through one link, on a LAN and on
 * a WAN, and two transfers over it, against the same network without the virtual one. The LAN is a wire shaped to 100
 * Mbit/s; the WAN two hosts of the link emulator, 10 ms apart each way and shaped to 12.6 Mbit/s.
 */
import { median, rounded } from "../test/netns/figures.ts";
import type { Host, Internet } from "../test/netns/internet.ts";
import { startThroughputServer, throughput } from "../test/netns/measure.ts";
import { ping } from "../test/netns/ping.ts";
import { type Bed, makeBed, onInternet, type Way } from "./bed.ts";
import { medianRatio } from "./datapath.ts";
import type { Bar, Measured, SuiteOptions } from "./report.ts";
import { startRingway, type Variant } from "./ringway-ways.ts";

/** What the paper reports: what a ping through the overlay took longer, and the share of the bare network reached. */
const IN_2006 = { addedPingMs: [6, 11], lanSharePct: 20, wanSharePct: 80 } as const;
const TRANSFERS = [
  { name: "13.09 MB", bytes: 13_090_000 },
  { name: "92.97 MB", bytes: 92_970_000 },
] as const;
const SHARE_BAR = 0.95;
const WAN_ONE_WAY_MS = 10;
/** The largest inner packet that an IPv4 path of 1,500 bytes carries whole; the default leaves room for relays and IPv6. */
const VARIANT: Variant = { name: "ringway", interface: ["mtu = 1436"] };

interface Net {
  readonly name: "lan" | "wan";
  readonly rateMbit: number;
  readonly device: string;
  readonly make: (internet: Internet) => Promise<Bed>;
}

const NETS: readonly Net[] = [
  { name: "lan", rateMbit: 100, device: "eth0", make: (internet) => makeBed(internet, "lan") },
  { name: "wan", rateMbit: 12.6, device: "w0", make: makeWan },
];

async function makeWan(internet: Internet): Promise<Bed> {
  // The delay of a path is the sum of its two access links.
  const link = { delayMs: WAN_ONE_WAY_MS / 2 };
  const [a, b] = [await internet.addPublicHost("wan-a", link), await internet.addPublicHost("wan-b", link)];
  await startThroughputServer(b);
  return { a, b };
}

/** Nothing leaves the host faster; what waits longer than a tenth of a second is dropped. */
async function shape(host: Host, device: string, rateMbit: number): Promise<void> {
  const bucket = ["tbf", "rate", `${rateMbit}mbit`, "burst", "16kb", "latency", "100ms"];
  await host.must(["tc", "qdisc", "replace", "dev", device, "root", ...bucket]);
}

export async function measure2006({ quick, rounds = quick ? 1 : 3, say }: SuiteOptions): Promise<Measured> {
  const figures: Record<string, unknown> = { in2006: IN_2006 };
  const bars: Bar[] = [];
  await onInternet(async (internet) => {
    for (const [index, net] of NETS.entries()) {
      const bed = await net.make(internet);
      const raw: Way = { name: "raw", from: bed.a, address: bed.b.address, pids: [] };
      const ringway = await startRingway(bed, VARIANT, index + 1);
      for (const host of [bed.a, bed.b]) await shape(host, net.device, net.rateMbit);
      const added = await addedPingMs(raw, ringway, quick ? 40 : 200);
      say(`${net.name}: a ping through the link takes ${added} ms longer`);

      const table: Record<string, unknown> = { rateMbit: net.rateMbit, addedPingMs: added };
      for (const { name, bytes } of TRANSFERS) {
        if (quick && net.name === "wan" && bytes > 50_000_000) continue;
        const [bare, ours]: [number[], number[]] = [[], []];
        for (let round = 1; round <= rounds; round++) {
          bare.push(await transferSeconds(raw, bytes, net.rateMbit));
          ours.push(await transferSeconds(ringway, bytes, net.rateMbit));
        }
        const share = medianRatio(bare, ours);
        say(`${net.name}, ${name}: ${share === null ? "-" : Math.round(share * 1000) / 10} % of the bare network`);
        table[name] = { rawS: rounded(median(bare), 3), ringwayS: rounded(median(ours), 3), share };
        const what = `${name} on the ${net.name} of ${net.rateMbit} Mbit/s, share of raw`;
        bars.push({ name: what, value: share, unit: "ratio", bar: SHARE_BAR, is: "atLeast" });
      }
      const bar = { name: `ping through one link, ${net.name}, added`, value: added, unit: "ms", bar: 1 };
      bars.push({ ...bar, is: "below" });
      figures[net.name] = table;
    }
  });
  return { figures: { rounds, mtuBytes: 1_436, ...figures }, bars };
}

async function transferSeconds({ from, address }: Way, bytes: number, rateMbit: number): Promise<number> {
  const seconds = Math.ceil((bytes * 8) / (rateMbit * 1e6));
  const { bitsPerS, bytes: received } = await throughput(from, address, { seconds, bytes });
  return (received * 8) / bitsPerS;
}

async function addedPingMs(raw: Way, ringway: Way, count: number): Promise<number | null> {
  const middle = async ({ from, address }: Way) =>
    median((await ping(from, address, { count, intervalMs: 25, deadlineMs: 60_000 })).rttMs);
  const [without, through] = [await middle(raw), await middle(ringway)];
  return without === null || through === null ? null : rounded(through - without, 3);
}
