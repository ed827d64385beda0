/** What a node says of its own state: connected is what packets prove. */
import { describe, expect, it } from "vitest";
import { constantDelay } from "./geography.ts";
import type { Host } from "./host.ts";
import { World } from "./world.ts";

function ring(seed: number, count: number): { world: World; hosts: Host[] } {
  const world = new World({ seed, geography: constantDelay(20), faults: { lossOdds: 0.02 } });
  const hosts = Array.from({ length: count }, () => world.addHost({ kind: "public" }));
  const startAddresses = hosts.slice(0, 2).map((host) => host.options.socket.local);
  for (const host of hosts) {
    host.startAddresses = startAddresses.filter((each) => each !== host.options.socket.local);
    host.start();
  }
  expect(world.runUntil(() => hosts.every((host) => host.view()?.state === "connected"), 30_000)).toBeDefined();
  return { world, hosts };
}

const stateOf = (host: Host) => {
  const { state, reasonCode, silentMs } = host.view() ?? {};
  return { state, reasonCode, silentMs };
};

describe("the state of a node", () => {
  it.each([2, 8])("stays connected in a quiet ring of %i that loses packets", (count) => {
    const { world, hosts } = ring(31, count);
    const others = new Set<string>();
    for (let second = 0; second < 300; second++) {
      world.run(1_000);
      for (const host of hosts) if (host.view()?.state !== "connected") others.add(`${host.name} at ${second} s`);
    }
    expect([...others]).toEqual([]);
  });

  it("is connecting once nobody has answered for 10 s, and says for how long", () => {
    const { world, hosts } = ring(32, 8);
    const [host, ...rest] = hosts as [Host, ...Host[]];
    for (const other of rest) other.crash();
    expect(world.runUntil(() => host.view()?.state !== "connected", 20_000)).toBeGreaterThan(2_000);
    expect(world.runUntil(() => host.view()?.reasonCode === "nobodyAnswers", 20_000)).toBeDefined();
    expect(stateOf(host)).toMatchObject({ state: "connecting" });
    expect(host.view()?.reason).toMatch(/^No member has answered for 1\d s/);
    world.run(60_000);
    expect(stateOf(host).silentMs).toBeGreaterThanOrEqual(70_000);
    for (const other of rest) other.start();
    expect(world.runUntil(() => host.view()?.state === "connected", 30_000)).toBeDefined();
    expect(stateOf(host)).toEqual({ state: "connected", reasonCode: undefined, silentMs: undefined });
  });

  it("names start addresses that do not answer, before it ever met a member", () => {
    const world = new World({ seed: 33, geography: constantDelay(20) });
    const host = world.addHost({ kind: "cone", startAddresses: ["203.0.113.1:15000", "203.0.113.2:15000"] });
    host.start();
    world.run(30_000);
    expect(stateOf(host)).toMatchObject({ state: "connecting", reasonCode: "noStartAddressAnswers" });
    expect(host.view()?.reason).toMatch(/^None of the 2 start addresses answers/);
  });

  it("is connected where a node begins a ring of its own, and where all others left it", () => {
    const world = new World({ seed: 34, geography: constantDelay(20) });
    const founder = world.addHost({ kind: "public", startAddresses: [] });
    const guest = world.addHost({ kind: "public", startAddresses: [founder.options.socket.local] });
    founder.start();
    world.run(20_000);
    expect(stateOf(founder).state).toBe("connected");
    guest.start();
    expect(world.runUntil(() => guest.view()?.state === "connected", 20_000)).toBeDefined();
    guest.input({ kind: "disconnect" });
    world.run(60_000);
    expect(stateOf(founder).state).toBe("connected");
  });
});
