/** A site whose router lets no UDP through, reached by TCP without another word in its configuration. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

describeOnBed("a site that lets no UDP through", () => {
  let internet: Internet;
  const nodes: { host: Host; virtualIp: string; helper: HelperProcess }[] = [];

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [5, 15] });
    const hosts: Host[] = [];
    for (const name of ["public1", "public2", "public3"]) hosts.push(await internet.addPublicHost(name));
    const startAddresses = hosts.map((host) => `${host.address}:15000`);
    const site = await internet.addSite("blocked", "cone", ["blocked1"]);
    await site.router.must(["nft", "insert", "rule", "ip", "ringway", "forward", "meta", "l4proto", "udp", "drop"]);
    hosts.push(...site.hosts);
    for (const [index, host] of hosts.entries()) {
      const virtualIp = `172.16.1.${index + 1}`;
      const others = startAddresses.filter((address) => address !== `${host.address}:15000`);
      const config = config2006({ virtualIp, startAddresses: others, transport: "auto" });
      nodes.push({ host, virtualIp, helper: new HelperProcess(host, { config }) });
    }
    for (const { helper } of nodes) await helper.connected(60_000);
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("is joined by TCP, links directly, and is told as what it is", async () => {
    const blocked = nodes[3] as (typeof nodes)[number];
    for (const { virtualIp } of nodes.slice(0, 3)) {
      const { answered } = await ping(blocked.host, virtualIp, { count: 3, intervalMs: 200, deadlineMs: 20_000 });
      expect(answered).toBe(true);
    }
    const client = await blocked.helper.client();
    await until("three links by TCP", 30_000, async () => {
      const peers = await client.peers({});
      return (
        peers.length === 3 && peers.every(({ transport, remote }) => transport === "tcp" && remote?.endsWith(":15000"))
      );
    });
    await until("UDP known to be blocked", 30_000, async () => {
      const { affiliations } = await client.status({});
      return affiliations[0]?.natKind === "udp-blocked";
    });
    const seen = await (await (nodes[0] as (typeof nodes)[number]).helper.client()).peers({});
    expect(seen.find(({ virtualIp }) => virtualIp === blocked.virtualIp)).toMatchObject({ transport: "tcp" });
    expect(seen.filter(({ transport }) => transport === "udp")).toHaveLength(2);
  });
});
