import { isIPv4, isIPv6 } from "node:net";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIp, ipUse, isPrefix, parseIp, parseIpv4, parseIpv6, parsePrefix, samePrefix } from "./ip.ts";

function ip(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes === undefined) throw new Error(`${text} must parse`);
  return bytes;
}

describe("reading", () => {
  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1..3.4",
    "1.2.3.",
    "0x1.2.3.4",
    " 1.2.3.4",
    "1.2.3.4/8",
  ])("refuses %j as IPv4", (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });

  it.each([
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::12345",
    "::g",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7:",
    "::1.2.3",
    "1.2.3.4::",
    "[::1]",
  ])("refuses %j as IPv6", (text) => {
    expect(parseIpv6(text)).toBeUndefined();
  });

  it("reads exactly the texts that the platform calls addresses", () => {
    const piece = fc.constantFrom(":", "::", ".", "1", "0", "ff", "abcd", "255", "256", "1.2.3.4", "g");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
        const text = pieces.join("");
        expect(parseIpv4(text) !== undefined).toBe(isIPv4(text));
        expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("writing", () => {
  it.each([
    ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:DB8::A", "2001:db8::a"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["fe80:0:0:1:0:0:0:1", "fe80:0:0:1::1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["192.0.2.1", "192.0.2.1"],
  ])("gives %s as %s (RFC 5952)", (text, expected) => {
    expect(formatIp(ip(text))).toBe(expected);
  });

  it("is read back as the same bytes", () => {
    const sparse = fc
      .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
      .map((b) => Uint8Array.from(b));
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      sparse,
    );
    fc.assert(
      fc.property(bytes, (b) => {
        expect(ip(formatIp(b))).toEqual(b);
      }),
      { numRuns: 2_000 },
    );
  });
});

it.each([
  ["192.0.2.1", "unicast"],
  ["172.16.1.5", "unicast"],
  ["127.0.0.1", "loopback"],
  ["127.255.0.1", "loopback"],
  ["0.0.0.0", "none"],
  ["0.1.2.3", "none"],
  ["224.0.0.1", "none"],
  ["255.255.255.255", "none"],
  ["2001:db8::1", "unicast"],
  ["fe80::1", "unicast"],
  ["::1", "loopback"],
  ["::", "none"],
  ["ff02::1", "none"],
  ["::ffff:192.0.2.1", "none"],
  ["::192.0.2.1", "none"],
] as const)("%s is good for %s", (text, use) => {
  expect(ipUse(ip(text))).toBe(use);
});

describe("prefixes", () => {
  it.each([
    ["10.1.0.0/16", 16],
    ["0.0.0.0/0", 0],
    ["192.0.2.1/32", 32],
    ["fd00::/8", 8],
    ["fd00::1/128", 128],
  ])("reads %s", (text, bits) => {
    expect(parsePrefix(text)?.bits).toBe(bits);
  });

  it.each(["10.1.0.0", "10.1.0.1/16", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/", "fd00::1/8", "/8"])(
    "refuses %s",
    (text) => {
      expect(parsePrefix(text)).toBeUndefined();
    },
  );

  it.each([
    ["10.1.2.3", "10.1.9.9", 16, true],
    ["10.1.2.3", "10.1.9.9", 21, false],
    ["10.1.2.3", "10.1.2.3", 32, true],
    ["10.1.2.3", "11.1.2.3", 0, true],
    ["10.1.2.3", "::", 0, false],
    ["2001:db8:1::1", "2001:db8:1:ffff::", 48, true],
  ])("compares %s and %s in %d bits", (a, b, bits, same) => {
    expect(samePrefix(ip(a), ip(b), bits)).toBe(same);
  });

  it("has no bits beyond the family", () => {
    expect(isPrefix(ip("0.0.0.0"), 33)).toBe(false);
  });
});
