import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HelperError } from "#contract";
import { FakeEngine, FakeWorld } from "../../test/fake-system.ts";
import { addressFromBytes } from "../overlay/ring/address.ts";
import { SessionRates } from "./affiliation-rates.ts";
import { Affiliations } from "./affiliations.ts";
import type { HelperConfig, ParsedConfig } from "./config-fields.ts";
import { StateStore } from "./state-store.ts";

const PEER = addressFromBytes(new Uint8Array(20).fill(9));

let folder: string;
let world: FakeWorld;
let running: Affiliations[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringway-affiliation-"));
  world = new FakeWorld();
});

afterEach(async () => {
  vi.useRealTimers();
  for (const affiliations of running) await affiliations.stop();
  running = [];
  rmSync(folder, { recursive: true, force: true });
});

describe("joining", () => {
  it("makes keys and membership, connects, and brings the interface up with the address of the file", async () => {
    const affiliations = helper();
    const joined = await affiliations.join(config({ virtualIp: "172.16.1.5", port: 15000, mac: "02:00:00:00:00:01" }));
    expect(world.openedPorts).toEqual([15000]);
    expect(world.engine.inputKinds()).toEqual(["localAddresses", "startAddresses", "connect"]);
    expect(world.engine.input("startAddresses")?.addresses).toEqual(["192.0.2.1:15000"]);
    expect(world.engine.options).toMatchObject({
      affiliation: "condor wow",
      virtualIp: "172.16.1.5",
      name: "testhost",
    });
    expect(world.tap).toEqual({
      name: "tap0",
      mac: "02:00:00:00:00:01",
      mtuBytes: 1332,
      ip: "172.16.1.5",
      prefixBits: 16,
      dscp: false,
    });
    expect(joined.facts()).toMatchObject({
      interface: { name: "tap0", state: "up", mtuBytes: 1332 },
      virtualIp: "172.16.1.5",
      warnings: [],
    });
  });

  it("claims none where the file gives none, and has the one that is leased", async () => {
    const joined = await helper().join(config());
    expect(world.engine.options.virtualIp).toBeUndefined();
    expect(joined.facts().virtualIp).toBe("172.16.77.7");
    expect(world.tap?.ip).toBe("172.16.77.7");
  });

  it("has no interface until the lease is granted, none after it is lost, and then one with the new address", async () => {
    const affiliations = helper();
    const joined = await affiliations.join(config());
    const say = (ip: string | undefined) => {
      world.engine.grant(ip);
      world.network.onInput({ kind: "timeout" });
    };
    say(undefined);
    await vi.waitFor(() => expect(world.tap).toBeUndefined());
    expect(joined.facts()).toMatchObject({ virtualIp: null, interface: { state: "down" }, warnings: [] });
    const up = joined.up();
    say("172.16.9.1");
    await up;
    expect(world.tap?.ip).toBe("172.16.9.1");
    say("172.16.9.2");
    await vi.waitFor(() => expect(world.tap?.ip).toBe("172.16.9.2"));
    expect(joined.facts()).toMatchObject({ virtualIp: "172.16.9.2", interface: { state: "up" } });
  });

  it("says what stands in the way of the interface even before there is an address for it", async () => {
    world.ranges = [{ interface: "office0", cidr: "172.16.5.1/24", kind: "address" }];
    const joined = await helper().join(config());
    world.engine.grant(undefined);
    world.network.onInput({ kind: "timeout" });
    await expect(joined.up()).rejects.toMatchObject({ code: "SUBNET_OVERLAP" });
  });

  it("tells local addresses with the socket's port, without own interfaces and, without a socket for it, IPv6", async () => {
    world.ips = [
      { interface: "eth0", ip: "192.168.1.7" },
      { interface: "tap0", ip: "172.16.1.5" },
      { interface: "eth0", ip: "2001:db8::7" },
    ];
    await helper({ port: 4000 }).join(config());
    expect(world.engine.input("localAddresses")?.addresses).toEqual(["192.168.1.7:4000"]);
  });

  it("is refused where it has been done, and leaves the first one alone", async () => {
    const affiliations = helper();
    const first = await affiliations.join(config());
    await expect(affiliations.join(config())).rejects.toMatchObject({ code: "ALREADY_JOINED" });
    expect(affiliations.all).toEqual([first]);
  });

  it("that fails leaves nothing behind", async () => {
    world.openPortFails = new HelperError("PORT_IN_USE", "Taken.", "Choose another.");
    const affiliations = helper();
    await expect(affiliations.join(config())).rejects.toMatchObject({ code: "PORT_IN_USE" });
    expect(affiliations.all).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    world.openPortFails = undefined;
    world.addNetworkFails = new HelperError("LIMIT", "Full.", "Leave one.");
    await expect(affiliations.join(config())).rejects.toMatchObject({ code: "LIMIT" });
    expect(affiliations.all).toEqual([]);
    expect(readdirSync(folder).filter((name) => name.startsWith("condor"))).toEqual([]);
  });

  it("a second affiliation shares the sockets and gets the next interface", async () => {
    const affiliations = helper();
    await affiliations.join(config());
    const second = await affiliations.join(config({ affiliation: "other", port: 16000 }));
    expect(world.openedPorts).toEqual([0]);
    expect(second.membership.interfaceName).toBe("tap1");
    expect(second.facts().warnings).toContainEqual(expect.objectContaining({ code: "PORT_NOT_USED" }));
  });
});

describe("the interface", () => {
  it("stays down where its subnet overlaps, with a warning, while the ring goes on", async () => {
    world.ranges = [{ interface: "eth7", cidr: "172.16.9.0/24", kind: "route" }];
    const joined = await helper().join(config());
    expect(world.tap).toBeUndefined();
    expect(world.engine.inputKinds()).toContain("connect");
    expect(joined.facts()).toMatchObject({ interface: { state: "down" }, interfaceWanted: true });
    expect(joined.facts().warnings).toMatchObject([{ code: "SUBNET_OVERLAP", text: expect.stringContaining("eth7") }]);
    await expect(joined.up()).rejects.toMatchObject({ code: "SUBNET_OVERLAP" });
    world.ranges = [];
    await joined.up();
    expect(joined.facts().warnings).toEqual([]);
    expect(world.tap?.name).toBe("tap0");
  });

  it("comes up by itself when what stood in its way is gone", async () => {
    vi.useFakeTimers();
    world.ranges = [{ interface: "eth7", cidr: "172.16.9.0/24", kind: "route" }];
    const joined = await helper().join(config());
    world.ranges = [];
    await vi.advanceTimersByTimeAsync(12_000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(joined.facts().interface.state).toBe("up"));
  });

  it("goes down and up alone; the node stays on the ring", async () => {
    const joined = await helper().join(config());
    await joined.down();
    expect(world.tap).toBeUndefined();
    expect(world.engine.inputKinds()).not.toContain("disconnect");
    expect(joined.facts()).toMatchObject({ interface: { state: "down" }, interfaceWanted: false });
    await joined.up();
    expect(world.tap?.name).toBe("tap0");
  });

  it("stays down off the ring, and comes back with the ring", async () => {
    const affiliations = helper();
    const joined = await affiliations.join(config());
    await joined.disconnect();
    expect(world.tap).toBeUndefined();
    expect(world.engine.inputKinds()).toContain("disconnect");
    await expect(joined.up()).rejects.toMatchObject({ code: "NOT_CONNECTED" });
    await affiliations.connect(joined);
    expect(world.tap?.name).toBe("tap0");
  });

  it("is made again when another program removed it or took it down, and says so", async () => {
    const joined = await helper().join(config());
    for (const [what, said] of [
      ["removed", /removed the interface tap0.* once/],
      ["down", /took the interface tap0 down.* 2 times/],
      ["address", /its address.* 3 times/],
    ] as const) {
      if (what === "removed") world.tap = undefined;
      world.network.onInterfaceLost(what);
      await vi.waitFor(() => {
        const { warnings } = joined.facts();
        expect(warnings).toMatchObject([{ code: "INTERFACE_LOST", text: expect.stringMatching(said) }]);
      });
      await vi.waitFor(() => expect(world.tap?.name).toBe("tap0"));
      await vi.waitFor(() => expect(joined.facts().interface.state).toBe("up"));
    }
  });

  it("records the interface while it is up", async () => {
    const joined = await helper().join(config());
    const place = readdirSync(folder).find((name) => name.startsWith("condor-wow-")) ?? "";
    expect(JSON.parse(readFileSync(join(folder, place, "interface.json"), "utf8"))).toMatchObject({ name: "tap0" });
    await joined.down();
    expect(existsSync(join(folder, place, "interface.json"))).toBe(false);
  });

  it("of a killed helper is removed before it is made anew", async () => {
    const affiliations = helper();
    await affiliations.join(config());
    // The helper is killed: nothing of it is taken down, and the interface outlives it.
    world = new FakeWorld();
    world.existing = new Set(["tap0"]);
    const next = helper();
    await next.start();
    expect(world.removed).toEqual(["tap0"]);
    expect(world.tap?.name).toBe("tap0");
  });

  it("of someone else with the first free name is left alone", async () => {
    world.existing = new Set(["tap0"]);
    const joined = await helper().join(config());
    expect(joined.membership.interfaceName).toBe("tap1");
    expect(world.removed).toEqual([]);
  });
});

describe("a restart", () => {
  it("goes on with the same keys, address, port and wishes", async () => {
    const before = helper();
    const joined = await before.join(config({ port: 15000 }));
    const { ringAddress } = joined.facts().node;
    world.engine.effects.push({
      kind: "save",
      state: { highestStamp: 77, cachedPeers: [{ address: PEER, remote: "192.0.2.9:1" }] },
    });
    world.network.onInput({ kind: "timeout" });
    await before.stop();
    expect(world.isClosed).toBe(true);

    world = new FakeWorld();
    const after = helper();
    await after.start();
    expect(after.all[0]?.facts().node.ringAddress).toBe(ringAddress);
    expect(world.openedPorts).toEqual([15000]);
    expect(world.engine.options.saved).toEqual({
      highestStamp: 77,
      cachedPeers: [{ address: PEER, remote: "192.0.2.9:1" }],
    });
    expect(world.engine.inputKinds()).toContain("connect");
    expect(world.tap?.name).toBe("tap0");
  });

  it("leaves off what was off", async () => {
    const before = helper();
    const joined = await before.join(config());
    await joined.down();
    await joined.disconnect();
    await before.stop();
    world = new FakeWorld();
    const after = helper();
    await after.start();
    expect(after.all[0]?.facts()).toMatchObject({ interfaceWanted: false, interface: { state: "down" } });
    expect(world.openedPorts).toEqual([]);
  });

  it("takes another port where that of last time is taken, unless the user insists", async () => {
    const before = helper();
    await before.join(config({ port: 15000 }));
    await before.stop();
    world = new FakeWorld();
    world.takenPorts = [15000];
    await helper().start();
    expect(world.openedPorts).toEqual([15000, 0]);
    world = new FakeWorld();
    world.takenPorts = [15000];
    expect(() => helper({ port: 15000 }).openPort()).toThrow(expect.objectContaining({ code: "PORT_IN_USE" }));
  });

  it("takes over what the file says now, and keeps keys and wishes", async () => {
    const before = helper();
    const joined = await before.join(config({ virtualIp: "172.16.1.5" }));
    const { ringAddress } = joined.facts().node;
    await joined.down();
    await before.stop();
    world = new FakeWorld();
    const after = helper();
    await after.start(config({ virtualIp: "172.16.1.6", startAddresses: ["ringway.udp://192.0.2.2:1"] }));
    expect(after.all).toHaveLength(1);
    expect(after.all[0]?.facts()).toMatchObject({
      virtualIp: "172.16.1.6",
      interfaceWanted: false,
      node: { ringAddress },
    });
    expect(world.engine.input("startAddresses")?.addresses).toEqual(["192.0.2.2:1"]);
  });

  it("shows an affiliation without sockets as failed, with the reason", async () => {
    const before = helper();
    await before.join(config());
    await before.stop();
    world = new FakeWorld();
    world.openPortFails = new HelperError("NOT_PERMITTED", "No sockets for you.", "Ask.");
    const after = helper();
    await after.start();
    expect(after.all[0]?.facts().node).toMatchObject({ state: "failed", reason: "No sockets for you." });
  });
});

describe("at work", () => {
  it("carries out effects in order and keeps its own from the data path", async () => {
    await helper().join(config());
    world.applied.length = 0;
    world.engine.effects.push(
      { kind: "sendEmpty", slot: 1 },
      { kind: "log", level: "info", text: "hello" },
      { kind: "keyUse", slot: 1, indexRx: 5 },
      { kind: "sessionDrop", slot: 1 },
    );
    world.network.onInput({ kind: "timeout" });
    expect(world.applied.map(({ kind }) => kind)).toEqual(["sendEmpty", "keyUse", "sessionDrop"]);
    expect(world.log).toContain("info condor wow: hello");
  });

  it("steps one input after the other, even where an effect leads to the next", async () => {
    await helper().join(config());
    world.onApply = () => {
      world.onApply = undefined;
      world.network.onInput({ kind: "miss", ip: "172.16.1.9" });
      expect(world.engine.inputKinds()).not.toContain("miss");
    };
    world.engine.effects.push({ kind: "sendEmpty", slot: 1 });
    world.network.onInput({ kind: "timeout" });
    expect(world.engine.inputKinds()).toContain("miss");
  });

  it("wakes the engine when it wants to be woken", async () => {
    await helper().join(config());
    const timeouts = () => world.engine.inputKinds().filter((kind) => kind === "timeout").length;
    world.engine.wakeInMs = 20;
    world.network.onInput({ kind: "miss", ip: "172.16.1.9" });
    await vi.waitFor(() => expect(timeouts()).toBeGreaterThan(0), { timeout: 2_000 });
  });

  it("answers a ping with the engine's round trip, or with none in time", async () => {
    const joined = await helper().join(config());
    world.engine.onStep = (input) => {
      if (input.kind === "ping") world.engine.effects.push({ kind: "pong", id: input.id, rttMs: 12.5 });
    };
    expect(await joined.ping(PEER, 1_000)).toBe(12.5);
    world.engine.onStep = undefined;
    expect(await joined.ping(PEER, 10)).toBeUndefined();
  });

  it("tells that its picture changed when the engine's view did, and not otherwise", async () => {
    vi.useFakeTimers();
    await helper().join(config());
    await vi.advanceTimersByTimeAsync(300);
    expect(world.changes).toBeGreaterThan(0);
    const before = world.changes;
    world.network.onInput({ kind: "timeout" });
    await vi.advanceTimersByTimeAsync(300);
    expect(world.changes).toBe(before);
    world.engine.viewChanges = { state: "connected" };
    for (let i = 0; i < 10; i++) world.network.onInput({ kind: "timeout" });
    await vi.advanceTimersByTimeAsync(300);
    expect(world.changes).toBe(before + 1);
  });

  it("leaving takes all down and removes the keys", async () => {
    const affiliations = helper();
    const joined = await affiliations.join(config());
    const place = readdirSync(folder).find((name) => name.startsWith("condor-wow-")) ?? "";
    expect(existsSync(join(folder, place, "identity.key"))).toBe(true);
    await affiliations.leave(joined);
    expect(world.engine.inputKinds()).toContain("disconnect");
    expect(world.tap).toBeUndefined();
    expect(world.networks).toBe(0);
    expect(existsSync(join(folder, place))).toBe(false);
    expect(affiliations.all).toEqual([]);
  });

  it("reports a torn state file and goes on without it", async () => {
    const before = helper();
    await before.join(config());
    await before.stop();
    const place = readdirSync(folder).find((name) => name.startsWith("condor-wow-")) ?? "";
    writeFileSync(join(folder, place, "state.json"), '{"version":1,"highe');
    world = new FakeWorld();
    const after = helper();
    await after.start();
    expect(after.warnings).toMatchObject([{ code: "STATE_SET_ASIDE", text: expect.stringContaining("state.json") }]);
    expect(world.engine.options.saved).toBeUndefined();
    expect(after.all).toHaveLength(1);
  });
});

describe("rates", () => {
  const counters = (bytes: number) => ({
    rxPackets: 0,
    rxBytes: bytes,
    txPackets: 0,
    txBytes: 2 * bytes,
    ipRxPackets: 0,
    ipTxPackets: 0,
    transitPackets: 0,
  });

  it("are bytes over the time between two reports, and nothing where reports end", () => {
    const rates = new SessionRates();
    rates.take(1_000, 1, counters(0));
    rates.take(2_000, 1, counters(5_000));
    expect(rates.of(2_500, 1)).toEqual({ rxBytesPerS: 5_000, txBytesPerS: 10_000 });
    expect(rates.of(5_000, 1)).toEqual({ rxBytesPerS: 0, txBytesPerS: 0 });
    rates.take(60_000, 1, counters(6_000));
    expect(rates.of(60_000, 1)).toEqual({ rxBytesPerS: 1_000, txBytesPerS: 2_000 });
    rates.forget(1);
    expect(rates.of(60_000, 1)).toEqual({ rxBytesPerS: 0, txBytesPerS: 0 });
    expect(rates.of(60_000, undefined)).toEqual({ rxBytesPerS: 0, txBytesPerS: 0 });
  });
});

function helper(options: { port?: number } = {}): Affiliations {
  const here = world;
  const affiliations = new Affiliations({
    store: new StateStore(folder, () => ({ release: () => {} })),
    system: here.system,
    log: {
      debug: (text) => here.log.push(`debug ${text}`),
      info: (text) => here.log.push(`info ${text}`),
      warn: (text) => here.log.push(`warn ${text}`),
    },
    version: "1.2.3",
    hostName: "testhost",
    makeEngine: (nodeOptions) => {
      here.engine = new FakeEngine(nodeOptions);
      return here.engine;
    },
    onChange: () => {
      here.changes += 1;
    },
    isWatched: () => true,
    ...options,
  });
  running.push(affiliations);
  return affiliations;
}

function config(changes: Partial<HelperConfig> = {}): ParsedConfig {
  return {
    config: { affiliation: "condor wow", startAddresses: ["ringway.udp://192.0.2.1:15000"], ...changes },
    warnings: [],
  };
}
