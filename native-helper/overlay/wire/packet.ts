/**
 * Outer packets: what one datagram holds. Byte 0 is the type, byte 1 the version (1), L counts `payload_enc` with its
 * tag (>= 16), and the length of a packet is exactly that of its fields.
 *
 *   0x51 INIT     0 type, 1 ver, 2 L u16, 4 sender u32, 8 e[32], 40 s_enc[48], 88 payload_enc[L], mac1[16], mac2[16]
 *   0x52 RESP     0 type, 1 ver, 2 L u16, 4 sender u32, 8 receiver u32, 12 e[32], 44 payload_enc[L], mac1, mac2
 *   0x53 XX1      0 type, 1 ver, 2 L u16, 4 sender u32, 8 e[32], 40 payload_enc[L], mac1, mac2; 1,200 bytes in all
 *   0x54 XX2      0 type, 1 ver, 2 L u16, 4 sender u32, 8 receiver u32, 12 e[32], 44 s_enc[48], 92 payload_enc[L], mac1, mac2
 *   0x55 XX3      0 type, 1 ver, 2 L u16, 4 sender u32, 8 receiver u32, 12 s_enc[48], 60 payload_enc[L], mac1, mac2
 *   0x56 COOKIE   0 type, 1 ver, 2 zero u16, 4 receiver u32, 8 nonce[24], 32 cookie_enc[32]
 *   0x57 DATA     0 type, 1 ver, 2 flags u16 = 0, 4 receiver u32, 8 counter u64, 16 ciphertext, tag[16]
 *   0x58 TRANSIT  0 type, 1 ver, 2 inner_len u16, 4 hop_receiver u32, 8 hop_counter u64, 16 header_enc[44], 60 tag[16],
 *                 76 inner packet
 *   header        ttl u8 | flags u8 (1 TUNNEL, 2 no cache) | mode u8 = 0 | hops u8 | dst[20] | src[20]
 *
 * DATA and TRANSIT are made and opened by the data path; here are their headers, for whoever checks it.
 */
import type { RingAddress } from "../ring/address.ts";
import { Reader, Writer } from "./bytes.ts";

export const PACKET_VERSION = 1;
export const TYPE_DATA = 0x57;
export const TYPE_TRANSIT = 0x58;

/** What a frame costs inside a DATA packet: header 16, tag 16, head of the frame 4. */
export const DATA_OVERHEAD = 36;
/** What the way over the ring or a relay adds. */
export const TRANSIT_OVERHEAD = 76;
export const TRANSIT_HEADER_BYTES = 44;
export const TRANSIT_TTL = 32;
/** A DATA packet with one PROBE frame, padded: the check of a path. */
export const CHECK_BYTES = 72;

export const INIT_MAX_BYTES = 1_120;
export const XX1_BYTES = 1_200;
const TAG_BYTES = 16;
const MACS_BYTES = 32;

/** What the plain text of a Noise payload may take in a packet of `packetBytes`. */
export function payloadRoom(type: HandshakeType, packetBytes: number): number {
  return packetBytes - NOISE_AT[type] - FIXED_NOISE_BYTES[type] - TAG_BYTES - MACS_BYTES;
}

export type HandshakeType = "init" | "resp" | "xx1" | "xx2" | "xx3";

interface Opening {
  /** The sender's index for this session: what the peer writes as `receiver`. */
  readonly sender: number;
  /** The whole Noise message: `e | s_enc | payload_enc`, as far as the pattern has them. */
  readonly noise: Uint8Array;
}

interface Answer extends Opening {
  /** The index that the other end chose. */
  readonly receiver: number;
}

export type HandshakeContent =
  | ({ readonly type: "init" | "xx1" } & Opening)
  | ({ readonly type: "resp" | "xx2" | "xx3" } & Answer);

export type HandshakePacket = HandshakeContent & {
  readonly mac1: Uint8Array;
  /** Zeros where the sender had no cookie. */
  readonly mac2: Uint8Array;
};

/** 16 bytes of authentication over all that comes before them. */
export type Mac = (preceding: Uint8Array) => Uint8Array;

const TYPE_NUMBERS: Readonly<Record<HandshakeType, number>> = {
  init: 0x51,
  resp: 0x52,
  xx1: 0x53,
  xx2: 0x54,
  xx3: 0x55,
};
const TYPE_COOKIE = 0x56;
const TYPES: readonly (HandshakeType | undefined)[] = ["init", "resp", "xx1", "xx2", "xx3"];
const NOISE_AT: Readonly<Record<HandshakeType, 8 | 12>> = { init: 8, resp: 12, xx1: 8, xx2: 12, xx3: 12 };
/** Bytes of `e` and `s_enc`. */
const FIXED_NOISE_BYTES: Readonly<Record<HandshakeType, number>> = { init: 80, resp: 32, xx1: 32, xx2: 80, xx3: 48 };
const MAX_BYTES: Readonly<Record<HandshakeType, number>> = {
  init: INIT_MAX_BYTES,
  resp: INIT_MAX_BYTES,
  xx1: XX1_BYTES,
  xx2: XX1_BYTES,
  xx3: XX1_BYTES,
};

/** The whole packet. `mac2` is left out, so zeros, where there is no cookie. */
export function encodeHandshake(content: HandshakeContent, mac1: Mac, mac2?: Mac): Uint8Array {
  const { type, noise } = content;
  const payloadBytes = noise.length - FIXED_NOISE_BYTES[type];
  const length = NOISE_AT[type] + noise.length + MACS_BYTES;
  if (payloadBytes < TAG_BYTES || length > MAX_BYTES[type] || (type === "xx1" && length !== XX1_BYTES)) {
    throw new RangeError(`a Noise message of ${noise.length} bytes makes no ${type} packet`);
  }
  const writer = new Writer(length);
  writer.u8(TYPE_NUMBERS[type]);
  writer.u8(PACKET_VERSION);
  writer.u16(payloadBytes);
  writer.u32(content.sender);
  if (content.type === "resp" || content.type === "xx2" || content.type === "xx3") writer.u32(content.receiver);
  writer.raw(noise);
  writer.fixed(mac1(writer.finish()), 16);
  if (mac2) writer.fixed(mac2(writer.finish()), 16);
  else writer.zeros(16);
  return writer.finish();
}

export function encodeInit(content: Opening, mac1: Mac, mac2?: Mac): Uint8Array {
  return encodeHandshake({ type: "init", ...content }, mac1, mac2);
}

export function encodeResp(content: Answer, mac1: Mac, mac2?: Mac): Uint8Array {
  return encodeHandshake({ type: "resp", ...content }, mac1, mac2);
}

export function encodeXx1(content: Opening, mac1: Mac, mac2?: Mac): Uint8Array {
  return encodeHandshake({ type: "xx1", ...content }, mac1, mac2);
}

export function encodeXx2(content: Answer, mac1: Mac, mac2?: Mac): Uint8Array {
  return encodeHandshake({ type: "xx2", ...content }, mac1, mac2);
}

export function encodeXx3(content: Answer, mac1: Mac, mac2?: Mac): Uint8Array {
  return encodeHandshake({ type: "xx3", ...content }, mac1, mac2);
}

/** The fields of a handshake packet, as views of it; undefined where it is malformed or another packet. */
export function decodeHandshake(packet: Uint8Array): HandshakePacket | undefined {
  const type = TYPES[(packet[0] ?? 0) - 0x51];
  if (type === undefined || packet[1] !== PACKET_VERSION || packet.length > MAX_BYTES[type]) return undefined;
  const reader = new Reader(packet);
  reader.skip(2);
  const payloadBytes = reader.u16();
  const sender = reader.u32();
  const answers = type === "resp" || type === "xx2" || type === "xx3";
  const receiver = answers ? reader.u32() : 0;
  const noise = reader.take(FIXED_NOISE_BYTES[type] + payloadBytes);
  const mac1 = reader.take(16);
  const mac2 = reader.take(16);
  if (!reader.complete || payloadBytes < TAG_BYTES) return undefined;
  if (answers) return { type, sender, receiver, noise, mac1, mac2 };
  return type === "xx1" && packet.length !== XX1_BYTES ? undefined : { type, sender, noise, mac1, mac2 };
}

/** What mac1 of a handshake packet covers. */
export function mac1Input(packet: Uint8Array): Uint8Array {
  return packet.subarray(0, packet.length - MACS_BYTES);
}

export interface CookiePacket {
  readonly receiver: number;
  readonly nonce: Uint8Array;
  /** The cookie (16 bytes) and its tag, sealed with XChaCha20-Poly1305. */
  readonly sealed: Uint8Array;
}

export function encodeCookie(cookie: CookiePacket): Uint8Array {
  const writer = new Writer(64);
  writer.u8(TYPE_COOKIE);
  writer.u8(PACKET_VERSION);
  writer.u16(0);
  writer.u32(cookie.receiver);
  writer.fixed(cookie.nonce, 24);
  writer.fixed(cookie.sealed, 32);
  return writer.finish();
}

export function decodeCookie(packet: Uint8Array): CookiePacket | undefined {
  const reader = new Reader(packet);
  if (reader.u8() !== TYPE_COOKIE || reader.u8() !== PACKET_VERSION || reader.u16() !== 0) reader.fail();
  const receiver = reader.u32();
  const nonce = reader.take(24);
  const sealed = reader.take(32);
  return reader.complete ? { receiver, nonce, sealed } : undefined;
}

/** The first 16 bytes of DATA, which its tag covers too. */
export function encodeDataHeader(header: { readonly receiver: number; readonly counter: bigint }): Uint8Array {
  return headerOf(TYPE_DATA, 0, header.receiver, header.counter);
}

/** The first 16 bytes of TRANSIT, which the tag of its header covers too. */
export function encodeTransitOuter(header: {
  readonly innerBytes: number;
  readonly receiver: number;
  readonly counter: bigint;
}): Uint8Array {
  return headerOf(TYPE_TRANSIT, header.innerBytes, header.receiver, header.counter);
}

/** What every hop reads and rewrites. */
export interface TransitHeader {
  readonly ttl: number;
  readonly tunnel: boolean;
  readonly noCache: boolean;
  readonly hops: number;
  readonly dst: RingAddress;
  readonly src: RingAddress;
}

export function encodeTransitHeader(header: TransitHeader): Uint8Array {
  const writer = new Writer(TRANSIT_HEADER_BYTES);
  writer.u8(header.ttl);
  writer.u8((header.tunnel ? 1 : 0) | (header.noCache ? 2 : 0));
  writer.u8(0);
  writer.u8(header.hops);
  writer.address(header.dst);
  writer.address(header.src);
  return writer.finish();
}

export function decodeTransitHeader(bytes: Uint8Array): TransitHeader | undefined {
  const reader = new Reader(bytes);
  const ttl = reader.u8();
  const flags = reader.u8();
  if (flags > 3 || reader.u8() !== 0) reader.fail();
  const hops = reader.u8();
  const dst = reader.address();
  const src = reader.address();
  if (!reader.complete) return undefined;
  return { ttl, tunnel: (flags & 1) !== 0, noCache: (flags & 2) !== 0, hops, dst, src };
}

function headerOf(type: number, field: number, receiver: number, counter: bigint): Uint8Array {
  const writer = new Writer(16);
  writer.u8(type);
  writer.u8(PACKET_VERSION);
  writer.u16(field);
  writer.u32(receiver);
  writer.u64(counter);
  return writer.finish();
}
