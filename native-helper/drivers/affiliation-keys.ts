/** What follows from an affiliation's name and this node's keys: network id, ring address (docs/protocol.md). */
import type { Crypto } from "../overlay/boundary.ts";
import { addressFromBytes, type RingAddress } from "../overlay/ring/address.ts";

/** The id of an open network, 32 bytes. */
export function openNetId(crypto: Crypto, affiliation: string): Uint8Array {
  const name = Buffer.from(affiliation);
  return crypto.sha256(Buffer.concat([Buffer.from("ovl1-net"), Buffer.of(0, name.length), name]));
}

export function ringAddressOf(crypto: Crypto, netId: Uint8Array, edPublic: Uint8Array, salt: Uint8Array): RingAddress {
  const hash = crypto.sha256(Buffer.concat([Buffer.from("ovl1-addr"), netId, edPublic, salt]));
  return addressFromBytes(hash.subarray(0, 20));
}
