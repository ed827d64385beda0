import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  recordFields as anyFields,
  addressInfo as anyInfo,
  lease as anyLease,
  bytes as someBytes,
} from "../../../test/vectors/arbitraries.ts";
import { Reader } from "./bytes.ts";
import {
  type AddressInfo,
  decodeAddressInfo,
  decodeLease,
  decodeRecord,
  encodeAddressInfo,
  encodeLease,
  encodeRecordUnsigned,
  type RecordFields,
  recordWithSignature,
} from "./record.ts";
import { signedPart } from "./sign-input.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

const fields: RecordFields = {
  type: 1,
  key: new Uint8Array(20).fill(0x11),
  edPublic: new Uint8Array(32).fill(0xed),
  salt: new Uint8Array(16).fill(0x5a),
  chainHash: new Uint8Array(32).fill(0xcc),
  seq: 1_700_000_000_000,
  lifeS: 3_600,
  value: hex("ac100105 10 ff 0000018bcfe56800"),
};
const LAYOUT = `01 ${"11".repeat(20)} ${"ed".repeat(32)} ${"5a".repeat(16)} ${"cc".repeat(32)} 0000018bcfe56800 00000e10 000e ac10010510ff0000018bcfe56800`;

describe("Record", () => {
  it("is laid out as drawn", () => {
    expect(encodeRecordUnsigned(fields)).toEqual(hex(LAYOUT));
    const record = recordWithSignature(hex(LAYOUT), new Uint8Array(64).fill(0x51));
    expect(record).toMatchObject(fields);
    expect(signedPart(record.bytes)).toEqual(hex(LAYOUT));
  });

  it("round-trips and keeps nothing of the packet it came in", () => {
    fc.assert(
      fc.property(anyFields, someBytes(64), fc.nat(50), (any, signature, before) => {
        const record = recordWithSignature(encodeRecordUnsigned(any), signature);
        expect(record).toEqual({ ...any, signature, bytes: record.bytes });
        const reader = new Reader(Uint8Array.of(...new Uint8Array(before), ...record.bytes));
        reader.skip(before);
        const read = decodeRecord(reader);
        expect(read).toEqual(record);
        expect(read?.value.buffer.byteLength).toBe(record.bytes.length);
      }),
    );
  });

  it("may be empty, which deletes, and holds 1,024 bytes at most", () => {
    for (const length of [0, 1_024]) {
      const value = new Uint8Array(length);
      expect(recordWithSignature(encodeRecordUnsigned({ ...fields, value }), new Uint8Array(64)).value).toEqual(value);
    }
    const tooLong = { ...fields, value: new Uint8Array(1_025) };
    expect(() => encodeRecordUnsigned(tooLong)).toThrow(RangeError);
    const bytes = Uint8Array.of(...hex(LAYOUT).subarray(0, 113), 0x04, 0x01, ...new Uint8Array(1_025 + 64));
    expect(decodeRecord(new Reader(bytes))).toBeUndefined();
  });

  it.each([
    ["type 0", 0, "00"],
    ["an unknown type", 0, "09"],
    ["a sequence above 2^53", 101, "0020000000000000"],
    ["a value past the end", 113, "0400"],
  ])("refuses %s", (_, at, value) => {
    const bytes = hex(LAYOUT + "51".repeat(64));
    bytes.set(hex(value), at);
    const reader = new Reader(bytes);
    expect(decodeRecord(reader)).toBeUndefined();
    expect(reader.failed).toBe(true);
  });
});

describe("lease", () => {
  const lease = { ip: "172.16.1.5", prefix: 16, i: 255, since: 1_700_000_000_000 };

  it("is laid out as drawn and round-trips", () => {
    expect(encodeLease(lease)).toEqual(fields.value);
    expect(decodeLease(fields.value)).toEqual(lease);
    fc.assert(
      fc.property(anyLease, (any) => {
        expect(decodeLease(encodeLease(any))).toEqual(any);
      }),
    );
  });

  it.each([
    ["a prefix over 32", "ac100105 21 ff 0000018bcfe56800"],
    ["candidate 64", "ac100105 10 40 0000018bcfe56800"],
    ["a cut value", "ac100105 10 ff 0000018bcfe568"],
    ["bytes after the end", "ac100105 10 ff 0000018bcfe56800 00"],
    ["an empty value", ""],
  ])("refuses %s", (_, bytes) => {
    expect(decodeLease(hex(bytes))).toBeUndefined();
  });

  it("throws on what is no lease", () => {
    expect(() => encodeLease({ ...lease, ip: "fd00::1" })).toThrow(RangeError);
    expect(() => encodeLease({ ...lease, i: 64 })).toThrow(RangeError);
  });
});

describe("address info", () => {
  const info: AddressInfo = {
    ips: ["172.16.1.5", "fd00::1"],
    subnets: ["10.1.0.0/16"],
    name: "pc7",
    site: "Zürich",
    version: "0.1.0",
  };
  const LAYOUT_2 = `02 04 ac100105 06 fd${"00".repeat(14)}01 01 04 0a010000 10 03 706337 07 5ac3bc72696368 05 302e312e30`;

  it("is laid out as drawn and round-trips", () => {
    expect(encodeAddressInfo(info)).toEqual(hex(LAYOUT_2));
    expect(decodeAddressInfo(hex(LAYOUT_2))).toEqual(info);
    fc.assert(
      fc.property(anyInfo, (any) => {
        expect(decodeAddressInfo(encodeAddressInfo(any))).toEqual(any);
      }),
    );
  });

  it("fits the value of a record whatever the texts are", () => {
    const long = "ä".repeat(500);
    const most = {
      ips: Array(8).fill("fd00::1"),
      subnets: Array(4).fill("fd00::/8"),
      name: long,
      site: long,
      version: long,
    };
    const value = encodeAddressInfo(most);
    expect(value.length).toBeLessThanOrEqual(1_024);
    expect(decodeAddressInfo(value)).toMatchObject({ name: "ä".repeat(31), site: "ä".repeat(16) });
  });

  it("frees texts of what would disturb a terminal", () => {
    const value = encodeAddressInfo({ ...info, name: "pc7\u001b[2J" });
    expect(decodeAddressInfo(value)?.name).toBe("pc7[2J");
  });

  it.each([
    ["an unknown family", "01 05 ac100105 00 00 00 00"],
    ["nine addresses", `09 ${"04ac100105".repeat(9)} 00 00 00 00`],
    ["a subnet with host bits", "00 01 04 0a010001 10 00 00 00"],
    ["five subnets", `00 05 ${"040a01000010".repeat(5)} 00 00 00`],
    ["a name of 64 bytes", `00 00 40 ${"61".repeat(64)} 00 00`],
    ["a site of 33 bytes", `00 00 00 21 ${"61".repeat(33)} 00`],
    ["malformed UTF-8", "00 00 02 c328 00 00"],
    ["an overlong form", "00 00 02 c0af 00 00"],
    ["a control character", "00 00 01 1b 00 00"],
    ["bytes after the end", "00 00 00 00 00 00"],
    ["an empty value", ""],
  ])("refuses %s", (_, bytes) => {
    expect(decodeAddressInfo(hex(bytes))).toBeUndefined();
  });

  it("throws on addresses that are none", () => {
    expect(() => encodeAddressInfo({ ...info, ips: ["pc7"] })).toThrow(RangeError);
    expect(() => encodeAddressInfo({ ...info, subnets: ["10.1.0.1/16"] })).toThrow(RangeError);
  });
});
