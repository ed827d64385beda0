/** Random but valid values of everything that the overlay's codecs carry, for property tests and the fuzzer. */
import * as fc from "fast-check";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import { type DescFields, encodeDescUnsigned, withSignature } from "../../native-helper/overlay/wire/desc.ts";
import { formatIp, ipUse } from "../../native-helper/overlay/wire/ip.ts";
import { encodeHandshake, type HandshakeContent, payloadRoom } from "../../native-helper/overlay/wire/packet.ts";
import {
  type AddressInfo,
  encodeRecordUnsigned,
  type LeaseValue,
  type RecordFields,
  recordWithSignature,
} from "../../native-helper/overlay/wire/record.ts";
import { fitText } from "../../native-helper/overlay/wire/text.ts";
import type {
  Brief,
  Ctrl,
  Desc,
  DhtRecord,
  HandshakePayload,
  Message,
  MessageOf,
  MessageType,
  NodeFlags,
  TransportAddress,
} from "../../native-helper/overlay/wire/types.ts";

export const u8 = fc.nat(0xff);
export const u16 = fc.nat(0xffff);
export const u32 = fc.integer({ min: 0, max: 0xffffffff });
export const u53 = fc.oneof(fc.maxSafeNat(), fc.integer({ min: 1_600_000_000_000, max: 2_000_000_000_000 }));
export const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

export function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

export const address: fc.Arbitrary<RingAddress> = bytes(20).map((b) => Buffer.from(b).toString("hex") as RingAddress);

/** Mostly addresses that a packet can be sent to. */
const ip4 = bytes(4).map((b) => (ipUse(b) === "unicast" ? b : Uint8Array.of(10, ...b.subarray(1))));
const ip6 = fc.tuple(bytes(16), fc.array(fc.nat(15), { maxLength: 14 })).map(([b, zeros]) => {
  const ip = b.slice();
  for (const at of zeros) ip[at] = 0;
  return ipUse(ip) === "unicast" ? ip : Uint8Array.of(0xfd, ...ip.subarray(1));
});

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?$/);
const dnsName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));

export const ta: fc.Arbitrary<TransportAddress> = fc
  .record({
    kind: fc.constantFrom("udp4", "udp6", "tcp4", "tcp6", "udpDns", "tcpDns", "tlsDns", "tls4", "tls6"),
    origin: fc.constantFrom("local", "learned", "mapped", "configured", "predicted"),
    ip4: ip4.map(formatIp),
    ip6: ip6.map(formatIp),
    name: dnsName,
    port: fc.integer({ min: 1, max: 0xffff }),
  })
  .map((part) => ({
    kind: part.kind,
    origin: part.origin,
    host: part.kind.endsWith("4") ? part.ip4 : part.kind.endsWith("6") ? part.ip6 : part.name,
    port: part.port,
  }));

const tas = fc.array(ta, { maxLength: 8 });

export const flags: fc.Arbitrary<NodeFlags> = fc.record({
  public: fc.boolean(),
  relay: fc.boolean(),
  gateway: fc.boolean(),
  bridge: fc.boolean(),
  nat: fc.constantFrom("unknown", "eim", "edm-seq", "edm-random", "udp-blocked"),
  member: fc.boolean(),
});

const i16 = fc.integer({ min: -0x8000, max: 0x7fff });
export const coord = fc.record({ x: i16, y: i16, height: u16, error: u16 });
export const brief: fc.Arbitrary<Brief> = fc.record({ address, flags, coord });

export const descFields: fc.Arbitrary<DescFields> = fc.record({
  flags,
  edPublic: bytes(32),
  salt: bytes(16),
  xPublic: bytes(32),
  bindValidUntil: u53,
  bind: bytes(64),
  chainHash: bytes(32),
  boot: u53,
  seq: u53,
  lifeS: fc.nat(7_200),
  coord,
  tas,
  anchors: fc.array(address, { maxLength: 3 }),
});

export const desc: fc.Arbitrary<Desc> = fc
  .tuple(descFields, bytes(64))
  .map(([fields, signature]) => withSignature(encodeDescUnsigned(fields), signature));

export const recordFields: fc.Arbitrary<RecordFields> = fc.record({
  type: fc.integer({ min: 1, max: 8 }),
  key: bytes(20),
  edPublic: bytes(32),
  salt: bytes(16),
  chainHash: bytes(32),
  seq: u53,
  lifeS: u32,
  value: fc.uint8Array({ maxLength: 40 }),
});

export const record: fc.Arbitrary<DhtRecord> = fc
  .tuple(recordFields, bytes(64))
  .map(([fields, signature]) => recordWithSignature(encodeRecordUnsigned(fields), signature));

export const lease: fc.Arbitrary<LeaseValue> = fc.record({
  ip: bytes(4).map(formatIp),
  prefix: fc.nat(32),
  i: fc.oneof(fc.nat(63), fc.constant(255)),
  since: u53,
});

function text(maxBytes: number): fc.Arbitrary<string> {
  return fc.string({ unit: "grapheme", maxLength: 40 }).map((whole) => fitText(whole, maxBytes));
}

export const addressInfo: fc.Arbitrary<AddressInfo> = fc.record({
  ips: fc.array(fc.oneof(ip4, ip6).map(formatIp), { maxLength: 8 }),
  subnets: fc.array(
    bytes(2).map(([a, b]) => `10.${a}.${b}.0/24`),
    { maxLength: 4 },
  ),
  name: text(63),
  site: text(32),
  version: text(32),
});

const certificate = fc
  .record({
    kind: fc.integer({ min: 1, max: 3 }),
    caps: u8,
    days: bytes(6),
    depth: fc.nat(3),
    keys: bytes(2 + 16 + 32 + 16 + 20),
    subnets: fc.array(
      bytes(2).map(([a, b]) => [4, 10, a as number, b as number, 0, 24]),
      { maxLength: 4 },
    ),
    signature: bytes(64),
  })
  .map(({ kind, caps, days, depth, keys, subnets, signature }) => {
    const times = [0, 0, ...days, 0, 0, ...days].map((byte, i) => (i % 8 === 2 ? byte & 0x1f : byte));
    return [1, kind, 0, caps, ...times, depth, ...keys, subnets.length, ...subnets.flat(), ...signature];
  });

/** Chains of the right shape; nothing in them is signed by anybody. */
export const chainBytes: fc.Arbitrary<Uint8Array> = fc
  .array(certificate, { maxLength: 3 })
  .map((certificates) => Uint8Array.of(certificates.length, ...certificates.flat()));

export const edgeKind = fc.constantFrom("leaf", "near", "far", "shortcut", "anchor");

/** Any set of TLVs; what a packet must hold is not looked at. */
export const payload: fc.Arbitrary<HandshakePayload> = fc.record(
  {
    stamp: u53,
    identity: fc.record({ edPublic: bytes(32), salt: bytes(16), bindValidUntil: u53, bind: bytes(64) }),
    chain: chainBytes,
    boot: u53,
    observed: ta,
    features: fc.record({ bits: u32, ciphers: fc.uniqueArray(u8, { minLength: 1, maxLength: 16 }) }),
    tas,
    edgeKind,
    revocations: fc.record({ count: u16, root: bytes(32) }),
    pqPskId: bytes(8),
  },
  { requiredKeys: [] },
);

/** The fixed part of each Noise message: public keys and their tags. */
const NOISE_BYTES = { init: 80, resp: 32, xx1: 32, xx2: 80, xx3: 48 } as const;

export const handshake: fc.Arbitrary<HandshakeContent> = fc
  .constantFrom("init", "resp", "xx1", "xx2", "xx3")
  .chain((type): fc.Arbitrary<HandshakeContent> => {
    const most = payloadRoom(type, type === "init" || type === "resp" ? 1_120 : 1_200) + 16;
    const payloadBytes = type === "xx1" ? fc.constant(most) : fc.integer({ min: 16, max: most });
    const noise = payloadBytes.chain((length) => bytes(NOISE_BYTES[type] + length));
    return type === "init" || type === "xx1"
      ? fc.record({ type: fc.constant(type), sender: u32, noise })
      : fc.record({ type: fc.constant(type), sender: u32, receiver: u32, noise });
  });

/** A mac that depends on every byte before it; only its size matters to the codecs. */
export function sumMac(preceding: Uint8Array): Uint8Array {
  const mac = new Uint8Array(16);
  for (const [i, byte] of preceding.entries()) mac[i % 16] = (mac[i % 16] as number) * 31 + byte;
  return mac;
}

function packetOrNothing(type: "init" | "resp"): fc.Arbitrary<Uint8Array> {
  const packet = handshake
    .filter((content) => content.type === type)
    .map((content) => encodeHandshake(content, sumMac));
  return fc.oneof(packet, fc.constant(new Uint8Array(0)));
}

const descs = fc.array(desc, { maxLength: 4 });
const optionalTa = fc.option(ta, { nil: undefined });

function message<T extends MessageType>(
  type: T,
  fields: { [K in Exclude<keyof MessageOf<T>, "type">]: fc.Arbitrary<MessageOf<T>[K]> },
): fc.Arbitrary<Message> {
  return fc.record({ type: fc.constant(type), ...fields }) as unknown as fc.Arbitrary<Message>;
}

const copy = fc.record({ remainingS: u32, record });

/** One generator for every message; a new message does not compile until it has one. */
export const messages: { readonly [T in MessageType]: fc.Arbitrary<Message> } = {
  ack: message("ack", { id: u32 }),
  ping: message("ping", { t: u32, load: u8, log2N: u16.map((n) => n / 256) }),
  pong: message("pong", { t: u32, observed: optionalTa, coord }),
  nearDiff: message("nearDiff", {
    flags,
    coord,
    full: fc.boolean(),
    digest: u32,
    removed: fc.array(address, { maxLength: 24 }),
    briefs: fc.array(brief, { maxLength: 16 }),
  }),
  nearGet: message("nearGet", {}),
  near: message("near", {
    self: brief,
    briefs: fc.array(brief, { maxLength: 16 }),
    descs: fc.array(desc, { maxLength: 3 }),
  }),
  edges: message("edges", {
    seq: u16,
    full: fc.boolean(),
    changes: fc.array(fc.record({ op: fc.constantFrom("add", "remove"), address, rttMs: u16 }), { maxLength: 256 }),
  }),
  suspect: message("suspect", { address }),
  find: message("find", {
    purpose: fc.constantFrom("join", "check", "far", "merge", "key"),
    excludeSource: fc.boolean(),
    desc: fc.option(desc, { nil: undefined }),
  }),
  found: message("found", { span: u64, briefs: fc.array(brief, { maxLength: 17 }), descs }),
  link: message("link", { nonce: u64, kind: edgeKind, desc, init: packetOrNothing("init") }),
  linkOk: message("linkOk", { nonce: u64, desc, resp: packetOrNothing("resp") }),
  refer: message("refer", { reason: u8, briefs: fc.array(brief, { maxLength: 8 }) }),
  relayReq: message("relayReq", { peer: address, release: fc.boolean() }),
  relayOk: message("relayOk", { code: u8, lifeS: u32, budgetKbitPerS: u32, source: optionalTa }),
  merge: message("merge", { mergeId: u64, briefs: fc.array(brief, { maxLength: 8 }), descs }),
  trim: message("trim", {}),
  trimOk: message("trimOk", { accept: fc.boolean() }),
  close: fc.oneof(
    message("close", {
      reason: fc.constantFrom("leave", "revoked", "expired", "limit"),
      desc: fc.constant(undefined),
    }),
    message("close", { reason: fc.constant("duplicate"), desc: fc.option(desc, { nil: undefined }) }),
  ),
  routed: message("routed", {
    ttl: u8,
    back: fc.boolean(),
    mode: fc.constantFrom("exact", "nearest"),
    hops: u8,
    rid: u64,
    dst: address,
    src: address,
    best: fc.option(address, { nil: undefined }),
    innerType: u8.filter((type) => type !== 17),
    inner: fc.uint8Array({ maxLength: 300 }),
  }),
  noRoute: message("noRoute", { dst: address }),
  descGet: message("descGet", { addresses: fc.array(address, { maxLength: 4 }) }),
  desc: message("desc", { descs }),
  chainGet: message("chainGet", { chainHash: bytes(32) }),
  chain: message("chain", { chain: chainBytes }),
  tas: message("tas", { tas }),
  punchAt: message("punchAt", { delayMs: u16 }),
  trace: message("trace", { t: u64 }),
  traceHop: message("traceHop", { hop: u8, self: brief, transport: fc.integer({ min: 1, max: 6 }), rttMs: u16 }),
  walk: message("walk", { from: address }),
  walkEnd: message("walkEnd", { briefs: fc.array(brief, { maxLength: 17 }) }),
  speedAsk: message("speedAsk", { test: u32, direction: fc.constantFrom("up", "down"), timeMs: u16 }),
  speedReady: message("speedReady", { test: u32, code: fc.constantFrom("ready", "refused", "busy") }),
  speedData: message("speedData", { test: u32, seq: u32, padding: fc.nat(1_400) }),
  speedCount: message("speedCount", {
    test: u32,
    last: fc.boolean(),
    packets: u32,
    bytes: u32,
    highest: u32,
    elapsedMs: u16,
  }),
  dhtPut: message("dhtPut", { record }),
  dhtAck: message("dhtAck", {
    code: fc.constantFrom("ok", "taken", "stale", "refused", "later", "sinceRefused"),
    heldSeq: u53,
    replicas: u8,
    wait: fc.boolean(),
  }),
  dhtGet: message("dhtGet", { recordType: fc.integer({ min: 1, max: 8 }), key: bytes(20) }),
  dhtValue: message("dhtValue", {
    values: fc.array(fc.record({ namedBy: u8, remainingS: u32, record }), { maxLength: 6 }),
  }),
  dhtSync: message("dhtSync", { from: address, to: address, hashes: fc.array(bytes(20), { maxLength: 30 }) }),
  dhtOffer: message("dhtOffer", { hashes: fc.array(bytes(20), { maxLength: 30 }) }),
  dhtWant: message("dhtWant", { hashes: fc.array(bytes(20), { maxLength: 30 }) }),
  dhtCopy: message("dhtCopy", { items: fc.array(copy, { maxLength: 6 }) }),
  claim: message("claim", { op: u32, record }),
  claimed: message("claimed", {
    op: u32,
    code: fc.constantFrom("ok", "otherClaim", "notMyKey"),
    remainingS: u32,
    held: fc.option(record, { nil: undefined }),
  }),
  store: message("store", { op: u32, known: fc.boolean(), record }),
  stored: message("stored", {
    op: u32,
    code: fc.constantFrom("ok", "otherClaim", "notMyKey", "taken", "sinceRefused"),
  }),
  undo: message("undo", { op: u32, key: bytes(20) }),
  lease: message("lease", { conflict: fc.boolean(), records: fc.array(record, { maxLength: 4 }) }),
};

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages));

export function ctrlOf(inner: fc.Arbitrary<Message>): fc.Arbitrary<Ctrl> {
  return fc.record({ ackWanted: fc.boolean(), answer: fc.boolean(), id: u32, message: inner });
}
