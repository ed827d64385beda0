/**
 * One small random world of the swarm: all of it follows from its seed. Hosts behind boxes of every kind start, suffer for a
 * minute whatever the seed says, and once nothing fails any more the ring must be whole in the stated time.
 */
import type { Breakable } from "../../native-helper/overlay/debug.ts";
import { checkRing } from "./checks.ts";
import { samplePairs } from "./crowd.ts";
import type { Host } from "./host.ts";
import { lookupsRight } from "./lookup.ts";
import type { SiteKind } from "./nat.ts";
import { type Faults, NO_FAULTS } from "./network.ts";
import { SeededEntropy } from "./random.ts";
import { World } from "./world.ts";

export interface SwarmOptions {
  readonly seed: number;
  /** The command that runs this very world again. */
  readonly replay: string;
  readonly broken?: ReadonlySet<Breakable>;
  readonly trace?: (line: string) => void;
}

const NODES_LEAST = 3;
const NODES_MOST = 60;
const TROUBLE_MS = 60_000;
const TROUBLES_MOST = 6;
/** Invariant 3 of docs/protocol.md, for up to 1,000 nodes. */
const WHOLE_LIMIT_MS = 30_000;
const PAIRS = 30;
const EXCHANGE_LIMIT_MS = 15_000;
const LOOK_UPS = 50;
const DAY_MS = 86_400_000;

const KINDS: readonly (readonly [SiteKind, number])[] = [
  ["public", 0.3],
  ["cone", 0.3],
  ["restricted", 0.1],
  ["open", 0.1],
  ["sequential", 0.1],
  ["symmetric", 0.1],
];

const TROUBLES = ["crash", "leave", "restart", "sleep", "partition", "reboot box", "clock", "bad line"] as const;

/** Throws with seed, moment and replay where a rule is broken. */
export function runSwarmWorld({ seed, replay, broken, trace }: SwarmOptions): void {
  const world = new World({ seed, replay, ...(trace && { trace }), ...(broken && { broken }) });
  const entropy = new SeededEntropy(seed, "swarm");
  const bootstraps = build(world, entropy);
  const spread = entropy.fraction() * 5_000;
  for (const host of world.hosts) world.queue.at(entropy.fraction() * spread, () => host.start());
  const count = entropy.below(TROUBLES_MOST + 1);
  for (let i = 0; i < count; i++) {
    const kind = entropy.pick(TROUBLES);
    world.queue.at(spread + entropy.fraction() * TROUBLE_MS, () => trouble(world, kind, entropy));
  }
  world.run(spread + TROUBLE_MS);

  // Nothing fails from here on.
  world.network.faults = NO_FAULTS;
  world.heal();
  for (const host of world.hosts) if (host.isAsleep) host.wake();
  for (const host of bootstraps) if (!host.isUp) host.start();
  const whole = world.runUntil(() => {
    const { consistent, nearExact } = checkRing(world.hosts);
    return consistent && nearExact;
  }, WHOLE_LIMIT_MS);
  if (whole === undefined)
    world.fail(
      `the ring is not whole ${WHOLE_LIMIT_MS / 1000} s after the last fault:\n${checkRing(world.hosts).faults.join("\n")}`,
    );
  const exchanges = world.exchangeAll(samplePairs(world.up, PAIRS, entropy), EXCHANGE_LIMIT_MS);
  const silent = exchanges.filter((exchange) => exchange.answeredAt === undefined);
  if (silent.length > 0)
    world.fail(
      `${silent.length} of ${exchanges.length} pairs do not reach each other: ${silent.map(({ from, to, arrivedAt }) => `${from.name} > ${to.name}${arrivedAt === undefined ? "" : " (arrived, no answer)"}`).join(", ")}`,
    );
  const right = lookupsRight(world.hosts, LOOK_UPS, entropy);
  if (right < 1) world.fail(`${Math.round((1 - right) * LOOK_UPS)} of ${LOOK_UPS} look-ups end at the wrong member`);
}

/** Adds the hosts; those that all start from are public and come first. */
function build(world: World, entropy: SeededEntropy): Host[] {
  const nodes = NODES_LEAST + Math.floor((NODES_MOST - NODES_LEAST + 1) * entropy.fraction() ** 2);
  world.network.faults = entropy.below(2) === 0 ? NO_FAULTS : randomFaults(entropy, 0.08);
  const bootstraps = Array.from({ length: 1 + entropy.below(3) }, () => world.addHost({ kind: "public" }));
  const startAddresses = bootstraps.map((host) => host.options.socket.local);
  for (const host of bootstraps)
    host.startAddresses = startAddresses.filter((address) => address !== host.options.socket.local);
  while (world.hosts.length < nodes) {
    const last = world.hosts.at(-1) as Host;
    const joins = last.options.socket.site.kind !== "public" && entropy.below(5) === 0;
    world.addHost({ ...(joins ? { site: last.options.socket.site } : { kind: randomKind(entropy) }), startAddresses });
  }
  return bootstraps;
}

function randomKind(entropy: SeededEntropy): SiteKind {
  let rest = entropy.fraction();
  for (const [kind, share] of KINDS) {
    if (rest < share) return kind;
    rest -= share;
  }
  return "public";
}

function randomFaults(entropy: SeededEntropy, mostLoss: number): Faults {
  return {
    lossOdds: entropy.fraction() * mostLoss,
    duplicateOdds: entropy.fraction() * 0.05,
    jitterMs: entropy.fraction() * 60,
    reorderOdds: entropy.fraction() * 0.1,
  };
}

function trouble(world: World, kind: (typeof TROUBLES)[number], entropy: SeededEntropy): void {
  const { queue } = world;
  const some = world.up.filter(() => entropy.fraction() < 0.3);
  switch (kind) {
    case "crash":
    case "leave":
      for (const host of some) {
        if (kind === "leave") host.leave();
        else host.crash();
        if (entropy.fraction() < 0.6) queue.after(entropy.fraction() * 30_000, () => host.isUp || host.start());
      }
      return;
    case "restart":
      // A power cut: all but one at once.
      for (const host of world.up.slice(1)) {
        host.crash();
        queue.after(1_000 + entropy.fraction() * 3_000, () => host.isUp || host.start());
      }
      return;
    case "sleep":
      for (const host of some) {
        host.sleep();
        queue.after(2_000 + entropy.fraction() * 90_000, () => host.wake());
      }
      return;
    case "partition": {
      const side = world.hosts.filter(() => entropy.fraction() < 0.5);
      world.partition(side);
      queue.after(5_000 + entropy.fraction() * 40_000, () => world.heal());
      return;
    }
    case "reboot box":
      for (const site of world.network.sites) if (entropy.fraction() < 0.5) site.nat?.reboot();
      return;
    case "clock":
      for (const host of some)
        host.clockOffsetMs = (2 * entropy.fraction() - 1) * (entropy.below(2) === 0 ? 300_000 : DAY_MS);
      return;
    case "bad line":
      world.network.faults = randomFaults(entropy, 0.3);
      return;
  }
}
