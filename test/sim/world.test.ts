import { describe, expect, it } from "vitest";
import { checkRing, routeOf } from "./checks.ts";
import { constantDelay } from "./geography.ts";
import type { Host } from "./host.ts";
import { World, type WorldOptions } from "./world.ts";

/** For machines that do other things at the same time; alone it takes a fraction. */
const LARGE_WORLD_TIMEOUT_MS = 600_000;

/** A world whose failures name the test that runs it again. */
function world(seed: number, more: Omit<WorldOptions, "seed"> = {}): World {
  const { currentTestName } = expect.getState();
  const name = currentTestName?.split(" > ").at(-1);
  return new World({ ...more, seed, replay: `npx vitest run --project unit test/sim/world.test.ts -t "${name}"` });
}

function startAll(hosts: readonly Host[]): void {
  for (const host of hosts) host.start();
}

/** Public hosts that start from the first few of them. */
function publicHosts(at: World, count: number): Host[] {
  const first = Array.from({ length: Math.min(count, count < 100 ? 3 : 5) }, () => at.addHost({ kind: "public" }));
  const startAddresses = first.map((host) => host.options.socket.local);
  for (const host of first)
    host.startAddresses = startAddresses.filter((address) => address !== host.options.socket.local);
  const rest = Array.from({ length: count - first.length }, () => at.addHost({ kind: "public", startAddresses }));
  return [...first, ...rest];
}

/** The sites of the demo: 3 public hosts, 2 homes, 2 labs of two hosts each, 2 hosts behind random ports. */
function demo(at: World) {
  const open = publicHosts(at, 3);
  const startAddresses = open.map((host) => host.options.socket.local);
  const homes = [0, 1].map(() => at.addHost({ kind: "cone", startAddresses }));
  const labs = [0, 1].map(() => {
    const site = at.addSite("cone");
    return [0, 1].map(() => at.addHost({ site, startAddresses }));
  });
  const hard = [0, 1].map(() => at.addHost({ kind: "symmetric", startAddresses }));
  return { open, homes, labs, hard, all: [...open, ...homes, ...labs.flat(), ...hard] };
}

function allPairs(hosts: readonly Host[]): [Host, Host][] {
  return hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to): [Host, Host] => [from, to]));
}

function isWhole(at: World): boolean {
  const { consistent, nearExact } = checkRing(at.hosts);
  return consistent && nearExact;
}

/** Runs until the ring is whole; the failure tells what is wrong with it. */
function untilWhole(at: World, withinMs: number): number {
  const took = at.runUntil(() => isWhole(at), withinMs);
  if (took === undefined)
    at.fail(`the ring is not whole after ${withinMs} ms:\n${checkRing(at.hosts).faults.join("\n")}`);
  return took;
}

function expectAllReachable(at: World, pairs: [Host, Host][], withinMs = 15_000): void {
  const silent = at.exchangeAll(pairs, withinMs).filter((exchange) => exchange.answeredAt === undefined);
  const text = silent.map(
    ({ from, to, arrivedAt }) => `${from.name} > ${to.name}${arrivedAt === undefined ? "" : " (arrived, no answer)"}`,
  );
  if (silent.length > 0)
    at.fail(`${silent.length} of ${pairs.length} pairs do not reach each other: ${text.slice(0, 10).join(", ")}`);
}

function pathBetween(a: Host, b: Host): string | undefined {
  return a.view()?.peers.find((peer) => peer.ringAddress === b.address)?.path?.kind;
}

describe("a world of real engines", () => {
  it.each([1, 2, 3])("makes a ring of %i nodes, in which all reach each other", (count) => {
    const w = world(count);
    const hosts = publicHosts(w, count);
    startAll(hosts);
    untilWhole(w, 15_000);
    expectAllReachable(w, allPairs(hosts));
  });

  it("makes a whole ring of 11 nodes at the demo's sites, in which all reach each other", () => {
    const w = world(11);
    const { all } = demo(w);
    startAll(all);
    expect(untilWhole(w, 15_000)).toBeLessThan(15_000);
    expectAllReachable(w, allPairs(all));
  });

  it("has direct paths between cone sites after traffic, and relays between symmetric ones", () => {
    const w = world(12);
    const { all, homes, labs, hard } = demo(w);
    startAll(all);
    untilWhole(w, 15_000);
    const soft = [...homes, ...labs.flat()];
    const pairs = allPairs(soft);
    for (let second = 0; second < 8; second++) {
      for (const [from, to] of [...pairs, [hard[0], hard[1]] as [Host, Host]]) w.sendIp(from, to);
      w.run(1000);
    }
    const notDirect = () => pairs.filter(([from, to]) => pathBetween(from, to) !== "udp");
    w.runUntil(() => notDirect().length === 0, 20_000);
    expect(notDirect().map(([from, to]) => `${from.name} > ${to.name}: ${pathBetween(from, to)}`)).toEqual([]);
    expect(pathBetween(hard[0] as Host, hard[1] as Host)).toBe("tunnel");
  });

  it("forms a whole ring under loss, doubles, jitter and reordering", () => {
    const w = world(21, { faults: { lossOdds: 0.05, duplicateOdds: 0.02, jitterMs: 20, reorderOdds: 0.05 } });
    const hosts = publicHosts(w, 24);
    startAll(hosts);
    untilWhole(w, 30_000);
    expectAllReachable(
      w,
      allPairs(hosts).filter((_, i) => i % 7 === 0),
      20_000,
    );
  });

  it("takes a node that was killed out of the near sets of its neighbours", () => {
    const w = world(31);
    const hosts = publicHosts(w, 20);
    startAll(hosts);
    untilWhole(w, 15_000);
    w.run(10_000);
    for (const host of [hosts[7], hosts[8], hosts[15]] as Host[]) host.crash();
    expect(isWhole(w)).toBe(false);
    untilWhole(w, 20_000);
    expectAllReachable(
      w,
      allPairs(w.up).filter((_, i) => i % 5 === 0),
    );
  });

  it("takes back a node that restarts with a new boot, and others reach it within 5 s", () => {
    const w = world(41, { geography: constantDelay(40) });
    const { all, homes } = demo(w);
    startAll(all);
    untilWhole(w, 15_000);
    w.run(5_000);
    const [home, other] = homes as [Host, Host];
    expectAllReachable(w, [[other, home]]);
    home.crash();
    w.run(2_000);
    home.start();
    expectAllReachable(
      w,
      [
        [home, other],
        [other, home],
      ],
      5_000,
    );
    untilWhole(w, 15_000);
  });

  // Each of these seeds once showed a fault: keys that one end had dropped, a dead edge taken for a living one.
  it.each([
    [105, 0.03],
    [110, 0],
    [112, 0],
  ])("reaches all at the demo's sites while a public node dies and comes back (seed %i, loss %f)", (seed, lossOdds) => {
    const w = world(seed, { faults: { lossOdds, jitterMs: 200 * lossOdds } });
    const { all, open, homes, labs } = demo(w);
    startAll(all);
    untilWhole(w, 15_000);
    expectAllReachable(w, allPairs(all));
    const soft = allPairs([...homes, ...labs.flat()]);
    for (let second = 0; second < 6; second++) {
      for (const [from, to] of soft) w.sendIp(from, to);
      w.run(1000);
    }
    w.run(10_000);
    expect(soft.filter(([from, to]) => pathBetween(from, to) !== "udp")).toEqual([]);
    const relay = open[seed % open.length] as Host;
    relay.crash();
    untilWhole(w, 20_000);
    expectAllReachable(w, allPairs(w.up));
    relay.start();
    untilWhole(w, 15_000);
    expectAllReachable(
      w,
      allPairs(all).filter((pair) => pair.includes(relay)),
    );
  });

  it("keeps two halves of a partition apart, and has one ring again after it", () => {
    const w = world(51);
    const hosts = publicHosts(w, 12);
    startAll(hosts);
    untilWhole(w, 15_000);
    w.run(5_000);
    const left = hosts.slice(0, 6);
    const right = hosts.slice(6);
    w.partition(left, right);
    const halves = () => [left, right].every((side) => checkRing(side).nearExact);
    expect(w.runUntil(halves, 30_000)).toBeDefined();
    w.heal();
    untilWhole(w, 120_000);
  });

  it.each([
    [100, 6_000],
    [500, 10_000],
  ])(
    "starts %i nodes at once: whole within %i ms, sampled pairs reach each other, every route ends",
    (count, withinMs) => {
      const w = world(count + 7);
      const hosts = publicHosts(w, count);
      startAll(hosts);
      untilWhole(w, withinMs);
      w.run(2_000);
      const byAddress = new Map(hosts.map((host) => [host.address, host]));
      const pairs = Array.from({ length: 200 }, (): [Host, Host] => [
        w.entropy.pick(hosts),
        w.entropy.pick(hosts),
      ]).filter(([a, b]) => a !== b);
      const lost = pairs.filter(([from, to]) => routeOf(from, to, byAddress) === undefined);
      expect(lost.map(([from, to]) => `${from.name} > ${to.name}`)).toEqual([]);
      expectAllReachable(w, pairs.slice(0, 50));
    },
    LARGE_WORLD_TIMEOUT_MS,
  );

  it("runs the same for the same seed, and otherwise for another", () => {
    const linesOf = (seed: number) => {
      const lines: string[] = [];
      const w = new World({ seed, trace: (line) => lines.push(line), faults: { lossOdds: 0.02, jitterMs: 3 } });
      startAll(demo(w).all);
      w.run(8_000);
      return lines.join("\n");
    };
    const first = linesOf(61);
    expect(first.length).toBeGreaterThan(10_000);
    expect(linesOf(61) === first).toBe(true);
    expect(linesOf(62) === first).toBe(false);
  });
});
