/** The engine over TCP: alone, beside UDP, through sites that let no UDP through, and when streams end. */
import { describe, expect, it } from "vitest";
import { checkRing } from "./checks.ts";
import { constantDelay } from "./geography.ts";
import type { Host } from "./host.ts";
import type { SiteKind } from "./nat.ts";
import { World, type WorldOptions } from "./world.ts";

const DELAY_MS = 20;

function world(options: Partial<WorldOptions> = {}): World {
  return new World({ seed: 5, geography: constantDelay(DELAY_MS), ...options });
}

/** Adds computers of those kinds that start from the first three public ones. */
function add(w: World, kinds: readonly SiteKind[], transport: "udp" | "tcp" | "auto"): Host[] {
  return kinds.map((kind) => {
    const starts = w.hosts.filter((host) => host.options.socket.site.kind === "public").slice(0, 3);
    return w.addHost({ kind, transport, startAddresses: starts.map((host) => host.options.socket.local) });
  });
}

function startAll(w: World): void {
  for (const host of w.hosts) if (!host.isUp) host.start();
}

function isWhole(w: World): boolean {
  const { consistent, nearExact } = checkRing(w.hosts);
  return consistent && nearExact;
}

function everyPair(w: World): [Host, Host][] {
  return w.hosts.flatMap((from, place) => w.hosts.slice(place + 1).map((to): [Host, Host] => [from, to]));
}

function pathOf(from: Host, to: Host): string | undefined {
  return from.view()?.peers.find(({ ringAddress }) => ringAddress === to.address)?.path?.kind;
}

describe("TCP alone", () => {
  it("makes a whole ring of public nodes and nodes behind NATs, in which all pairs reach each other", () => {
    const w = world();
    add(w, ["public", "public", "public"], "tcp");
    add(w, ["cone", "symmetric", "udp-blocked", "tcp-only", "cone", "symmetric"], "tcp");
    startAll(w);
    expect(w.runUntil(() => isWhole(w), 20_000)).toBeLessThan(10_000);
    const exchanges = w.exchangeAll(everyPair(w), 20_000);
    expect(exchanges.filter(({ answeredAt }) => answeredAt === undefined)).toEqual([]);
    w.run(5_000);
    for (const host of w.hosts) {
      for (const { path } of host.view()?.peers ?? []) expect(path?.kind).not.toBe("udp");
      expect(host.view()?.natKind).toBe(
        ["public", "tcp-only"].includes(host.options.socket.site.kind) ? "public" : "udp-blocked",
      );
    }
    // Every datagram counted is one of a stream: the network lost none for UDP being blocked.
    expect(w.network.losses.get("udpBlocked")).toBeUndefined();
  });

  it("links two nodes directly where either can be dialled, and by a relay where neither can", () => {
    const w = world();
    add(w, ["public", "public", "public"], "tcp");
    const [a, b] = add(w, ["cone", "cone"], "tcp") as [Host, Host];
    startAll(w);
    w.runUntil(() => isWhole(w), 20_000);
    w.exchangeAll(
      [
        [a, b],
        [a, w.hosts[0] as Host],
      ],
      5_000,
    );
    w.run(5_000);
    expect(pathOf(a, b)).toBe("tunnel");
    expect(pathOf(a, w.hosts[0] as Host)).toBe("tcp");
    const why = a.view()?.peers.find(({ ringAddress }) => ringAddress === b.address)?.notDirectBecause;
    expect(why).toMatchObject({ code: "udpBlocked", text: expect.stringContaining("TCP alone") });
  });

  it("goes on while packets are lost, which streams make late", () => {
    const w = world({ faults: { lossOdds: 0.05, jitterMs: 10 } });
    add(w, ["public", "public", "public", "public"], "tcp");
    add(w, ["cone", "cone"], "tcp");
    startAll(w);
    expect(w.runUntil(() => isWhole(w), 30_000)).toBeDefined();
    expect(w.exchangeAll(everyPair(w), 20_000).every(({ answeredAt }) => answeredAt !== undefined)).toBe(true);
  });

  it("finds a dead neighbour, and takes it back when it starts anew", () => {
    const w = world();
    add(w, ["public", "public", "public", "public", "public"], "tcp");
    startAll(w);
    w.runUntil(() => isWhole(w), 20_000);
    const [first] = w.hosts as [Host];
    first.crash();
    expect(w.runUntil(() => isWhole(w), 30_000)).toBeDefined();
    first.startAddresses = w.hosts.slice(1, 3).map((host) => host.options.socket.local);
    first.start();
    expect(w.runUntil(() => isWhole(w), 30_000)).toBeDefined();
    expect(w.exchangeAll(everyPair(w), 10_000).every(({ answeredAt }) => answeredAt !== undefined)).toBe(true);
  });

  it("dials again when a stream is cut", () => {
    const w = world();
    const [a, b] = add(w, ["public", "public"], "tcp") as [Host, Host];
    b.startAddresses = [a.options.socket.local];
    startAll(w);
    w.runUntil(() => isWhole(w), 20_000);
    const path = b.view()?.peers[0]?.path;
    if (path?.kind !== "tcp") throw new Error(`not by TCP but by ${path?.kind}`);
    w.network.streams.cut(b.options.socket, path.remote);
    w.run(2_000);
    expect([pathOf(a, b), pathOf(b, a)]).toEqual(["tcp", "tcp"]);
    expect(isWhole(w)).toBe(true);
  });
});

describe("UDP first, and TCP where it fails", () => {
  it("brings in a site that lets no UDP through, and says so", () => {
    const w = world();
    add(w, ["public", "public", "public", "public", "cone"], "auto");
    const [blocked] = add(w, ["udp-blocked"], "auto") as [Host];
    startAll(w);
    expect(w.runUntil(() => isWhole(w), 30_000)).toBeLessThan(20_000);
    const exchanges = w.exchangeAll(
      w.hosts.filter((host) => host !== blocked).map((to): [Host, Host] => [blocked, to]),
      10_000,
    );
    expect(exchanges.every(({ answeredAt }) => answeredAt !== undefined)).toBe(true);
    w.run(15_000);
    expect(blocked.view()?.natKind).toBe("udp-blocked");
    const paths = w.hosts.filter((host) => host !== blocked).map((to) => pathOf(blocked, to));
    expect(paths).toEqual(["tcp", "tcp", "tcp", "tcp", "tunnel"]);
    const seen = w.hosts[4]?.view()?.peers.find(({ ringAddress }) => ringAddress === blocked.address);
    expect(seen).toMatchObject({ natKind: "udp-blocked", notDirectBecause: { code: "peerUdpBlocked" } });
  });

  it("uses no TCP where UDP gets through", () => {
    const w = world();
    add(w, ["public", "public", "public", "cone", "cone", "symmetric"], "auto");
    startAll(w);
    w.runUntil(() => isWhole(w), 20_000);
    w.exchangeAll(everyPair(w), 10_000);
    w.run(10_000);
    const kinds = w.hosts.flatMap((host) => (host.view()?.peers ?? []).map(({ path }) => path?.kind));
    expect(kinds).not.toContain("tcp");
    expect(w.hosts.map((host) => host.view()?.natKind)).not.toContain("udp-blocked");
  });

  it("TCP reports leave the class of a NAT to UDP", () => {
    const w = world();
    add(w, ["public", "public", "public"], "tcp");
    add(w, ["public", "public", "public"], "auto");
    const [cone] = add(w, ["cone"], "auto") as [Host];
    cone.startAddresses = w.hosts.slice(0, 6).map((host) => host.options.socket.local);
    startAll(w);
    w.run(40_000);
    expect(cone.view()?.natKind).toBe("eim");
  });
});

it("a mixed ring of the three choices is whole when some use both", () => {
  const w = world();
  add(w, ["public", "public", "public"], "auto");
  add(w, ["public", "cone", "cone"], "udp");
  add(w, ["public", "cone", "cone"], "tcp");
  startAll(w);
  expect(w.runUntil(() => isWhole(w), 40_000)).toBeDefined();
  expect(w.exchangeAll(everyPair(w), 20_000).every(({ answeredAt }) => answeredAt !== undefined)).toBe(true);
});
