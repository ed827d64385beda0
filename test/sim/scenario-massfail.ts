/**
 * Scenario `massfail`: of a whole ring a tenth, then 30 % and then half of those left die at once without a word. How soon
 * the next neighbours and the near sets are right again, and how many look-ups go wrong meanwhile.
 */
import { checkRing } from "./checks.ts";
import { START_SPREAD_MS, startAll } from "./crowd.ts";
import { round } from "./figures.ts";
import { lookupsRight } from "./lookup.ts";
import type { SeededEntropy } from "./random.ts";
import { atLeast, atMost, type Bar, type Report, type RunOptions } from "./report.ts";
import { World } from "./world.ts";

const GROW_LIMIT_MS = 60_000;
const SETTLE_MS = 15_000;
const REPAIR_LIMIT_MS = 60_000;
const LOOK_UPS = 200;
const LOOK_EACH_MS = 500;

/** Of docs/protocol.md's figures: at 1,000 nodes, seconds and shares. */
const BLOWS = [
  { percent: 10, neighboursS: 8, exactS: 15, worst: 0.97, allRightS: 10 },
  { percent: 30, neighboursS: 10, exactS: 20, worst: 0.97, allRightS: 10 },
  { percent: 50, neighboursS: 15, exactS: 25, worst: 0.9, allRightS: 15 },
] as const;

export function runMassfail(options: RunOptions, progress: (text: string) => void): Report {
  const { nodes, seed, mix, trace, broken } = options;
  const replay = `npm run sim -- --scenario massfail --nodes ${nodes} --seed ${seed} --mix ${mix}`;
  const world = new World({ seed, replay, ...(trace && { trace }), ...(broken && { broken }) });
  const entropy = world.entropy.fork("massfail");
  startAll(world, nodes, mix, entropy);
  world.run(START_SPREAD_MS);
  const grown = world.runUntil(() => isWhole(world), GROW_LIMIT_MS);
  progress(`${nodes} nodes, whole after ${grown ?? "too many"} ms`);
  const figures: Record<string, number | null> = {};
  const bars: Bar[] = [];
  let consistent = grown !== undefined;
  for (const blow of BLOWS) {
    world.run(SETTLE_MS);
    const { neighboursS, exactS, worst, allRightS } = strike(world, blow.percent, entropy, progress);
    const named = (name: string) => `${name}${blow.percent}Pct`;
    figures[named("neighboursRightS")] = neighboursS;
    figures[named("nearSetsExactS")] = exactS;
    figures[named("worstLookupsRight")] = worst;
    figures[named("allLookupsRightS")] = allRightS;
    bars.push(
      atMost(named("neighboursRightS"), "s", blow.neighboursS, neighboursS),
      atMost(named("nearSetsExactS"), "s", blow.exactS, exactS),
      atLeast(named("worstLookupsRight"), "share", blow.worst, worst),
      atMost(named("allLookupsRightS"), "s", blow.allRightS, allRightS),
    );
    consistent &&= exactS !== null;
  }
  const pass = consistent && bars.every((bar) => bar.pass);
  return { scenario: "massfail", seed, nodes, mix, pass, ring: { consistent }, figures, bars };
}

interface Repair {
  readonly neighboursS: number | null;
  readonly exactS: number | null;
  readonly worst: number;
  readonly allRightS: number | null;
}

function strike(world: World, percent: number, entropy: SeededEntropy, progress: (text: string) => void): Repair {
  const alive = world.up;
  const victims = new Set<number>();
  const count = Math.min(alive.length - 1, Math.round((alive.length * percent) / 100));
  while (victims.size < count) victims.add(entropy.below(alive.length));
  for (const place of victims) alive[place]?.crash();
  const start = world.now;
  const since = () => round((world.now - start) / 1000, 1);
  let neighboursS: number | null = null;
  let worst = 1;
  let allRightS: number | null = null;
  let nextLook = world.now;
  const exact = world.runUntil(() => {
    if (world.now >= nextLook) {
      nextLook += LOOK_EACH_MS;
      const right = lookupsRight(world.hosts, LOOK_UPS, entropy);
      worst = Math.min(worst, right);
      if (right < 1) allRightS = null;
      else allRightS ??= since();
    }
    const { consistent, nearExact } = checkRing(world.hosts);
    if (consistent) neighboursS ??= since();
    else neighboursS = null;
    return consistent && nearExact;
  }, REPAIR_LIMIT_MS);
  const exactS = exact === undefined ? null : round(exact / 1000, 1);
  allRightS ??= lookupsRight(world.hosts, LOOK_UPS, entropy) === 1 ? since() : null;
  progress(`${count} of ${alive.length} died: neighbours right after ${neighboursS} s, near sets after ${exactS} s`);
  for (const fault of exact === undefined ? checkRing(world.hosts).faults : []) progress(`  ${fault}`);
  return { neighboursS, exactS, worst: round(worst, 3), allRightS };
}

function isWhole(world: World): boolean {
  const { consistent, nearExact } = checkRing(world.hosts);
  return consistent && nearExact;
}
