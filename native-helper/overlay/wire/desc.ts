/**
 * What members tell about themselves: the signed descriptor (Desc) and its short form (Brief).
 *
 *   Desc   ver u8 = 1 | flags u16 | E[32] | salt[16] | X[32] | bind_valid u64 | bind[64] | chain_hash[32] | boot u64 |
 *          seq u64 | life u32 s (<= 7200) | coord[8] | n u8 (<= 8) | n TA | m u8 (<= 3) | m anchors[20] | sig[64]
 *   Brief  addr[20] | flags u16 | coord[8]
 *   flags  bit 0 public, 1 relay, 2 gateway, 3 bridge, 4-6 NAT class (0 unknown, 1 eim, 2 edm-seq, 3 edm-random,
 *          4 udp-blocked), 7 member; the others are zero
 *   coord  x i16 | y i16 | height u16 | error u16, in 0.1 ms
 */
import type { RingAddress } from "../ring/address.ts";
import { concat, Reader, Writer } from "./bytes.ts";
import { SIGNATURE_BYTES } from "./sign-input.ts";
import { decodeTaList, encodeTaList } from "./transport-address.ts";
import type { Brief, Coord, Desc, DescNat, NodeFlags } from "./types.ts";

export const DESC_VERSION = 1;
export const MAX_DESC_LIFE_S = 7_200;
export const MAX_ANCHORS = 3;
export const BRIEF_BYTES = 30;

/** A descriptor before it is signed. */
export type DescFields = Omit<Desc, "signature" | "bytes">;

/** Bytes from `E` up to and with `chain_hash`. */
const KEYS_BYTES = 32 + 16 + 32 + 8 + 64 + 32;
const NAT_CLASSES: readonly (DescNat | undefined)[] = ["unknown", "eim", "edm-seq", "edm-random", "udp-blocked"];

/** All bytes before the signature: what goes into `signInput("desc", ...)`. */
export function encodeDescUnsigned(fields: DescFields): Uint8Array {
  if (fields.lifeS > MAX_DESC_LIFE_S)
    throw new RangeError(`a descriptor lives ${MAX_DESC_LIFE_S} s at most, not ${fields.lifeS}`);
  const writer = new Writer(512);
  writer.u8(DESC_VERSION);
  encodeFlags(writer, fields.flags);
  writer.fixed(fields.edPublic, 32);
  writer.fixed(fields.salt, 16);
  writer.fixed(fields.xPublic, 32);
  writer.u53(fields.bindValidUntil);
  writer.fixed(fields.bind, 64);
  writer.fixed(fields.chainHash, 32);
  writer.u53(fields.boot);
  writer.u53(fields.seq);
  writer.u32(fields.lifeS);
  encodeCoord(writer, fields.coord);
  encodeTaList(writer, fields.tas);
  writer.list(MAX_ANCHORS, fields.anchors, writeAnchor);
  return writer.finish();
}

/** The finished descriptor of what `encodeDescUnsigned` gave; throws where the two make no valid encoding. */
export function withSignature(unsigned: Uint8Array, signature: Uint8Array): Desc {
  const reader = new Reader(concat(unsigned, signature));
  const desc = decodeDesc(reader);
  if (desc === undefined || !reader.complete) throw new RangeError("these bytes and this signature make no descriptor");
  return desc;
}

/**
 * Reads one descriptor; undefined (and `reader.failed`) where it is malformed. Its byte fields share one copy of their
 * own, so that keeping a descriptor does not keep the packet it came in. The signature is not verified here.
 */
export function decodeDesc(reader: Reader): Desc | undefined {
  const start = reader.at;
  if (reader.u8() !== DESC_VERSION) reader.fail();
  const flags = decodeFlags(reader);
  reader.skip(KEYS_BYTES); // Taken from the copy below.
  const boot = reader.u53();
  const seq = reader.u53();
  const lifeS = reader.u32();
  const coord = decodeCoord(reader);
  const tas = decodeTaList(reader);
  const anchors = reader.list(MAX_ANCHORS, readAnchor);
  reader.skip(SIGNATURE_BYTES);
  if (lifeS > MAX_DESC_LIFE_S) reader.fail();
  if (reader.failed) return undefined;

  const bytes = reader.bytes.slice(start, reader.at);
  const own = new Reader(bytes);
  own.skip(1 + 2);
  const edPublic = own.take(32);
  const salt = own.take(16);
  const xPublic = own.take(32);
  const bindValidUntil = own.u53();
  const bind = own.take(64);
  const chainHash = own.take(32);
  const signature = bytes.subarray(bytes.length - SIGNATURE_BYTES);
  if (own.failed) {
    reader.fail();
    return undefined;
  }
  return {
    flags,
    edPublic,
    salt,
    xPublic,
    bindValidUntil,
    bind,
    chainHash,
    boot,
    seq,
    lifeS,
    coord,
    tas,
    anchors,
    signature,
    bytes,
  };
}

/** Writes a finished descriptor as it was received or signed. */
export function encodeDesc(writer: Writer, desc: Desc): void {
  writer.raw(desc.bytes);
}

export function decodeBrief(reader: Reader): Brief {
  return { address: reader.address(), flags: decodeFlags(reader), coord: decodeCoord(reader) };
}

export function encodeBrief(writer: Writer, brief: Brief): void {
  writer.address(brief.address);
  encodeFlags(writer, brief.flags);
  encodeCoord(writer, brief.coord);
}

export function decodeCoord(reader: Reader): Coord {
  return { x: reader.i16(), y: reader.i16(), height: reader.u16(), error: reader.u16() };
}

/** Rounds, and holds each part inside its field. */
export function encodeCoord(writer: Writer, coord: Coord): void {
  writer.measuredI16(coord.x);
  writer.measuredI16(coord.y);
  writer.measuredU16(coord.height);
  writer.measuredU16(coord.error);
}

export function decodeFlags(reader: Reader): NodeFlags {
  const bits = reader.u16();
  const nat = NAT_CLASSES[(bits >> 4) & 7];
  if (bits > 0xff || nat === undefined) reader.fail();
  return {
    public: (bits & 1) !== 0,
    relay: (bits & 2) !== 0,
    gateway: (bits & 4) !== 0,
    bridge: (bits & 8) !== 0,
    nat: nat ?? "unknown",
    member: (bits & 0x80) !== 0,
  };
}

export function encodeFlags(writer: Writer, flags: NodeFlags): void {
  const bits =
    (flags.public ? 1 : 0) |
    (flags.relay ? 2 : 0) |
    (flags.gateway ? 4 : 0) |
    (flags.bridge ? 8 : 0) |
    (NAT_CLASSES.indexOf(flags.nat) << 4) |
    (flags.member ? 0x80 : 0);
  writer.u16(bits);
}

function readAnchor(reader: Reader): RingAddress {
  return reader.address();
}

function writeAnchor(writer: Writer, anchor: RingAddress): void {
  writer.address(anchor);
}
