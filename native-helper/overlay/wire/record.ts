/**
 * Records of the distributed table, and the values of the types that this version stores.
 *
 *   Record      type u8 (1..8) | key[20] | E[32] | salt[16] | chain_hash[32] | seq u64 | life u32 s | len u16 (<= 1024) |
 *               value[len] | sig[64]; an empty value deletes
 *   1 lease     ip[4] | prefix u8 (<= 32) | i u8 (0..63, 255 static) | since u64
 *   2 address   n u8 (<= 8) | n * (af u8 4 or 6 | ip) | n u8 (<= 4) | n * (af u8 | ip | prefix u8, host bits zero) |
 *               len u8 (<= 63) | name | len u8 (<= 32) | site | len u8 (<= 32) | version; texts are UTF-8, printable
 *   8 issuer, 7 gateway, 6 invite use, 5 group, 4 service, 3 name: carried, values not read by this version
 */
import { concat, Reader, Writer } from "./bytes.ts";
import { formatIp, isPrefix, parseIp, parseIpv4, parsePrefix } from "./ip.ts";
import { SIGNATURE_BYTES } from "./sign-input.ts";
import { decodeUtf8, encodeUtf8, fitText, isPrintable } from "./text.ts";
import type { DhtRecord } from "./types.ts";

export const RECORD_LEASE = 1;
export const RECORD_ADDRESS = 2;
const LAST_RECORD_TYPE = 8;
export const MAX_VALUE_BYTES = 1_024;
/** `i` of a lease that is a static claim. */
export const STATIC_CANDIDATE = 255;
const CANDIDATES = 64;

export type RecordFields = Omit<DhtRecord, "signature" | "bytes">;

/** All bytes before the signature: what goes into `signInput("rec", ...)`. */
export function encodeRecordUnsigned(fields: RecordFields): Uint8Array {
  if (!isRecordType(fields.type)) throw new RangeError(`${fields.type} is no type of record`);
  if (fields.value.length > MAX_VALUE_BYTES)
    throw new RangeError(`a value of ${fields.value.length} bytes exceeds ${MAX_VALUE_BYTES}`);
  const writer = new Writer(256);
  writer.u8(fields.type);
  writer.fixed(fields.key, 20);
  writer.fixed(fields.edPublic, 32);
  writer.fixed(fields.salt, 16);
  writer.fixed(fields.chainHash, 32);
  writer.u53(fields.seq);
  writer.u32(fields.lifeS);
  writer.u16(fields.value.length);
  writer.raw(fields.value);
  return writer.finish();
}

/** The finished record of what `encodeRecordUnsigned` gave; throws where the two make no valid encoding. */
export function recordWithSignature(unsigned: Uint8Array, signature: Uint8Array): DhtRecord {
  const reader = new Reader(concat(unsigned, signature));
  const record = decodeRecord(reader);
  if (record === undefined || !reader.complete) throw new RangeError("these bytes and this signature make no record");
  return record;
}

/** Bytes from `type` up to and with `life`. */
const FIXED_BYTES = 1 + 20 + 32 + 16 + 32 + 8 + 4;

/**
 * Reads one record; undefined (and `reader.failed`) where it is malformed. Its byte fields share one copy of their own.
 * Signature, key and value are judged by who stores it.
 */
export function decodeRecord(reader: Reader): DhtRecord | undefined {
  const start = reader.at;
  reader.skip(FIXED_BYTES);
  const length = reader.u16();
  if (length > MAX_VALUE_BYTES) reader.fail();
  reader.skip(length);
  reader.skip(SIGNATURE_BYTES);
  if (reader.failed) return undefined;

  const bytes = reader.bytes.slice(start, reader.at);
  const own = new Reader(bytes);
  const type = own.u8();
  const key = own.take(20);
  const edPublic = own.take(32);
  const salt = own.take(16);
  const chainHash = own.take(32);
  const seq = own.u53();
  const lifeS = own.u32();
  own.skip(2);
  const value = own.take(length);
  const signature = own.take(SIGNATURE_BYTES);
  if (own.failed || !isRecordType(type)) {
    reader.fail();
    return undefined;
  }
  return { type, key, edPublic, salt, chainHash, seq, lifeS, value, signature, bytes };
}

/** Writes a finished record as it was received or signed. */
export function encodeRecord(writer: Writer, record: DhtRecord): void {
  writer.raw(record.bytes);
}

/** The value of type 1. `ip` is IPv4 text, `prefix` the bits of the subnet, `i` the candidate, `since` Unix ms. */
export interface LeaseValue {
  readonly ip: string;
  readonly prefix: number;
  readonly i: number;
  readonly since: number;
}

export function encodeLease(lease: LeaseValue): Uint8Array {
  const ip = parseIpv4(lease.ip);
  if (ip === undefined) throw new RangeError(`"${lease.ip}" is no IPv4 address`);
  if (!isLease(lease.prefix, lease.i))
    throw new RangeError(`prefix ${lease.prefix} or candidate ${lease.i} is out of range`);
  const writer = new Writer(14);
  writer.raw(ip);
  writer.u8(lease.prefix);
  writer.u8(lease.i);
  writer.u53(lease.since);
  return writer.finish();
}

export function decodeLease(value: Uint8Array): LeaseValue | undefined {
  const reader = new Reader(value);
  const ip = reader.take(4);
  const prefix = reader.u8();
  const i = reader.u8();
  const since = reader.u53();
  return reader.complete && isLease(prefix, i) ? { ip: formatIp(ip), prefix, i, since } : undefined;
}

/** The value of type 2: hints for display, never for access. `subnets` as `10.1.0.0/16`. Empty text means not told. */
export interface AddressInfo {
  readonly ips: readonly string[];
  readonly subnets: readonly string[];
  readonly name: string;
  readonly site: string;
  readonly version: string;
}

const MAX_IPS = 8;
const MAX_SUBNETS = 4;
const MAX_NAME_BYTES = 63;
const MAX_SITE_BYTES = 32;
const MAX_VERSION_BYTES = 32;

/** Texts are cut to their limits and freed of control characters; the lists must keep theirs. */
export function encodeAddressInfo(info: AddressInfo): Uint8Array {
  const writer = new Writer(256);
  writer.list(MAX_IPS, info.ips, (w, text) => {
    const ip = parseIp(text);
    if (ip === undefined) throw new RangeError(`"${text}" is no IP address`);
    writeIp(w, ip);
  });
  writer.list(MAX_SUBNETS, info.subnets, (w, text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new RangeError(`"${text}" is no subnet such as 10.1.0.0/16`);
    writeIp(w, prefix.ip);
    w.u8(prefix.bits);
  });
  writeText(writer, info.name, MAX_NAME_BYTES);
  writeText(writer, info.site, MAX_SITE_BYTES);
  writeText(writer, info.version, MAX_VERSION_BYTES);
  return writer.finish();
}

export function decodeAddressInfo(value: Uint8Array): AddressInfo | undefined {
  const reader = new Reader(value);
  const ips = reader.list(MAX_IPS, (r) => {
    const ip = readIp(r);
    return ip && formatIp(ip);
  });
  const subnets = reader.list(MAX_SUBNETS, (r) => {
    const ip = readIp(r);
    const bits = r.u8();
    return ip && isPrefix(ip, bits) ? `${formatIp(ip)}/${bits}` : undefined;
  });
  const name = readText(reader, MAX_NAME_BYTES);
  const site = readText(reader, MAX_SITE_BYTES);
  const version = readText(reader, MAX_VERSION_BYTES);
  return reader.complete ? { ips, subnets, name, site, version } : undefined;
}

/** True for the numbers of the record types that this version knows. */
export function isRecordType(type: number): boolean {
  return type >= 1 && type <= LAST_RECORD_TYPE;
}

function isLease(prefix: number, i: number): boolean {
  return prefix <= 32 && (i < CANDIDATES || i === STATIC_CANDIDATE);
}

function writeIp(writer: Writer, ip: Uint8Array): void {
  writer.u8(ip.length === 4 ? 4 : 6);
  writer.raw(ip);
}

function readIp(reader: Reader): Uint8Array | undefined {
  const family = reader.u8();
  if (family !== 4 && family !== 6) reader.fail();
  const ip = reader.take(family === 4 ? 4 : 16);
  return reader.failed ? undefined : ip;
}

function writeText(writer: Writer, text: string, maxBytes: number): void {
  const bytes = encodeUtf8(fitText(text, maxBytes)) ?? new Uint8Array(0);
  writer.u8(bytes.length);
  writer.raw(bytes);
}

function readText(reader: Reader, maxBytes: number): string {
  const length = reader.u8();
  if (length > maxBytes) reader.fail();
  const text = decodeUtf8(reader.take(length));
  if (text === undefined || !isPrintable(text)) reader.fail();
  return text ?? "";
}
