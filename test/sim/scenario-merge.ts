/**
 * Scenario `merge`: rings that grew apart become one. Two halves that know the same start addresses; a small ring that
 * meets a large one; and halves of what was one ring, whose start addresses are all gone, so that only past peers lead
 * from one to the other.
 */
import { checkRing } from "./checks.ts";
import { kindOf } from "./crowd.ts";
import { round } from "./figures.ts";
import type { Host } from "./host.ts";
import { atMost, type Bar, type Figures, type Report, type RunOptions } from "./report.ts";
import { World } from "./world.ts";

const BOOTSTRAPS = 3;
const START_SPREAD_MS = 100;
const GROW_LIMIT_MS = 40_000;
const REST_MS = 10_000;
const APART_MS = 20_000;
const MERGE_LIMIT_MS = 60_000;
/** Of `docs/protocol.md`: seconds until the ring is exact. */
const MERGE_BAR_S = 10;
const PAST_BAR_S = 30;
const SMALL_SHARE = 0.02;
const PAST_SHARE = 0.25;

type Progress = (text: string) => void;

export function runMerge(options: RunOptions, progress: Progress): Report {
  const { nodes, seed, mix } = options;
  const small = Math.max(2, Math.round(nodes * SMALL_SHARE));
  const half = nodes >> 1;
  const halves = nodes < 2 ? 0 : mergeOf(options, "halves", half, nodes - half, true, progress);
  const meeting = nodes < 4 ? 0 : mergeOf(options, "small ring", nodes - small, small, false, progress);
  const past = nodes < 8 ? 0 : pastPeersOnly(options, Math.max(8, Math.round(nodes * PAST_SHARE)), progress);
  const figures: Figures = { halvesMergedS: halves, smallRingMergedS: meeting, pastPeersMergedS: past };
  const bars: Bar[] = [
    atMost("halvesMergedS", "s", MERGE_BAR_S, halves),
    atMost("smallRingMergedS", "s", MERGE_BAR_S, meeting),
    atMost("pastPeersMergedS", "s", PAST_BAR_S, past),
  ];
  const consistent = [halves, meeting, past].every((took) => took !== null);
  const pass = consistent && bars.every((bar) => bar.pass);
  return { scenario: "merge", seed, nodes, mix, pass, ring: { consistent }, figures, bars };
}

/** Seconds until two rings that grew apart are one; null where they never are. */
function mergeOf(
  options: RunOptions,
  name: string,
  left: number,
  right: number,
  leftKnows: boolean,
  progress: Progress,
): number | null {
  const world = worldOf(options, "merge");
  const entropy = world.entropy.fork("merge");
  const add = (count: number) =>
    Array.from({ length: count }, (_, place) =>
      world.addHost({ kind: place < BOOTSTRAPS ? "public" : kindOf(options.mix, entropy.fraction()) }),
    );
  const sides = [add(left), add(right)];
  const [lefts, rights] = sides.map((side) => side.slice(0, BOOTSTRAPS).map(({ options: { socket } }) => socket.local));
  for (const [place, side] of sides.entries()) {
    const known = [...(place === 0 ? (lefts ?? []) : (rights ?? [])), ...(place === 1 ? (lefts ?? []) : [])];
    if (place === 0 && leftKnows) known.push(...(rights ?? []));
    for (const host of side) host.startAddresses = known.filter((address) => address !== host.options.socket.local);
  }
  world.partition(...sides);
  for (const host of world.hosts) world.queue.at(entropy.fraction() * START_SPREAD_MS, () => host.start());
  world.run(START_SPREAD_MS);
  const grown = world.runUntil(() => sides.every((side) => isWhole(side)), GROW_LIMIT_MS);
  progress(`${name}: ${left} and ${right} nodes, whole apart after ${grown ?? "too many"} ms`);
  if (grown === undefined) return null;
  world.run(REST_MS);
  world.heal();
  return timeToWhole(world, name, progress);
}

/** A whole ring is parted, each half closes, and nobody has a start address when they may meet again. */
function pastPeersOnly(options: RunOptions, nodes: number, progress: Progress): number | null {
  const world = worldOf(options, "merge");
  const entropy = world.entropy.fork("past peers");
  const hosts = Array.from({ length: nodes }, (_, place) =>
    world.addHost({ kind: place < BOOTSTRAPS ? "public" : kindOf(options.mix, entropy.fraction()) }),
  );
  const first = hosts.slice(0, BOOTSTRAPS).map((host) => host.options.socket.local);
  for (const host of hosts) host.startAddresses = first.filter((address) => address !== host.options.socket.local);
  for (const host of hosts) world.queue.at(entropy.fraction() * START_SPREAD_MS, () => host.start());
  world.run(START_SPREAD_MS);
  if (world.runUntil(() => isWhole(hosts), GROW_LIMIT_MS) === undefined) return null;
  // What is saved each 30 s, past peers among it, is saved once with all neighbours in it.
  world.run(35_000);
  const sides = [hosts.filter((_, place) => place % 2 === 0), hosts.filter((_, place) => place % 2 === 1)];
  for (const host of hosts) host.input({ kind: "startAddresses", addresses: [] });
  world.partition(...sides);
  world.run(APART_MS);
  const closed = world.runUntil(() => sides.every((side) => isWhole(side)), GROW_LIMIT_MS);
  progress(
    `past peers: ${nodes} nodes parted, halves whole after ${closed === undefined ? "too long" : APART_MS + closed} ms`,
  );
  if (closed === undefined) return null;
  world.heal();
  return timeToWhole(world, "past peers", progress);
}

function timeToWhole(world: World, name: string, progress: Progress): number | null {
  let saidAt = world.now;
  const took = world.runUntil(() => {
    const { consistent, nearExact, wrong, faults } = checkRing(world.hosts);
    if (world.now - saidAt >= 1000) {
      saidAt = world.now;
      progress(`${name}: ${wrong} wrong, for instance ${faults[0]}`);
    }
    return consistent && nearExact;
  }, MERGE_LIMIT_MS);
  progress(`${name}: ${took === undefined ? "never one ring" : `one ring after ${(took / 1000).toFixed(1)} s`}`);
  return took === undefined ? null : round(took / 1000, 1);
}

function worldOf({ nodes, seed, mix, trace }: RunOptions, scenario: string): World {
  const replay = `npm run sim -- --scenario ${scenario} --nodes ${nodes} --seed ${seed} --mix ${mix}`;
  return new World({ seed, replay, ...(trace === undefined ? {} : { trace }) });
}

function isWhole(hosts: readonly Host[]): boolean {
  const { consistent, nearExact } = checkRing(hosts);
  return consistent && nearExact;
}
