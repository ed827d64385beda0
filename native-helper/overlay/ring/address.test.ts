import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressFromBytes,
  addressFromNumber,
  addressToBytes,
  addressToNumber,
  clockwiseDistance,
  compareDistance,
  lowerBound,
  nearestOf,
  parseAddress,
  type RingAddress,
  ringDistance,
} from "./address.ts";

const RING = 1n << 160n;
const anyAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(addressFromBytes);
/** Addresses that share their first bits, where only the last ones decide. */
const closeAddress = fc.nat(1_000).map((n) => addressFromNumber((7n << 150n) + BigInt(n)));

describe("ring addresses", () => {
  it("are read in hex of either case and in base32, and nothing else", () => {
    const hex = "2c7100fb00000000000000000000000000000a9e";
    expect(parseAddress(hex.toUpperCase())).toBe(hex);
    expect(parseAddress("fryqb6yaaaaaaaaaaaaaaaaaaaaaacu6")).toBe(hex);
    for (const bad of ["", "2c71", `${hex}0`, `g${hex.slice(1)}`, "fryqb6yaaaaaaaaaaaaaaaaaaaaaacu1"]) {
      expect(parseAddress(bad)).toBeUndefined();
    }
  });

  it("go to bytes and numbers and back", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(addressFromBytes(addressToBytes(address))).toBe(address);
        expect(addressFromNumber(addressToNumber(address))).toBe(address);
      }),
    );
  });

  it("refuses any other number of bytes", () => {
    expect(() => addressFromBytes(new Uint8Array(19))).toThrow("20 bytes");
  });

  it("have distances that close the ring", () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        const there = clockwiseDistance(a, b);
        const back = clockwiseDistance(b, a);
        expect(there + back).toBe(a === b ? 0n : RING);
        const distance = ringDistance(a, b);
        expect([there, back]).toContain(distance);
        expect(distance <= there && distance <= back).toBe(true);
        expect(ringDistance(a, b)).toBe(ringDistance(b, a));
      }),
    );
  });

  it("are compared by their whole distance, also where the first bits agree", () => {
    for (const one of [anyAddress, closeAddress]) {
      fc.assert(
        fc.property(one, one, one, (target, a, b) => {
          const expected = ringDistance(a, target) - ringDistance(b, target);
          const sign = expected === 0n ? (a < b ? -1 : a > b ? 1 : 0) : expected < 0n ? -1 : 1;
          expect(Math.sign(compareDistance(target, a, b))).toBe(sign);
        }),
      );
    }
  });

  it("finds the nearest of a sorted list as looking at each would", () => {
    fc.assert(
      fc.property(fc.array(anyAddress, { minLength: 1, maxLength: 20 }), anyAddress, (list, target) => {
        const sorted = [...new Set(list)].sort();
        const byLooking = [...sorted].sort((a, b) => compareDistance(target, a, b))[0];
        expect(nearestOf(sorted, target)).toBe(byLooking);
        expect(sorted.slice(0, lowerBound(sorted, target)).every((address) => address < target)).toBe(true);
      }),
    );
    expect(nearestOf([], addressFromNumber(1n) as RingAddress)).toBeUndefined();
  });
});
