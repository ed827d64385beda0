import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ascii, decodeUtf8, encodeUtf8, fitText, isPrintable } from "./text.ts";

const platform = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function platformDecode(bytes: Uint8Array): string | undefined {
  try {
    return platform.decode(bytes);
  } catch {
    return undefined;
  }
}

describe("UTF-8", () => {
  it("writes what the platform's encoder writes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  it("reads, or refuses, what the platform's strict decoder reads or refuses", () => {
    const pieces = fc.constantFrom(
      "c3",
      "a9",
      "e2",
      "82",
      "ac",
      "f0",
      "9f",
      "98",
      "80",
      "ed",
      "a0",
      "c0",
      "f4",
      "90",
      "41",
      "ef",
      "bb",
      "bf",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(pieces).map((list) => Uint8Array.from(Buffer.from(list.join(""), "hex"))),
        ),
        (bytes) => {
          expect(decodeUtf8(bytes)).toBe(platformDecode(bytes));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("refuses half a surrogate pair", () => {
    expect(encodeUtf8("a\ud800")).toBeUndefined();
    expect(encodeUtf8("\udc00a")).toBeUndefined();
    expect(encodeUtf8("\u{1f600}")).toEqual(Uint8Array.of(0xf0, 0x9f, 0x98, 0x80));
  });
});

describe("texts for display", () => {
  it.each([
    ["pc7", 63, "pc7"],
    ["Zoë", 4, "Zoë"],
    ["Zoë", 3, "Zo"],
    ["a\u001b[31mb\u202ec", 63, "a[31mbc"],
    ["x\ud800y", 63, "xy"],
    ["\u{1f600}\u{1f600}", 7, "\u{1f600}"],
    ["", 0, ""],
  ])("cuts %j to %d bytes: %j", (text, maxBytes, fitted) => {
    expect(fitText(text, maxBytes)).toBe(fitted);
  });

  it.each([
    ["room 4, Göttingen", true],
    ["a\nb", false],
    ["a\u0085b", false],
    ["a\u2066b", false],
  ])("tells whether %j can be shown as it is", (text, printable) => {
    expect(isPrintable(text)).toBe(printable);
    expect(isPrintable(text)).toBe(printable); // No state is left between calls.
  });
});

it("gives the bytes of a label", () => {
  expect(ascii("ovl1")).toEqual(Uint8Array.of(0x6f, 0x76, 0x6c, 0x31));
});
