/** Many computers of one affiliation: where they sit, how they start, and pairs of them. */
import type { Host } from "./host.ts";
import type { SiteKind } from "./nat.ts";
import type { SeededEntropy } from "./random.ts";
import type { World } from "./world.ts";

/** Shares of the kinds of site beside the bootstraps, which are public. */
export const MIXES = {
  public: [["public", 1]],
  // Of the measured mix (10 % public, 60 % EIM, 20 % EDM, 10 % UDP blocked) what UDP alone can reach.
  typical: [
    ["public", 0.11],
    ["cone", 0.67],
    ["symmetric", 0.22],
  ],
  // Campus (5 / 35 / 30 / 30 %) and hostile (5 / 10 / 45 / 40 %), likewise.
  campus: [
    ["public", 0.07],
    ["cone", 0.5],
    ["symmetric", 0.43],
  ],
  hostile: [
    ["public", 0.08],
    ["cone", 0.17],
    ["symmetric", 0.75],
  ],
} as const satisfies Record<string, readonly (readonly [SiteKind, number])[]>;

export type MixName = keyof typeof MIXES;

const BOOTSTRAPS = 5;
/** The nodes start within this time. */
export const START_SPREAD_MS = 100;

/** Adds the hosts, the first five public, and starts all of them against these. */
export function startAll(world: World, nodes: number, mix: MixName, entropy: SeededEntropy): void {
  const bootstraps: Host[] = [];
  for (let i = 0; i < Math.min(BOOTSTRAPS, nodes); i++) bootstraps.push(world.addHost({ kind: "public" }));
  const startAddresses = bootstraps.map((host) => host.options.socket.local);
  for (let i = bootstraps.length; i < nodes; i++)
    world.addHost({ kind: kindOf(mix, entropy.fraction()), startAddresses });
  for (const host of bootstraps) {
    // The others of the list; a node does not start from itself.
    host.startAddresses = startAddresses.filter((address) => address !== host.options.socket.local);
  }
  for (const host of world.hosts) world.queue.at(entropy.fraction() * START_SPREAD_MS, () => host.start());
}

export function kindOf(mix: MixName, place: number): SiteKind {
  let rest = place;
  for (const [kind, share] of MIXES[mix]) {
    if (rest < share) return kind;
    rest -= share;
  }
  return "public";
}

/** Ordered pairs of different hosts; none where there is one host only. */
export function samplePairs(hosts: readonly Host[], count: number, entropy: SeededEntropy): [Host, Host][] {
  const pairs: [Host, Host][] = [];
  while (hosts.length > 1 && pairs.length < count) {
    const [a, b] = [entropy.pick(hosts), entropy.pick(hosts)];
    if (a !== b) pairs.push([a, b]);
  }
  return pairs;
}
