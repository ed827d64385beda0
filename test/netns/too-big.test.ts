/** Packets that the interface takes and the path does not carry whole. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Internet } from "./internet.ts";
import { startThroughputServer, throughput } from "./measure.ts";
import { ping } from "./ping.ts";
import { IP_B, type RelayedPair, relayedPair } from "./relayed-pair.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const MTU = 1_420;
/** What a relayed path of 1,452 bytes a datagram carries in one piece (docs/protocol.md, "Bytes"). */
const RELAYED = 1_340;
const ICMP_HEADERS = 28;

describeOnBed("a relayed path narrower than the interface", () => {
  let internet: Internet;
  let pair: RelayedPair;

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [2, 5] });
    pair = await relayedPair(internet, ({ virtualIp, startAddresses }) =>
      [
        'affiliation = "condor wow"',
        "port = 15000",
        `start = [${startAddresses.map((address) => `"ringway.udp://${address}"`).join(", ")}]`,
        "[interface]",
        'name = "tap0"',
        `ip = "${virtualIp}"`,
        `mtu = ${MTU}`,
        "",
      ].join("\n"),
    );
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("carries what may be cut and what may not, and tells the sender of the latter", async () => {
    const { a } = pair;
    const options = { count: 3, intervalMs: 100, deadlineMs: 10_000 };
    const large = String(MTU - ICMP_HEADERS);
    // Without "don't fragment" nobody is told anything, and it arrives.
    await a.must(["ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", "-M", "dont", "-s", large, IP_B]);
    expect(await pathMtu()).toBeUndefined();
    expect((await ping(a, IP_B, { ...options, payloadBytes: RELAYED - ICMP_HEADERS })).answered).toBe(true);
    expect(await pathMtu()).toBeUndefined();

    const told = await a.run(["ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", "-M", "do", "-s", large, IP_B]);
    expect(told.stdout + told.stderr).toMatch(new RegExp(`mtu ?= ?${RELAYED}`));
    expect(await pathMtu()).toBe(RELAYED);
  });

  it("carries TCP in segments that need no cutting", async () => {
    const { a, b } = pair;
    await startThroughputServer(b);
    const through = throughput(a, IP_B, { seconds: 2 });
    const [inside] = await Promise.all([largestSegment(), through]);
    expect(inside).toBeLessThanOrEqual(RELAYED - 40);
    expect(inside).toBeGreaterThan(RELAYED - 80);
  });

  /** What the kernel of `a` remembers of the way to `b`; undefined where that is the interface's own. */
  async function pathMtu(): Promise<number | undefined> {
    const [, mtu] = /mtu (\d+)/.exec(await pair.a.must(["ip", "route", "get", IP_B])) ?? [];
    return mtu === undefined ? undefined : Number(mtu);
  }

  /** The segment size of the connection in use. */
  async function largestSegment(): Promise<number> {
    return await until("a TCP connection under way", 10_000, async () => {
      const said = await pair.a.must(["ss", "-Htin", "dst", IP_B]);
      const sizes = [...said.matchAll(/\bmss:(\d+)/g)].map(([, size]) => Number(size));
      return sizes.length > 0 && /bytes_acked:\d{5}/.test(said) && Math.max(...sizes);
    });
  }
});
