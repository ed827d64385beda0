import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ctrlOf, messages } from "../../../test/vectors/arbitraries.ts";
import type { RingAddress } from "../ring/address.ts";
import {
  CTRL_MAX_BYTES,
  decodeBody,
  decodeCtrl,
  encodeBody,
  encodeCtrl,
  messageTypeName,
  messageTypeNumber,
} from "./ctrl.ts";
import { type DescFields, encodeDescUnsigned, withSignature } from "./desc.ts";
import { encodeInit, encodeResp } from "./packet.ts";
import { encodeRecordUnsigned, recordWithSignature } from "./record.ts";
import type { Brief, Ctrl, Message, MessageType } from "./types.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const A = "11".repeat(20) as RingAddress;
const B = "22".repeat(20) as RingAddress;
const signature = new Uint8Array(64).fill(0x51);
const flags = { public: false, relay: false, gateway: false, bridge: false, nat: "unknown", member: true } as const;
const coord = { x: 1, y: -1, height: 2, error: 3 };
const COORD = "0001ffff00020003";
const descFields: DescFields = {
  flags,
  edPublic: new Uint8Array(32).fill(1),
  salt: new Uint8Array(16).fill(2),
  xPublic: new Uint8Array(32).fill(3),
  bindValidUntil: 4,
  bind: new Uint8Array(64).fill(5),
  chainHash: new Uint8Array(32).fill(6),
  boot: 7,
  seq: 8,
  lifeS: 9,
  coord,
  tas: [],
  anchors: [],
};
const desc = withSignature(encodeDescUnsigned(descFields), signature);
const DESC = toHex(desc.bytes);
const record = recordWithSignature(
  encodeRecordUnsigned({
    type: 2,
    key: new Uint8Array(20).fill(1),
    edPublic: new Uint8Array(32).fill(2),
    salt: new Uint8Array(16).fill(3),
    chainHash: new Uint8Array(32).fill(4),
    seq: 5,
    lifeS: 6,
    value: new Uint8Array(3),
  }),
  signature,
);
const RECORD = toHex(record.bytes);
const brief: Brief = { address: A, flags, coord };
const BRIEF = `${A}0080${COORD}`;
const init = encodeInit({ sender: 1, noise: new Uint8Array(96) }, () => new Uint8Array(16));
const resp = encodeResp({ sender: 1, receiver: 2, noise: new Uint8Array(48) }, () => new Uint8Array(16));
const ta = { kind: "udp4", origin: "learned", host: "192.0.2.1", port: 15_000 } as const;
const TA = "0102c00002013a98";
const hash = new Uint8Array(32).fill(7);
const HASH = "07".repeat(32);
const key = new Uint8Array(20).fill(9);
const KEY = "09".repeat(20);

const bodies: [Message, number, string][] = [
  [{ type: "ack", id: 0x01020304 }, 0, "01020304"],
  [{ type: "ping", t: 0xfffffffe, load: 12, log2N: 9.5 }, 1, "fffffffe 0c 0980"],
  [{ type: "pong", t: 1, observed: ta, coord }, 2, `00000001 ${TA} ${COORD}`],
  [{ type: "pong", t: 1, observed: undefined, coord }, 2, `00000001 00 ${COORD}`],
  [
    { type: "nearDiff", flags: brief.flags, coord, full: false, digest: 258, removed: [A], briefs: [brief] },
    58,
    `0080 ${COORD} 00 00000102 01 ${A} 01 ${BRIEF}`,
  ],
  [{ type: "nearGet" }, 59, ""],
  [{ type: "near", self: brief, briefs: [brief, brief], descs: [desc] }, 3, `${BRIEF} 02 ${BRIEF} ${BRIEF} 01 ${DESC}`],
  [
    {
      type: "edges",
      seq: 258,
      full: true,
      changes: [
        { op: "add", address: A, rttMs: 40 },
        { op: "remove", address: B, rttMs: 0 },
      ],
    },
    4,
    `0102 01 0002 01 ${A} 0028 02 ${B} 0000`,
  ],
  [{ type: "suspect", address: A }, 5, A],
  [{ type: "find", purpose: "join", excludeSource: true, desc }, 6, `01 01 ${DESC}`],
  [{ type: "find", purpose: "key", excludeSource: false, desc }, 6, `05 00 ${DESC}`],
  [{ type: "find", purpose: "far", excludeSource: true, desc: undefined }, 6, "03 01"],
  [
    { type: "found", span: 2n ** 64n - 1n, briefs: [brief], descs: [desc, desc] },
    7,
    `ffffffffffffffff 01 ${BRIEF} 02 ${DESC} ${DESC}`,
  ],
  [{ type: "link", nonce: 258n, kind: "near", desc, init }, 8, `0000000000000102 02 ${DESC} ${toHex(init)}`],
  [{ type: "link", nonce: 258n, kind: "anchor", desc, init: new Uint8Array(0) }, 8, `0000000000000102 05 ${DESC}`],
  [{ type: "linkOk", nonce: 258n, desc, resp }, 9, `0000000000000102 ${DESC} ${toHex(resp)}`],
  [{ type: "refer", reason: 1, briefs: [brief] }, 10, `01 01 ${BRIEF}`],
  [{ type: "relayReq", peer: A, release: false }, 11, `${A} 00`],
  [{ type: "relayOk", code: 0, lifeS: 600, budgetKbitPerS: 5_000, source: ta }, 12, `00 00000258 00001388 ${TA}`],
  [{ type: "relayOk", code: 2, lifeS: 0, budgetKbitPerS: 0, source: undefined }, 12, "02 00000000 00000000 00"],
  [{ type: "merge", mergeId: 1n, briefs: [brief], descs: [] }, 13, `0000000000000001 01 ${BRIEF} 00`],
  [{ type: "trim" }, 14, ""],
  [{ type: "trimOk", accept: true }, 15, "01"],
  [{ type: "close", reason: "leave", desc: undefined }, 16, "01"],
  [{ type: "close", reason: "duplicate", desc }, 16, `05 ${DESC}`],
  [
    {
      type: "routed",
      ttl: 32,
      back: true,
      mode: "nearest",
      hops: 2,
      rid: 258n,
      dst: A,
      src: B,
      innerType: 6,
      inner: hex("aabb"),
    },
    17,
    `20 01 01 02 0000000000000102 ${A} ${B} 06 aabb`,
  ],
  [
    {
      type: "routed",
      ttl: 31,
      back: false,
      mode: "nearest",
      hops: 1,
      rid: 258n,
      dst: A,
      src: B,
      best: A,
      innerType: 6,
      inner: hex("aabb"),
    },
    17,
    `1f 02 01 01 0000000000000102 ${A} ${B} ${A} 06 aabb`,
  ],
  [{ type: "noRoute", dst: A }, 18, A],
  [{ type: "descGet", addresses: [A, B] }, 19, `02 ${A} ${B}`],
  [{ type: "desc", descs: [desc] }, 20, `01 ${DESC}`],
  [{ type: "chainGet", chainHash: hash }, 21, HASH],
  [{ type: "chain", chain: Uint8Array.of(0) }, 22, "00"],
  [{ type: "tas", tas: [ta, ta] }, 23, `02 ${TA} ${TA}`],
  [{ type: "punchAt", delayMs: 258 }, 24, "0102"],
  [{ type: "trace", t: 258n }, 50, "0000000000000102"],
  [{ type: "traceHop", hop: 3, self: brief, transport: 6, rttMs: 258 }, 51, `03 ${BRIEF} 06 0102`],
  [{ type: "walk", from: A }, 52, A],
  [{ type: "walkEnd", briefs: [brief] }, 53, `01 ${BRIEF}`],
  [{ type: "speedAsk", test: 7, direction: "up", timeMs: 5_000 }, 54, "00000007 01 1388"],
  [{ type: "speedAsk", test: 7, direction: "down", timeMs: 1 }, 54, "00000007 02 0001"],
  [{ type: "speedReady", test: 7, code: "ready" }, 55, "00000007 00"],
  [{ type: "speedReady", test: 7, code: "refused" }, 55, "00000007 01"],
  [{ type: "speedReady", test: 7, code: "busy" }, 55, "00000007 02"],
  [{ type: "speedData", test: 7, seq: 1, padding: 3 }, 56, "00000007 00000001 000000"],
  [
    { type: "speedCount", test: 7, last: true, packets: 2, bytes: 3, highest: 4, elapsedMs: 5 },
    57,
    "00000007 01 00000002 00000003 00000004 0005",
  ],
  [{ type: "dhtPut", record }, 32, RECORD],
  [{ type: "dhtAck", code: "taken", heldSeq: 258, replicas: 4, wait: true }, 33, "01 0000000000000102 04 01"],
  [{ type: "dhtGet", recordType: 1, key }, 34, `01 ${KEY}`],
  [{ type: "dhtValue", values: [{ namedBy: 3, remainingS: 258, record }] }, 35, `01 03 00000102 ${RECORD}`],
  [{ type: "dhtSync", from: A, to: B, hashes: [key] }, 36, `${A} ${B} 0001 ${KEY}`],
  [{ type: "dhtOffer", hashes: [key] }, 44, `0001 ${KEY}`],
  [{ type: "dhtWant", hashes: [] }, 45, "0000"],
  [{ type: "dhtCopy", items: [{ remainingS: 258, record }] }, 37, `0001 00000102 ${RECORD}`],
  [{ type: "claim", op: 258, record }, 38, `00000102 ${RECORD}`],
  [
    { type: "claimed", op: 258, code: "otherClaim", remainingS: 259, held: record },
    39,
    `00000102 01 00000103 ${RECORD}`,
  ],
  [{ type: "claimed", op: 258, code: "ok", remainingS: 0, held: undefined }, 39, "00000102 00 00000000"],
  [{ type: "store", op: 258, known: true, record }, 40, `00000102 01 ${RECORD}`],
  [{ type: "stored", op: 258, code: "sinceRefused" }, 41, "00000102 04"],
  [{ type: "undo", op: 258, key }, 42, `00000102 ${KEY}`],
  [{ type: "lease", conflict: true, records: [record] }, 43, `01 01 ${RECORD}`],
];

describe("bodies", () => {
  it.each(bodies.map(([message, number, layout]) => [message.type, number, layout, message] as const))(
    "%s is type %d: %.40s",
    (type, number, layout, message) => {
      expect(messageTypeNumber(type)).toBe(number);
      expect(messageTypeName(number)).toBe(type);
      expect(encodeBody(message)).toEqual({ type: number, body: hex(layout) });
      expect(decodeBody(number, hex(layout))).toEqual(message);
    },
  );

  it("are drawn above for every message", () => {
    expect(new Set(bodies.map(([message]) => message.type))).toEqual(new Set(Object.keys(messages)));
  });

  it.each(Object.entries(messages))("%s round-trips", (type, message) => {
    fc.assert(
      fc.property(ctrlOf(message), (ctrl) => {
        const bytes = encodeCtrl(ctrl);
        expect(bytes[0]).toBe(messageTypeNumber(type as MessageType));
        expect(decodeCtrl(bytes)).toEqual(ctrl);
      }),
      { numRuns: 40 },
    );
  });

  it.each(bodies.map(([message, number, layout]) => [message.type, number, layout] as const))(
    "%s (%d) is not taken with a byte more",
    (type, number, layout) => {
      const more = hex(`${layout}00`);
      if (type === "routed") expect(decodeBody(number, more)).toMatchObject({ inner: hex("aabb00") });
      else if (type === "speedData") expect(decodeBody(number, more)).toMatchObject({ padding: 4 });
      else expect(decodeBody(number, more)).toBeUndefined();
    },
  );
});

describe("refused bodies", () => {
  const descs = (n: number) => `0${n} ${DESC.repeat(n)}`;
  const briefs = (n: number) => `${n.toString(16).padStart(2, "0")} ${BRIEF.repeat(n)}`;
  const rid = "0000000000000001";
  it.each<[string, number, string]>([
    ["a type that is not there", 58, ""],
    ["a type of later versions", 28, "00"],
    ["NEAR with 17 Briefs", 3, `${BRIEF} ${briefs(17)} 00`],
    ["NEAR with 4 Descs", 3, `${BRIEF} 00 ${descs(4)}`],
    ["a Brief with reserved flags", 3, `${A}0100${COORD} 00 00`],
    ["EDGES with 257 changes", 4, `0000 00 0101 ${`01${A}0000`.repeat(257)}`],
    ["EDGES with an unknown operation", 4, `0000 00 0001 03 ${A} 0000`],
    ["EDGES with full = 2", 4, "0000 02 0000"],
    ["FIND for an unknown purpose", 6, `06 00 ${DESC}`],
    ["FIND with reserved flags", 6, `01 02 ${DESC}`],
    ["FOUND with 18 Briefs", 7, `${rid} ${briefs(18)} 00`],
    ["FOUND with 5 Descs", 7, `${rid} 00 ${descs(5)}`],
    ["LINK of an unknown kind", 8, `${rid} 06 ${DESC}`],
    ["LINK with a RESP for its INIT", 8, `${rid} 02 ${DESC} ${toHex(resp)}`],
    ["LINK with a cut INIT", 8, `${rid} 02 ${DESC} ${toHex(init).slice(0, -2)}`],
    ["LINK_OK with an INIT for its RESP", 9, `${rid} ${DESC} ${toHex(init)}`],
    ["REFER with 9 Briefs", 10, `01 ${briefs(9)}`],
    ["RELAY_REQ with release = 2", 11, `${A} 02`],
    ["RELAY_OK without a source", 12, "00 00000258 00001388"],
    ["MERGE with 9 Briefs", 13, `${rid} ${briefs(9)} 00`],
    ["MERGE with 5 Descs", 13, `${rid} 00 ${descs(5)}`],
    ["CLOSE for reason 0", 16, "00"],
    ["CLOSE for an unknown reason", 16, "06"],
    ["CLOSE with a Desc where none belongs", 16, `01 ${DESC}`],
    ["ROUTED with reserved flags", 17, `20 02 00 00 ${rid} ${A} ${B} 06`],
    ["ROUTED in an unknown mode", 17, `20 00 02 00 ${rid} ${A} ${B} 06`],
    ["ROUTED inside ROUTED", 17, `20 00 00 00 ${rid} ${A} ${B} 11`],
    ["ROUTED without a message", 17, `20 00 00 00 ${rid} ${A} ${B}`],
    ["DESC_GET for 5", 19, `05 ${A.repeat(5)}`],
    ["CHAIN that is no chain", 22, "01"],
    ["TAS with loopback", 23, "01 01027f0000013a98"],
    ["TRACE_HOP over transport 0", 51, `03 ${BRIEF} 00 0102`],
    ["TRACE_HOP over transport 7", 51, `03 ${BRIEF} 07 0102`],
    ["WALK_END with 18 Briefs", 53, briefs(18)],
    ["SPEED_ASK in no direction", 54, "00000007 00 1388"],
    ["SPEED_ASK in an unknown direction", 54, "00000007 03 1388"],
    ["SPEED_READY with an unknown code", 55, "00000007 03"],
    ["SPEED_DATA whose padding says something", 56, "00000007 00000001 000100"],
    ["SPEED_COUNT with last = 2", 57, "00000007 02 00000002 00000003 00000004 0005"],
    ["DHT_ACK with an unknown code", 33, "06 0000000000000102 04 01"],
    ["DHT_ACK with wait = 2", 33, "01 0000000000000102 04 02"],
    ["DHT_GET of type 0", 34, `00 ${KEY}`],
    ["DHT_GET of an unknown type", 34, `09 ${KEY}`],
    ["DHT_VALUE with fewer values than it says", 35, `02 03 00000102 ${RECORD}`],
    ["DHT_SYNC with 401 hashes", 36, `${A} ${B} 0191 ${KEY.repeat(401)}`],
    ["DHT_COPY with 45 records", 37, `002d ${`00000000${RECORD}`.repeat(45)}`],
    ["CLAIMED with an unknown code", 39, "00000102 03 00000000"],
    ["CLAIMED with half a Record", 39, `00000102 00 00000000 ${RECORD.slice(0, 100)}`],
    ["STORE with known = 2", 40, `00000102 02 ${RECORD}`],
    ["STORED with an unknown code", 41, "00000102 05"],
    ["LEASE with 5 Records", 43, `00 05 ${RECORD.repeat(5)}`],
    ["LEASE of an unknown kind", 43, `02 01 ${RECORD}`],
  ])("%s", (_, number, layout) => {
    expect(decodeBody(number, hex(layout))).toBeUndefined();
  });
});

describe("the head of a CTRL frame", () => {
  const head: Omit<Ctrl, "message"> = { ackWanted: false, answer: false, id: 0x01020304 };

  it.each([
    [{ ...head }, "0e 00 01020304"],
    [{ ...head, ackWanted: true }, "0e 01 01020304"],
    [{ ...head, answer: true }, "0e 02 01020304"],
    [{ ackWanted: true, answer: true, id: 0 }, "0e 03 00000000"],
  ])("%j", (fields, layout) => {
    const ctrl: Ctrl = { ...fields, message: { type: "trim" } };
    expect(encodeCtrl(ctrl)).toEqual(hex(layout));
    expect(decodeCtrl(hex(layout))).toEqual(ctrl);
  });

  it.each(["", "0e", "0e 00 010203", "0e 04 01020304", "0e 80 01020304", "ff 00 01020304"])("refuses %j", (layout) => {
    expect(decodeCtrl(hex(layout))).toBeUndefined();
  });

  it("is refused in front of more than 8,192 bytes", () => {
    const routed = (inner: number): Ctrl => ({
      ...head,
      message: {
        type: "routed",
        ttl: 1,
        back: false,
        mode: "exact",
        hops: 0,
        rid: 1n,
        dst: A,
        src: B,
        innerType: 0,
        inner: new Uint8Array(inner),
      },
    });
    const most = CTRL_MAX_BYTES - 6 - 53;
    expect(decodeCtrl(encodeCtrl(routed(most)))).toBeDefined();
    expect(() => encodeCtrl(routed(most + 1))).toThrow(RangeError);
    expect(decodeCtrl(Uint8Array.of(...encodeCtrl(routed(most)), 0))).toBeUndefined();
  });
});

describe("encoding", () => {
  it("rounds what was measured, and holds it inside its field", () => {
    const read = (message: Message) => decodeBody(messageTypeNumber(message.type), encodeBody(message).body);
    expect(read({ type: "ping", t: 0, load: 999, log2N: 7.001 })).toEqual({ type: "ping", t: 0, load: 255, log2N: 7 });
    expect(read({ type: "claimed", op: 1, code: "ok", remainingS: 2 ** 32, held: undefined })).toMatchObject({
      remainingS: 2 ** 32 - 1,
    });
    expect(read({ type: "punchAt", delayMs: 12.4 })).toEqual({ type: "punchAt", delayMs: 12 });
    expect(
      read({ type: "edges", seq: 0, full: false, changes: [{ op: "add", address: A, rttMs: 1e6 }] }),
    ).toMatchObject({
      changes: [{ rttMs: 65_535 }],
    });
  });

  it("passes on a routed message whose hops a peer set to the most", () => {
    const inner = hex("aabb");
    const hostile = {
      ttl: 1,
      back: false,
      mode: "exact",
      hops: 256,
      rid: 1n,
      dst: A,
      src: B,
      innerType: 6,
      inner,
    } as const;
    const { body } = encodeBody({ type: "routed", ...hostile });
    expect(decodeBody(17, body)).toMatchObject({ hops: 255 });
  });

  it.each<[string, Message]>([
    ["a list over its limit", { type: "refer", reason: 0, briefs: Array(9).fill(brief) }],
    [
      "ROUTED inside ROUTED",
      {
        type: "routed",
        ttl: 1,
        back: false,
        mode: "exact",
        hops: 0,
        rid: 1n,
        dst: A,
        src: B,
        innerType: 17,
        inner: hex(""),
      },
    ],
    ["a Desc in CLOSE(leave)", { type: "close", reason: "leave", desc }],
    [
      "257 edge changes",
      { type: "edges", seq: 0, full: true, changes: Array(257).fill({ op: "add", address: A, rttMs: 0 }) },
    ],
  ])("throws on %s", (_, message) => {
    expect(() => encodeBody(message)).toThrow(RangeError);
  });
});
