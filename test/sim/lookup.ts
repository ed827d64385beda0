/** Look-ups over the forwarding tables as they are at one moment: where FIND would end, dead hops tried again included. */
import { compareDistance, type RingAddress } from "../../native-helper/overlay/ring/address.ts";
import type { Host } from "./host.ts";
import type { SeededEntropy } from "./random.ts";

/** Neighbours that a hop tries, one after the other, when they do not acknowledge; then the look-up is lost. */
const HOPS_TRIED = 4;
const HOPS_LIMIT = 32;

/** The share of `count` look-ups, from random members for random keys, that end at the owner. */
export function lookupsRight(hosts: readonly Host[], count: number, entropy: SeededEntropy): number {
  const up = hosts.filter((host) => host.isUp && host.isMember);
  if (up.length === 0) return 0;
  const byAddress = new Map<RingAddress, Host>(up.map((host) => [host.address, host]));
  let right = 0;
  for (let i = 0; i < count; i++) {
    const target = randomAddress(entropy);
    const owner = up.reduce((best, host) => (compareDistance(target, host.address, best.address) < 0 ? host : best));
    if (lookup(entropy.pick(up), target, byAddress) === owner) right++;
  }
  return right / count;
}

/** The member at which a look-up ends; undefined where it gets lost among the dead. */
export function lookup(from: Host, target: RingAddress, up: ReadonlyMap<RingAddress, Host>): Host | undefined {
  let at = from;
  for (let hops = 0; hops < HOPS_LIMIT; hops++) {
    const closer = (at.dataPath?.table.fib.edges ?? [])
      .filter((edge) => edge.member && compareDistance(target, edge.peer, at.address) < 0)
      .map((edge) => edge.peer)
      .sort((a, b) => compareDistance(target, a, b))
      .slice(0, HOPS_TRIED);
    if (closer.length === 0) return at;
    const next = closer.find((peer) => up.has(peer));
    // Once every nearer one is known to be silent, the key is this node's own.
    if (next === undefined) return closer.length < HOPS_TRIED ? at : undefined;
    at = up.get(next) as Host;
  }
  return undefined;
}

function randomAddress(entropy: SeededEntropy): RingAddress {
  return [...entropy.bytes(20)].map((byte) => byte.toString(16).padStart(2, "0")).join("") as RingAddress;
}
