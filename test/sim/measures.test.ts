/** Trace, walk, direct attempts on demand and reasons, by real engines in a simulated internet. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Effect } from "../../native-helper/overlay/boundary.ts";
import { Node } from "../../native-helper/overlay/node.ts";
import { checkRing } from "./checks.ts";
import { constantDelay } from "./geography.ts";
import { type Host, ROUTED_INSIDE } from "./host.ts";
import type { Faults } from "./network.ts";
import { World } from "./world.ts";

const WALK = 52;

type Said = Extract<Effect, { kind: "traced" | "sped" }>;

/** A whole ring of the given kinds of sites, three public ones first, and what its engines answer to commands. */
function ring(
  seed: number,
  kinds: readonly ("public" | "cone" | "symmetric")[],
  { faults = {}, refusing = [] }: { faults?: Partial<Faults>; refusing?: readonly string[] } = {},
) {
  const said = new Map<string, Said[]>();
  const world = new World({
    seed,
    geography: constantDelay(20),
    faults,
    makeEngine: (options, now, wall) => {
      const speedTests = !refusing.includes(options.name ?? "");
      const node = new Node({ ...options, speedTests }, now, wall);
      const answers: Said[] = [];
      said.set(node.address, answers);
      return {
        address: node.address,
        wakeAt: () => node.wakeAt(),
        view: (at, wallNow) => node.view(at, wallNow),
        links: (at) => node.links(at),
        isConnected: () => node.isConnected(),
        step: (at, wallNow, input) => {
          const effects = node.step(at, wallNow, input);
          for (const effect of effects) if (effect.kind === "traced" || effect.kind === "sped") answers.push(effect);
          return effects;
        },
      };
    },
  });
  const open = [0, 1, 2].map(() => world.addHost({ kind: "public" }));
  const startAddresses = open.map((host) => host.options.socket.local);
  for (const host of open) host.startAddresses = startAddresses.filter((each) => each !== host.options.socket.local);
  const rest = kinds.map((kind) => world.addHost({ kind, startAddresses }));
  for (const host of world.hosts) host.start();
  expect(world.runUntil(() => checkRing(world.hosts).nearExact, 30_000)).toBeDefined();
  const answersOf = <K extends Said["kind"]>(host: Host, kind: K) =>
    (said.get(host.address) ?? []).filter((each): each is Extract<Said, { kind: K }> => each.kind === kind);
  return {
    world,
    open,
    rest,
    saidBy: (host: Host) => answersOf(host, "traced"),
    speedsOf: (host: Host) => answersOf(host, "sped").map(({ outcome }) => outcome),
  };
}

function rowOf(from: Host, to: Host) {
  return from.view()?.peers.find((peer) => peer.ringAddress === to.address);
}

/** A member that `from` has no session with. */
function unlinkedOf(world: World, from: Host): Host {
  const found = world.up.find((host) => host !== from && !rowOf(from, host)?.path);
  if (!found) throw new Error(`${from.name} has a session with everyone`);
  return found;
}

describe("in a ring of 36", () => {
  let big: ReturnType<typeof ring>;
  beforeAll(() => {
    big = ring(6, new Array(33).fill("public"));
    // Until the far edges are made.
    big.world.run(20_000);
  }, 120_000);

  it("a trace names every member on the way of a routed packet, with growing times", () => {
    const { world, rest, saidBy } = big;
    const [from] = rest as [Host];
    const to = unlinkedOf(world, from);
    from.input({ kind: "trace", id: 7, peer: to.address });
    world.run(4_000);
    const [answer] = saidBy(from);
    expect(answer?.id).toBe(7);
    const hops = answer?.hops ?? [];
    expect(hops.length).toBeGreaterThanOrEqual(2);
    expect(hops.at(-1)?.ringAddress).toBe(to.address);
    expect(new Set(hops.map(({ ringAddress }) => ringAddress)).size).toBe(hops.length);
    // A hop costs a round trip of 40 ms at least.
    for (const [place, hop] of hops.entries()) expect(hop.rttMs).toBeGreaterThanOrEqual(40 * (place + 1) - 1);
    expect(rowOf(from, to)?.route).toEqual(hops.map(({ ringAddress }) => ringAddress));
  });

  it("a walk finds every member, asks five times a second at most, and stops when nobody looks", () => {
    const { world, rest } = big;
    const looker = rest[1] as Host;
    const asked = () => looker.ctrlSent.get(WALK + ROUTED_INSIDE)?.datagrams ?? 0;
    expect(asked()).toBe(0);
    looker.input({ kind: "walk" });
    const before = world.now;
    expect(world.runUntil(() => looker.view()?.walked === true, 10_000)).toBeDefined();
    expect(asked()).toBeGreaterThan(0);
    expect(asked()).toBeLessThanOrEqual(((world.now - before) / 1_000) * 5 + 1);
    const others = world.hosts.filter((host) => host !== looker).map(({ address }) => address);
    expect(looker.view()?.peers.map(({ ringAddress }) => ringAddress)).toEqual(others.sort());
    world.run(15_000);
    const soFar = asked();
    world.run(10_000);
    expect(asked()).toBe(soFar);
    expect(looker.view()?.walked).toBe(true);
  });

  it("a trace to a member that is gone ends with the hops that answered", () => {
    const { world, rest, saidBy } = big;
    const from = rest[2] as Host;
    const gone = unlinkedOf(world, from);
    const { address } = gone;
    gone.crash();
    from.input({ kind: "trace", id: 1, peer: address });
    world.run(6_000);
    const [answer] = saidBy(from);
    expect(answer?.hops.length).toBeGreaterThan(0);
    expect(answer?.hops.some(({ ringAddress }) => ringAddress === address)).toBe(false);
  });

  it.each(["tryDirect", "shortcut"] as const)("%s makes a direct link without any traffic", (kind) => {
    const { world, rest } = big;
    const from = rest.findLast((host) => host.isUp) as Host;
    const to = unlinkedOf(world, from);
    from.input({ kind, peer: to.address });
    expect(world.runUntil(() => rowOf(from, to)?.path?.kind === "udp", 5_000)).toBeDefined();
    if (kind === "shortcut") expect(rowOf(from, to)?.kinds).toContain("shortcut");
  });
});

describe("in a small ring", () => {
  it("a trace of a relayed link names the relay, and of a direct one the peer alone", () => {
    const { world, rest, open, saidBy } = ring(4, ["symmetric", "symmetric"]);
    const [a, b] = rest as [Host, Host];
    for (let i = 0; i < 8; i++) {
      world.sendIp(a, b);
      world.run(1_000);
    }
    const path = rowOf(a, b)?.path;
    expect(path?.kind).toBe("tunnel");
    a.input({ kind: "trace", id: 1, peer: b.address });
    a.input({ kind: "trace", id: 2, peer: (open[0] as Host).address });
    world.run(4_000);
    const byId = new Map(saidBy(a).map((answer) => [answer.id, answer.hops]));
    expect(byId.get(1)?.map(({ ringAddress, transport }) => [ringAddress, transport])).toEqual([
      [path?.kind === "tunnel" && path.relay, "udp"],
      [b.address, "relay"],
    ]);
    expect(byId.get(2)?.map(({ transport }) => transport)).toEqual(["udp"]);
  });

  it("what a walk found is shown for two minutes after anyone looked", () => {
    const { world, open } = ring(5, []);
    const [looker] = open as [Host];
    looker.input({ kind: "walk" });
    world.run(1_000);
    expect(looker.view()?.walked).toBe(true);
    world.run(100_000);
    expect(looker.view()?.walked).toBe(true);
    world.run(30_000);
    expect(looker.view()?.walked).toBe(false);
  });

  it("a walk goes on round the ring while somebody looks, and forgets who left", () => {
    const { world, open } = ring(7, new Array(9).fill("public"));
    const [looker] = open as [Host];
    const look = (ms: number) => {
      for (let passed = 0; passed < ms; passed += 5_000) {
        looker.input({ kind: "walk" });
        world.run(5_000);
      }
    };
    look(10_000);
    const gone = world.hosts.at(-1) as Host;
    const { address } = gone;
    gone.crash();
    look(40_000);
    expect(looker.view()?.walked).toBe(true);
    expect(looker.view()?.peers.some(({ ringAddress }) => ringAddress === address)).toBe(false);
  });
});

describe("a speed test", () => {
  it("measures both ways at the receiver, and ends in time", () => {
    const { world, rest, speedsOf } = ring(10, ["cone", "cone"]);
    const [a, b] = rest as [Host, Host];
    a.input({ kind: "speed", id: 1, peer: b.address, seconds: 2 });
    world.run(2_700);
    const [outcome] = speedsOf(a);
    expect(outcome).toMatchObject({ kind: "measured", seconds: 2, lossPct: 0 });
    if (outcome?.kind !== "measured") return;
    // The simulated network has no limit, so the test finds the one of its own.
    expect(outcome.upBitsPerS).toBeGreaterThan(1e8);
    expect(outcome.upBitsPerS).toBeLessThan(7e8);
    expect(outcome.downBitsPerS).toBeGreaterThan(1e8);
    const { counters } = rowOf(a, b) ?? {};
    expect(counters?.txBytes ?? 0).toBeLessThan(1.1e8);
  });

  it("counts what is lost on the way", () => {
    const { world, rest, speedsOf } = ring(11, ["cone", "cone"], { faults: { lossOdds: 0.02 } });
    const [a, b] = rest as [Host, Host];
    a.input({ kind: "speed", id: 1, peer: b.address, seconds: 1 });
    world.run(6_000);
    const [outcome] = speedsOf(a);
    expect(outcome?.kind).toBe("measured");
    if (outcome?.kind !== "measured") return;
    // The network sends a packet of this size in two parts, each of which may be lost.
    expect(outcome.lossPct).toBeGreaterThan(2);
    expect(outcome.lossPct).toBeLessThan(7);
  });

  it("is refused by a peer that wants none, and by one that is busy", () => {
    const { world, rest, speedsOf } = ring(12, ["cone", "cone", "cone"], { refusing: ["n5"] });
    const [a, b, refuser] = rest as [Host, Host, Host];
    a.input({ kind: "speed", id: 1, peer: refuser.address, seconds: 1 });
    world.run(500);
    expect(speedsOf(a)).toEqual([{ kind: "refused" }]);
    refuser.input({ kind: "speed", id: 1, peer: b.address, seconds: 4 });
    world.run(500);
    a.input({ kind: "speed", id: 2, peer: b.address, seconds: 1 });
    a.input({ kind: "speed", id: 3, peer: b.address, seconds: 1 });
    world.run(500);
    expect(speedsOf(a).slice(1)).toEqual([{ kind: "busyHere" }, { kind: "busy" }]);
  });

  it("ends when the peer dies, and the sender stops when nobody counts", () => {
    const { world, rest, speedsOf } = ring(13, ["cone", "cone"]);
    const [a, b] = rest as [Host, Host];
    a.input({ kind: "speed", id: 1, peer: b.address, seconds: 10 });
    world.run(300);
    b.crash();
    world.run(2_500);
    const sent = a.options.socket.sent.datagrams;
    world.run(2_000);
    expect(a.options.socket.sent.datagrams - sent).toBeLessThan(100);
    world.run(10_000);
    expect(speedsOf(a).map(({ kind }) => kind)).toEqual(["silent"]);
  });

  it("opens the session that it needs", () => {
    const { world, rest, speedsOf } = ring(14, new Array(24).fill("cone"));
    world.run(2_000);
    const [a] = rest as [Host];
    const b = unlinkedOf(world, a);
    a.input({ kind: "speed", id: 1, peer: b.address, seconds: 1 });
    world.run(8_000);
    expect(speedsOf(a).map(({ kind }) => kind)).toEqual(["measured"]);
  });
});
