import { describe, expect, it } from "vitest";
import { corpus, keptInputs } from "./corpus.ts";
import { type Family, families } from "./families.ts";
import kept from "./fuzz/corpus.json" with { type: "json" };
import { Fuzzer, heldBytes } from "./fuzzer.ts";

describe("the decoders", () => {
  it("keep their laws under mutated input", () => {
    const fuzzer = new Fuzzer(1, families, corpus(1));
    for (let round = 0; round < 1_500; round++) expect(fuzzer.round()).toBeUndefined();
    for (const [name, { inputs, accepted }] of fuzzer.counts) {
      expect(inputs, name).toBe(1_500);
      // Mutation must reach behind the first checks: some inputs are still valid, and some no longer.
      expect(accepted, name).toBeGreaterThan(0);
      expect(accepted, name).toBeLessThan(inputs);
    }
  });

  it.each(kept.inputs)("take or refuse as noted: $family, $name", ({ family, hex, accepted }) => {
    const { decode, encode } = families[family] as Family;
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    const value = decode(bytes);
    expect(value !== undefined).toBe(accepted);
    if (value !== undefined) expect(encode(value as never, bytes) ?? bytes).toEqual(bytes);
  });

  it("are all in the corpus", () => {
    expect(Object.keys(keptInputs()).sort()).toEqual(Object.keys(families).sort());
  });
});

describe("the fuzzer", () => {
  const sound: Family = {
    encoding: (families.lease as Family).encoding,
    decode: (bytes) => (bytes.length === 4 ? { bytes: bytes.slice() } : undefined),
    encode: (value: { bytes: Uint8Array }) => value.bytes,
  };
  const start = { planted: [Uint8Array.of(1, 2, 3, 4)] };

  function faultOf(planted: Family): string | undefined {
    const fuzzer = new Fuzzer(7, { planted }, start);
    for (let round = 0; round < 5_000; round++) {
      const fault = fuzzer.round();
      if (fault) return fault.what;
    }
    return undefined;
  }

  it("finds nothing wrong with a sound decoder", () => {
    expect(faultOf(sound)).toBeUndefined();
  });

  it.each<[string, RegExp, Partial<Family>]>([
    [
      "throws on a certain byte",
      /thrown: planted/,
      {
        decode: (bytes) => {
          if (bytes[0] === 0xff) throw new Error("planted");
          return sound.decode(bytes);
        },
      },
    ],
    ["accepts two encodings", /second encoding/, { decode: (bytes) => sound.decode(bytes.slice(0, 4)) }],
    [
      "allocates by what the input claims",
      /bytes are held/,
      { decode: (bytes) => ({ bytes, list: new Uint8Array((bytes[0] ?? 0) * 1_000) }) },
    ],
    [
      "changes its input",
      /changed its input/,
      {
        decode: (bytes) => {
          if (bytes.length > 4) bytes.fill(0);
          return undefined;
        },
      },
    ],
    [
      "reads past its input",
      /around the input/,
      { decode: (bytes) => (new Uint8Array(bytes.buffer)[0] === 0xff ? undefined : sound.decode(bytes)) },
    ],
  ])("finds a decoder that %s", (_, what, broken) => {
    expect(faultOf({ ...sound, ...broken })).toMatch(what);
  });

  it("makes the same inputs from the same seed", () => {
    const seen = (seed: number) => {
      const inputs: string[] = [];
      const recorder: Family = {
        ...sound,
        decode: (bytes) => {
          inputs.push(Buffer.from(bytes).toString("hex"));
          return undefined;
        },
      };
      const fuzzer = new Fuzzer(seed, { planted: recorder }, start);
      for (let round = 0; round < 50; round++) fuzzer.round();
      return inputs;
    };
    expect(seen(3)).toEqual(seen(3));
    expect(seen(3)).not.toEqual(seen(4));
  });

  it("refuses to start from nothing", () => {
    expect(() => new Fuzzer(1, { planted: sound }, {})).toThrow(/nothing to start from/);
  });

  it("counts each buffer once and no constants", () => {
    const own = new Uint8Array(100);
    const value = { kind: "leaf", text: "abc", a: own.subarray(0, 10), b: [own.subarray(5)], n: 7 };
    expect(heldBytes(value, new ArrayBuffer(1))).toBe(103);
    expect(heldBytes(value, own.buffer)).toBe(3);
  });
});
