/** The test bed itself: what it promises about addresses, delays and NATs, before any node of ours runs on it. */
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Host, Internet, type Site } from "./internet.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

/** A UDP socket on a host of the test bed. */
class Probe {
  readonly received: string[] = [];
  readonly #send: (line: string) => void;

  private constructor(host: Host, port: number) {
    const script = fileURLToPath(new URL("udp-probe.mjs", import.meta.url));
    const child = host.start(["node", script, String(port)], ["pipe", "pipe", "inherit"]);
    this.#send = (line) => child.stdin?.write(`${line}\n`);
    if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => this.received.push(line));
  }

  static async open(host: Host, port: number): Promise<Probe> {
    const probe = new Probe(host, port);
    await until(`a UDP socket on ${host.name}`, 10_000, () => probe.received.includes("ready"), 20);
    return probe;
  }

  send(address: string, port: number, text: string): void {
    this.#send(`send ${address} ${port} ${text}`);
  }

  /** The port of the answer of a reporter, which is the port that our NAT gave us towards it. */
  async portSeenBy(reporter: Host): Promise<number> {
    this.send(reporter.address, 7, "who");
    const answer = new RegExp(`^got ${reporter.address} 7 seen \\S+ (\\d+)$`);
    return await until(`an answer of ${reporter.name}`, 5_000, () => {
      for (const line of this.received) {
        const port = answer.exec(line)?.[1];
        if (port !== undefined) return Number(port);
      }
      return undefined;
    });
  }

  heard(text: string): boolean {
    return this.received.some((line) => line.endsWith(` ${text}`));
  }
}

describeOnBed("the small internet", () => {
  let internet: Internet;
  let reporters: Host[];
  const sites = new Map<string, Site>();
  const probes = new Map<Host, Probe>();

  const host = (name: string): Host => {
    const found = [...sites.values()].flatMap((site) => site.hosts).find((one) => one.name === name);
    if (!found) throw new Error(`no host ${name}`);
    return found;
  };
  const probe = (name: string): Probe => probes.get(host(name)) as Probe;

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [5, 20] });
    reporters = [];
    for (const name of ["one", "two", "three"]) reporters.push(await internet.addPublicHost(name, { delayMs: 10 }));
    for (const [name, kind, hosts] of [
      ["home1", "cone", ["cone1"]],
      ["home2", "cone", ["cone2"]],
      ["lab", "cone", ["lab1", "lab2"]],
      ["office1", "symmetric", ["symmetric1"]],
      ["office2", "symmetric", ["symmetric2"]],
      ["free", "open", ["open1"]],
    ] as const) {
      sites.set(name, await internet.addSite(name, kind, hosts, { delayMs: 15 }));
    }
    for (const reporter of reporters) await Probe.open(reporter, 7);
    for (const site of sites.values()) {
      for (const [index, one] of site.hosts.entries()) probes.set(one, await Probe.open(one, 15_000 + index));
    }
  }, 60_000);

  afterAll(async () => {
    await internet?.close();
  }, 30_000);

  it("delays a packet by its two access links, each way", async () => {
    const output = await host("cone1").must(["ping", "-n", "-c", "3", "-i", "0.2", reporters[0]?.address as string]);
    const times = [...output.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1]));
    expect(times).toHaveLength(3);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(50);
    expect(Math.min(...times)).toBeLessThan(75);
  });

  it("keeps the port of hosts behind a cone, for every destination", async () => {
    for (const [name, port] of [
      ["cone1", 15_000],
      ["lab1", 15_000],
      ["lab2", 15_001],
    ] as const) {
      for (const reporter of reporters) expect(await probe(name).portSeenBy(reporter)).toBe(port);
    }
  });

  it("gives a host behind a symmetric NAT another port for each destination", async () => {
    const ports = [];
    for (const reporter of reporters) ports.push(await probe("symmetric1").portSeenBy(reporter));
    expect(new Set(ports).size).toBe(3);
  });

  it("lets nothing in unasked, except to an open site", async () => {
    const [reporter] = reporters as [Host];
    const stranger = await Probe.open(reporter, 9);
    for (const name of ["home2", "office2", "free"])
      stranger.send(sites.get(name)?.address as string, 15_000, "unasked");
    await until("the open site to hear", 5_000, () => probe("open1").heard("unasked"));
    expect(probe("cone2").heard("unasked")).toBe(false);
    expect(probe("symmetric2").heard("unasked")).toBe(false);
  });

  /** Both ends send to where reporters saw the other, several times; whether both heard the other. */
  async function punch(nameA: string, nameB: string): Promise<boolean> {
    const [reporter] = reporters as [Host];
    const ends = [];
    for (const name of [nameA, nameB]) {
      const site = [...sites.values()].find((one) => one.hosts.includes(host(name))) as Site;
      ends.push({ probe: probe(name), address: site.address, port: await probe(name).portSeenBy(reporter) });
    }
    const [a, b] = ends as [(typeof ends)[0], (typeof ends)[0]];
    const text = `punch-${nameA}-${nameB}`;
    let rounds = 0;
    await until("ten rounds of punching", 5_000, () => {
      a.probe.send(b.address, b.port, text);
      b.probe.send(a.address, a.port, text);
      return (a.probe.heard(text) && b.probe.heard(text)) || ++rounds > 10;
    });
    return a.probe.heard(text) && b.probe.heard(text);
  }

  it("lets two cones punch a hole, also when the first packets do not cross", async () => {
    // The first packet reaches the other router before that one has sent anything, and must not occupy the port there.
    const [reporter] = reporters as [Host];
    await probe("cone2").portSeenBy(reporter);
    probe("cone1").send(sites.get("home2")?.address as string, 15_000, "early");
    const before = (await internet.counters()).delivered;
    await until("the early packet to arrive", 5_000, async () => (await internet.counters()).delivered > before);
    expect(await punch("cone1", "cone2")).toBe(true);
    expect(await punch("lab2", "cone1")).toBe(true);
  });

  it("does not let a symmetric NAT punch to a cone or to another symmetric one", async () => {
    expect(await punch("cone1", "symmetric1")).toBe(false);
    expect(await punch("symmetric1", "symmetric2")).toBe(false);
  });

  it("cuts a link and mends it", async () => {
    const ping = ["ping", "-n", "-c", "1", "-W", "1", reporters[1]?.address as string];
    await internet.changeLink("home1-router", { loss: 1 });
    expect((await host("cone1").run(ping)).status).toBe(1);
    await internet.changeLink("home1-router", { loss: 0 });
    expect((await host("cone1").run(ping)).status).toBe(0);
  });
});
