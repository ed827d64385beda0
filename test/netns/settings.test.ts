/** Settings of an affiliation, changed while it works: on real sockets and a real interface. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PeerRow } from "#contract";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const NAME = "condor wow";
/** Takes a port. */
const PROBE = new URL("./udp-probe.mjs", import.meta.url).pathname;

describeOnBed("settings of an affiliation that is at work", () => {
  let internet: Internet;
  let a: Host;
  let b: Host;
  let helpers: [HelperProcess, HelperProcess];

  const configure = async (change: object) => (await helpers[0].client()).configure({ affiliation: NAME, change });
  const port = async () => (await (await helpers[0].client()).status({})).helper.port;
  /** Where the other helper's packets to this one go. */
  const remoteSeen = async () => {
    const [row] = await helpers[1].json<PeerRow[]>("peers");
    return row?.remote ?? null;
  };
  const answers = async () => (await ping(b, "172.16.1.5", { count: 2, intervalMs: 100, deadlineMs: 5_000 })).answered;
  /** Of the interface; undefined while it is away. */
  const mtu = async () => {
    const links: { ifname: string; mtu: number }[] = JSON.parse(await a.must(["ip", "-json", "link"]));
    return links.find(({ ifname }) => ifname === "tap0")?.mtu;
  };
  const join = async (helper: HelperProcess, ip: string, other: Host) => {
    const text = `affiliation = "${NAME}"\nstart = ["ringway.udp://${other.address}:15000"]\n[interface]\nip = "${ip}"\n`;
    await (await helper.client()).join({ kind: "config", fileName: "ringway.toml", text });
  };

  beforeAll(async () => {
    internet = await Internet.open();
    [a, b] = await internet.addWire("a", "b");
    helpers = [new HelperProcess(a), new HelperProcess(b, { args: ["--port", "15000"] })];
    await join(helpers[0], "172.16.1.5", b);
    await join(helpers[1], "172.16.1.6", a);
    await Promise.all(helpers.map((helper) => helper.connected()));
  });
  afterAll(async () => {
    await internet?.close();
  });

  it("move it to another port, and packets go there", async () => {
    expect(await configure({ port: 15_500 })).toMatchObject({ port: 15_500 });
    expect(await port()).toBe(15_500);
    await until("the other one to see the new port", 20_000, async () => (await remoteSeen()) === `${a.address}:15500`);
    expect(await answers()).toBe(true);
  });

  it("are refused where the port is taken; nothing is disturbed", async () => {
    const taken = a.start([process.execPath, PROBE, "15600"], ["pipe", "pipe", "ignore"]);
    await new Promise((resolve) => taken.stdout?.once("data", resolve)); // It says that it is ready.
    await expect(configure({ port: 15_600, mtuBytes: 1300 })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    taken.kill();
    expect(await port()).toBe(15_500);
    expect(await mtu()).toBe(1332);
    expect(await answers()).toBe(true);
  });

  it("change the interface, and are the same after a restart", async () => {
    await configure({ mtuBytes: 1300, relay: false, shortcuts: 8 });
    await until("the interface with its new MTU", 20_000, async () => (await mtu()) === 1300);
    await helpers[0].stop();
    helpers[0] = new HelperProcess(a);
    await helpers[0].connected();
    expect(await port()).toBe(15_500);
    expect(await configure({})).toMatchObject({ port: 15_500, mtuBytes: 1300, relay: false, shortcuts: 8 });
    await until("pings to be answered", 20_000, answers);
  });
});
