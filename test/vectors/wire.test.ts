/** Holds the codecs to wire.json, whose bytes were put together from docs/protocol.md without them. */
import { createCipheriv, createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import { concat, Reader, Writer } from "../../native-helper/overlay/wire/bytes.ts";
import { decodeCtrl, encodeCtrl } from "../../native-helper/overlay/wire/ctrl.ts";
import { decodeDesc, encodeDescUnsigned } from "../../native-helper/overlay/wire/desc.ts";
import {
  decodeHandshakePayload,
  encodeEmptyPayload,
  encodeHandshakePayload,
} from "../../native-helper/overlay/wire/handshake-payload.ts";
import {
  decodeCookie,
  decodeHandshake,
  decodeTransitHeader,
  encodeCookie,
  encodeDataHeader,
  encodeHandshake,
  encodeTransitHeader,
  encodeTransitOuter,
  type HandshakePacket,
  mac1Input,
  type TransitHeader,
} from "../../native-helper/overlay/wire/packet.ts";
import {
  decodeAddressInfo,
  decodeLease,
  decodeRecord,
  encodeAddressInfo,
  encodeLease,
  encodeRecordUnsigned,
} from "../../native-helper/overlay/wire/record.ts";
import { bindInput, signedPart, signInput } from "../../native-helper/overlay/wire/sign-input.ts";
import { decodeTa, encodeTa, formatTa, parseTa } from "../../native-helper/overlay/wire/transport-address.ts";
import type {
  Ctrl,
  Desc,
  DhtRecord,
  HandshakePayload,
  TransportAddress,
} from "../../native-helper/overlay/wire/types.ts";
import { decodeFrames } from "./frames.ts";

interface Case {
  readonly name: string;
  readonly hex: string;
  readonly value: unknown;
}

interface Sealed {
  readonly name: string;
  readonly hex: string;
  readonly cipher: number;
  readonly key: string;
  readonly receiver: number;
  readonly counter: string;
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is that of the file; each family's test says what it expects.
const vectors: any = JSON.parse(readFileSync(new URL("wire.json", import.meta.url), "utf8"), (_, value) => {
  if (typeof value?.hex === "string" && Object.keys(value).length === 1) return bytesOf(value.hex);
  return typeof value?.u64 === "string" ? BigInt(value.u64) : value;
});

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    createHash("sha256")
      .update(concat(...parts))
      .digest(),
  );
}

function whole<T>(read: (reader: Reader) => T | undefined): (bytes: Uint8Array) => T | undefined {
  return (bytes) => {
    const reader = new Reader(bytes);
    const value = read(reader);
    return reader.complete ? value : undefined;
  };
}

/** The rest of an AEAD packet after its head: ciphertext and tag. */
function seal(cipher: number, key: string, counter: string, head: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(counter), 4);
  const name = cipher === 1 ? "chacha20-poly1305" : "aes-256-gcm";
  const sealer = createCipheriv(name as "aes-256-gcm", bytesOf(key), nonce, { authTagLength: 16 } as object);
  sealer.setAAD(head);
  return concat(sealer.update(plaintext), sealer.final(), sealer.getAuthTag());
}

const text = (s: string) => Buffer.from(s, "latin1");
const { identity } = vectors;
const netId = bytesOf(identity.netId);
const ed = createPublicKey({
  key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(identity.edPublic, "hex").toString("base64url") },
  format: "jwk",
});

describe("identity", () => {
  it("derives net_id and address", () => {
    const name = Buffer.from(identity.affiliation);
    expect(hexOf(sha256(text("ovl1-net"), Uint8Array.of(0, name.length), name))).toBe(identity.netId);
    const address = sha256(text("ovl1-addr"), netId, bytesOf(identity.edPublic), bytesOf(identity.salt)).subarray(
      0,
      20,
    );
    expect(hexOf(address)).toBe(identity.address);
  });

  it("signs the binding", () => {
    const input = bindInput(netId, bytesOf(identity.xPublic), identity.bindValidUntil);
    expect(hexOf(input)).toBe(identity.bindInput);
    const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), bytesOf(identity.edSeed)]);
    const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    expect(sign(null, input, key).toString("hex")).toBe(identity.bind);
  });
});

describe("handshake packets", () => {
  it.each(vectors.handshakes as (Case & { receiverX: string; mac1Key: string })[])("$name", (vector) => {
    const packet = bytesOf(vector.hex);
    const value = vector.value as HandshakePacket;
    expect(decodeHandshake(packet)).toEqual(value);
    const covered: Uint8Array[] = [];
    const mac1 = (preceding: Uint8Array) => {
      covered.push(preceding);
      return value.mac1;
    };
    expect(encodeHandshake(value, mac1, () => value.mac2)).toEqual(packet);
    expect(covered).toEqual([mac1Input(packet)]);
    const psk = new Uint8Array(32);
    expect(hexOf(sha256(text("ovl1-mac1"), netId, psk, bytesOf(vector.receiverX)))).toBe(vector.mac1Key);
  });
});

it.each(vectors.cookies as Case[])("$name", ({ hex, value }) => {
  expect(decodeCookie(bytesOf(hex))).toEqual(value);
  expect(hexOf(encodeCookie(value as never))).toBe(hex);
});

describe("data packets", () => {
  it.each(vectors.frames as { name: string; hex: string; frames: { kind: number; aux: number; body: string }[] }[])(
    "frames: $name",
    ({ hex, frames }) => {
      const read = decodeFrames(bytesOf(hex));
      expect(read?.map(({ kind, aux, body }) => ({ kind, aux, body: hexOf(body) }))).toEqual(frames);
    },
  );

  it.each(vectors.data as (Sealed & { plaintext: string })[])(
    "$name",
    ({ cipher, key, receiver, counter, plaintext, hex }) => {
      const head = encodeDataHeader({ receiver, counter: BigInt(counter) });
      expect(hexOf(concat(head, seal(cipher, key, counter, head, bytesOf(plaintext))))).toBe(hex);
      expect(decodeFrames(bytesOf(plaintext))).toBeDefined();
    },
  );

  it.each(vectors.transit as (Sealed & { header: TransitHeader; headerHex: string; inner: string })[])(
    "$name",
    (vector) => {
      const { cipher, key, receiver, counter, header, headerHex, inner, hex } = vector;
      const plain = encodeTransitHeader(header);
      expect(hexOf(plain)).toBe(headerHex);
      expect(decodeTransitHeader(plain)).toEqual(header);
      const innerBytes = bytesOf(inner);
      const head = encodeTransitOuter({ innerBytes: innerBytes.length, receiver, counter: BigInt(counter) });
      expect(hexOf(concat(head, seal(cipher, key, counter, head, plain), innerBytes))).toBe(hex);
    },
  );
});

it.each(vectors.tas as Case[])("$name", ({ name, hex, value }) => {
  const ta = value as TransportAddress;
  expect(whole(decodeTa)(bytesOf(hex))).toEqual(ta);
  const writer = new Writer();
  encodeTa(writer, ta);
  expect(hexOf(writer.finish())).toBe(hex);
  expect(formatTa(ta)).toBe(name);
  expect(parseTa(name, ta.origin)).toEqual(ta);
});

describe("handshake payloads", () => {
  it.each(vectors.payloads as (Case & { padTo?: number; skips?: boolean })[])(
    "$name",
    ({ hex, value, padTo, skips }) => {
      expect(decodeHandshakePayload(bytesOf(hex))).toEqual(value);
      if (skips) return; // What was skipped cannot be written again.
      const payload = value as HandshakePayload;
      expect(hexOf(encodeHandshakePayload(payload, padTo === undefined ? {} : { padTo }))).toBe(hex);
      if (Object.keys(payload).length === 0) expect(hexOf(encodeEmptyPayload(padTo as number))).toBe(hex);
    },
  );
});

describe("descriptors", () => {
  it.each(vectors.descs as Case[])("$name", ({ hex, value }) => {
    const desc = value as Desc;
    expect(whole(decodeDesc)(bytesOf(hex))).toEqual(desc);
    expect(encodeDescUnsigned(desc)).toEqual(signedPart(desc.bytes));
    expect(verify(null, signInput("desc", netId, signedPart(desc.bytes)), ed, desc.signature)).toBe(true);
  });
});

describe("records", () => {
  it.each(vectors.records as Case[])("$name", ({ hex, value }) => {
    const record = value as DhtRecord;
    expect(whole(decodeRecord)(bytesOf(hex))).toEqual(record);
    expect(encodeRecordUnsigned(record)).toEqual(signedPart(record.bytes));
    expect(verify(null, signInput("rec", netId, signedPart(record.bytes)), ed, record.signature)).toBe(true);
  });

  it.each(vectors.leases as Case[])("lease: $name", ({ hex, value }) => {
    expect(decodeLease(bytesOf(hex))).toEqual(value);
    expect(hexOf(encodeLease(value as never))).toBe(hex);
  });

  it.each(vectors.addressInfos as Case[])("address info: $name", ({ hex, value }) => {
    expect(decodeAddressInfo(bytesOf(hex))).toEqual(value);
    expect(hexOf(encodeAddressInfo(value as never))).toBe(hex);
  });

  it("are found at the keys of their types", () => {
    const [lease, info] = (vectors.records as Case[]).map(({ value }) => value as DhtRecord);
    const ip = Uint8Array.of(172, 16, 1, 5);
    expect(lease?.key).toEqual(sha256(text("ip4"), netId, ip).subarray(0, 20));
    expect(info?.key).toEqual(sha256(text("rev"), bytesOf(identity.address as RingAddress)).subarray(0, 20));
  });
});

describe("control messages", () => {
  it.each(vectors.ctrls as Case[])("$name", ({ hex, value }) => {
    expect(decodeCtrl(bytesOf(hex))).toEqual(value);
    expect(hexOf(encodeCtrl(value as Ctrl))).toBe(hex);
  });
});

describe("refused", () => {
  const decoders: Record<string, (bytes: Uint8Array) => unknown> = {
    handshakes: decodeHandshake,
    cookies: decodeCookie,
    frames: decodeFrames,
    transitHeaders: decodeTransitHeader,
    tas: whole(decodeTa),
    payloads: decodeHandshakePayload,
    descs: whole(decodeDesc),
    records: whole(decodeRecord),
    leases: decodeLease,
    addressInfos: decodeAddressInfo,
    ctrls: decodeCtrl,
  };
  const cases = Object.entries(vectors.refused as Record<string, Case[]>).flatMap(([family, list]) =>
    list.map((refused) => [family, refused.name, refused] as const),
  );

  it("names every decoder", () => {
    expect(Object.keys(vectors.refused).sort()).toEqual(Object.keys(decoders).sort());
  });

  it.each(cases)("%s: %s", (family, _, refused) => {
    expect(decoders[family]?.(bytesOf(refused.hex))).toBeUndefined();
  });
});
