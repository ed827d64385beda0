/**
 * Scenario `loopy`: a ring that is wound twice. Each node counts only every second member as neighbour, all of them agree,
 * and nothing looks wrong from near by; only a question that takes another way around shows it (Zave 2016; El-Ansary).
 *
 * It is made by a network that lets only neighbours of the double winding hear each other, and is measured from the
 * moment on at which all may.
 */
import { checkRing } from "./checks.ts";
import { round } from "./figures.ts";
import type { Host } from "./host.ts";
import type { Socket } from "./network.ts";
import { atMost, type Bar, type Report, type RunOptions } from "./report.ts";
import { World } from "./world.ts";

/** How far along the winding nodes hear each other while the ring is made. */
const REACH = 6;
const KNOWN = [1, -1, 2, -2];
const GROW_LIMIT_MS = 40_000;
/** Each node has one edge to the other side of the ring, as the far rule would make. */
const FAR_MS = 3_000;
const HEAL_LIMIT_MS = 60_000;
const HEAL_BAR_S = 10;
/** Less than this and the windings hear each other. */
const NODES_LEAST = 4 * REACH + 1;

export function runLoopy(options: RunOptions, progress: (text: string) => void): Report {
  const { seed, mix, trace, broken } = options;
  // The winding closes after two turns where the number is odd.
  const nodes = Math.max(NODES_LEAST, options.nodes) | 1;
  const replay = `npm run sim -- --scenario loopy --nodes ${nodes} --seed ${seed} --mix ${mix}`;
  const world = new World({ seed, replay, ...(trace && { trace }), ...(broken && { broken }) });
  const entropy = world.entropy.fork("loopy");
  const winding = doubleWinding(world, nodes);
  const placeOf = new Map(winding.map((host, place) => [host.options.socket, place]));
  const partners = new Map(winding.map((host) => [host.options.socket, entropy.pick(winding).options.socket]));
  world.network.mayReach = (from, to) => {
    const apart = Math.abs((placeOf.get(from) as number) - (placeOf.get(to) as number));
    return Math.min(apart, nodes - apart) <= REACH || arePartners(partners, from, to);
  };
  for (const [place, host] of winding.entries()) {
    host.startAddresses = KNOWN.map((step) => (winding[(place + step + nodes) % nodes] as Host).options.socket.local);
    host.start();
  }
  const wound = world.runUntil(() => isWoundTwice(winding), GROW_LIMIT_MS);
  progress(`${nodes} nodes, wound twice after ${wound ?? "too many"} ms`);
  for (const host of winding)
    host.input({
      kind: "startAddresses",
      addresses: [...host.startAddresses, (partners.get(host.options.socket) as Socket).local],
    });
  world.run(FAR_MS);
  const isStill = wound !== undefined && isWoundTwice(winding);
  progress(isStill ? "still wound twice: now all hear each other" : "the ring was never wound twice");

  world.network.mayReach = undefined;
  const before = checkRing(world.hosts).wrong;
  let saidAt = world.now;
  const took = world.runUntil(() => {
    const { consistent, nearExact, wrong, faults } = checkRing(world.hosts);
    if (world.now - saidAt >= 1000) {
      saidAt = world.now;
      progress(`${wrong} wrong, for instance ${faults[0]}`);
    }
    return consistent && nearExact;
  }, HEAL_LIMIT_MS);
  const healedS = took === undefined ? null : round(took / 1000, 1);
  const woundTwice: Bar = {
    name: "woundTwice",
    value: isStill ? 1 : 0,
    unit: "yes 1, no 0",
    bar: 1,
    pass: isStill,
  };
  const bars = [woundTwice, atMost("healedS", "s", HEAL_BAR_S, healedS)];
  const figures = { woundTwice: isStill ? 1 : 0, wrongBefore: before, healedS };
  const pass = bars.every((bar) => bar.pass);
  return { scenario: "loopy", seed, nodes, mix, pass, ring: { consistent: took !== undefined }, figures, bars };
}

/** The hosts in the order of a winding that passes every second one: two turns visit all. */
function doubleWinding(world: World, nodes: number): Host[] {
  const hosts = Array.from({ length: nodes }, () => world.addHost({ kind: "public" }));
  for (const host of hosts) {
    // A start tells the address; nothing was sent yet.
    host.start();
    host.crash();
  }
  const sorted = hosts.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  return Array.from({ length: nodes }, (_, place) => sorted[(2 * place) % nodes] as Host);
}

function arePartners(partners: ReadonlyMap<Socket, Socket>, a: Socket, b: Socket): boolean {
  return partners.get(a) === b || partners.get(b) === a;
}

/** Each node is a member with edges to the next two along the winding, and nearly none to its true next neighbour. */
function isWoundTwice(winding: readonly Host[]): boolean {
  const ring = winding.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  const missing = ring.filter(
    (host, place) => !host.dataPath?.table.edge((ring[(place + 1) % ring.length] as Host).address)?.member,
  );
  const whole = winding.every((host, place) =>
    [1, 2].every(
      (step) => host.dataPath?.table.edge((winding[(place + step) % winding.length] as Host).address)?.member,
    ),
  );
  return whole && missing.length >= 0.9 * ring.length;
}
