import { describe, expect, it } from "vitest";
import type { RingAddress } from "../ring/address.ts";
import { concat, equalBytes, Reader, Writer } from "./bytes.ts";

const ADDRESS = "00112233445566778899aabbccddeeff01020304" as RingAddress;

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

describe("Reader", () => {
  it("reads big-endian fields in order", () => {
    const reader = new Reader(
      hex(`01 0203 fffe 80000001 001fffffffffffff ffffffffffffffff ${ADDRESS} 01`.replaceAll(" ", "")),
    );
    expect(reader.u8()).toBe(1);
    expect(reader.u16()).toBe(0x0203);
    expect(reader.i16()).toBe(-2);
    expect(reader.u32()).toBe(0x80000001);
    expect(reader.u53()).toBe(Number.MAX_SAFE_INTEGER);
    expect(reader.u64()).toBe(2n ** 64n - 1n);
    expect(reader.address()).toBe(ADDRESS);
    expect(reader.flag()).toBe(true);
    expect(reader.complete).toBe(true);
  });

  it.each<[string, (reader: Reader) => unknown, unknown]>([
    ["u8", (r) => r.u8(), 0],
    ["u16", (r) => r.u16(), 0],
    ["i16", (r) => r.i16(), 0],
    ["u32", (r) => r.u32(), 0],
    ["u53", (r) => r.u53(), 0],
    ["u64", (r) => r.u64(), 0n],
    ["take", (r) => r.take(9).length, 0],
    ["skip", (r) => r.skip(9), undefined],
    ["address", (r) => r.address(), ""],
  ])("marks an overrun in %s and reads nothing more", (_, read, nothing) => {
    const reader = new Reader(new Uint8Array(0));
    expect(read(reader)).toBe(nothing);
    expect(reader.failed).toBe(true);
    expect(reader.complete).toBe(false);
    expect(reader.u8()).toBe(0);
    expect(reader.at).toBe(0);
  });

  it("never reads past the end of a view, though its buffer goes on", () => {
    const reader = new Reader(new Uint8Array([1, 2, 3, 4, 5]).subarray(0, 3));
    reader.u32();
    expect(reader.failed).toBe(true);
  });

  it("refuses numbers above 2^53, flags above 1 and names without an entry", () => {
    for (const read of [
      (r: Reader) => r.u53(),
      (r: Reader) => r.flag(),
      (r: Reader) => r.oneOf([undefined, "a", "b"]),
    ]) {
      const reader = new Reader(hex("2000000000000000"));
      read(reader);
      expect(reader.failed).toBe(true);
    }
  });

  it("reads at most one item more than the input holds, whatever the count says", () => {
    let reads = 0;
    const reader = new Reader(new Uint8Array(10));
    const items = reader.items(60_000, 60_000, (r) => {
      reads++;
      return r.u16();
    });
    expect(reads).toBe(6);
    expect(items.length).toBeLessThanOrEqual(6);
    expect(reader.failed).toBe(true);
  });

  it("reads nothing of a list over its limit", () => {
    const reader = new Reader(new Uint8Array([3, 1, 1, 1]));
    expect(reader.list(2, (r) => r.u8())).toEqual([]);
    expect(reader.failed).toBe(true);
  });
});

describe("Writer", () => {
  it("grows past its first size", () => {
    const writer = new Writer(1);
    writer.u32(0x01020304);
    writer.u53(Number.MAX_SAFE_INTEGER);
    writer.address(ADDRESS);
    writer.zeros(2);
    expect(Buffer.from(writer.finish()).toString("hex")).toBe(`01020304001fffffffffffff${ADDRESS}0000`);
  });

  it.each<[string, (writer: Writer) => void]>([
    ["u8 of 256", (w) => w.u8(256)],
    ["u8 of -1", (w) => w.u8(-1)],
    ["u16 of 1.5", (w) => w.u16(1.5)],
    ["u32 of 2^32", (w) => w.u32(2 ** 32)],
    ["u53 of 2^53", (w) => w.u53(2 ** 53)],
    ["u53 of NaN", (w) => w.u53(Number.NaN)],
    ["u64 of 2^64", (w) => w.u64(2n ** 64n)],
    ["u64 of -1", (w) => w.u64(-1n)],
    ["an address in upper case", (w) => w.address(ADDRESS.toUpperCase() as RingAddress)],
    ["a short address", (w) => w.address("00" as RingAddress)],
    ["a fixed field of another size", (w) => w.fixed(new Uint8Array(31), 32)],
    ["a list over its limit", (w) => w.list(1, [1, 2], (v, n) => v.u8(n))],
  ])("throws on %s", (_, write) => {
    expect(() => write(new Writer())).toThrow(RangeError);
  });

  it.each([
    [-1, "00"],
    [12.5, "0d"],
    [254.6, "ff"],
    [1e9, "ff"],
    [Number.NaN, "ff"],
  ])("holds the measured value %d inside a u8", (value, expected) => {
    const writer = new Writer();
    writer.measuredU8(value);
    expect(Buffer.from(writer.finish()).toString("hex")).toBe(expected);
  });

  it.each([
    [-40_000, "8000"],
    [-1, "ffff"],
    [40_000, "7fff"],
    [Number.NaN, "0000"],
  ])("holds the measured value %d inside an i16", (value, expected) => {
    const writer = new Writer();
    writer.measuredI16(value);
    expect(Buffer.from(writer.finish()).toString("hex")).toBe(expected);
  });
});

it("joins and compares bytes", () => {
  expect(concat(hex("01"), hex(""), hex("0203"))).toEqual(hex("010203"));
  expect(equalBytes(hex("0102"), hex("0102"))).toBe(true);
  expect(equalBytes(hex("0102"), hex("0103"))).toBe(false);
  expect(equalBytes(hex("0102"), hex("010203"))).toBe(false);
});
