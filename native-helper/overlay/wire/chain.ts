/**
 * The shape of a certificate chain; what its certificates mean is checked by who relies on them.
 *
 *   chain  n u8 (<= 3) | n certificates; one zero byte in an open affiliation
 *   cert   ver u8 = 1 | kind u8 (1 member, 2 issuer, 3 invite) | caps u16 (bits 0..7) | not_before u64 | not_after u64 |
 *          depth u8 (<= 3) | max_uses u16 | serial[16] | subject_ed_pub[32] | salt[16] | issuer_key_id[20] |
 *          n_subnets u8 (<= 4) | n * (af u8 4 or 6, ip, prefix u8) | sig[64]
 */
import { Reader } from "./bytes.ts";
import { isPrefix } from "./ip.ts";

/** The chain of a node of an open affiliation. */
export const EMPTY_CHAIN: Uint8Array = Uint8Array.of(0);

/** True where the bytes are exactly one chain. */
export function isChain(bytes: Uint8Array): boolean {
  const reader = new Reader(bytes);
  reader.list(3, skipCertificate);
  return reader.complete;
}

function skipCertificate(reader: Reader): true | undefined {
  const version = reader.u8();
  const kind = reader.u8();
  const caps = reader.u16();
  reader.u53();
  reader.u53();
  const depth = reader.u8();
  reader.skip(2 + 16 + 32 + 16 + 20);
  reader.list(4, skipSubnet);
  reader.skip(64);
  return version === 1 && kind >= 1 && kind <= 3 && caps <= 0xff && depth <= 3 && !reader.failed ? true : undefined;
}

function skipSubnet(reader: Reader): true | undefined {
  const family = reader.u8();
  if (family !== 4 && family !== 6) return undefined;
  const ip = reader.take(family === 4 ? 4 : 16);
  const bits = reader.u8();
  return !reader.failed && isPrefix(ip, bits) ? true : undefined;
}
