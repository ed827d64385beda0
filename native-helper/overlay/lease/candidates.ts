/** The virtual IPs that a member asks for without a static one, drawn from its ring address (docs/protocol.md, "Virtual IPs"). */
import type { Crypto } from "../boundary.ts";
import { addressToBytes, type RingAddress } from "../ring/address.ts";
import { concat } from "../wire/bytes.ts";
import { formatIp } from "../wire/ip.ts";
import { ascii } from "../wire/text.ts";

export const CANDIDATES = 64;

export interface Subnet {
  readonly ip: Uint8Array;
  readonly bits: number;
}

/** `base + 1 + (first 4 bytes of SHA-256("ovl1-ip" | address | i) mod (2^(32-bits) - 2))`; undefined where the subnet has no room. */
export function candidateIp(crypto: Crypto, address: RingAddress, subnet: Subnet, i: number): string | undefined {
  if (subnet.ip.length !== 4 || subnet.bits > 30) return undefined;
  const hash = crypto.sha256(concat(ascii("ovl1-ip"), addressToBytes(address), new Uint8Array([i])));
  const offset = 1 + (readU32(hash) % (2 ** (32 - subnet.bits) - 2));
  const ip = new Uint8Array(4);
  new DataView(ip.buffer).setUint32(0, readU32(subnet.ip) + offset);
  return formatIp(ip);
}

/** An address of the subnet that a computer may have: neither its first nor its last one. */
export function isHostIp(ip: Uint8Array, subnet: Subnet): boolean {
  if (ip.length !== 4 || subnet.ip.length !== 4) return false;
  const size = 2 ** (32 - subnet.bits);
  const offset = readU32(ip) - readU32(subnet.ip);
  return size <= 2 ? offset >= 0 && offset < size : offset > 0 && offset < size - 1;
}

function readU32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
