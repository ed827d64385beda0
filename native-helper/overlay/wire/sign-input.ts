/**
 * What an Ed25519 signature of the protocol covers:
 *
 *   "ovl1-" what (ASCII) | net_id[32] | all bytes of the structure before its signature
 */
import { concat, Writer } from "./bytes.ts";
import { ascii } from "./text.ts";

export const SIGNATURE_BYTES = 64;

export type Signed = "bind" | "cert" | "rev" | "par" | "desc" | "rec" | "iss";

/** The bytes to sign or verify; `bytes` is the structure without its signature. */
export function signInput(what: Signed, netId: Uint8Array, bytes: Uint8Array): Uint8Array {
  return concat(ascii(`ovl1-${what}`), netId, bytes);
}

/** `X[32] | valid_until u64`, what a node signs to show that its Ed25519 key names its X25519 key. */
export function bindInput(netId: Uint8Array, xPublic: Uint8Array, validUntil: number): Uint8Array {
  const writer = new Writer(40);
  writer.fixed(xPublic, 32);
  writer.u53(validUntil);
  return signInput("bind", netId, writer.finish());
}

/** All bytes of an encoded structure before its signature. */
export function signedPart(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length - SIGNATURE_BYTES);
}
