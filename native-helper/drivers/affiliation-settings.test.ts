import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeEngine, FakeWorld } from "../../test/fake-system.ts";
import { Affiliations } from "./affiliations.ts";
import type { HelperConfig, ParsedConfig } from "./config-fields.ts";
import { StateStore } from "./state-store.ts";

let folder: string;
let world: FakeWorld;
let affiliations: Affiliations;
let engines: FakeEngine[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringway-settings-"));
  world = new FakeWorld();
  engines = [];
  affiliations = make();
});

afterEach(async () => {
  await affiliations.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a look at a join", () => {
  it("says what joining would do, and does nothing", async () => {
    const preview = affiliations.preview(config({ virtualIp: "172.16.1.5", transport: "udp" }));
    expect(preview).toEqual({
      affiliation: "condor wow",
      security: "open",
      subnet: "172.16.0.0/16",
      virtualIp: "172.16.1.5",
      interface: "tap0",
      transport: "udp",
      startAddresses: ["ringway.udp://192.0.2.1:15000"],
      warnings: [],
      clash: null,
      alreadyJoined: false,
    });
    expect([affiliations.all, world.openedPorts, engines]).toEqual([[], [], []]);
  });

  it("names what of this computer overlaps, with its owner", () => {
    world.ranges = [{ interface: "virbr1", cidr: "172.16.4.0/24", kind: "address" }];
    expect(affiliations.preview(config())).toMatchObject({
      virtualIp: null,
      clash: { ours: "172.16.0.0/16", other: "172.16.4.0/24", owner: "virbr1", affiliation: null },
    });
  });

  it("names the affiliation whose interface overlaps, and one that is joined already", async () => {
    await affiliations.join(config());
    world.ranges = [{ interface: "tap0", cidr: "172.16.1.5/16", kind: "address" }];
    expect(affiliations.preview(config({ affiliation: "other" }))).toMatchObject({
      interface: "tap1",
      clash: { owner: "tap0", affiliation: "condor wow" },
    });
    expect(affiliations.preview(config())).toMatchObject({ alreadyJoined: true, interface: "tap0", clash: null });
  });

  it("is followed by a join that leaves the interface down where that is chosen", async () => {
    const joined = await affiliations.join(config(), { interfaceUp: false });
    expect(joined.facts()).toMatchObject({ interfaceWanted: false, interface: { state: "down" } });
    expect(world.tap).toBeUndefined();
    expect(engines[0]?.inputKinds()).toContain("connect");
    await joined.up();
    expect(joined.facts()).toMatchObject({ interfaceWanted: true, interface: { state: "up" } });
  });
});

describe("settings of an affiliation", () => {
  it("are told where nothing is to change, and nothing is disturbed", async () => {
    const joined = await affiliations.join(config({ virtualIp: "172.16.1.5" }));
    expect(await affiliations.configure(joined, {})).toEqual({
      affiliation: "condor wow",
      interfaceName: "tap0",
      virtualIp: "172.16.1.5",
      mtuBytes: 1332,
      transport: "auto",
      port: null,
      startAddresses: ["ringway.udp://192.0.2.1:15000"],
      shortcuts: 256,
      relay: true,
      name: null,
      site: null,
    });
    expect(affiliations.all[0]).toBe(joined);
  });

  it("change in the file and at work, with the same key", async () => {
    const joined = await affiliations.join(config({ virtualIp: "172.16.1.5" }));
    const { ringAddress } = joined.facts().node;
    const settings = await affiliations.configure(joined, {
      interfaceName: "ring0",
      virtualIp: "172.16.9.9",
      mtuBytes: 1300,
      startAddresses: ["brunet.udp://192.0.2.9:15000"],
      name: "pc9",
      site: "Boston",
    });
    expect(settings).toMatchObject({ virtualIp: "172.16.9.9", startAddresses: ["ringway.udp://192.0.2.9:15000"] });
    expect(world.tap).toMatchObject({ name: "ring0", ip: "172.16.9.9", mtuBytes: 1300 });
    const [changed] = affiliations.all;
    expect(changed?.facts()).toMatchObject({ virtualIp: "172.16.9.9", ownName: "pc9", node: { ringAddress } });
    expect(engines.at(-1)?.inputKinds()).toContain("connect");
    expect(world.networks).toBe(1);
    const saved = await affiliations.configure(changed as never, {});
    expect(saved).toEqual(settings);
  });

  it("stay off the ring where the affiliation was off it", async () => {
    const joined = await affiliations.join(config());
    await joined.disconnect();
    await affiliations.configure(joined, { mtuBytes: 1400 });
    expect(engines.at(-1)?.inputKinds()).not.toContain("connect");
    await affiliations.configure(affiliations.all[0] as never, { mtuBytes: null });
    expect(affiliations.all[0]?.membership).toMatchObject({ mtuBytes: 1332, onRing: false });
  });

  it.each([
    [{ mtuBytes: 9000 }, "MTU"],
    [{ interfaceName: "lo" }, '"lo"'],
    [{ interfaceName: "tap1" }, '"other"'],
    [{ virtualIp: "10.0.0.1" }, "172.16.0.0/16"],
    [{ startAddresses: ["http://x:1"] }, "transport address"],
    [{ name: "" }, "name"],
    [{ shortcuts: 257 }, "257 shortcuts"],
    [{ shortcuts: -1 }, "-1 shortcuts"],
    [{ port: 65536 }, '"65536" is not a port'],
    [{ site: "x".repeat(40) }, "site"],
  ])("are refused as a whole: %j", async (change, what) => {
    const joined = await affiliations.join(config());
    await affiliations.join(config({ affiliation: "other" }));
    await expect(affiliations.configure(joined, { ...change })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      text: expect.stringContaining(what),
    });
    expect(affiliations.all).toContain(joined);
  });

  it("reach the engine: transport, limit of shortcuts, and whether it relays", async () => {
    const joined = await affiliations.join(config({ shortcuts: 12, relay: false }));
    expect(engines.at(-1)?.options).toMatchObject({ shortcutLimit: 12, relay: false, transport: "auto" });
    await affiliations.configure(joined, { transport: "tcp", shortcuts: 0, relay: true });
    expect(engines.at(-1)?.options).toMatchObject({ shortcutLimit: 0, relay: true, transport: "tcp" });
    const settings = await affiliations.configure(affiliations.all[0] as never, { shortcuts: null });
    expect(settings).toMatchObject({ transport: "tcp", shortcuts: 256, relay: true });
    expect(engines.at(-1)?.options.shortcutLimit).toBeUndefined();
  });

  it("move all affiliations to another port, and keep it", async () => {
    const joined = await affiliations.join(config());
    await affiliations.join(config({ affiliation: "other" }));
    expect(affiliations.port).toBe(40_000);
    expect(await affiliations.configure(joined, { port: 15_500 })).toMatchObject({ port: 15_500 });
    expect([affiliations.port, world.networks, world.openedPorts]).toEqual([15_500, 2, [0, 15_500]]);
    expect(engines.slice(-2).map((engine) => engine.inputKinds().includes("connect"))).toEqual([true, true]);
    expect(JSON.parse(readFileSync(join(folder, "helper.json"), "utf8"))).toMatchObject({ wanted: 15_500 });
    const other = affiliations.all[1] as never;
    expect(await affiliations.configure(other, {})).toMatchObject({ port: 15_500 });
    expect(await affiliations.configure(other, { port: null })).toMatchObject({ port: null });
    expect(world.openedPorts).toEqual([0, 15_500]); // Any port will do, so that of now does.
  });

  it("are refused where another program has the port; nothing is disturbed then", async () => {
    world.takenPorts = [80];
    const joined = await affiliations.join(config());
    await expect(affiliations.configure(joined, { port: 80, mtuBytes: 1300 })).rejects.toMatchObject({
      code: "PORT_IN_USE",
    });
    expect(affiliations.all).toEqual([joined]);
    expect(joined.membership.mtuBytes).toBe(1332);
    expect(await affiliations.configure(joined, {})).toMatchObject({ port: null });
  });

  it("say when the port that is set could not be had at the start", async () => {
    const joined = await affiliations.join(config());
    await affiliations.configure(joined, { port: 15_500 });
    await affiliations.stop();
    world.takenPorts = [15_500];
    affiliations = make();
    await affiliations.start();
    expect(affiliations.port).toBe(40_000);
    expect(affiliations.warnings).toMatchObject([
      { code: "PORT_NOT_USED", text: expect.stringContaining("15500 that is set belongs to another program") },
    ]);
  });

  it("leave a port alone that was given where the helper is started", async () => {
    await affiliations.stop();
    affiliations = make({ port: 16_000 });
    const joined = await affiliations.join(config());
    expect(await affiliations.configure(joined, {})).toMatchObject({ port: 16_000 });
    await expect(affiliations.configure(joined, { port: 15_500 })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      remedy: expect.stringContaining("--port"),
    });
  });

  it("are kept over a restart", async () => {
    const joined = await affiliations.join(config());
    await affiliations.configure(joined, { site: "Gainesville" });
    const [stored] = new StateStore(folder, () => ({ release: () => {} })).memberships();
    expect(stored?.membership.site).toBe("Gainesville");
    expect(readFileSync(join(folder, "helper.json"), "utf8")).toContain("port");
  });
});

describe("waking", () => {
  it("tells every affiliation once, however often it is said", async () => {
    await affiliations.join(config());
    await affiliations.join(config({ affiliation: "other" }));
    affiliations.wake();
    affiliations.wake();
    for (const engine of engines) expect(engine.inputKinds().filter((kind) => kind === "wake")).toHaveLength(1);
  });
});

function make(options: { port?: number } = {}): Affiliations {
  return new Affiliations({
    store: new StateStore(folder, () => ({ release: () => {} })),
    system: world.system,
    log: { debug: () => {}, info: () => {}, warn: () => {} },
    version: "1.2.3",
    hostName: "testhost",
    makeEngine: (options) => {
      const engine = new FakeEngine(options);
      engines.push(engine);
      return engine;
    },
    onChange: () => {
      world.changes += 1;
    },
    isWatched: () => true,
    ...options,
  });
}

function config(changes: Partial<HelperConfig> = {}): ParsedConfig {
  return {
    config: { affiliation: "condor wow", startAddresses: ["ringway.udp://192.0.2.1:15000"], ...changes },
    warnings: [],
  };
}
