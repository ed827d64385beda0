/** The laws that every codec of the overlay keeps (docs/protocol.md, "What every decoder keeps"). */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { families } from "./families.ts";

const RUNS = 150;

/** One change of the kind that finds what a parser believes too easily. */
const change = fc.record({
  kind: fc.constantFrom("flip", "set", "cut", "grow", "drop"),
  at: fc.nat(0xffff),
  byte: fc.nat(0xff),
});

function changed(bytes: Uint8Array, { kind, at, byte }: { kind: string; at: number; byte: number }): Uint8Array {
  const place = bytes.length === 0 ? 0 : at % bytes.length;
  if (kind === "cut") return bytes.slice(0, place);
  if (kind === "grow") return Uint8Array.of(...bytes, byte);
  if (kind === "drop") return Uint8Array.of(...bytes.subarray(0, place), ...bytes.subarray(place + 1));
  const copy = bytes.slice();
  copy[place] = kind === "flip" ? (copy[place] ?? 0) ^ (1 << (byte & 7)) : byte;
  return copy;
}

describe.each(Object.entries(families))("%s", (_, { encoding, decode, encode }) => {
  it("reads back what was written, and writes the same bytes again", () => {
    fc.assert(
      fc.property(encoding, (bytes) => {
        const value = decode(bytes);
        expect(value).toBeDefined();
        expect(encode(value as never, bytes)).toEqual(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  it("takes a shortened encoding only where it is an encoding of its own", () => {
    fc.assert(
      fc.property(encoding, fc.nat(), (bytes, cut) => {
        const shorter = bytes.slice(0, cut % bytes.length);
        const value = decode(shorter);
        if (value !== undefined) expect(encode(value as never, shorter)).toEqual(shorter);
      }),
      { numRuns: RUNS },
    );
  });

  it("survives arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const value = decode(bytes);
        if (value !== undefined) expect(encode(value as never, bytes) ?? bytes).toEqual(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  it("accepts no second encoding of what a changed encoding says", () => {
    fc.assert(
      fc.property(encoding, fc.array(change, { minLength: 1, maxLength: 3 }), (bytes, changes) => {
        const hostile = changes.reduce(changed, bytes);
        const value = decode(hostile);
        if (value !== undefined) expect(encode(value as never, hostile) ?? hostile).toEqual(hostile);
      }),
      { numRuns: RUNS },
    );
  });

  it("leaves its input as it was and reads the same from a view inside a larger buffer", () => {
    fc.assert(
      fc.property(encoding, (bytes) => {
        const larger = new Uint8Array(bytes.length + 16).fill(0xa5);
        larger.set(bytes, 7);
        const view = larger.subarray(7, 7 + bytes.length);
        expect(decode(view)).toEqual(decode(bytes));
        expect(view).toEqual(bytes);
      }),
      { numRuns: 50 },
    );
  });
});
