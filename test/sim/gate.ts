/** What the data path asks of a handshake packet before the engine sees it: right length, right mac1, a token left. */
import type { Crypto, Instant } from "../../native-helper/overlay/boundary.ts";

const INIT = 0x51;
const RESP = 0x52;
const XX1 = 0x53;
const XX2 = 0x54;
const XX3 = 0x55;
/** Bytes of each type beside its payload, whose length stands at offset 2. */
const FIXED_BYTES = new Map([
  [INIT, 120],
  [RESP, 76],
  [XX1, 72],
  [XX2, 124],
  [XX3, 92],
]);
const VERSION = 1;
const MAC_BYTES = 16;
const LEAST_PAYLOAD_BYTES = 16;

const TOKENS_PER_S = 20;
const BURST = 50;
const BUCKETS_LIMIT = 4096;

export interface GateKeys {
  /** mac1 key of packets to whoever has our X25519 key. */
  readonly own: Uint8Array;
  /** mac1 key of packets to somebody whose key is not known. */
  readonly anyone: Uint8Array;
}

/** The mac1 keys of a node (docs/protocol.md, "DoS"). `psk` is 32 zero bytes where the affiliation has no passphrase. */
export function gateKeys(crypto: Crypto, affiliation: string, psk: Uint8Array, xPublic: Uint8Array): GateKeys {
  const netId = openNetId(crypto, affiliation);
  const prefix = ascii("ovl1-mac1");
  return {
    own: crypto.sha256(concat(prefix, netId, psk, xPublic)),
    anyone: crypto.sha256(concat(prefix, netId, psk, new Uint8Array(xPublic.length))),
  };
}

function openNetId(crypto: Crypto, affiliation: string): Uint8Array {
  const name = new TextEncoder().encode(affiliation);
  return crypto.sha256(concat(ascii("ovl1-net"), Uint8Array.of(0, name.length), name));
}

export class HandshakeGate {
  readonly #crypto: Crypto;
  readonly #keys: GateKeys;
  readonly #buckets = new Map<string | number, { tokens: number; at: Instant }>();

  constructor(crypto: Crypto, keys: GateKeys) {
    this.#crypto = crypto;
    this.#keys = keys;
  }

  /** `source` is an IP, or the slot of the hop session by which the packet came. Undefined lets it pass, else why not. */
  refuse(packet: Uint8Array, source: string | number, now: Instant): string | undefined {
    const type = packet[0] as number;
    const fixed = FIXED_BYTES.get(type);
    if (fixed === undefined || packet.length < fixed + LEAST_PAYLOAD_BYTES || packet[1] !== VERSION) return "malformed";
    const payloadBytes = ((packet[2] as number) << 8) | (packet[3] as number);
    if (packet.length !== fixed + payloadBytes) return "malformed";
    const mac1At = packet.length - 2 * MAC_BYTES;
    const key = type === XX1 || type === XX2 ? this.#keys.anyone : this.#keys.own;
    const mac1 = this.#crypto.blake2s128(key, packet.subarray(0, mac1At));
    for (let i = 0; i < MAC_BYTES; i++) if (mac1[i] !== packet[mac1At + i]) return "badMac1";
    return this.#takeToken(source, now) ? undefined : "handshakeRate";
  }

  #takeToken(source: string | number, now: Instant): boolean {
    let bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      if (this.#buckets.size >= BUCKETS_LIMIT) this.#dropFull(now);
      if (this.#buckets.size >= BUCKETS_LIMIT) return false;
      bucket = { tokens: BURST, at: now };
      this.#buckets.set(source, bucket);
    }
    bucket.tokens = Math.min(BURST, bucket.tokens + ((now - bucket.at) * TOKENS_PER_S) / 1000);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #dropFull(now: Instant): void {
    for (const [source, bucket] of this.#buckets) {
      if (bucket.tokens + ((now - bucket.at) * TOKENS_PER_S) / 1000 >= BURST) this.#buckets.delete(source);
    }
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
