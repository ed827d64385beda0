/** Two affiliations at once in each of two helpers on one wire: they share a socket and nothing else. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { StatusView } from "#contract";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const FIRST = "condor wow";
const SECOND = "lss imaging";
/** Virtual IPs of host a and b in each. */
const IPS = { [FIRST]: ["172.16.1.5", "172.16.1.6"], [SECOND]: ["172.16.2.5", "172.16.2.6"] } as const;

describeOnBed("two affiliations of one helper", () => {
  let internet: Internet;
  let a: Host;
  let b: Host;
  let helpers: readonly [HelperProcess, HelperProcess];

  const config = (name: keyof typeof IPS, index: 0 | 1, other: Host) =>
    `affiliation = "${name}"\nport = 15000\nstart = ["ringway.udp://${other.address}:15000"]\n[interface]\nip = "${IPS[name][index]}"\n`;
  const affiliationOf = async (helper: HelperProcess, name: string) => {
    const found = (await helper.json<StatusView>("status")).affiliations.find((each) => each.name === name);
    if (!found) throw new Error(`${helper.host.name} is not in "${name}"`);
    return found;
  };
  const answers = async (host: Host, target: string, deadlineMs = 5_000) =>
    (await ping(host, target, { count: 2, intervalMs: 100, deadlineMs })).answered;
  /** Bytes that came out of the ring on an interface. */
  const received = async (host: Host, name: string) =>
    Number(await host.must(["cat", `/sys/class/net/${name}/statistics/rx_bytes`]));

  beforeAll(async () => {
    internet = await Internet.open();
    [a, b] = await internet.addWire("a", "b");
    helpers = [new HelperProcess(a), new HelperProcess(b)];
    for (const [index, helper] of helpers.entries()) {
      const client = await helper.client();
      for (const name of [FIRST, SECOND] as const) {
        // Of the second one the interface stays down: both have the range of every open affiliation.
        const text = config(name, index as 0 | 1, index === 0 ? b : a);
        await client.join({ kind: "config", fileName: "ringway.toml", text, interfaceUp: name === FIRST });
      }
    }
    for (const helper of helpers) {
      for (const name of [FIRST, SECOND]) {
        await until(`${helper.host.name} connected to "${name}"`, 30_000, async () => {
          const { state, peersKnown } = await affiliationOf(helper, name);
          return state === "connected" && peersKnown === 1;
        });
      }
    }
  });
  afterAll(async () => {
    await internet?.close();
  });

  it("have a key, a ring and an interface each, over one socket", async () => {
    for (const helper of helpers) {
      const [first, second] = [await affiliationOf(helper, FIRST), await affiliationOf(helper, SECOND)];
      expect(first.ringAddress).not.toBe(second.ringAddress);
      expect(first.id).not.toBe(second.id);
      expect([first.interface.name, second.interface.name]).toEqual(["tap0", "tap1"]);
      expect(first.learnedTransportAddresses).toEqual(second.learnedTransportAddresses);
    }
  });

  it("need a name on the command line, which lists them", async () => {
    const { status, stdout } = await helpers[0].command(["peers", "--json"]);
    expect(status).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "AMBIGUOUS_AFFILIATION",
      text: expect.stringMatching(new RegExp(`"${FIRST}".*"${SECOND}"`)),
    });
    expect((await helpers[0].command(["peers", SECOND, "--json"])).status).toBe(0);
  });

  it("carry frames of the one whose interface is up, and refuse a second interface on the same range", async () => {
    expect(await answers(a, IPS[FIRST][1])).toBe(true);
    const refused = await helpers[0].command(["up", SECOND, "--json"]);
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.stdout).error).toMatchObject({
      code: "SUBNET_OVERLAP",
      text: expect.stringContaining(FIRST),
    });
    // What was asked for is remembered, and must not come up by itself below.
    expect((await helpers[0].command(["down", SECOND])).status).toBe(0);
  });

  it("let no frame of one into the other, though both hosts are in both", async () => {
    // a has the interface of the first, b that of the second: every frame would have to cross.
    expect((await helpers[1].command(["down", FIRST])).status).toBe(0);
    expect((await helpers[1].command(["up", SECOND])).status).toBe(0);
    const before = await received(b, "tap1");
    for (const target of [IPS[FIRST][1], IPS[SECOND][1]]) expect(await answers(a, target, 1_000)).toBe(false);
    expect(await answers(b, IPS[FIRST][0], 1_000)).toBe(false);
    expect(await received(b, "tap1")).toBe(before);
    // Both rings were up all the while, and the second one's frames go where they belong.
    expect((await helpers[0].command(["down", FIRST])).status).toBe(0);
    expect((await helpers[0].command(["up", SECOND])).status).toBe(0);
    await until("the second one's ping", 10_000, () => answers(a, IPS[SECOND][1]));
    expect(await answers(a, IPS[FIRST][1], 1_000)).toBe(false);
  });

  it("end one by one: leaving the first leaves the second at work", async () => {
    expect((await helpers[0].command(["leave", FIRST, "--yes"])).status).toBe(0);
    expect(await answers(a, IPS[SECOND][1])).toBe(true);
    const { affiliations } = await helpers[0].json<StatusView>("status");
    expect(affiliations.map(({ name, state }) => [name, state])).toEqual([[SECOND, "connected"]]);
  });
});
