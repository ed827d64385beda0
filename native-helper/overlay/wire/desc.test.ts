import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { descFields as anyFields, bytes as someBytes } from "../../../test/vectors/arbitraries.ts";
import type { RingAddress } from "../ring/address.ts";
import { Reader, Writer } from "./bytes.ts";
import {
  type DescFields,
  decodeBrief,
  decodeDesc,
  decodeFlags,
  encodeBrief,
  encodeDescUnsigned,
  encodeFlags,
  withSignature,
} from "./desc.ts";
import { bindInput, signedPart, signInput } from "./sign-input.ts";
import type { DescNat, NodeFlags } from "./types.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

const fields: DescFields = {
  flags: { public: true, relay: true, gateway: false, bridge: false, nat: "edm-seq", member: true },
  edPublic: new Uint8Array(32).fill(0xed),
  salt: new Uint8Array(16).fill(0x5a),
  xPublic: new Uint8Array(32).fill(0x0c),
  bindValidUntil: 1_700_000_000_000,
  bind: new Uint8Array(64).fill(0xb1),
  chainHash: new Uint8Array(32).fill(0xcc),
  boot: 1_700_000_000_001,
  seq: 1_700_000_000_002,
  lifeS: 7_200,
  coord: { x: -2, y: 300, height: 40, error: 65_535 },
  tas: [{ kind: "udp4", origin: "learned", host: "192.0.2.1", port: 15_000 }],
  anchors: ["11".repeat(20) as RingAddress],
};
const signature = new Uint8Array(64).fill(0x51);

const LAYOUT = `01 00a3 ${"ed".repeat(32)} ${"5a".repeat(16)} ${"0c".repeat(32)} 0000018bcfe56800 ${"b1".repeat(64)}
  ${"cc".repeat(32)} 0000018bcfe56801 0000018bcfe56802 00001c20 fffe012c0028ffff 01 0102c00002013a98 01 ${"11".repeat(20)}`.replaceAll(
  /\s/g,
  "",
);

describe("Desc", () => {
  it("is laid out as drawn", () => {
    expect(encodeDescUnsigned(fields)).toEqual(hex(LAYOUT));
  });

  it("is read back with its signature and its bytes", () => {
    const desc = withSignature(encodeDescUnsigned(fields), signature);
    expect(desc).toMatchObject(fields);
    expect(desc.signature).toEqual(signature);
    expect(desc.bytes).toEqual(hex(LAYOUT + "51".repeat(64)));
    expect(signedPart(desc.bytes)).toEqual(hex(LAYOUT));
  });

  it("keeps nothing of the packet it came in", () => {
    const packet = new Uint8Array(4_096);
    packet.set(hex(LAYOUT + "51".repeat(64)), 100);
    const reader = new Reader(packet);
    reader.skip(100);
    const desc = decodeDesc(reader);
    packet.fill(0);
    expect(desc?.edPublic).toEqual(fields.edPublic);
    expect(desc?.bytes.buffer.byteLength).toBe(LAYOUT.length / 2 + 64);
    expect(reader.at).toBe(100 + LAYOUT.length / 2 + 64);
  });

  it("round-trips", () => {
    fc.assert(
      fc.property(anyFields, someBytes(64), (any, sig) => {
        const desc = withSignature(encodeDescUnsigned(any), sig);
        expect(desc).toEqual({ ...any, signature: sig, bytes: desc.bytes });
      }),
    );
  });

  it.each([
    ["another version", 0, "02"],
    ["reserved flags", 1, "01a3"],
    ["an unknown NAT class", 1, "00d3"],
    ["a life over 7,200 s", 203, "00001c21"],
    ["nine TAs", 215, "09"],
    ["four anchors", 224, "04"],
    ["a time above 2^53", 195, "0020000000000000"],
    ["a binding that ends after 2^53", 83, "0020000000000000"],
  ])("refuses %s", (_, at, value) => {
    const bytes = hex(LAYOUT + "51".repeat(64));
    expect(decodeDesc(new Reader(bytes))).toBeDefined();
    bytes.set(hex(value), at);
    const reader = new Reader(bytes);
    expect(decodeDesc(reader)).toBeUndefined();
    expect(reader.failed).toBe(true);
  });

  it("throws on fields over their limits", () => {
    expect(() => encodeDescUnsigned({ ...fields, lifeS: 7_201 })).toThrow(RangeError);
    expect(() => encodeDescUnsigned({ ...fields, anchors: Array(4).fill(fields.anchors[0]) })).toThrow(RangeError);
    expect(() => encodeDescUnsigned({ ...fields, salt: new Uint8Array(15) })).toThrow(RangeError);
    expect(() => withSignature(encodeDescUnsigned(fields), new Uint8Array(63))).toThrow(RangeError);
  });
});

describe("Brief and flags", () => {
  const plain: NodeFlags = {
    public: false,
    relay: false,
    gateway: false,
    bridge: false,
    nat: "unknown",
    member: false,
  };

  it("has 30 bytes", () => {
    const brief = { address: "22".repeat(20) as RingAddress, flags: fields.flags, coord: fields.coord };
    const writer = new Writer();
    encodeBrief(writer, brief);
    expect(writer.finish()).toEqual(hex(`${"22".repeat(20)} 00a3 fffe012c0028ffff`));
    expect(decodeBrief(new Reader(writer.finish()))).toEqual(brief);
  });

  it.each<[Partial<NodeFlags>, number]>([
    [{}, 0],
    [{ public: true }, 0x01],
    [{ relay: true }, 0x02],
    [{ gateway: true }, 0x04],
    [{ bridge: true }, 0x08],
    [{ nat: "eim" }, 0x10],
    [{ nat: "edm-seq" }, 0x20],
    [{ nat: "edm-random" }, 0x30],
    [{ nat: "udp-blocked" }, 0x40],
    [{ member: true }, 0x80],
  ])("writes %j as %d", (set, bits) => {
    const writer = new Writer();
    encodeFlags(writer, { ...plain, ...set });
    expect(writer.finish()).toEqual(Uint8Array.of(0, bits));
    expect(decodeFlags(new Reader(writer.finish()))).toEqual({ ...plain, ...set });
  });

  it("throws on a NAT class that it does not know", () => {
    expect(() => encodeFlags(new Writer(), { ...plain, nat: "strange" as DescNat })).toThrow(RangeError);
  });
});

describe("what is signed", () => {
  const netId = new Uint8Array(32).fill(0x4e);

  it("starts with its purpose and the affiliation", () => {
    expect(signInput("desc", netId, hex("0102"))).toEqual(hex(`6f766c312d64657363 ${"4e".repeat(32)} 0102`));
    expect(signInput("rec", netId, hex("0102"))).toEqual(hex(`6f766c312d726563 ${"4e".repeat(32)} 0102`));
  });

  it("covers X and the end of its validity in a binding", () => {
    expect(bindInput(netId, fields.xPublic, 1_700_000_000_000)).toEqual(
      hex(`6f766c312d62696e64 ${"4e".repeat(32)} ${"0c".repeat(32)} 0000018bcfe56800`),
    );
  });
});
