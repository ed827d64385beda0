import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { handshake, sumMac } from "../../../test/vectors/arbitraries.ts";
import type { RingAddress } from "../ring/address.ts";
import {
  decodeCookie,
  decodeHandshake,
  decodeTransitHeader,
  encodeCookie,
  encodeDataHeader,
  encodeHandshake,
  encodeInit,
  encodeResp,
  encodeTransitHeader,
  encodeTransitOuter,
  encodeXx1,
  encodeXx2,
  encodeXx3,
  type HandshakeType,
  mac1Input,
  payloadRoom,
  TRANSIT_HEADER_BYTES,
} from "./packet.ts";

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Numbered bytes, so that a shifted field shows. */
function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

function macOf(byte: number): () => Uint8Array {
  return () => new Uint8Array(16).fill(byte);
}

const ZEROS = "00".repeat(16);

describe("handshake packets", () => {
  it("lays out INIT", () => {
    const packet = encodeInit({ sender: 0x01020304, noise: numbered(80 + 16) }, macOf(0xaa), macOf(0xbb));
    expect(toHex(packet)).toBe(`5101001001020304${toHex(numbered(96))}${"aa".repeat(16)}${"bb".repeat(16)}`);
    expect(packet).toHaveLength(120 + 16);
  });

  it("lays out RESP, with zeros for mac2 where there is no cookie", () => {
    const packet = encodeResp({ sender: 1, receiver: 0xfffffffe, noise: numbered(32 + 17) }, macOf(0xaa));
    expect(toHex(packet)).toBe(`5201001100000001fffffffe${toHex(numbered(49))}${"aa".repeat(16)}${ZEROS}`);
    expect(packet).toHaveLength(76 + 17);
  });

  it("lays out XX1, XX2 and XX3", () => {
    const xx1 = encodeXx1({ sender: 1, noise: numbered(32 + 1_128) }, macOf(0xaa));
    expect(toHex(xx1).slice(0, 16)).toBe("5301046800000001");
    expect(xx1).toHaveLength(1_200);
    const xx2 = encodeXx2({ sender: 1, receiver: 2, noise: numbered(80 + 16) }, macOf(0xaa));
    expect(toHex(xx2).slice(0, 24)).toBe("540100100000000100000002");
    expect(xx2).toHaveLength(124 + 16);
    const xx3 = encodeXx3({ sender: 1, receiver: 2, noise: numbered(48 + 16) }, macOf(0xaa));
    expect(toHex(xx3).slice(0, 24)).toBe("550100100000000100000002");
    expect(xx3).toHaveLength(92 + 16);
  });

  it("gives mac1 and mac2 all that comes before them", () => {
    const seen: number[] = [];
    const noted = (preceding: Uint8Array) => {
      seen.push(preceding.length);
      return sumMac(preceding);
    };
    const packet = encodeInit({ sender: 1, noise: numbered(96) }, noted, noted);
    expect(seen).toEqual([packet.length - 32, packet.length - 16]);
    expect(decodeHandshake(packet)?.mac1).toEqual(sumMac(mac1Input(packet)));
  });

  it("reads back what was written", () => {
    fc.assert(
      fc.property(handshake, (content) => {
        const packet = encodeHandshake(content, sumMac);
        expect(decodeHandshake(packet)).toEqual({
          ...content,
          mac1: sumMac(mac1Input(packet)),
          mac2: new Uint8Array(16),
        });
      }),
    );
  });

  it("refuses every other length than that of the fields", () => {
    const packet = encodeInit({ sender: 1, noise: numbered(100) }, sumMac);
    for (let length = 0; length < packet.length; length++) {
      expect(decodeHandshake(packet.subarray(0, length))).toBeUndefined();
    }
    expect(decodeHandshake(Uint8Array.of(...packet, 0))).toBeUndefined();
  });

  it.each<[string, number, number]>([
    ["another version", 1, 2],
    ["a type below", 0, 0x50],
    ["a COOKIE", 0, 0x56],
    ["a payload length that is too great", 3, 0x18],
    ["a payload length that is too small", 3, 0x13],
  ])("refuses %s", (_, at, value) => {
    const packet = encodeInit({ sender: 1, noise: numbered(100) }, sumMac);
    packet[at] = value;
    expect(decodeHandshake(packet)).toBeUndefined();
  });

  it("refuses a payload shorter than its tag", () => {
    const packet = Uint8Array.of(0x51, 1, 0, 15, ...numbered(4 + 80 + 15 + 32));
    expect(decodeHandshake(packet)).toBeUndefined();
    expect(() => encodeInit({ sender: 1, noise: numbered(95) }, sumMac)).toThrow(RangeError);
  });

  it.each<[HandshakeType, number, number]>([
    ["init", 1_120, 984],
    ["resp", 1_120, 1_028],
    ["xx1", 1_200, 1_112],
    ["xx2", 1_200, 1_060],
    ["xx3", 1_200, 1_092],
  ])("%s of %d bytes has room for %d bytes of payload, and no packet is larger", (type, size, room) => {
    expect(payloadRoom(type, size)).toBe(room);
    const fixed = { init: 80, resp: 32, xx1: 32, xx2: 80, xx3: 48 }[type];
    const content = { type, sender: 1, receiver: 2, noise: numbered(fixed + room + 16) } as const;
    expect(encodeHandshake(content as never, sumMac)).toHaveLength(size);
    const larger = { ...content, noise: numbered(fixed + room + 17) };
    expect(() => encodeHandshake(larger as never, sumMac)).toThrow(RangeError);
  });

  it("takes XX1 in its one size only", () => {
    expect(() => encodeXx1({ sender: 1, noise: numbered(32 + 100) }, sumMac)).toThrow(RangeError);
    const short = Uint8Array.of(0x53, 1, 0, 100, ...numbered(4 + 32 + 100 + 32));
    expect(decodeHandshake(short)).toBeUndefined();
  });
});

describe("COOKIE", () => {
  const cookie = { receiver: 0x01020304, nonce: numbered(24), sealed: numbered(32) };

  it("has 64 bytes and is read back", () => {
    const packet = encodeCookie(cookie);
    expect(toHex(packet)).toBe(`5601000001020304${toHex(numbered(24))}${toHex(numbered(32))}`);
    expect(packet).toHaveLength(64);
    expect(decodeCookie(packet)).toEqual(cookie);
  });

  it.each([
    [0, 0x57],
    [1, 0],
    [2, 1],
    [3, 1],
  ])("refuses byte %d as %d", (at, value) => {
    const packet = encodeCookie(cookie);
    packet[at] = value;
    expect(decodeCookie(packet)).toBeUndefined();
  });
});

describe("data packets", () => {
  const header = {
    ttl: 32,
    tunnel: true,
    noCache: false,
    hops: 3,
    dst: "11".repeat(20) as RingAddress,
    src: "22".repeat(20) as RingAddress,
  };

  it("lays out the heads of DATA and TRANSIT", () => {
    expect(toHex(encodeDataHeader({ receiver: 0x01020304, counter: 258n }))).toBe("57010000010203040000000000000102");
    const outer = encodeTransitOuter({ innerBytes: 100, receiver: 0x01020304, counter: 258n });
    expect(toHex(outer)).toBe("58010064010203040000000000000102");
  });

  it("lays out what a hop reads", () => {
    const bytes = encodeTransitHeader(header);
    expect(toHex(bytes)).toBe(`20010003${"11".repeat(20)}${"22".repeat(20)}`);
    expect(bytes).toHaveLength(TRANSIT_HEADER_BYTES);
    expect(decodeTransitHeader(bytes)).toEqual(header);
  });

  it.each([
    ["reserved flags", 1, 4],
    ["another mode", 2, 1],
  ])("refuses %s", (_, at, value) => {
    const bytes = encodeTransitHeader(header);
    bytes[at] = value;
    expect(decodeTransitHeader(bytes)).toBeUndefined();
  });
});
