/**
 * Bodies of the CTRL messages about records. `Record?` is a Record or nothing, at the end of its body.
 *
 *   32 DHT_PUT    Record
 *   33 DHT_ACK    code u8 (0 ok, 1 taken, 2 stale, 3 refused, 4 later, 5 since refused) | held seq u64 | replicas u8 | wait u8 (0, 1)
 *   34 DHT_GET    type u8 (1..8) | key[20]
 *   35 DHT_VALUE  n u8 (<= 64) | n * (named by u8, remaining u32 s, Record)
 *   36 DHT_SYNC   from[20] | to[20] | n u16 (<= 400) | n * H160(Record)[20]
 *   37 DHT_COPY   n u16 (<= 44) | n * (remaining u32 s, Record)
 *   38 CLAIM      op u32 | Record
 *   39 CLAIMED    op u32 | code u8 (0 ok, 1 other claim, 2 not my key) | remaining u32 s | Record?
 *   40 STORE      op u32 | known u8 (0, 1) | Record
 *   41 STORED     op u32 | code u8 (0 ok, 1 other claim, 2 not my key, 3 taken, 4 since refused)
 *   42 UNDO       op u32 | key[20]
 *   43 LEASE      kind u8 (0 shown, 1 conflict) | n u8 (<= 4) | n Records
 *   44 DHT_OFFER  n u16 (<= 400) | n * H160(Record)[20]
 *   45 DHT_WANT   as 44: those of the offer that are not held
 *
 * The limits of 36, 37, 44 and 45 are what fits a CTRL frame.
 */
import type { Reader, Writer } from "./bytes.ts";
import type { BodyCodec } from "./ctrl.ts";
import { decodeRecord, encodeRecord, isRecordType } from "./record.ts";
import type { DhtCode, DhtRecord, MessageOf, MessageType } from "./types.ts";

export const MAX_VALUES = 64;
export const MAX_SYNC_HASHES = 400;
export const MAX_COPIES = 44;
export const MAX_LEASES = 4;

const DHT_CODES: readonly DhtCode[] = ["ok", "taken", "stale", "refused", "later", "sinceRefused"];
const CLAIM_CODES: readonly MessageOf<"claimed">["code"][] = ["ok", "otherClaim", "notMyKey"];
const STORE_CODES: readonly MessageOf<"stored">["code"][] = ["ok", "otherClaim", "notMyKey", "taken", "sinceRefused"];

type RecordMessage = Extract<MessageType, `dht${string}` | "claim" | "claimed" | "store" | "stored" | "undo" | "lease">;

export const recordMessages: { readonly [T in RecordMessage]: BodyCodec<T> } = {
  dhtPut: {
    number: 32,
    write: (w, m) => encodeRecord(w, m.record),
    read(r) {
      const record = decodeRecord(r);
      return record && { type: "dhtPut", record };
    },
  },
  dhtAck: {
    number: 33,
    write(w, m) {
      w.oneOf(DHT_CODES, m.code);
      w.u53(m.heldSeq);
      w.u8(m.replicas);
      w.flag(m.wait);
    },
    read(r) {
      const code = r.oneOf(DHT_CODES);
      const heldSeq = r.u53();
      const replicas = r.u8();
      const wait = r.flag();
      return code && { type: "dhtAck", code, heldSeq, replicas, wait };
    },
  },
  dhtGet: {
    number: 34,
    write(w, m) {
      w.u8(m.recordType);
      w.fixed(m.key, 20);
    },
    read(r) {
      const recordType = r.u8();
      const key = r.take(20);
      return isRecordType(recordType) ? { type: "dhtGet", recordType, key } : undefined;
    },
  },
  dhtValue: {
    number: 35,
    write(w, m) {
      w.list(MAX_VALUES, m.values, (_, value) => {
        w.u8(value.namedBy);
        writeCopy(w, value);
      });
    },
    read: (r) => ({ type: "dhtValue", values: r.list(MAX_VALUES, readValue) }),
  },
  dhtSync: {
    number: 36,
    write(w, m) {
      w.address(m.from);
      w.address(m.to);
      writeHashes(w, m.hashes);
    },
    read: (r) => ({
      type: "dhtSync",
      from: r.address(),
      to: r.address(),
      hashes: readHashes(r),
    }),
  },
  dhtOffer: {
    number: 44,
    write: (w, m) => writeHashes(w, m.hashes),
    read: (r) => ({ type: "dhtOffer", hashes: readHashes(r) }),
  },
  dhtWant: {
    number: 45,
    write: (w, m) => writeHashes(w, m.hashes),
    read: (r) => ({ type: "dhtWant", hashes: readHashes(r) }),
  },
  dhtCopy: {
    number: 37,
    write(w, m) {
      w.count(m.items.length, MAX_COPIES);
      w.u16(m.items.length);
      for (const item of m.items) writeCopy(w, item);
    },
    read: (r) => ({ type: "dhtCopy", items: r.items(r.u16(), MAX_COPIES, readCopy) }),
  },
  claim: {
    number: 38,
    write(w, m) {
      w.u32(m.op);
      encodeRecord(w, m.record);
    },
    read(r) {
      const op = r.u32();
      const record = decodeRecord(r);
      return record && { type: "claim", op, record };
    },
  },
  claimed: {
    number: 39,
    write(w, m) {
      w.u32(m.op);
      w.oneOf(CLAIM_CODES, m.code);
      w.measuredU32(m.remainingS);
      if (m.held) encodeRecord(w, m.held);
    },
    read(r) {
      const op = r.u32();
      const code = r.oneOf(CLAIM_CODES);
      const remainingS = r.u32();
      const held = r.remaining > 0 ? decodeRecord(r) : undefined;
      return code && { type: "claimed", op, code, remainingS, held };
    },
  },
  store: {
    number: 40,
    write(w, m) {
      w.u32(m.op);
      w.flag(m.known);
      encodeRecord(w, m.record);
    },
    read(r) {
      const op = r.u32();
      const known = r.flag();
      const record = decodeRecord(r);
      return record && { type: "store", op, known, record };
    },
  },
  stored: {
    number: 41,
    write(w, m) {
      w.u32(m.op);
      w.oneOf(STORE_CODES, m.code);
    },
    read(r) {
      const op = r.u32();
      const code = r.oneOf(STORE_CODES);
      return code && { type: "stored", op, code };
    },
  },
  undo: {
    number: 42,
    write(w, m) {
      w.u32(m.op);
      w.fixed(m.key, 20);
    },
    read: (r) => ({ type: "undo", op: r.u32(), key: r.take(20) }),
  },
  lease: {
    number: 43,
    write(w, m) {
      w.flag(m.conflict);
      w.list(MAX_LEASES, m.records, encodeRecord);
    },
    read: (r) => ({ type: "lease", conflict: r.flag(), records: r.list(MAX_LEASES, decodeRecord) }),
  },
};

interface Copy {
  readonly remainingS: number;
  readonly record: DhtRecord;
}

function writeCopy(w: Writer, copy: Copy): void {
  w.measuredU32(copy.remainingS);
  encodeRecord(w, copy.record);
}

function readCopy(r: Reader): Copy | undefined {
  const remainingS = r.u32();
  const record = decodeRecord(r);
  return record && { remainingS, record };
}

function readValue(r: Reader): (Copy & { namedBy: number }) | undefined {
  const namedBy = r.u8();
  const remainingS = r.u32();
  const record = decodeRecord(r);
  return record && { namedBy, remainingS, record };
}

function writeHashes(w: Writer, hashes: readonly Uint8Array[]): void {
  w.count(hashes.length, MAX_SYNC_HASHES);
  w.u16(hashes.length);
  for (const hash of hashes) w.fixed(hash, 20);
}

function readHashes(r: Reader): Uint8Array[] {
  return r.items(r.u16(), MAX_SYNC_HASHES, readHash);
}

function readHash(r: Reader): Uint8Array | undefined {
  const hash = r.take(20);
  return r.failed ? undefined : hash;
}
