/**
 * A small world that strains leases, all of it from its seed: far fewer addresses than candidates, a tenth of all packets lost,
 * members that sleep, die and wake together while others join. The world's checker looks at every address that comes into use.
 */
import type { Breakable } from "../../native-helper/overlay/debug.ts";
import type { Host } from "./host.ts";
import { NO_FAULTS } from "./network.ts";
import { World } from "./world.ts";

export interface LeaseWorldOptions {
  readonly seed: number;
  readonly replay: string;
  readonly broken?: ReadonlySet<Breakable>;
  readonly trace?: (line: string) => void;
}

/** 30 addresses. */
const FEW = "172.16.0.0/27";
const LOSS = 0.1;
const FIRST = 12;
const QUIET_MS = 65_000;
const SINGLES = 4;
const SINGLE_EACH_MS = 25_000;
const ROUNDS = 2;
const COMERS = 3;
const GRANT_LIMIT_MS = 60_000;

/** Throws with seed, moment and replay where two of one ring use one address, or somebody gets none. */
export function runLeaseWorld({ seed, replay, broken, trace }: LeaseWorldOptions): void {
  const faults = { lossOdds: LOSS, jitterMs: 20 };
  const world = new World({ seed, replay, subnet: FEW, faults, ...(trace && { trace }), ...(broken && { broken }) });
  const { queue } = world;
  const entropy = world.entropy.fork("leases");
  const first: Host[] = [];
  const add = () => {
    const startAddresses = first.slice(0, 3).map((host) => host.options.socket.local);
    return world.addHost({ kind: "public", virtualIp: null, startAddresses });
  };
  for (let i = 0; i < FIRST; i++) first.push(add());
  for (const host of first) queue.after(entropy.fraction() * 2_000, () => host.start());
  // Once nobody is new, one after the other comes: then not even for a moment may two use one address.
  world.run(QUIET_MS);
  for (let i = 0; i < SINGLES; i++) {
    add().start();
    world.run(SINGLE_EACH_MS);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const lids = world.up.filter(() => entropy.fraction() < 0.5);
    for (const host of lids) host.sleep();
    world.run(5_000 + entropy.fraction() * 60_000);
    const dying = world.up.filter((host) => !host.isAsleep && entropy.fraction() < 0.2);
    for (const host of dying) host.crash();
    for (const host of lids) queue.after(entropy.fraction() * 3_000, () => host.wake());
    for (let i = 0; i < COMERS; i++) {
      const comer = add();
      queue.after(entropy.fraction() * 5_000, () => comer.start());
    }
    for (const host of dying) queue.after(2_000 + entropy.fraction() * 20_000, () => host.isUp || host.start());
    world.run(30_000);
  }
  world.network.faults = NO_FAULTS;
  for (const host of world.hosts) if (!host.isUp) host.start();
  const without = () => world.hosts.filter((host) => host.virtualIp === undefined);
  if (world.runUntil(() => without().length === 0, GRANT_LIMIT_MS) === undefined)
    world.fail(
      `no virtual IP for ${without()
        .map((host) => host.name)
        .join(", ")}, ${GRANT_LIMIT_MS / 1_000} s after the last fault`,
    );
}
