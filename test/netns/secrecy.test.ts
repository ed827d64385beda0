/** What those see whom a packet passes on its way: the relay, the routers, the internet between them. */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";
import { type Watched, watch } from "./watch.ts";

const IP_A = "172.16.1.5";
const IP_B = "172.16.1.6";
const PORT = "7000";
/** How often the marker is sent by TCP, and by UDP. */
const TIMES = 20_000;
const script = fileURLToPath(new URL("say-marker.mjs", import.meta.url));

describeOnBed("a pair that only a relay joins", () => {
  let internet: Internet;
  let a: Host;
  let b: Host;
  let helperA: HelperProcess;
  /** Everybody on the way, by name. */
  const between: Host[] = [];

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [2, 5] });
    const relay = await internet.addPublicHost("relay");
    const startAddresses = [`${relay.address}:15000`];
    const sites = [
      await internet.addSite("site-a", "symmetric", ["a"]),
      await internet.addSite("site-b", "symmetric", ["b"]),
    ];
    between.push(relay, ...sites.map(({ router }) => router));
    [a, b] = sites.flatMap(({ hosts }) => hosts) as [Host, Host];
    const helpers = [
      new HelperProcess(relay, { config: config2006({ virtualIp: "172.16.1.1", startAddresses: [] }) }),
      new HelperProcess(a, { config: config2006({ virtualIp: IP_A, startAddresses }) }),
      new HelperProcess(b, { config: config2006({ virtualIp: IP_B, startAddresses }) }),
    ];
    helperA = helpers[1] as HelperProcess;
    for (const helper of helpers) await helper.connected(60_000);
    await until("the relayed path", 30_000, async () => {
      await ping(a, IP_B, { count: 2, intervalMs: 200, deadlineMs: 10_000 });
      const peers = await (await helperA.client()).peers({});
      return peers.find((peer) => peer.virtualIp === IP_B)?.transport === "relay";
    });
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("shows nobody on the way one inner byte, of payload or of addresses", async () => {
    const marker = randomBytes(16);
    const inner = [marker, pairOf(IP_A, IP_B), pairOf(IP_B, IP_A)];
    const hosts = [a, b, ...between];
    const watchers = await Promise.all(hosts.map((host) => watch(host, inner)));

    const taker = b.start(
      [process.execPath, script, "take", PORT, String(TIMES), marker.toString("hex")],
      ["ignore", "pipe", "inherit"],
    );
    if (!taker.stdout) throw new Error("the taker has no pipe");
    const lines = createInterface({ input: taker.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    await a.must([process.execPath, script, "say", IP_B, PORT, String(TIMES), marker.toString("hex")], {
      timeoutMs: 60_000,
    });
    const came = JSON.parse((await lines.next()).value ?? "{}");
    expect(came.tcp).toBe(TIMES);
    expect(came.udp).toBeGreaterThanOrEqual(TIMES / 2);

    const seen = new Map<string, Watched>();
    for (const [index, stop] of watchers.entries()) seen.set((hosts[index] as Host).name, await stop());
    const sentBytes = came.tcp * marker.length;
    for (const [name, { missed, interfaces }] of seen) {
      expect(missed, `packets that the watcher of ${name} missed`).toBe(0);
      for (const [nic, { withMarker }] of Object.entries(interfaces)) {
        const isOwnEnd = nic === "tap0" && (name === "a" || name === "b");
        if (isOwnEnd) expect(withMarker, `the watcher sees what it looks for on ${name}'s ${nic}`).toBeGreaterThan(100);
        else expect(withMarker, `inner bytes on ${name}'s ${nic}`).toBe(0);
      }
      const outside = Object.entries(interfaces).filter(([nic]) => nic !== "tap0" && nic !== "lo");
      const carried = outside.reduce((sum, [, { bytes }]) => sum + bytes, 0);
      expect(carried, `bytes that went by outside on ${name}`).toBeGreaterThan(sentBytes);
    }
  });
});

/** Source and destination as they stand in the header of an IPv4 packet. */
function pairOf(source: string, destination: string): Uint8Array {
  return Uint8Array.from([source, destination].flatMap((ip) => ip.split(".").map(Number)));
}
