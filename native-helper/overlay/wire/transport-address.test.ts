import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ta as anyTa } from "../../../test/vectors/arbitraries.ts";
import { Reader, Writer } from "./bytes.ts";
import {
  decodeOptionalTa,
  decodeTa,
  decodeTaList,
  encodeOptionalTa,
  encodeTa,
  encodeTaList,
  formatTa,
  mayBeListed,
  parseTa,
  socketOf,
  splitSocket,
  taFromSocket,
} from "./transport-address.ts";
import type { TransportAddress } from "./types.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function read(text: string, refuseLoopback = false): TransportAddress | undefined {
  const reader = new Reader(hex(text));
  const ta = decodeTa(reader, { refuseLoopback });
  return reader.complete ? ta : undefined;
}

const CASES: [string, TransportAddress, string][] = [
  [
    "01 02 c0000201 3a98",
    { kind: "udp4", origin: "learned", host: "192.0.2.1", port: 15000 },
    "ringway.udp://192.0.2.1:15000",
  ],
  [
    "02 01 20010db8000000000000000000000001 0001",
    { kind: "udp6", origin: "local", host: "2001:db8::1", port: 1 },
    "ringway.udp://[2001:db8::1]:1",
  ],
  [
    "03 04 c0000201 01bb",
    { kind: "tcp4", origin: "configured", host: "192.0.2.1", port: 443 },
    "ringway.tcp://192.0.2.1:443",
  ],
  [
    "08 03 c0000201 ffff",
    { kind: "tls4", origin: "mapped", host: "192.0.2.1", port: 65535 },
    "ringway.tls://192.0.2.1:65535",
  ],
  [
    "05 04 0f 706c312e6578616d706c652e636f6d 3a98",
    { kind: "udpDns", origin: "configured", host: "pl1.example.com", port: 15000 },
    "ringway.udp://pl1.example.com:15000",
  ],
  ["07 05 01 61 0050", { kind: "tlsDns", origin: "predicted", host: "a", port: 80 }, "ringway.tls://a:80"],
];

describe("on the wire", () => {
  it.each(CASES)("%s", (bytes, ta, text) => {
    expect(read(bytes)).toEqual(ta);
    const writer = new Writer();
    encodeTa(writer, ta);
    expect(writer.finish()).toEqual(hex(bytes));
    expect(formatTa(ta)).toBe(text);
    expect(parseTa(text, ta.origin)).toEqual(ta);
  });

  it.each([
    ["kind 0", "00 02 c0000201 3a98"],
    ["an unknown kind", "0a 02 c0000201 3a98"],
    ["an unknown origin", "01 06 c0000201 3a98"],
    ["port 0", "01 02 c0000201 0000"],
    ["an unspecified address", "01 02 00000000 3a98"],
    ["a multicast address", "01 02 e0000001 3a98"],
    ["the broadcast address", "01 02 ffffffff 3a98"],
    ["IPv6 multicast", "02 02 ff020000000000000000000000000001 3a98"],
    ["IPv4 inside IPv6", "02 02 00000000000000000000ffffc0000201 3a98"],
    ["a cut address", "01 02 c00002"],
    ["an empty name", "05 04 00 3a98"],
    ["a name in upper case", "05 04 01 41 3a98"],
    ["a name with a space", "05 04 03 612062 3a98"],
    ["a number as name", "05 04 03 312e32 3a98"],
    ["a name that ends in a dot", "05 04 02 612e 3a98"],
  ])("refuses %s", (_, bytes) => {
    expect(read(bytes)).toBeUndefined();
  });

  it("takes loopback where it reports what was seen, and not where it says where to send", () => {
    const loopback = "01 02 7f000001 3a98";
    expect(read(loopback)?.host).toBe("127.0.0.1");
    expect(read(loopback, true)).toBeUndefined();
    const list = new Reader(hex(`01 ${loopback}`));
    expect(decodeTaList(list)).toEqual([]);
    expect(list.failed).toBe(true);
  });

  it("lists at most 8", () => {
    const ta = { kind: "udp4", origin: "local", host: "192.0.2.1", port: 1 } as const;
    const writer = new Writer();
    encodeTaList(writer, Array(8).fill(ta));
    expect(decodeTaList(new Reader(writer.finish()))).toHaveLength(8);
    expect(() => encodeTaList(new Writer(), Array(9).fill(ta))).toThrow(RangeError);
    const nine = new Reader(Uint8Array.of(9, ...writer.finish().subarray(1), ...writer.finish().subarray(1, 9)));
    decodeTaList(nine);
    expect(nine.failed).toBe(true);
  });

  it("writes none as one zero byte", () => {
    const writer = new Writer();
    encodeOptionalTa(writer, undefined);
    expect(writer.finish()).toEqual(hex("00"));
    expect(decodeOptionalTa(new Reader(hex("00")))).toBeNull();
    const nothing = new Reader(hex(""));
    expect(decodeOptionalTa(nothing)).toBeUndefined();
    expect(nothing.failed).toBe(true);
  });

  it.each<TransportAddress>([
    { kind: "udp4", origin: "local", host: "2001:db8::1", port: 1 },
    { kind: "udp6", origin: "local", host: "192.0.2.1", port: 1 },
    { kind: "udpDns", origin: "local", host: "a b", port: 1 },
    { kind: "udp4", origin: "local", host: "192.0.2.1", port: 65536 },
  ])("throws on writing %j", (ta) => {
    expect(() => encodeTa(new Writer(), ta)).toThrow(RangeError);
  });
});

describe("as text", () => {
  it("reads the names of 2006", () => {
    expect(parseTa("brunet.udp://planetlab-01.bu.edu:15000")).toEqual({
      kind: "udpDns",
      origin: "configured",
      host: "planetlab-01.bu.edu",
      port: 15000,
    });
    expect(parseTa("BRUNET.TCP://192.0.2.1:80/")).toEqual(parseTa("ringway.tcp://192.0.2.1:80"));
  });

  it.each([
    "",
    "192.0.2.1:15000",
    "udp://192.0.2.1:15000",
    "ringway.udp:192.0.2.1:15000",
    "ringway.udp://192.0.2.1",
    "ringway.udp://192.0.2.1:",
    "ringway.udp://192.0.2.1:0",
    "ringway.udp://192.0.2.1:65536",
    "ringway.udp://192.0.2.1:015",
    "ringway.udp://192.0.2.256:15000",
    "ringway.udp://0.0.0.0:15000",
    "ringway.udp://224.0.0.1:15000",
    "ringway.udp://2001:db8::1:15000",
    "ringway.udp://[192.0.2.1]:15000",
    "ringway.udp://[::ffff:192.0.2.1]:15000",
    "ringway.udp://[fe80::1%eth0]:15000",
    "ringway.udp://user@host:15000",
    "ringway.udp://host:15000/path",
    "ringway.udp://-host:15000",
    "ringway.http://host:15000",
  ])("refuses %j", (text) => {
    expect(parseTa(text)).toBeUndefined();
  });

  it("is read back", () => {
    fc.assert(
      fc.property(anyTa, (ta) => {
        expect(parseTa(formatTa(ta), ta.origin)).toEqual(ta);
      }),
    );
  });
});

describe("and sockets", () => {
  it.each([
    ["192.0.2.1:15000", "udp4", "192.0.2.1"],
    ["[2001:db8:0::1]:1", "udp6", "2001:db8::1"],
    ["[::ffff:192.0.2.1]:15000", "udp4", "192.0.2.1"],
    ["127.0.0.1:15000", "udp4", "127.0.0.1"],
    ["[fe80::1%3]:15000", "udp6", "fe80::1"],
  ])("makes a transport address of %s", (socket, kind, host) => {
    expect(taFromSocket(socket, "learned")).toMatchObject({ kind, host, origin: "learned" });
  });

  it.each(["", "host:1", "192.0.2.1", "192.0.2.1:70000", "2001:db8::1:5", "[192.0.2.1]:5"])(
    "throws on %j",
    (socket) => {
      expect(splitSocket(socket)).toBeUndefined();
      expect(() => taFromSocket(socket, "learned")).toThrow(/ip:port/);
    },
  );

  it("gives the socket of numeric UDP addresses only", () => {
    fc.assert(
      fc.property(anyTa, (ta) => {
        const socket = socketOf(ta);
        if (ta.kind === "udp4" || ta.kind === "udp6") {
          expect(taFromSocket(socket as string, ta.origin)).toEqual(ta);
        } else {
          expect(socket).toBeUndefined();
        }
      }),
    );
  });

  it.each<[TransportAddress, boolean]>([
    [{ kind: "udp4", origin: "learned", host: "192.0.2.1", port: 1 }, true],
    [{ kind: "udp4", origin: "learned", host: "127.0.0.1", port: 1 }, false],
    [{ kind: "udp6", origin: "learned", host: "::1", port: 1 }, false],
    [{ kind: "udp6", origin: "learned", host: "192.0.2.1", port: 1 }, false],
    [{ kind: "udp4", origin: "learned", host: "192.0.2.1", port: 0 }, false],
    [{ kind: "udpDns", origin: "configured", host: "pl1.example.com", port: 1 }, true],
  ])("%j may be listed: %s", (ta, may) => {
    expect(mayBeListed(ta)).toBe(may);
  });
});
