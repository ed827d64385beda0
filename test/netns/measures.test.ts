/** What the commands that measure say of real links: a capped direct one, and one by a relay. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DoctorView, PeerRow, SpeedView, TraceView } from "#contract";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const CAPPED_BITS_PER_S = 20e6;

describeOnBed("measures of real links", () => {
  let internet: Internet;
  const helpers = new Map<string, HelperProcess>();
  const ips = new Map<string, string>();
  const helper = (name: string) => helpers.get(name) as HelperProcess;
  const ip = (name: string) => ips.get(name) as string;

  beforeAll(async () => {
    internet = await Internet.open({ delayMs: [5, 10] });
    const open = [];
    for (const name of ["public1", "public2", "public3"]) open.push(await internet.addPublicHost(name));
    const slow = { delayMs: 10, rateMbit: CAPPED_BITS_PER_S / 1e6 };
    const capped = await internet.addSite("slow", "cone", ["slow1"], slow);
    const hard = await internet.addSite("hard", "symmetric", ["hard1"]);
    const startAddresses = open.map((host) => `${host.address}:15000`);
    for (const [index, host] of [...open, ...capped.hosts, ...hard.hosts].entries()) {
      const virtualIp = `172.16.1.${index + 1}`;
      ips.set(host.name, virtualIp);
      const others = startAddresses.filter((address) => address !== `${host.address}:15000`);
      helpers.set(host.name, new HelperProcess(host, { config: config2006({ virtualIp, startAddresses: others }) }));
    }
    for (const each of helpers.values()) await each.connected(60_000);
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("the speed of a capped link is found from both ends, below its rate and near it", async () => {
    const host = helper("public1").host;
    await ping(host, ip("slow1"), { count: 5, intervalMs: 200, deadlineMs: 20_000 });
    const speed = await helper("public1").json<SpeedView>("speed", ip("slow1"), "--seconds", "4");
    for (const rate of [speed.upBitsPerS, speed.downBitsPerS]) {
      expect(rate).toBeGreaterThan(0.5 * CAPPED_BITS_PER_S);
      expect(rate).toBeLessThan(CAPPED_BITS_PER_S);
    }
    expect(speed.seconds).toBe(4);
  });

  it("a trace names the relay between hard and easy NATs, with the time to each", async () => {
    await ping(helper("hard1").host, ip("slow1"), { count: 5, intervalMs: 200, deadlineMs: 20_000 });
    const row = await until("a relayed link", 20_000, async () => {
      const rows = await helper("hard1").json<PeerRow[]>("peers");
      return rows.find(({ virtualIp, transport }) => virtualIp === ip("slow1") && transport === "relay");
    });
    const trace = await helper("hard1").json<TraceView>("trace", ip("slow1"));
    expect(trace.hops.map(({ ringAddress, transport }) => [ringAddress, transport])).toEqual([
      [row.via, "udp"],
      [row.ringAddress, "relay"],
    ]);
    const [first, last] = trace.hops.map(({ rttMs }) => rttMs ?? 0) as [number, number];
    expect(first).toBeGreaterThan(8);
    expect(last).toBeGreaterThan(first);
    expect(row.notDirectBecause?.code).toBe("oneHard");
  });

  it("the doctor finds all well, and an interface that is switched off", async () => {
    const view = await helper("public1").json<DoctorView>("doctor");
    const failed = view.checks.filter(({ result }) => result === "fail" || result === "warn");
    expect(failed).toEqual([]);
    await helper("public1").json("down");
    const off = await helper("public1").json<DoctorView>("doctor");
    expect(off.checks.find(({ id }) => id === "interface")).toMatchObject({ result: "warn", action: "up" });
    await helper("public1").json("up");
  });

  it("the recorded history has every peer, its kind of link, round trips and the time of each path change", async () => {
    const file = join(helper("slow1").host.folder, "run");
    await until("a recorded round trip to every peer", 40_000, async () => {
      await helper("slow1").json("export", `${file}.json`, "--since", "10m", "--force");
      const { peers } = JSON.parse(readFileSync(`${file}.json`, "utf8"));
      return (
        peers.length === helpers.size - 1 &&
        peers.every(({ samples }: { samples: { rttMs: number | null }[] }) =>
          samples.some(({ rttMs }) => rttMs !== null),
        )
      );
    });
    const { peers } = JSON.parse(readFileSync(`${file}.json`, "utf8"));
    const relayed = peers.find(({ virtualIp }: { virtualIp: string }) => virtualIp === ip("hard1"));
    expect(relayed.samples.at(-1).kind).toBe("relay");
    expect(relayed.events.map(({ event }: { event: string }) => event)).toContain("path");
    await helper("slow1").json("export", `${file}.csv`, "--format", "csv");
    const [head, ...rows] = readFileSync(`${file}.csv`, "utf8").trim().split("\r\n");
    expect(head?.split(",").slice(0, 6)).toEqual(["at", "stepS", "ringAddress", "name", "virtualIp", "kind"]);
    expect(new Set(rows.map((row) => row.split(",")[4])).size).toBe(helpers.size - 1);
  });
});
