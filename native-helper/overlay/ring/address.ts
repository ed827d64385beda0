/**
 * 160-bit ring addresses and the arithmetic of the ring.
 *
 * An address is 40 lower-case hex digits, so that text order is numeric order and an address is its own map key.
 */
declare const ringAddressBrand: unique symbol;
export type RingAddress = string & { readonly [ringAddressBrand]: true };

export const ADDRESS_BYTES = 20;
const RING_SIZE = 1n << 160n;
const HALF = RING_SIZE >> 1n;

const PLACE_DIGITS = 12;
const PLACES = 2 ** (4 * PLACE_DIGITS);
const HEX_FORM = /^[0-9a-f]{40}$/;
const BASE32_FORM = /^[a-z2-7]{32}$/;
const BASE32_DIGITS = "abcdefghijklmnopqrstuvwxyz234567";
const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The address in 20 bytes, big-endian. */
export function addressFromBytes(bytes: Uint8Array): RingAddress {
  if (bytes.length !== ADDRESS_BYTES) throw new RangeError(`an address has 20 bytes, not ${bytes.length}`);
  let text = "";
  for (const byte of bytes) text += HEX_OF_BYTE[byte];
  return text as RingAddress;
}

export function addressToBytes(address: RingAddress): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BYTES);
  for (let i = 0; i < ADDRESS_BYTES; i++) bytes[i] = Number.parseInt(address.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Reads 40 hex digits or 32 characters of base32 (RFC 4648, no padding); either case. */
export function parseAddress(text: string): RingAddress | undefined {
  const lower = text.toLowerCase();
  if (HEX_FORM.test(lower)) return lower as RingAddress;
  if (!BASE32_FORM.test(lower)) return undefined;
  let value = 0n;
  for (const digit of lower) value = (value << 5n) | BigInt(BASE32_DIGITS.indexOf(digit));
  return addressFromNumber(value);
}

export function addressToNumber(address: RingAddress): bigint {
  return BigInt(`0x${address}`);
}

/** The address of a number, taken modulo 2^160. */
export function addressFromNumber(value: bigint): RingAddress {
  const wrapped = ((value % RING_SIZE) + RING_SIZE) % RING_SIZE;
  return wrapped.toString(16).padStart(40, "0") as RingAddress;
}

/** Steps clockwise (towards greater addresses) from `from` to `to`, 0..2^160-1. */
export function clockwiseDistance(from: RingAddress, to: RingAddress): bigint {
  const steps = addressToNumber(to) - addressToNumber(from);
  return steps < 0n ? steps + RING_SIZE : steps;
}

/** `min((a-b) mod 2^160, (b-a) mod 2^160)`. */
export function ringDistance(a: RingAddress, b: RingAddress): bigint {
  const steps = clockwiseDistance(a, b);
  return steps > HALF ? RING_SIZE - steps : steps;
}

/** The first 48 bits, which a double holds exactly; enough to tell most distances apart. */
export function placeOf(address: RingAddress): number {
  return Number.parseInt(address.slice(0, PLACE_DIGITS), 16);
}

/** Distance of two places on the ring, exact to 1. */
export function placeDistance(a: number, b: number): number {
  const apart = Math.abs(a - b);
  return Math.min(apart, PLACES - apart);
}

/** Negative where `a` is nearer to `target` than `b`; ties go to the lower address. */
export function compareDistance(target: RingAddress, a: RingAddress, b: RingAddress): number {
  const place = placeOf(target);
  const byPlace = placeDistance(placeOf(a), place) - placeDistance(placeOf(b), place);
  if (byPlace > 1 || byPlace < -1) return byPlace;
  const byDistance = ringDistance(a, target) - ringDistance(b, target);
  if (byDistance !== 0n) return byDistance < 0n ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The place of `address` in a sorted list: the index of the first entry that is not below it. */
export function lowerBound(sorted: readonly RingAddress[], address: RingAddress): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as RingAddress) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The entry of a sorted list nearest to `target`; undefined for an empty list. */
export function nearestOf(sorted: readonly RingAddress[], target: RingAddress): RingAddress | undefined {
  if (sorted.length === 0) return undefined;
  const place = lowerBound(sorted, target);
  const above = sorted[place % sorted.length] as RingAddress;
  const below = sorted[(place + sorted.length - 1) % sorted.length] as RingAddress;
  return compareDistance(target, above, below) <= 0 ? above : below;
}
