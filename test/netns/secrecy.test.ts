/** What those see whom a packet passes on its way: the relay, the routers, the internet between them. */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { config2006 } from "./config-2006.ts";
import { type Host, Internet } from "./internet.ts";
import { IP_A, IP_B, type RelayedPair, relayedPair } from "./relayed-pair.ts";
import { describeOnBed } from "./suite.ts";
import { type Watched, watch } from "./watch.ts";

const PORT = "7000";
/** How often the marker is sent by TCP, and by UDP. */
const TIMES = 20_000;
const script = fileURLToPath(new URL("say-marker.mjs", import.meta.url));

describeOnBed("a pair that only a relay joins", () => {
  let internet: Internet;
  let pair: RelayedPair;

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [2, 5] });
    pair = await relayedPair(internet, config2006);
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("shows nobody on the way one inner byte, of payload or of addresses", async () => {
    const { a, b, between } = pair;
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
