import type { Peer } from "../../store/peers.ts";

/** What to call a member by its address; a relay may be one that is not in the list, and gets the start of its address. */
export function nameOfAddress(peers: ReadonlyMap<string, Peer>, ringAddress: string): string {
  return peers.get(ringAddress)?.label ?? ringAddress.slice(0, 8);
}
