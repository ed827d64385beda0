/**
 * Stand-in cryptography for large simulations: the sizes and the failures of the real one, none of its secrecy.
 *
 * Everything is a 128-bit mix (MurmurHash3 x86_128, Austin Appleby, public domain) of public values. Whatever would not
 * authenticate under the real primitives (another key, passphrase or prologue, a changed byte) does not here either;
 * but payloads stay readable and whoever calls the mix by hand can forge. So it shows how the protocol behaves, never
 * how safe it is.
 */
import type {
  CipherId,
  Crypto,
  Handshake,
  HandshakeOptions,
  Identity,
  SessionKeys,
} from "../../native-helper/overlay/boundary.ts";
import type { SeededEntropy } from "./random.ts";

/** What the world needs of cryptography beyond what the engine does. */
export interface SimCrypto extends Crypto {
  identity(entropy: SeededEntropy): Identity;
  /** The keys of both directions as numbers; equal at the two ends, crosswise. */
  directions(keys: SessionKeys): Directions;
}

export interface Directions {
  readonly tx: number;
  readonly rx: number;
}

const KEY_BYTES = 32;
const TAG_BYTES = 16;
const SIGNATURE_BYTES = 64;

/** `entropy` feeds the ephemeral keys of handshakes. */
export function standInCrypto(entropy: SeededEntropy): SimCrypto {
  return {
    sha256: (data) => new Mixer(1).absorb(data).digest(32),
    blake2s128: (key, data) => new Mixer(2).absorb(key).absorb(data).digest(16),
    verify: (edPublic, message, signature) =>
      signature.length === SIGNATURE_BYTES && sameBytes(signature, 0, signatureOf(edPublic, message)),
    handshake: (options) => new StandInHandshake(options, entropy),
    identity: (own) => {
      const edPublic = new Mixer(3).absorb(own.bytes(KEY_BYTES)).digest(KEY_BYTES);
      const xPublic = new Mixer(4).absorb(own.bytes(KEY_BYTES)).digest(KEY_BYTES);
      return { edPublic, xPublic, sign: (message) => signatureOf(edPublic, message) };
    },
    directions: (keys) => (keys as unknown as { sessionKeys: Directions }).sessionKeys,
  };
}

function signatureOf(edPublic: Uint8Array, message: Uint8Array): Uint8Array {
  return new Mixer(5).absorb(edPublic).absorb(message).digest(SIGNATURE_BYTES);
}

type Token = "e" | "s" | "psk";
/** The tokens of each Noise message that move or mix something; what Diffie-Hellman would add is in the public keys. */
const MESSAGES: Record<"IK" | "XX", readonly (readonly Token[])[]> = {
  IK: [
    ["e", "s"],
    ["e", "psk"],
  ],
  XX: [["e"], ["e", "s"], ["s", "psk"]],
};

class StandInHandshake implements Handshake {
  readonly #options: HandshakeOptions;
  readonly #entropy: SeededEntropy;
  /** Everything said so far; a tag is a digest of it. */
  readonly #transcript: Mixer;
  #turn = 0;
  #spent = false;
  #remoteStatic: Uint8Array | undefined;

  constructor(options: HandshakeOptions, entropy: SeededEntropy) {
    this.#options = options;
    this.#entropy = entropy;
    this.#transcript = new Mixer(options.pattern === "IK" ? 6 : 7).absorb(options.prologue);
    if (options.pattern === "XX") return;
    const responder = options.initiator ? options.remoteStatic : options.identity.xPublic;
    if (responder === undefined) throw new TypeError("the initiator of IK needs the responder's static key");
    this.#transcript.absorb(responder);
    if (options.initiator) this.#remoteStatic = responder;
  }

  write(payload: Uint8Array): Uint8Array {
    const tokens = this.#take(this.#options.initiator);
    const keys = tokens.reduce((sum, token) => sum + tokenBytes(token), 0);
    const message = new Uint8Array(keys + payload.length + TAG_BYTES);
    let at = 0;
    for (const token of tokens) {
      if (token === "psk") this.#transcript.absorb(this.#options.psk);
      if (token === "e") {
        message.set(this.#entropy.bytes(KEY_BYTES), at);
        this.#transcript.absorb(message.subarray(at, at + KEY_BYTES));
      }
      if (token === "s") {
        message.set(this.#options.identity.xPublic, at);
        this.#writeTag(message, at, at + KEY_BYTES);
      }
      at += tokenBytes(token);
    }
    message.set(payload, at);
    this.#writeTag(message, at, at + payload.length);
    return message;
  }

  read(message: Uint8Array): Uint8Array | undefined {
    const tokens = this.#take(!this.#options.initiator);
    let at = 0;
    for (const token of tokens) {
      const next = at + tokenBytes(token);
      if (next > message.length) return this.#fail();
      if (token === "psk") this.#transcript.absorb(this.#options.psk);
      if (token === "e") this.#transcript.absorb(message.subarray(at, next));
      if (token === "s") {
        if (!this.#tagIsRight(message, at, at + KEY_BYTES)) return this.#fail();
        this.#remoteStatic = message.slice(at, at + KEY_BYTES);
      }
      at = next;
    }
    const end = message.length - TAG_BYTES;
    if (end < at || !this.#tagIsRight(message, at, end)) return this.#fail();
    return message.slice(at, end);
  }

  remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic;
  }

  split(cipher: CipherId): SessionKeys {
    if (this.#spent || this.#turn !== MESSAGES[this.#options.pattern].length) {
      throw new Error("split comes after the last message of the handshake");
    }
    const secret = this.#transcript.digest(KEY_BYTES);
    secret[0] = (secret[0] as number) ^ cipher;
    const view = new DataView(secret.buffer);
    const outward = view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
    const homeward = view.getUint32(8) * 2 ** 20 + (view.getUint32(12) >>> 12);
    const directions: Directions = this.#options.initiator
      ? { tx: outward, rx: homeward }
      : { tx: homeward, rx: outward };
    return { sessionKeys: directions } as unknown as SessionKeys;
  }

  #take(initiatorsTurn: boolean): readonly Token[] {
    const tokens = MESSAGES[this.#options.pattern][this.#turn];
    if (this.#spent || tokens === undefined || (this.#turn % 2 === 0) !== initiatorsTurn) {
      throw new Error(
        `message ${this.#turn + 1} of ${this.#options.pattern} is not due here, or the handshake is spent`,
      );
    }
    this.#turn++;
    return tokens;
  }

  #fail(): undefined {
    this.#spent = true;
    return undefined;
  }

  /** Seals `message[from..to]` with a tag at `to`. */
  #writeTag(message: Uint8Array, from: number, to: number): void {
    message.set(this.#transcript.absorb(message.subarray(from, to)).digest(TAG_BYTES), to);
  }

  #tagIsRight(message: Uint8Array, from: number, to: number): boolean {
    return sameBytes(message, to, this.#transcript.absorb(message.subarray(from, to)).digest(TAG_BYTES));
  }
}

function tokenBytes(token: Token): number {
  return token === "e" ? KEY_BYTES : token === "s" ? KEY_BYTES + TAG_BYTES : 0;
}

function sameBytes(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** The 128-bit state. Each absorbed piece counts with its length, so pieces cannot run into each other. */
class Mixer {
  #a: number;
  #b: number;
  #c = 0x3c6ef372;
  #d = 0x2545f491;

  /** `domain` keeps the uses of the mix apart. */
  constructor(domain: number) {
    this.#a = domain;
    this.#b = Math.imul(domain, 0x9e3779b1);
  }

  absorb(data: Uint8Array): this {
    let a = this.#a;
    let b = this.#b;
    let c = this.#c;
    let d = this.#d;
    const length = data.length;
    for (let i = 0; i < length; i += 16) {
      a = rotate(a ^ scramble(word(data, i), 0x239b961b, 15, 0xab0e9789), 19) + b;
      a = (Math.imul(a, 5) + 0x561ccd1b) | 0;
      b = rotate(b ^ scramble(word(data, i + 4), 0xab0e9789, 16, 0x38b34ae5), 17) + c;
      b = (Math.imul(b, 5) + 0x0bcaa747) | 0;
      c = rotate(c ^ scramble(word(data, i + 8), 0x38b34ae5, 17, 0xa1e38b93), 15) + d;
      c = (Math.imul(c, 5) + 0x96cd1c35) | 0;
      d = rotate(d ^ scramble(word(data, i + 12), 0xa1e38b93, 18, 0x239b961b), 13) + a;
      d = (Math.imul(d, 5) + 0x32ac3b17) | 0;
    }
    this.#a = a ^ length;
    this.#b = (b + a) | 0;
    this.#c = c ^ Math.imul(length, 0x85ebca6b);
    this.#d = (d + c) | 0;
    return this;
  }

  /** Leaves the state as it is; at most 64 bytes. */
  digest(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let block = 0; block * 16 < length; block++) {
      const tweak = Math.imul(block, 0x9e3779b9);
      let a = (this.#a + tweak + this.#b + this.#c + this.#d) | 0;
      const b = finish(this.#b + a);
      const c = finish(this.#c + a + b);
      const d = finish(this.#d + a + c);
      a = finish(a + b + c + d);
      put(out, block * 16, a);
      put(out, block * 16 + 4, (b + a) | 0);
      put(out, block * 16 + 8, (c + a) | 0);
      put(out, block * 16 + 12, (d + a) | 0);
    }
    return out;
  }
}

/** Little-endian; what lies past the end reads as zero. */
function word(data: Uint8Array, at: number): number {
  if (at + 4 <= data.length) {
    return (
      (data[at] as number) |
      ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16) |
      ((data[at + 3] as number) << 24)
    );
  }
  let value = 0;
  for (let i = data.length - 1; i >= at; i--) value = (value << 8) | (data[i] as number);
  return value;
}

function put(out: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4 && at + i < out.length; i++) out[at + i] = value >>> (8 * i);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function scramble(value: number, before: number, bits: number, after: number): number {
  return Math.imul(rotate(Math.imul(value, before), bits), after);
}

function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
