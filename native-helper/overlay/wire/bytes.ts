/** Reading and writing of big-endian fields; every codec of this folder is made of these two classes. */
import type { RingAddress } from "../ring/address.ts";

const EMPTY = new Uint8Array(0);
const TWO_32 = 2 ** 32;
const HEX_DIGITS = "0123456789abcdef";
/** Character codes of the two hex digits of each byte. */
const HIGH_DIGIT = Uint8Array.from({ length: 256 }, (_, byte) => HEX_DIGITS.charCodeAt(byte >> 4));
const LOW_DIGIT = Uint8Array.from({ length: 256 }, (_, byte) => HEX_DIGITS.charCodeAt(byte & 15));
/** The value of a hex digit by its character code; 16 for all others. */
const DIGIT_VALUE = new Uint8Array(128).fill(16);
for (let digit = 0; digit < 16; digit++) DIGIT_VALUE[HEX_DIGITS.charCodeAt(digit)] = digit;
/** Where `address` lays the digits out: one flat string is three times as fast to make and look up as twenty joined ones. */
const addressCodes: number[] = new Array(40).fill(0);

/**
 * Reads fields in order. Reading past the end, or `fail`, sets `failed` and makes every later read give zero or nothing,
 * so a decoder looks at `failed` once, where it is about to believe what it read.
 */
export class Reader {
  readonly bytes: Uint8Array;
  at = 0;
  failed = false;
  readonly #end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#end = bytes.length;
  }

  /** Marks what was read as malformed. */
  fail(): void {
    this.failed = true;
    this.at = this.#end;
  }

  get remaining(): number {
    return this.#end - this.at;
  }

  /** True where nothing was malformed and nothing is left over. */
  get complete(): boolean {
    return !this.failed && this.at === this.#end;
  }

  u8(): number {
    if (this.at >= this.#end) return this.#overrun();
    return this.bytes[this.at++] as number;
  }

  u16(): number {
    const { bytes, at } = this;
    if (at + 2 > this.#end) return this.#overrun();
    this.at = at + 2;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  u32(): number {
    const { bytes, at } = this;
    if (at + 4 > this.#end) return this.#overrun();
    this.at = at + 4;
    const low = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    return (bytes[at] as number) * 0x1000000 + low;
  }

  /** A u64 that must be below 2^53 (times, sequence numbers); a greater one is malformed. */
  u53(): number {
    const high = this.u32();
    const low = this.u32();
    if (high > 0x1fffff) return this.#overrun();
    return high * TWO_32 + low;
  }

  u64(): bigint {
    const high = this.u32();
    const low = this.u32();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** 0 or 1; any other value is malformed. */
  flag(): boolean {
    const value = this.u8();
    if (value > 1) this.fail();
    return value === 1;
  }

  /** The entry of `names` at the index on the wire; an index without an entry is malformed. */
  oneOf<T extends string>(names: readonly (T | undefined)[]): T | undefined {
    const name = names[this.u8()];
    if (name === undefined) this.fail();
    return name;
  }

  /** A view of the next bytes, sharing memory with the input. */
  take(length: number): Uint8Array {
    const { at } = this;
    if (length > this.#end - at) {
      this.fail();
      return EMPTY;
    }
    this.at = at + length;
    return this.bytes.subarray(at, at + length);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.#end - this.at);
  }

  skip(length: number): void {
    if (length > this.#end - this.at) this.fail();
    else this.at += length;
  }

  address(): RingAddress {
    const { bytes, at } = this;
    if (at + 20 > this.#end) {
      this.fail();
      return "" as RingAddress;
    }
    this.at = at + 20;
    for (let i = 0; i < 20; i++) {
      const byte = bytes[at + i] as number;
      addressCodes[2 * i] = HIGH_DIGIT[byte] as number;
      addressCodes[2 * i + 1] = LOW_DIGIT[byte] as number;
    }
    return String.fromCharCode.apply(null, addressCodes) as RingAddress;
  }

  /** `n` items; more than `limit` is malformed. Holds no more items than the input has bytes for. */
  items<T>(n: number, limit: number, read: (reader: Reader) => T | undefined): T[] {
    const list: T[] = [];
    if (n > limit) this.fail();
    for (let i = 0; i < n && !this.failed; i++) {
      const item = read(this);
      if (item === undefined) this.fail();
      else list.push(item);
    }
    return list;
  }

  /** `u8 n | n items`. */
  list<T>(limit: number, read: (reader: Reader) => T | undefined): T[] {
    return this.items(this.u8(), limit, read);
  }

  #overrun(): number {
    this.fail();
    return 0;
  }
}

/** Appends fields. A value that its field cannot hold is this program's fault and throws a RangeError. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(expectedBytes = 256) {
    this.#bytes = new Uint8Array(expectedBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = 0;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#field(value, 1, 0xff);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#field(value, 2, 0xffff);
    const bytes = this.#bytes;
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.#field(value, 4, 0xffffffff);
    this.#put32(at, value);
  }

  /** A whole number below 2^53 in eight bytes. */
  u53(value: number): void {
    const at = this.#field(value, 8, Number.MAX_SAFE_INTEGER);
    this.#put32(at, Math.floor(value / TWO_32));
    this.#put32(at + 4, value % TWO_32);
  }

  u64(value: bigint): void {
    if (value < 0n || value >> 64n !== 0n) throw new RangeError(`${value} does not fit a u64 field`);
    const at = this.#grow(8);
    this.#put32(at, Number(value >> 32n));
    this.#put32(at + 4, Number(value & 0xffffffffn));
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  /** The index of `name` in `names`, in one byte. */
  oneOf<T extends string>(names: readonly (T | undefined)[], name: T): void {
    const index = names.indexOf(name);
    if (index < 0) throw new RangeError(`"${name}" has no number on the wire`);
    this.u8(index);
  }

  /** A measured value: rounded, and held at the ends of the field where it lies outside. */
  measuredU8(value: number): void {
    this.u8(saturate(value, 0, 0xff));
  }

  measuredU16(value: number): void {
    this.u16(saturate(value, 0, 0xffff));
  }

  measuredU32(value: number): void {
    this.u32(saturate(value, 0, 0xffffffff));
  }

  measuredI16(value: number): void {
    this.u16(saturate(value, -0x8000, 0x7fff) & 0xffff);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Bytes of a field of fixed size. */
  fixed(bytes: Uint8Array, length: number): void {
    if (bytes.length !== length) throw new RangeError(`a field of ${length} bytes was given ${bytes.length}`);
    this.raw(bytes);
  }

  zeros(length: number): void {
    this.#grow(length);
  }

  address(address: RingAddress): void {
    if (address.length !== 40) throw new RangeError(`"${address}" is no ring address: 40 hex digits are needed`);
    const at = this.#grow(20);
    const bytes = this.#bytes;
    let worst = 0;
    for (let i = 0; i < 20; i++) {
      const high = DIGIT_VALUE[address.charCodeAt(2 * i)] ?? 16;
      const low = DIGIT_VALUE[address.charCodeAt(2 * i + 1)] ?? 16;
      bytes[at + i] = (high << 4) | low;
      worst |= high | low;
    }
    if (worst > 15) throw new RangeError(`"${address}" is no ring address: lower-case hex digits are needed`);
  }

  /** `u8 n | n items`. */
  list<T>(limit: number, items: readonly T[], write: (writer: Writer, item: T) => void): void {
    this.count(items.length, limit);
    this.u8(items.length);
    for (const item of items) write(this, item);
  }

  /** Holds a list to its limit on the sending side too. */
  count(length: number, limit: number): void {
    if (length > limit) throw new RangeError(`a list of ${length} exceeds its limit of ${limit}`);
  }

  #field(value: number, width: number, max: number): number {
    if (!(value >= 0 && value <= max && Number.isInteger(value))) {
      throw new RangeError(`${value} does not fit an unsigned field of ${width} bytes`);
    }
    return this.#grow(width);
  }

  #put32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** Makes room for `length` zero bytes and tells where they start. */
  #grow(length: number): number {
    const at = this.#length;
    const needed = at + length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.#length = needed;
    return at;
  }
}

/** All of `parts`, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function saturate(value: number, min: number, max: number): number {
  if (Number.isNaN(value)) return min < 0 ? 0 : max; // Unknown: no coordinate, or the worst time.
  return Math.max(min, Math.min(max, Math.round(value)));
}
