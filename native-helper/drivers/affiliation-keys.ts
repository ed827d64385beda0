/** What follows from an affiliation's name and this node's keys: network id, ring address, virtual IP (docs/protocol.md). */
import type { Crypto } from "../overlay/boundary.ts";
import { addressFromBytes, addressToBytes, type RingAddress } from "../overlay/ring/address.ts";
import { formatIp, parsePrefix } from "../overlay/wire/ip.ts";

/** The id of an open network, 32 bytes. */
export function openNetId(crypto: Crypto, affiliation: string): Uint8Array {
  const name = Buffer.from(affiliation);
  return crypto.sha256(Buffer.concat([Buffer.from("ovl1-net"), Buffer.of(0, name.length), name]));
}

export function ringAddressOf(crypto: Crypto, netId: Uint8Array, edPublic: Uint8Array, salt: Uint8Array): RingAddress {
  const hash = crypto.sha256(Buffer.concat([Buffer.from("ovl1-addr"), netId, edPublic, salt]));
  return addressFromBytes(hash.subarray(0, 20));
}

/**
 * The virtual IP that a node without a configured one claims: the first of the candidates that leases draw from,
 * `base + 1 + (first 4 bytes of SHA-256("ovl1-ip" | address | 0) mod (2^(32-bits) - 2))`.
 */
export function derivedVirtualIp(crypto: Crypto, address: RingAddress, subnet: string): string {
  const prefix = parsePrefix(subnet);
  if (prefix?.ip.length !== 4 || prefix.bits > 30) throw new RangeError(`"${subnet}" has no room for virtual IPs`);
  const hash = crypto.sha256(Buffer.concat([Buffer.from("ovl1-ip"), addressToBytes(address), Buffer.of(0)]));
  const offset = 1 + (Buffer.from(hash).readUInt32BE(0) % (2 ** (32 - prefix.bits) - 2));
  const ip = new DataView(new ArrayBuffer(4));
  ip.setUint32(0, Buffer.from(prefix.ip).readUInt32BE(0) + offset);
  return formatIp(new Uint8Array(ip.buffer));
}
