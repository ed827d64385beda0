/**
 * The payload of handshake messages: TLVs `t u8 | len u16 | value[len]`, ascending, each at most once. An unknown t of
 * 0x80 or more is skipped, any other is malformed.
 *
 *    1 stamp        u64, Unix ms
 *    2 identity     E[32] | salt[16] | bind_valid u64 | bind[64]
 *    3 chain        as in chain.ts
 *    4 boot         u64, Unix ms
 *    5 observed     TA
 *    6 features     bits u32 (0 post-quantum, 1 partial checksums) | n * cipher u8 (1..16 of them, none twice)
 *    7 TAs          n u8 (<= 8) | n TA
 *    8 edge kind    u8 (1 leaf, 2 near, 3 far, 4 shortcut, 5 anchor)
 *    9 revocations  count u16 | root[32]
 *   10 padding      zeros
 *   11 PQ psk id    [8]
 *
 * 1-4 and 6 must be in INIT, RESP, XX2 and XX3; XX1 has 10 only.
 */
import { Reader, Writer } from "./bytes.ts";
import { isChain } from "./chain.ts";
import { decodeTa, decodeTaList, encodeTa, encodeTaList } from "./transport-address.ts";
import type { EdgeKind, HandshakePayload } from "./types.ts";

/** By the number on the wire. */
export const EDGE_KINDS: readonly (EdgeKind | undefined)[] = [undefined, "leaf", "near", "far", "shortcut", "anchor"];

const STAMP = 1;
const IDENTITY = 2;
const CHAIN = 3;
const BOOT = 4;
const OBSERVED = 5;
const FEATURES = 6;
const TAS = 7;
const EDGE_KIND = 8;
const REVOCATIONS = 9;
const PADDING = 10;
const PQ_PSK_ID = 11;
const SKIPPED_FROM = 0x80;
const HEAD_BYTES = 3;
const MAX_CIPHERS = 16;

export interface PayloadSize {
  /**
   * Pads with TLV 10 to this many bytes of plain text; `payloadRoom` of packet.ts tells it from the packet's size. Where
   * only 1 or 2 bytes are missing no padding fits and the payload stays that much shorter.
   */
  readonly padTo?: number;
  /** Drops optional TLVs until the payload fits: TAs from the last on, then the revocation summary, then the observed TA. */
  readonly maxBytes?: number;
}

/** A payload with everything that INIT, RESP, XX2 and XX3 must tell. */
export type CompletePayload = HandshakePayload &
  Required<Pick<HandshakePayload, "stamp" | "identity" | "chain" | "boot" | "features">>;

/** Throws where not even the mandatory TLVs fit `size.maxBytes`. */
export function encodeHandshakePayload(payload: HandshakePayload, size: PayloadSize = {}): Uint8Array {
  const maxBytes = size.maxBytes ?? Infinity;
  let kept: HandshakePayload | undefined = payload;
  while (kept) {
    const missing = encodeFields(kept, 0).length - maxBytes;
    if (missing <= 0) return encodeFields(kept, size.padTo ?? 0);
    kept = withoutLeastNeeded(kept);
  }
  throw new RangeError(`the mandatory parts of a handshake payload do not fit ${maxBytes} bytes`);
}

/** The payload of XX1: padding only, `bytes` in all (3 at least). */
export function encodeEmptyPayload(bytes: number): Uint8Array {
  return encodeFields({}, bytes);
}

/** Undefined where the bytes are malformed; what must be there depends on the packet: `isComplete`. */
export function decodeHandshakePayload(bytes: Uint8Array): HandshakePayload | undefined {
  const reader = new Reader(bytes);
  const payload: { -readonly [K in keyof HandshakePayload]: HandshakePayload[K] } = {};
  let last = 0;
  while (reader.remaining > 0) {
    const type = reader.u8();
    const value = new Reader(reader.take(reader.u16()));
    if (reader.failed || type <= last) return undefined;
    last = type;
    if (type >= SKIPPED_FROM) continue;
    readField(type, value, payload);
    if (!value.complete) return undefined;
  }
  return payload;
}

/** True where nothing is missing that INIT, RESP, XX2 and XX3 must tell. */
export function isComplete(payload: HandshakePayload): payload is CompletePayload {
  return (
    payload.stamp !== undefined &&
    payload.identity !== undefined &&
    payload.chain !== undefined &&
    payload.boot !== undefined &&
    payload.features !== undefined
  );
}

/** True where the payload tells nothing, as that of XX1 must. */
export function isEmpty(payload: HandshakePayload): boolean {
  return Object.keys(payload).length === 0;
}

function readField(
  type: number,
  value: Reader,
  payload: { -readonly [K in keyof HandshakePayload]: HandshakePayload[K] },
): void {
  switch (type) {
    case STAMP:
      payload.stamp = value.u53();
      return;
    case IDENTITY:
      payload.identity = {
        edPublic: value.take(32),
        salt: value.take(16),
        bindValidUntil: value.u53(),
        bind: value.take(64),
      };
      return;
    case CHAIN:
      payload.chain = value.rest();
      if (!isChain(payload.chain)) value.fail();
      return;
    case BOOT:
      payload.boot = value.u53();
      return;
    case OBSERVED: {
      const observed = decodeTa(value);
      if (observed) payload.observed = observed;
      return;
    }
    case FEATURES: {
      const bits = value.u32();
      const ciphers = [...value.rest()];
      payload.features = { bits, ciphers };
      if (ciphers.length < 1 || ciphers.length > MAX_CIPHERS || new Set(ciphers).size !== ciphers.length) value.fail();
      return;
    }
    case TAS:
      payload.tas = decodeTaList(value);
      return;
    case EDGE_KIND: {
      const kind = value.oneOf(EDGE_KINDS);
      if (kind) payload.edgeKind = kind;
      return;
    }
    case REVOCATIONS:
      payload.revocations = { count: value.u16(), root: value.take(32) };
      return;
    case PADDING:
      for (const byte of value.rest()) if (byte !== 0) value.fail();
      return;
    case PQ_PSK_ID:
      payload.pqPskId = value.take(8);
      return;
    default:
      value.fail();
  }
}

function encodeFields(payload: HandshakePayload, padTo: number): Uint8Array {
  const writer = new Writer(Math.max(256, padTo));
  const { stamp, identity, chain, boot, observed, features, tas, edgeKind, revocations, pqPskId } = payload;
  if (stamp !== undefined) field(writer, STAMP, (w) => w.u53(stamp));
  if (identity !== undefined) {
    field(writer, IDENTITY, (w) => {
      w.fixed(identity.edPublic, 32);
      w.fixed(identity.salt, 16);
      w.u53(identity.bindValidUntil);
      w.fixed(identity.bind, 64);
    });
  }
  if (chain !== undefined) field(writer, CHAIN, (w) => w.raw(chain));
  if (boot !== undefined) field(writer, BOOT, (w) => w.u53(boot));
  if (observed !== undefined) field(writer, OBSERVED, (w) => encodeTa(w, observed));
  if (features !== undefined) {
    field(writer, FEATURES, (w) => {
      w.u32(features.bits);
      w.count(features.ciphers.length, MAX_CIPHERS);
      if (features.ciphers.length === 0) throw new RangeError("a node has at least one cipher");
      for (const cipher of features.ciphers) w.u8(cipher);
    });
  }
  if (tas !== undefined) field(writer, TAS, (w) => encodeTaList(w, tas));
  if (edgeKind !== undefined) field(writer, EDGE_KIND, (w) => w.oneOf(EDGE_KINDS, edgeKind));
  if (revocations !== undefined) {
    field(writer, REVOCATIONS, (w) => {
      w.u16(revocations.count);
      w.fixed(revocations.root, 32);
    });
  }
  const padding = padTo - writer.length - (pqPskId === undefined ? 0 : HEAD_BYTES + 8) - HEAD_BYTES;
  if (padding >= 0) field(writer, PADDING, (w) => w.zeros(padding));
  if (pqPskId !== undefined) field(writer, PQ_PSK_ID, (w) => w.fixed(pqPskId, 8));
  return writer.finish();
}

function field(writer: Writer, type: number, write: (value: Writer) => void): void {
  const value = new Writer();
  write(value);
  writer.u8(type);
  writer.u16(value.length);
  writer.raw(value.finish());
}

/** The payload without the optional part that is missed least; undefined where only mandatory ones are left. */
function withoutLeastNeeded(payload: HandshakePayload): HandshakePayload | undefined {
  const { tas, revocations, observed, ...rest } = payload;
  if (tas && tas.length > 1) return { ...payload, tas: tas.slice(0, -1) };
  if (tas) return { ...rest, ...(revocations && { revocations }), ...(observed && { observed }) };
  if (revocations) return { ...rest, ...(observed && { observed }) };
  return observed && rest;
}
