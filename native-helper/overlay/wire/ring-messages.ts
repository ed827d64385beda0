/**
 * Bodies of the CTRL messages that keep ring, edges and paths. A list is `n u8 | n items`, `TA?` is one zero byte or a TA.
 *
 *    0 E_ACK      id u32
 *    1 PING       t u32 | load u8 | log2 N u16 (1/256)
 *    2 PONG       t u32 | observed TA? | coord[8]
 *    3 NEAR       own Brief | list of <= 16 Brief | list of <= 3 Desc
 *    4 EDGES      seq u16 | full u8 | n u16 (<= 256) | n * (op u8 (1 add, 2 remove), addr[20], rtt u16 ms)
 *    5 SUSPECT    addr[20]
 *    6 FIND       purpose u8 (1 join, 2 check, 3 far, 4 merge, 5 key) | flags u8 (1 exclude source) | Desc of the source or nothing
 *    7 FOUND      span u64 | list of <= 17 Brief | list of <= 4 Desc
 *    8 LINK       nonce u64 | kind u8 (1 leaf, 2 near, 3 far, 4 shortcut, 5 anchor) | Desc | INIT packet or nothing
 *    9 LINK_OK    nonce u64 | Desc | RESP packet or nothing
 *   10 REFER      reason u8 | list of <= 8 Brief
 *   11 RELAY_REQ  peer[20] | release u8
 *   12 RELAY_OK   code u8 | life u32 s | budget u32 kbit/s | source of the peer TA?
 *   13 MERGE      merge_id u64 | list of <= 8 Brief | list of <= 4 Desc
 *   14 TRIM       nothing
 *   15 TRIM_OK    accept u8
 *   16 CLOSE      reason u8 (1 leave, 2 revoked, 3 expired, 4 limit, 5 duplicate) | with 5: Desc or nothing
 *   17 ROUTED     ttl u8 | flags u8 (1 back, 2 beyond) | mode u8 (0 exact, 1 nearest) | hops u8 | rid u64 | dst[20] | src[20] |
 *                 with 2: best[20] | type u8 (not 17) | body
 *   18 NO_ROUTE   dst[20]
 *   19 DESC_GET   list of <= 4 addr[20]
 *   20 DESC       list of <= 4 Desc
 *   21 CHAIN_GET  chain_hash[32]
 *   22 CHAIN      chain
 *   23 TAS        TA list
 *   24 PUNCH_AT   delay u16 ms
 *   50 TRACE      t u64
 *   51 TRACE_HOP  hop u8 | Brief | transport u8 (1 udp, 2 tcp, 3 tls, 4 proxy, 5 stream, 6 tunnel) | rtt u16 ms
 *   52 WALK       from addr[20]
 *   53 WALK_END   list of <= 17 Brief
 *   58 NEAR_DIFF  flags u16 and coord[8] of the sender | full u8 | digest u32 | list of <= 24 addr[20] removed | list of <= 16 Brief added
 *   59 NEAR_GET   nothing
 *
 * A u8 without named values is 0 or 1, but for load, log2 N, reason of REFER and code of RELAY_OK, which are free.
 */
import type { RingAddress } from "../ring/address.ts";
import type { Reader, Writer } from "./bytes.ts";
import { isChain } from "./chain.ts";
import type { BodyCodec } from "./ctrl.ts";
import {
  decodeBrief,
  decodeCoord,
  decodeDesc,
  decodeFlags,
  encodeBrief,
  encodeCoord,
  encodeDesc,
  encodeFlags,
} from "./desc.ts";
import { EDGE_KINDS } from "./handshake-payload.ts";
import { decodeHandshake, type HandshakeType } from "./packet.ts";
import { decodeOptionalTa, decodeTaList, encodeOptionalTa, encodeTaList } from "./transport-address.ts";
import type { CloseReason, FindPurpose, MessageOf, MessageType } from "./types.ts";

export const MAX_NEAR_BRIEFS = 16;
export const MAX_NEAR_DESCS = 3;
export const MAX_NEAR_REMOVED = 24;
export const MAX_FOUND_BRIEFS = 17;
export const MAX_REFER_BRIEFS = 8;
export const MAX_MERGE_BRIEFS = 8;
export const MAX_DESCS = 4;
export const MAX_EDGE_CHANGES = 256;

const ROUTED = 17;
const BACK = 1;
const BEYOND = 2;
const PURPOSES: readonly (FindPurpose | undefined)[] = [undefined, "join", "check", "far", "merge", "key"];
const REASONS: readonly (CloseReason | undefined)[] = [undefined, "leave", "revoked", "expired", "limit", "duplicate"];
const OPS: readonly ("add" | "remove" | undefined)[] = [undefined, "add", "remove"];
const MODES: readonly ("exact" | "nearest")[] = ["exact", "nearest"];
const LAST_TRANSPORT = 6;

type EdgeChange = MessageOf<"edges">["changes"][number];
type RingMessage = Exclude<
  MessageType,
  `dht${string}` | `speed${string}` | "claim" | "claimed" | "store" | "stored" | "undo" | "lease"
>;

export const ringMessages: { readonly [T in RingMessage]: BodyCodec<T> } = {
  ack: {
    number: 0,
    write: (w, m) => w.u32(m.id),
    read: (r) => ({ type: "ack", id: r.u32() }),
  },
  ping: {
    number: 1,
    write(w, m) {
      w.u32(m.t);
      w.measuredU8(m.load);
      w.measuredU16(256 * m.log2N);
    },
    read: (r) => ({ type: "ping", t: r.u32(), load: r.u8(), log2N: r.u16() / 256 }),
  },
  pong: {
    number: 2,
    write(w, m) {
      w.u32(m.t);
      encodeOptionalTa(w, m.observed);
      encodeCoord(w, m.coord);
    },
    read: (r) => ({ type: "pong", t: r.u32(), observed: decodeOptionalTa(r) ?? undefined, coord: decodeCoord(r) }),
  },
  near: {
    number: 3,
    write(w, m) {
      encodeBrief(w, m.self);
      w.list(MAX_NEAR_BRIEFS, m.briefs, encodeBrief);
      w.list(MAX_NEAR_DESCS, m.descs, encodeDesc);
    },
    read: (r) => ({
      type: "near",
      self: decodeBrief(r),
      briefs: r.list(MAX_NEAR_BRIEFS, decodeBrief),
      descs: r.list(MAX_NEAR_DESCS, decodeDesc),
    }),
  },
  nearDiff: {
    number: 58,
    write(w, m) {
      encodeFlags(w, m.flags);
      encodeCoord(w, m.coord);
      w.flag(m.full);
      w.u32(m.digest);
      w.list(MAX_NEAR_REMOVED, m.removed, writeAddress);
      w.list(MAX_NEAR_BRIEFS, m.briefs, encodeBrief);
    },
    read: (r) => ({
      type: "nearDiff",
      flags: decodeFlags(r),
      coord: decodeCoord(r),
      full: r.flag(),
      digest: r.u32(),
      removed: r.list(MAX_NEAR_REMOVED, readAddress),
      briefs: r.list(MAX_NEAR_BRIEFS, decodeBrief),
    }),
  },
  nearGet: {
    number: 59,
    write: () => {},
    read: () => ({ type: "nearGet" }),
  },
  edges: {
    number: 4,
    write(w, m) {
      w.u16(m.seq);
      w.flag(m.full);
      w.count(m.changes.length, MAX_EDGE_CHANGES);
      w.u16(m.changes.length);
      for (const change of m.changes) {
        w.oneOf(OPS, change.op);
        w.address(change.address);
        w.measuredU16(change.rttMs);
      }
    },
    read: (r) => ({
      type: "edges",
      seq: r.u16(),
      full: r.flag(),
      changes: r.items(r.u16(), MAX_EDGE_CHANGES, readEdgeChange),
    }),
  },
  suspect: {
    number: 5,
    write: (w, m) => w.address(m.address),
    read: (r) => ({ type: "suspect", address: r.address() }),
  },
  find: {
    number: 6,
    write(w, m) {
      w.oneOf(PURPOSES, m.purpose);
      w.flag(m.excludeSource);
      if (m.desc) encodeDesc(w, m.desc);
    },
    read(r) {
      const purpose = r.oneOf(PURPOSES);
      const excludeSource = r.flag();
      if (r.remaining === 0) return purpose && { type: "find", purpose, excludeSource, desc: undefined };
      const desc = decodeDesc(r);
      return purpose && desc && { type: "find", purpose, excludeSource, desc };
    },
  },
  found: {
    number: 7,
    write(w, m) {
      w.u64(m.span);
      w.list(MAX_FOUND_BRIEFS, m.briefs, encodeBrief);
      w.list(MAX_DESCS, m.descs, encodeDesc);
    },
    read: (r) => ({
      type: "found",
      span: r.u64(),
      briefs: r.list(MAX_FOUND_BRIEFS, decodeBrief),
      descs: r.list(MAX_DESCS, decodeDesc),
    }),
  },
  link: {
    number: 8,
    write(w, m) {
      w.u64(m.nonce);
      w.oneOf(EDGE_KINDS, m.kind);
      encodeDesc(w, m.desc);
      w.raw(m.init);
    },
    read(r) {
      const nonce = r.u64();
      const kind = r.oneOf(EDGE_KINDS);
      const desc = decodeDesc(r);
      const init = readHandshake(r, "init");
      return kind && desc && { type: "link", nonce, kind, desc, init };
    },
  },
  linkOk: {
    number: 9,
    write(w, m) {
      w.u64(m.nonce);
      encodeDesc(w, m.desc);
      w.raw(m.resp);
    },
    read(r) {
      const nonce = r.u64();
      const desc = decodeDesc(r);
      const resp = readHandshake(r, "resp");
      return desc && { type: "linkOk", nonce, desc, resp };
    },
  },
  refer: {
    number: 10,
    write(w, m) {
      w.u8(m.reason);
      w.list(MAX_REFER_BRIEFS, m.briefs, encodeBrief);
    },
    read: (r) => ({ type: "refer", reason: r.u8(), briefs: r.list(MAX_REFER_BRIEFS, decodeBrief) }),
  },
  relayReq: {
    number: 11,
    write(w, m) {
      w.address(m.peer);
      w.flag(m.release);
    },
    read: (r) => ({ type: "relayReq", peer: r.address(), release: r.flag() }),
  },
  relayOk: {
    number: 12,
    write(w, m) {
      w.u8(m.code);
      w.u32(m.lifeS);
      w.u32(m.budgetKbitPerS);
      encodeOptionalTa(w, m.source);
    },
    read: (r) => ({
      type: "relayOk",
      code: r.u8(),
      lifeS: r.u32(),
      budgetKbitPerS: r.u32(),
      source: decodeOptionalTa(r) ?? undefined,
    }),
  },
  merge: {
    number: 13,
    write(w, m) {
      w.u64(m.mergeId);
      w.list(MAX_MERGE_BRIEFS, m.briefs, encodeBrief);
      w.list(MAX_DESCS, m.descs, encodeDesc);
    },
    read: (r) => ({
      type: "merge",
      mergeId: r.u64(),
      briefs: r.list(MAX_MERGE_BRIEFS, decodeBrief),
      descs: r.list(MAX_DESCS, decodeDesc),
    }),
  },
  trim: {
    number: 14,
    write() {},
    read: () => ({ type: "trim" }),
  },
  trimOk: {
    number: 15,
    write: (w, m) => w.flag(m.accept),
    read: (r) => ({ type: "trimOk", accept: r.flag() }),
  },
  close: {
    number: 16,
    write(w, m) {
      w.oneOf(REASONS, m.reason);
      if (m.desc === undefined) return;
      if (m.reason !== "duplicate") throw new RangeError(`CLOSE for the reason ${m.reason} carries no descriptor`);
      encodeDesc(w, m.desc);
    },
    read(r) {
      const reason = r.oneOf(REASONS);
      const desc = reason === "duplicate" && r.remaining > 0 ? decodeDesc(r) : undefined;
      return reason && { type: "close", reason, desc };
    },
  },
  routed: {
    number: ROUTED,
    write(w, m) {
      if (m.innerType === ROUTED) throw new RangeError("ROUTED does not nest");
      w.u8(m.ttl);
      w.u8((m.back ? BACK : 0) | (m.best ? BEYOND : 0));
      w.oneOf(MODES, m.mode);
      w.measuredU8(m.hops); // Counted up from what a peer sent.
      w.u64(m.rid);
      w.address(m.dst);
      w.address(m.src);
      if (m.best) w.address(m.best);
      w.u8(m.innerType);
      w.raw(m.inner);
    },
    read(r) {
      const ttl = r.u8();
      const flags = r.u8();
      const back = (flags & BACK) !== 0;
      const mode = r.oneOf(MODES);
      const hops = r.u8();
      const rid = r.u64();
      const dst = r.address();
      const src = r.address();
      const best = (flags & BEYOND) !== 0 ? r.address() : undefined;
      const innerType = r.u8();
      const inner = r.rest();
      if (mode === undefined || innerType === ROUTED || flags > (BACK | BEYOND)) return undefined;
      return { type: "routed", ttl, back, mode, hops, rid, dst, src, best, innerType, inner };
    },
  },
  noRoute: {
    number: 18,
    write: (w, m) => w.address(m.dst),
    read: (r) => ({ type: "noRoute", dst: r.address() }),
  },
  descGet: {
    number: 19,
    write: (w, m) => w.list(MAX_DESCS, m.addresses, writeAddress),
    read: (r) => ({ type: "descGet", addresses: r.list(MAX_DESCS, readAddress) }),
  },
  desc: {
    number: 20,
    write: (w, m) => w.list(MAX_DESCS, m.descs, encodeDesc),
    read: (r) => ({ type: "desc", descs: r.list(MAX_DESCS, decodeDesc) }),
  },
  chainGet: {
    number: 21,
    write: (w, m) => w.fixed(m.chainHash, 32),
    read: (r) => ({ type: "chainGet", chainHash: r.take(32) }),
  },
  chain: {
    number: 22,
    write: (w, m) => w.raw(m.chain),
    read(r) {
      const chain = r.rest();
      return isChain(chain) ? { type: "chain", chain } : undefined;
    },
  },
  tas: {
    number: 23,
    write: (w, m) => encodeTaList(w, m.tas),
    read: (r) => ({ type: "tas", tas: decodeTaList(r) }),
  },
  punchAt: {
    number: 24,
    write: (w, m) => w.measuredU16(m.delayMs),
    read: (r) => ({ type: "punchAt", delayMs: r.u16() }),
  },
  trace: {
    number: 50,
    write: (w, m) => w.u64(m.t),
    read: (r) => ({ type: "trace", t: r.u64() }),
  },
  traceHop: {
    number: 51,
    write(w, m) {
      w.u8(m.hop);
      encodeBrief(w, m.self);
      w.u8(m.transport);
      w.measuredU16(m.rttMs);
    },
    read(r) {
      const hop = r.u8();
      const self = decodeBrief(r);
      const transport = r.u8();
      const rttMs = r.u16();
      if (transport < 1 || transport > LAST_TRANSPORT) return undefined;
      return { type: "traceHop", hop, self, transport, rttMs };
    },
  },
  walk: {
    number: 52,
    write: (w, m) => w.address(m.from),
    read: (r) => ({ type: "walk", from: r.address() }),
  },
  walkEnd: {
    number: 53,
    write: (w, m) => w.list(MAX_FOUND_BRIEFS, m.briefs, encodeBrief),
    read: (r) => ({ type: "walkEnd", briefs: r.list(MAX_FOUND_BRIEFS, decodeBrief) }),
  },
};

function readEdgeChange(r: Reader): EdgeChange | undefined {
  const op = r.oneOf(OPS);
  const address = r.address();
  const rttMs = r.u16();
  return op && !r.failed ? { op, address, rttMs } : undefined;
}

/** All that is left: a well-formed handshake packet of the type, or nothing. */
function readHandshake(r: Reader, type: HandshakeType): Uint8Array {
  const packet = r.rest();
  if (packet.length > 0 && decodeHandshake(packet)?.type !== type) r.fail();
  return packet;
}

function readAddress(r: Reader): RingAddress {
  return r.address();
}

function writeAddress(w: Writer, address: RingAddress): void {
  w.address(address);
}
