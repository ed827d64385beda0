/** Look-ups over the forwarding tables as they are at one moment: where FIND would end, dead hops tried again included. */
import { compareDistance, nearestOf, type RingAddress } from "../../native-helper/overlay/ring/address.ts";
import { HOPS_TRIED, isClockwiseOf } from "../../native-helper/overlay/ring/router.ts";
import type { Host } from "./host.ts";
import type { SeededEntropy } from "./random.ts";

const HOPS_LIMIT = 32;

/** The share of `count` look-ups, from random members for random keys, that end at the owner. */
export function lookupsRight(hosts: readonly Host[], count: number, entropy: SeededEntropy): number {
  const up = hosts.filter((host) => host.isUp && host.isMember);
  if (up.length === 0) return 0;
  const byAddress = new Map<RingAddress, Host>(up.map((host) => [host.address, host]));
  const ring = up.map((host) => host.address).sort();
  let right = 0;
  for (let i = 0; i < count; i++) {
    const target = randomAddress(entropy);
    const owner = byAddress.get(nearestOf(ring, target) as RingAddress);
    if (lookup(entropy.pick(up), target, byAddress) === owner) right++;
  }
  return right / count;
}

/** The member at which a look-up ends; undefined where it gets lost among the dead. */
export function lookup(from: Host, target: RingAddress, up: ReadonlyMap<RingAddress, Host>): Host | undefined {
  let at = from;
  for (let hops = 0; hops < HOPS_LIMIT; hops++) {
    const here = at.address;
    const nearer = hopsOf(at, target, (peer) => compareDistance(target, peer, here) < 0);
    const next = nearer.slice(0, HOPS_TRIED).find((peer) => up.has(peer));
    if (next === undefined) {
      // Once every nearer one is known to be silent, the key is this node's own, or that of somebody behind them.
      if (nearer.length >= HOPS_TRIED) return undefined;
      return nearer.length === 0 ? at : beyond(at, nearer.length, target, up);
    }
    at = up.get(next) as Host;
  }
  return undefined;
}

/** The nearer of `best` and the member to which the other side of the target leads; `best` has tried so many already. */
function beyond(best: Host, tried: number, target: RingAddress, up: ReadonlyMap<RingAddress, Host>): Host {
  const isAbove = !isClockwiseOf(target, best.address);
  let at = best;
  for (let hops = 0; hops < HOPS_LIMIT; hops++) {
    const here = at.address;
    const isOnward = (peer: RingAddress) =>
      at === best ? compareDistance(target, peer, here) > 0 : compareDistance(target, peer, here) < 0;
    const onward = hopsOf(at, target, (peer) => isOnward(peer) && isClockwiseOf(target, peer) === isAbove);
    const next = onward.slice(0, at === best ? HOPS_TRIED - tried : HOPS_TRIED).find((peer) => up.has(peer));
    if (next === undefined) return compareDistance(target, at.address, best.address) < 0 ? at : best;
    at = up.get(next) as Host;
  }
  return best;
}

/** Ends of member edges that `isHop` takes, nearest to the target first. */
function hopsOf(host: Host, target: RingAddress, isHop: (peer: RingAddress) => boolean): RingAddress[] {
  const hops: RingAddress[] = [];
  for (const { member, peer } of host.dataPath?.table.fib.edges ?? []) if (member && isHop(peer)) hops.push(peer);
  return hops.sort((a, b) => compareDistance(target, a, b));
}

function randomAddress(entropy: SeededEntropy): RingAddress {
  return [...entropy.bytes(20)].map((byte) => byte.toString(16).padStart(2, "0")).join("") as RingAddress;
}
