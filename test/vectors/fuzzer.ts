/**
 * Feeds mutated encodings to decoders and checks what each of them keeps: it never throws, never reads outside its
 * input nor changes it, holds at most 4 bytes for each byte of input, and accepts one encoding of a value only.
 *
 * Runs are determined by their seed, so that a fault is found again.
 */
import type { Family } from "./families.ts";

/** What a decoder may hold beside 4 bytes for each byte of input: the fields that it fills in by itself. */
const HELD_ALWAYS_BYTES = 256;
/** How often the costly check for reads outside the input is made. */
const OUTSIDE_EVERY = 8;
const LONGEST_INPUT_BYTES = 10_000;
/** Inputs that were accepted and are mutated further, so that mutations add up. */
const KEPT_INPUTS = 128;

export interface Fault {
  readonly family: string;
  readonly hex: string;
  readonly what: string;
}

export interface Counts {
  inputs: number;
  accepted: number;
}

export class Fuzzer {
  readonly counts = new Map<string, Counts>();
  readonly #random: () => number;
  readonly #families: readonly [string, Family][];
  readonly #corpus = new Map<string, Uint8Array[]>();
  readonly #seeds = new Map<string, number>();

  /** `corpus` holds encodings to start from, at least one for each family. */
  constructor(
    seed: number,
    families: Readonly<Record<string, Family>>,
    corpus: Readonly<Record<string, readonly Uint8Array[]>>,
  ) {
    this.#random = generator(seed);
    this.#families = Object.entries(families);
    for (const [name] of this.#families) {
      const inputs = corpus[name] ?? [];
      if (inputs.length === 0) throw new Error(`the fuzzer has nothing to start from for "${name}"`);
      this.#corpus.set(name, [...inputs]);
      this.#seeds.set(name, inputs.length);
      this.counts.set(name, { inputs: 0, accepted: 0 });
    }
  }

  /** One input for each family; the first fault found, if any. */
  round(): Fault | undefined {
    for (const [name, family] of this.#families) {
      const input = this.#next(name);
      const counts = this.counts.get(name) as Counts;
      counts.inputs++;
      const { what, accepted } = this.#judge(family, input, counts.inputs % OUTSIDE_EVERY === 0);
      if (what !== undefined) return { family: name, hex: Buffer.from(input).toString("hex"), what };
      if (!accepted) continue;
      counts.accepted++;
      this.#keep(name, input);
    }
    return undefined;
  }

  #judge(family: Family, input: Uint8Array, outside: boolean): { what?: string; accepted: boolean } {
    const before = input.slice();
    try {
      const value = family.decode(input);
      if (!same(input, before)) return { what: "the decoder changed its input", accepted: false };
      if (outside) {
        const what = readsOutside(family, input, value);
        if (what !== undefined) return { what, accepted: false };
      }
      if (value === undefined) return { accepted: false };
      const held = heldBytes(value, input.buffer);
      if (held > 4 * input.length + HELD_ALWAYS_BYTES) {
        return { what: `${held} bytes are held for an input of ${input.length}`, accepted: false };
      }
      const again = family.encode(value as never, input);
      if (again !== undefined && !same(again, input)) {
        return { what: `a second encoding of ${Buffer.from(again).toString("hex")} is accepted`, accepted: false };
      }
      return { accepted: true };
    } catch (error) {
      return { what: `thrown: ${error instanceof Error ? error.message : String(error)}`, accepted: false };
    }
  }

  /** Keeps an accepted input among those to start from; beyond the limit it replaces an earlier kept one. */
  #keep(name: string, input: Uint8Array): void {
    const corpus = this.#corpus.get(name) as Uint8Array[];
    const seeds = this.#seeds.get(name) as number;
    if (corpus.length < seeds + KEPT_INPUTS) corpus.push(input);
    else corpus[seeds + this.#below(KEPT_INPUTS)] = input;
  }

  #next(name: string): Uint8Array {
    const corpus = this.#corpus.get(name) as Uint8Array[];
    const pick = () => corpus[this.#below(corpus.length)] as Uint8Array;
    if (this.#below(50) === 0) return this.#anyBytes(pick());
    let input: Uint8Array = pick().slice();
    for (let changes = 1 + this.#below(4); changes > 0; changes--) input = this.#changed(input, pick);
    return input.length > LONGEST_INPUT_BYTES ? input.slice(0, LONGEST_INPUT_BYTES) : input;
  }

  /** Random bytes behind the first byte of a real encoding, which is its type in most families. */
  #anyBytes(like: Uint8Array): Uint8Array {
    const input = new Uint8Array(this.#below(300));
    for (let i = 0; i < input.length; i++) input[i] = this.#below(256);
    if (input.length > 0) input[0] = like[0] ?? 0;
    return input;
  }

  #changed(input: Uint8Array, other: () => Uint8Array): Uint8Array {
    const at = this.#below(input.length + 1);
    switch (this.#below(8)) {
      case 0:
        if (at < input.length) input[at] = (input[at] as number) ^ (1 << this.#below(8));
        return input;
      case 1:
        if (at < input.length) input[at] = this.#below(256);
        return input;
      case 2: // A length or an enumerator at the ends of its range.
        if (at < input.length) input[at] = EDGES[this.#below(EDGES.length)] as number;
        return input;
      case 3: {
        const width = 2 << this.#below(3);
        const fill = this.#below(2) === 0 ? 0 : 0xff;
        return input.fill(fill, at, Math.min(input.length, at + width));
      }
      case 4:
        return input.slice(0, at);
      case 5: {
        const piece = input.slice(at, at + 1 + this.#below(64));
        return joined(input.subarray(0, at), piece, input.subarray(at));
      }
      case 6: {
        const end = Math.min(input.length, at + 1 + this.#below(32));
        return joined(input.subarray(0, at), input.subarray(end));
      }
      default: {
        const tail = other();
        return joined(
          input.subarray(0, at),
          tail.subarray(Math.min(tail.length, this.#below(2) === 0 ? at : this.#below(tail.length + 1))),
        );
      }
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

const EDGES = [0, 1, 2, 3, 4, 8, 9, 16, 17, 18, 63, 64, 127, 128, 254, 255];

/** Decodes the input with different bytes around it; what it says must not depend on them. */
function readsOutside(family: Family, input: Uint8Array, value: unknown): string | undefined {
  for (const around of [0x00, 0xff]) {
    const larger = new Uint8Array(input.length + 64).fill(around);
    larger.set(input, 32);
    const view = larger.subarray(32, 32 + input.length);
    const there = family.decode(view);
    const differs =
      (there === undefined) !== (value === undefined) ||
      (there !== undefined && !same(written(family, there, view), written(family, value, input)));
    if (differs) return `the bytes around the input (${around}) change what is read`;
  }
  return undefined;
}

function written(family: Family, value: unknown, input: Uint8Array): Uint8Array {
  return family.encode(value as never, input) ?? input;
}

/** Names of constants of the program, which cost nothing. */
const ENUMERATED = new Set(["type", "kind", "origin", "nat", "op", "purpose", "reason", "code", "mode", "edgeKind"]);

/** Bytes of memory that `value` holds beside the input: its buffers (each once) and the characters of its texts. */
export function heldBytes(value: unknown, input: ArrayBufferLike): number {
  const buffers = new Set<ArrayBufferLike>([input]);
  const held = (part: unknown, key: string): number => {
    if (typeof part === "string") return ENUMERATED.has(key) ? 0 : part.length;
    if (part instanceof Uint8Array) {
      if (buffers.has(part.buffer)) return 0;
      buffers.add(part.buffer);
      return part.buffer.byteLength;
    }
    if (typeof part !== "object" || part === null) return 0;
    let sum = 0;
    for (const [name, field] of Object.entries(part)) sum += held(field, name);
    return sum;
  };
  return held(value, "");
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Mulberry32: uniform in [0, 1), determined by the seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
