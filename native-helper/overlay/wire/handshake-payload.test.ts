import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { payload as anyPayload } from "../../../test/vectors/arbitraries.ts";
import { EMPTY_CHAIN, isChain } from "./chain.ts";
import {
  decodeHandshakePayload,
  encodeEmptyPayload,
  encodeHandshakePayload,
  isComplete,
  isEmpty,
} from "./handshake-payload.ts";
import type { HandshakePayload } from "./types.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const STAMP = "01 0008 0000018bcfe56800";
const PQ = "0b 0008 0101010101010101";

const complete: HandshakePayload = {
  stamp: 1_700_000_000_000,
  identity: {
    edPublic: new Uint8Array(32).fill(0xed),
    salt: new Uint8Array(16).fill(0x5a),
    bindValidUntil: 1_700_000_000_001,
    bind: new Uint8Array(64).fill(0xb1),
  },
  chain: EMPTY_CHAIN,
  boot: 1_700_000_000_000,
  features: { bits: 0, ciphers: [1] },
};
const COMPLETE_BYTES = 11 + 123 + 4 + 11 + 8;

const full: HandshakePayload = {
  ...complete,
  observed: { kind: "udp4", origin: "learned", host: "192.0.2.1", port: 15000 },
  tas: [
    { kind: "udp4", origin: "local", host: "10.0.0.1", port: 1 },
    { kind: "udp4", origin: "learned", host: "192.0.2.2", port: 2 },
  ],
  edgeKind: "near",
  revocations: { count: 0, root: new Uint8Array(32) },
};

describe("layout", () => {
  it("writes the mandatory TLVs in order", () => {
    const expected = [
      STAMP,
      `02 0078 ${"ed".repeat(32)} ${"5a".repeat(16)} 0000018bcfe56801 ${"b1".repeat(64)}`,
      "03 0001 00",
      "04 0008 0000018bcfe56800",
      "06 0005 00000000 01",
    ];
    const bytes = encodeHandshakePayload(complete);
    expect(toHex(bytes)).toBe(expected.join("").replaceAll(" ", ""));
    expect(bytes).toHaveLength(COMPLETE_BYTES);
  });

  it("writes the optional TLVs between and after them", () => {
    const bytes = encodeHandshakePayload({ ...full, pqPskId: new Uint8Array(8).fill(1) });
    const expected = [
      "05 0008 01 02 c0000201 3a98",
      "06 0005 00000000 01",
      "07 0011 02 01010a0000010001 0102c00002020002",
      "08 0001 02",
      `09 0022 0000 ${"00".repeat(32)}`,
      PQ,
    ];
    expect(toHex(bytes).slice(2 * (11 + 123 + 4 + 11))).toBe(expected.join("").replaceAll(" ", ""));
  });

  it("reads back any set of TLVs", () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        expect(decodeHandshakePayload(encodeHandshakePayload(payload))).toEqual(payload);
      }),
    );
  });
});

describe("padding", () => {
  it("fills up to the size asked for, in front of the PQ id", () => {
    for (const payload of [complete, full, { ...full, pqPskId: new Uint8Array(8) }]) {
      const bytes = encodeHandshakePayload(payload, { padTo: 984 });
      expect(bytes).toHaveLength(984);
      expect(decodeHandshakePayload(bytes)).toEqual(payload);
    }
  });

  it("stays 1 or 2 bytes short where no TLV fits, and never makes a payload larger than asked for", () => {
    for (const [missing, length] of [
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 3],
      [4, 4],
    ] as const) {
      expect(encodeHandshakePayload(complete, { padTo: COMPLETE_BYTES + missing })).toHaveLength(
        COMPLETE_BYTES + length,
      );
    }
  });

  it("is all that XX1 has", () => {
    const bytes = encodeEmptyPayload(1_112);
    expect(bytes).toHaveLength(1_112);
    expect(toHex(bytes.subarray(0, 4))).toBe("0a045500");
    expect(isEmpty(decodeHandshakePayload(bytes) as HandshakePayload)).toBe(true);
    expect(isEmpty(complete)).toBe(false);
  });

  it("must be zeros", () => {
    expect(decodeHandshakePayload(hex("0a 0002 0001"))).toBeUndefined();
  });
});

describe("a payload that must be small", () => {
  const sizes = [
    { maxBytes: 500, tas: 2, revocations: true, observed: true },
    { maxBytes: COMPLETE_BYTES + 11 + 12 + 37 + 4, tas: 1, revocations: true, observed: true },
    { maxBytes: COMPLETE_BYTES + 11 + 37 + 4, tas: undefined, revocations: true, observed: true },
    { maxBytes: COMPLETE_BYTES + 11 + 4, tas: undefined, revocations: false, observed: true },
    { maxBytes: COMPLETE_BYTES + 4, tas: undefined, revocations: false, observed: false },
  ];

  it.each(sizes)("gives up optional parts to fit $maxBytes bytes", ({ maxBytes, tas, revocations, observed }) => {
    const bytes = encodeHandshakePayload(full, { maxBytes });
    expect(bytes.length).toBeLessThanOrEqual(maxBytes);
    const kept = decodeHandshakePayload(bytes);
    expect(kept?.tas?.length).toBe(tas);
    expect(kept?.revocations !== undefined).toBe(revocations);
    expect(kept?.observed !== undefined).toBe(observed);
    expect(kept?.edgeKind).toBe("near");
  });

  it("is padded only as far as allowed", () => {
    expect(encodeHandshakePayload(full, { padTo: 400, maxBytes: 400 })).toHaveLength(400);
  });

  it("throws where the mandatory parts do not fit", () => {
    expect(() => encodeHandshakePayload(full, { maxBytes: COMPLETE_BYTES - 1 })).toThrow(RangeError);
  });
});

describe("decoding", () => {
  it.each([
    ["an unknown TLV below 0x80", `${STAMP} 0c 0000`],
    ["TLV 0", "00 0000"],
    ["a TLV twice", `${STAMP} ${STAMP}`],
    ["TLVs out of order", `${PQ} ${STAMP}`],
    ["a stamp that is too long", "01 0009 000000000000000000"],
    ["a stamp above 2^53", "01 0008 0020000000000000"],
    ["an identity that is too short", `02 0077 ${"00".repeat(119)}`],
    ["a chain without end", "03 0001 01"],
    ["features without a cipher", "06 0004 00000000"],
    ["a cipher twice", "06 0006 00000000 0101"],
    ["more TAs than 8", "07 0001 09"],
    ["an unknown edge kind", "08 0001 06"],
    ["edge kind 0", "08 0001 00"],
    ["a value past the end", "01 0008 00000000000000"],
    ["a head past the end", "01 00"],
    ["a skipped TLV past the end", "80 0001"],
    ["a skipped TLV out of order", "81 0000 80 0000"],
  ])("refuses %s", (_, bytes) => {
    expect(decodeHandshakePayload(hex(bytes))).toBeUndefined();
  });

  it("skips unknown TLVs from 0x80 on", () => {
    expect(decodeHandshakePayload(hex(`${STAMP} 80 0002 ffff fe 0000`))).toEqual({ stamp: 1_700_000_000_000 });
  });

  it("takes features and ciphers that it does not know", () => {
    expect(decodeHandshakePayload(hex("06 0007 80000001 020109"))).toEqual({
      features: { bits: 0x80000001, ciphers: [2, 1, 9] },
    });
  });

  it("tells what is missing from a complete payload", () => {
    expect(isComplete(complete)).toBe(true);
    for (const name of ["stamp", "identity", "chain", "boot", "features"] as const) {
      const { [name]: _, ...rest } = complete;
      expect(isComplete(rest)).toBe(false);
    }
  });
});

describe("chains", () => {
  const certificate = (subnets: string) =>
    `01 01 0001 0000018bcfe56800 0000018bcfe56801 02 0000 ${"00".repeat(16)} ${"00".repeat(32)} ${"00".repeat(16)} ${"00".repeat(20)} ${subnets} ${"00".repeat(64)}`;

  it.each([
    ["no certificate", "00"],
    ["one", `01 ${certificate("00")}`],
    ["three with the most subnets", `03 ${certificate(`04 ${`06 fd${"00".repeat(15)} 08`.repeat(4)}`).repeat(3)}`],
  ])("take %s", (_, bytes) => {
    expect(isChain(hex(bytes))).toBe(true);
    expect(hex(bytes).length).toBeLessThanOrEqual(733);
  });

  it.each([
    ["nothing", ""],
    ["bytes after the end", "0000"],
    ["four certificates", `04 ${certificate("00").repeat(4)}`],
    ["a cut certificate", `01 ${certificate("00").slice(0, -2)}`],
    ["a subnet with host bits", `01 ${certificate("01 04 0a000001 18")}`],
    ["an unknown family", `01 ${certificate("01 05 0a000000 18")}`],
    ["another version", `01 ${certificate("00").replace("01", "02")}`],
    ["reserved caps", `01 ${certificate("00").replace("0001", "0101")}`],
  ])("refuse %s", (_, bytes) => {
    expect(isChain(hex(bytes))).toBe(false);
  });
});
