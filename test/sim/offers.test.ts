/** What a node is set to offer is obeyed by it and by those around it: tunnels of others, and how many shortcuts it makes. */
import { describe, expect, it } from "vitest";
import type { NodeOptions } from "../../native-helper/overlay/boundary.ts";
import { Node } from "../../native-helper/overlay/node.ts";
import { decodeCtrl, encodeCtrl } from "../../native-helper/overlay/wire/ctrl.ts";
import type { Ctrl } from "../../native-helper/overlay/wire/types.ts";
import { checkRing } from "./checks.ts";
import { constantDelay } from "./geography.ts";
import type { Host } from "./host.ts";
import type { SiteKind } from "./nat.ts";
import { World } from "./world.ts";

type Offers = Pick<NodeOptions, "relay" | "shortcutLimit">;

/** A whole ring: three public members to start from, then one of each kind; `offers` by name, the first is n0. */
function ring(seed: number, kinds: readonly SiteKind[], offers: Readonly<Record<string, Offers>>) {
  const reserved = new Map<string, number>();
  const said = new Map<string, Ctrl[]>();
  const world = new World({
    seed,
    geography: constantDelay(20),
    makeEngine: (options, now, wall) => new Node({ ...options, ...offers[options.name ?? ""] }, now, wall),
    watch: (host, event) => {
      if (event.kind !== "effect") return;
      if (event.effect.kind === "sendCtrl") {
        const ctrl = decodeCtrl(event.effect.bytes);
        if (ctrl?.message.type === "relayOk") said.set(host.name, [...(said.get(host.name) ?? []), ctrl]);
      }
      if (event.effect.kind !== "fib") return;
      reserved.set(host.name, Math.max(reserved.get(host.name) ?? 0, event.effect.fib.reserved.length));
    },
  });
  const open = [0, 1, 2].map(() => world.addHost({ kind: "public" }));
  const startAddresses = open.map((host) => host.options.socket.local);
  for (const host of open) host.startAddresses = startAddresses.filter((each) => each !== host.options.socket.local);
  const rest = kinds.map((kind) => world.addHost({ kind, startAddresses }));
  for (const host of world.hosts) host.start();
  if (open.every(({ name }) => offers[name]?.relay === false)) world.run(30_000);
  else expect(world.runUntil(() => checkRing(world.hosts).nearExact, 60_000)).toBeDefined();
  return { world, open, rest, reserved, said };
}

const rowOf = (from: Host, to: Host) => from.view()?.peers.find(({ ringAddress }) => ringAddress === to.address);

describe("a member that does not relay", () => {
  it("is passed over: tunnels and anchors are those of the others", () => {
    const { world, open, rest, reserved } = ring(21, ["symmetric", "symmetric", "symmetric", "symmetric"], {
      n0: { relay: false },
    });
    world.run(60_000);
    const refuser = open[0] as Host;
    const tunnels = rest.flatMap((host) => host.view()?.peers.flatMap(({ path }) => (path ? [path] : [])) ?? []);
    const relays = new Set(tunnels.flatMap((path) => (path.kind === "tunnel" ? [path.relay] : [])));
    expect(relays.size).toBeGreaterThan(0);
    expect([...relays]).not.toContain(refuser.address);
    expect(reserved.get("n0")).toBe(0);
    expect(Math.max(...["n1", "n2"].map((name) => reserved.get(name) ?? 0))).toBeGreaterThan(0);
    for (const host of rest) expect(rowOf(host, refuser)?.kinds).not.toContain("anchor");
  });

  it("refuses who asks it nevertheless", () => {
    const { open, said } = ring(23, ["symmetric", "symmetric"], { n0: { relay: false } });
    const [refuser, asker] = open as [Host, Host];
    const { slot, path } = rowOf(refuser, asker) ?? {};
    if (slot === undefined || !path) throw new Error("no link between the first two");
    const peer = (open[2] as Host).address;
    const question = {
      ackWanted: false,
      answer: false,
      id: 4_000_000,
      message: { type: "relayReq", peer, release: false },
    };
    refuser.input({ kind: "ctrl", slot, path, bytes: encodeCtrl(question as Ctrl) });
    const answer = said.get(refuser.name)?.findLast(({ id, answer }) => answer && id === question.id);
    expect(answer?.message).toMatchObject({ type: "relayOk", code: 3, lifeS: 0 });
  });

  it("leaves packets to hop around the ring where nobody relays", () => {
    const offers = { n0: { relay: false }, n1: { relay: false }, n2: { relay: false } };
    const { world, open, rest, reserved } = ring(22, ["symmetric", "symmetric"], offers);
    const [a, b] = rest as [Host, Host];
    const [exchange] = world.exchangeAll([[a, b]], 10_000);
    expect(exchange?.answeredAt).toBeDefined();
    expect(rowOf(a, b)?.path?.kind).not.toBe("tunnel");
    for (const host of open) expect(reserved.get(host.name)).toBe(0);
  });
});

describe("the limit of shortcuts", () => {
  /** Members that `from` has no session with. */
  const strangers = (world: World, from: Host) => world.up.filter((host) => host !== from && !rowOf(from, host)?.path);
  /** A link that has outlived its place on the ring is shown as one too, without ever having carried a packet of programs. */
  const shortcutsOf = (host: Host) =>
    host.view()?.peers.filter(({ kinds, counters }) => kinds.includes("shortcut") && counters?.ipTxPackets) ?? [];

  it("is kept, the reason is said, and an idle one makes room", () => {
    const { world, rest } = ring(6, new Array(33).fill("public"), { n5: { shortcutLimit: 2 } });
    world.run(3_000);
    const from = rest[2] as Host;
    const [a, b, c] = strangers(world, from) as [Host, Host, Host];
    const talk = (seconds: number, ...peers: Host[]) => {
      for (let passed = 0; passed < seconds; passed++) {
        for (const to of peers) for (let packet = 0; packet < 3; packet++) world.sendIp(from, to);
        world.run(1_000);
      }
    };
    talk(8, a, b);
    expect([a, b].map((to) => rowOf(from, to)?.kinds.includes("shortcut"))).toEqual([true, true]);
    talk(8, a, b, c);
    expect(shortcutsOf(from)).toHaveLength(2);
    expect(rowOf(from, c)?.notDirectBecause).toMatchObject({ code: "limit", evidence: { limit: 2 } });
    // A person's wish is refused likewise while both are used.
    from.input({ kind: "shortcut", peer: c.address });
    world.run(2_000);
    expect(shortcutsOf(from)).toHaveLength(2);
    // The other end is told, and says so.
    expect(rowOf(c, from)?.notDirectBecause).toMatchObject({
      code: "limit",
      text: expect.stringContaining("The peer"),
      evidence: {},
    });
    talk(40, b, c);
    expect(rowOf(from, c)?.kinds).toContain("shortcut");
    expect(rowOf(from, a)?.kinds ?? []).not.toContain("shortcut");
  });

  it("of none lets packets hop around the ring", () => {
    const { world, rest } = ring(7, new Array(30).fill("public"), { n5: { shortcutLimit: 0 } });
    world.run(3_000);
    const from = rest[2] as Host;
    const [to] = strangers(world, from) as [Host];
    for (let second = 0; second < 10; second++) {
      for (let packet = 0; packet < 4; packet++) world.sendIp(from, to);
      world.run(1_000);
    }
    expect(shortcutsOf(from)).toEqual([]);
    expect(rowOf(from, to)?.notDirectBecause).toMatchObject({ code: "limit", evidence: { limit: 0 } });
    expect(world.exchangeAll([[from, to]], 5_000)[0]?.answeredAt).toBeDefined();
  });
});
