/** Pairs of NATs, and what a member without an interface still does for others. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PeerRow } from "#contract";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet, type Site } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

interface Node {
  readonly host: Host;
  readonly virtualIp: string;
  readonly helper: HelperProcess;
}

describeOnBed("members behind NATs", () => {
  let internet: Internet;
  /** Of cone1. */
  let site: Site;
  const nodes = new Map<string, Node>();

  const node = (name: string): Node => {
    const found = nodes.get(name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  };

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [5, 25] });
    const hosts: Host[] = [];
    for (const name of ["public1", "public2", "public3"]) hosts.push(await internet.addPublicHost(name));
    const startAddresses = hosts.map((host) => `${host.address}:15000`);
    for (const [name, kind] of [
      ["cone1", "cone"],
      ["cone2", "cone"],
      ["symmetric1", "symmetric"],
      ["symmetric2", "symmetric"],
    ] as const) {
      const made = await internet.addSite(`site-${name}`, kind, [name]);
      hosts.push(...made.hosts);
      if (name === "cone1") site = made;
    }
    for (const [index, host] of hosts.entries()) {
      const virtualIp = `172.16.1.${index + 1}`;
      const others = startAddresses.filter((address) => address !== `${host.address}:15000`);
      const helper = new HelperProcess(host, { config: config2006({ virtualIp, startAddresses: others }) });
      nodes.set(host.name, { host, virtualIp, helper });
    }
    for (const { helper } of nodes.values()) await helper.connected(60_000);
  });

  afterAll(async () => {
    await internet?.close();
  });

  async function row(from: string, to: string): Promise<PeerRow | undefined> {
    const peers = await (await node(from).helper.client()).peers({});
    return peers.find((peer) => peer.virtualIp === node(to).virtualIp);
  }

  /** Keeps a trickle of packets going, as an application would, until both ends say that the pair goes this way. */
  async function becomes(from: string, to: string, transport: "udp" | "relay"): Promise<readonly [PeerRow, PeerRow]> {
    let last: unknown;
    return await until(`${from} and ${to} over ${transport}`, 30_000, async () => {
      await ping(node(from).host, node(to).virtualIp, { count: 4, intervalMs: 200, deadlineMs: 15_000 });
      const rows = [await row(from, to), await row(to, from)] as const;
      last = rows.map((one) => one?.transport);
      const [a, b] = rows;
      return a?.transport === transport && b?.transport === transport ? ([a, b] as const) : undefined;
    }).catch((error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(last)}`);
    });
  }

  it.each([
    ["cone1", "cone2"],
    ["cone2", "public3"],
    ["symmetric1", "public1"],
  ])("%s and %s get a direct link", async (from, to) => {
    await becomes(from, to, "udp");
  });

  it.each([
    ["cone1", "symmetric1"],
    ["symmetric1", "symmetric2"],
  ])("%s and %s get a relay that both name, and a reason", async (from, to) => {
    const publicAddresses = [];
    for (const name of ["public1", "public2", "public3"]) {
      publicAddresses.push((await (await node(name).helper.client()).ring({})).self);
    }
    for (const one of await becomes(from, to, "relay")) {
      expect(publicAddresses).toContain(one.via);
      expect(one.notDirectBecause).not.toBeNull();
    }
  });

  it("tell the kind of their NAT", async () => {
    const kind = async (name: string) => (await (await node(name).helper.client()).status({})).affiliations[0]?.natKind;
    await until("public1 known to be public", 30_000, async () => (await kind("public1")) === "public");
    await until("cone1 known to be eim", 30_000, async () => (await kind("cone1")) === "eim");
    await until("symmetric1 known to be edm-random", 30_000, async () => (await kind("symmetric1")) === "edm-random");
  });

  it("relay for others also while their own interface is down", async () => {
    const relays = ["public1", "public2", "public3"].map(node);
    for (const relay of relays) expect((await relay.helper.command(["down"])).status).toBe(0);
    for (const relay of relays) {
      const links: { ifname: string }[] = JSON.parse(await relay.host.must(["ip", "-json", "link"]));
      expect(links.map((link) => link.ifname)).not.toContain("tap0");
      const [affiliation] = (await (await relay.helper.client()).status({})).affiliations;
      expect(affiliation).toMatchObject({ state: "connected", interface: { name: "tap0", state: "down" } });
    }
    for (const [from, to] of [
      ["symmetric1", "symmetric2"],
      ["cone1", "symmetric2"],
      ["cone1", "cone2"],
    ] as const) {
      const result = await ping(node(from).host, node(to).virtualIp, { count: 5, intervalMs: 200, deadlineMs: 10_000 });
      expect(result.answered, `${from} reaches ${to}`).toBe(true);
    }
    const [first] = relays;
    if (!first) throw new Error("no relay");
    const dark = await ping(node("cone1").host, first.virtualIp, { count: 1, intervalMs: 200, deadlineMs: 1_000 });
    expect(dark.answered).toBe(false);
    for (const relay of relays) expect((await relay.helper.command(["up"])).status).toBe(0);
    const lit = await ping(node("cone1").host, first.virtualIp, { count: 1, intervalMs: 100, deadlineMs: 10_000 });
    expect(lit.firstAfterMs).toBeLessThan(2_000);
  });

  it("reach each other again after a NAT has forgotten everything", async () => {
    await becomes("cone1", "cone2", "udp");
    await internet.rebootNat(site);
    const again = await ping(node("cone2").host, node("cone1").virtualIp, {
      count: 3,
      intervalMs: 200,
      deadlineMs: 30_000,
    });
    expect(again.answered).toBe(true);
  });
});
