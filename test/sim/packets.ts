/**
 * Packets as the model sees them: objects with the sizes that the real ones have on the wire (docs/protocol.md).
 *
 * Handshake packets and CTRL bodies are the engine's own bytes. Encryption is a number: a packet opens where the
 * receiver's key is the one that the sender used.
 */
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";

export type Packet = HandshakePacket | DataPacket | TransitPacket;

export interface HandshakePacket {
  readonly kind: "handshake";
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

export interface DataPacket {
  readonly kind: "data";
  readonly index: number;
  readonly key: number;
  readonly counter: number;
  /** Absent in a keepalive. */
  readonly frame?: Frame;
  /** Of all its parts. */
  readonly sizeBytes: number;
  /** Into how many packets FRAG cut it; each can be lost. */
  readonly parts: number;
}

export interface TransitPacket {
  readonly kind: "transit";
  readonly index: number;
  readonly key: number;
  readonly counter: number;
  readonly ttl: number;
  readonly tunnel: boolean;
  readonly dst: RingAddress;
  readonly src: RingAddress;
  readonly inner: Packet;
  readonly sizeBytes: number;
  readonly parts: number;
  /** Where it was so far, the sender first; no part of the wire, for the checker of loops. */
  readonly visited: RingAddress[];
}

export type Frame =
  | { readonly kind: "ctrl"; readonly bytes: Uint8Array }
  | { readonly kind: "ip"; readonly ip: IpPacket }
  | { readonly kind: "probe"; readonly id: number }
  | { readonly kind: "probeAck"; readonly id: number; readonly sizeBytes: number };

export interface IpPacket {
  /** Chosen by whoever sent it, to recognise it on arrival. */
  readonly id: number;
  readonly src: string;
  readonly dst: string;
  readonly sizeBytes: number;
  readonly answer: boolean;
}

/** DATA without frames: header and tag. */
export const DATA_BYTES = 32;
export const FRAME_HEAD_BYTES = 4;
export const TRANSIT_BYTES = 76;
/** A PROBE at its least. */
export const PROBE_BYTES = 72;
export const PROBE_ACK_BYTES = DATA_BYTES + FRAME_HEAD_BYTES + 6;
/** Largest UDP payload of a 1,500-byte link over IPv4. */
export const LINK_PAYLOAD_BYTES = 1472;
/** Largest CTRL body. */
export const CTRL_LIMIT_BYTES = 8192;
/** UDP payload that every path is taken to carry, and what of it a part of a fragmented frame can hold in TRANSIT in TRANSIT. */
const BASE_PAYLOAD_BYTES = 1200;
const PART_BYTES = BASE_PAYLOAD_BYTES - 2 * TRANSIT_BYTES - DATA_BYTES - FRAME_HEAD_BYTES - 6;

/** Size and number of parts of a DATA packet that carries a frame with this body. */
export function dataSize(bodyBytes: number): { sizeBytes: number; parts: number } {
  const whole = DATA_BYTES + FRAME_HEAD_BYTES + bodyBytes;
  if (whole + 2 * TRANSIT_BYTES <= LINK_PAYLOAD_BYTES) return { sizeBytes: whole, parts: 1 };
  const parts = Math.ceil(bodyBytes / PART_BYTES);
  return { sizeBytes: bodyBytes + parts * (DATA_BYTES + FRAME_HEAD_BYTES + 6), parts };
}

/** How many datagrams carry a packet. */
export function partsOf(packet: Packet): number {
  return packet.kind === "handshake" ? 1 : packet.parts;
}
