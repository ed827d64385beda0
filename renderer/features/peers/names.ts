import type { Peer } from "../../store/peers.ts";

/** The name of a member, else the start of its address: a relay may be one that is not in the list. */
export function nameOfAddress(peers: ReadonlyMap<string, Peer>, ringAddress: string): string {
  return peers.get(ringAddress)?.name ?? ringAddress.slice(0, 8);
}
