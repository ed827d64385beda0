/** Every decoder of the overlay's wire format as one table, so that each general law is stated once and holds for all. */
import * as fc from "fast-check";
import { Reader, Writer } from "../../native-helper/overlay/wire/bytes.ts";
import { isChain } from "../../native-helper/overlay/wire/chain.ts";
import { decodeBody, decodeCtrl, encodeBody, encodeCtrl } from "../../native-helper/overlay/wire/ctrl.ts";
import { decodeDesc, encodeDescUnsigned } from "../../native-helper/overlay/wire/desc.ts";
import { decodeHandshakePayload, encodeHandshakePayload } from "../../native-helper/overlay/wire/handshake-payload.ts";
import {
  decodeCookie,
  decodeHandshake,
  decodeTransitHeader,
  encodeCookie,
  encodeHandshake,
  encodeTransitHeader,
} from "../../native-helper/overlay/wire/packet.ts";
import {
  decodeAddressInfo,
  decodeLease,
  decodeRecord,
  encodeAddressInfo,
  encodeLease,
  encodeRecordUnsigned,
} from "../../native-helper/overlay/wire/record.ts";
import { decodeTa, encodeTa } from "../../native-helper/overlay/wire/transport-address.ts";
import * as values from "./arbitraries.ts";

export interface Family {
  /** A valid encoding. */
  readonly encoding: fc.Arbitrary<Uint8Array>;
  /** What the bytes say, or undefined where they are malformed. */
  decode(bytes: Uint8Array): unknown;
  /** Writes what `decode` read from `bytes`; undefined where more than one encoding of it is allowed (padding). */
  encode(value: never, bytes: Uint8Array): Uint8Array | undefined;
}

function family<T>(
  encoding: fc.Arbitrary<Uint8Array>,
  decode: (bytes: Uint8Array) => T | undefined,
  encode: (value: T, bytes: Uint8Array) => Uint8Array | undefined,
): Family {
  return { encoding, decode, encode: encode as Family["encode"] };
}

/** All of the bytes as one item. */
function whole<T>(read: (reader: Reader) => T | undefined): (bytes: Uint8Array) => T | undefined {
  return (bytes) => {
    const reader = new Reader(bytes);
    const value = read(reader);
    return reader.complete ? value : undefined;
  };
}

function written<T>(write: (writer: Writer, value: T) => void): (value: T) => Uint8Array {
  return (value) => {
    const writer = new Writer();
    write(writer, value);
    return writer.finish();
  };
}

const ROUTED_BODY = 17;

export const families: Readonly<Record<string, Family>> = {
  ctrl: family(values.ctrlOf(values.anyMessage).map(encodeCtrl), decodeCtrl, encodeCtrl),
  body: family(
    values.messages.routed.map((message) => encodeBody(message).body),
    (bytes) => decodeBody(ROUTED_BODY, bytes),
    (message) => encodeBody(message).body,
  ),
  handshake: family(
    values.handshake.map((content) => encodeHandshake(content, values.sumMac, values.sumMac)),
    decodeHandshake,
    (packet) =>
      encodeHandshake(
        packet,
        () => packet.mac1,
        () => packet.mac2,
      ),
  ),
  cookie: family(
    fc.record({ receiver: values.u32, nonce: values.bytes(24), sealed: values.bytes(32) }).map(encodeCookie),
    decodeCookie,
    encodeCookie,
  ),
  transitHeader: family(
    fc
      .record({
        ttl: values.u8,
        tunnel: fc.boolean(),
        noCache: fc.boolean(),
        hops: values.u8,
        dst: values.address,
        src: values.address,
      })
      .map(encodeTransitHeader),
    decodeTransitHeader,
    encodeTransitHeader,
  ),
  payload: family(
    values.payload.map((payload) => encodeHandshakePayload(payload)),
    decodeHandshakePayload,
    (payload, bytes) => {
      const plain = encodeHandshakePayload(payload);
      return plain.length === bytes.length ? plain : undefined; // Padding and skipped TLVs are not kept.
    },
  ),
  desc: family(
    values.desc.map((desc) => desc.bytes),
    whole(decodeDesc),
    (desc) => Uint8Array.of(...encodeDescUnsigned(desc), ...desc.signature),
  ),
  record: family(
    values.record.map((record) => record.bytes),
    whole(decodeRecord),
    (record) => Uint8Array.of(...encodeRecordUnsigned(record), ...record.signature),
  ),
  lease: family(values.lease.map(encodeLease), decodeLease, encodeLease),
  addressInfo: family(values.addressInfo.map(encodeAddressInfo), decodeAddressInfo, encodeAddressInfo),
  ta: family(values.ta.map(written(encodeTa)), whole(decodeTa), written(encodeTa)),
  chain: family(
    values.chainBytes,
    (bytes) => (isChain(bytes) ? bytes : undefined),
    (bytes) => bytes,
  ),
};
