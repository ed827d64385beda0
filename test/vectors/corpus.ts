/** What the fuzzer starts from: the bytes of fuzz/corpus.json, those of wire.json, and generated values. */
import * as fc from "fast-check";
import { families } from "./families.ts";
import kept from "./fuzz/corpus.json" with { type: "json" };
import vectors from "./wire.json" with { type: "json" };

const GENERATED = 60;

/** Where wire.json holds valid encodings of a family. */
const LISTS = {
  ctrl: vectors.ctrls,
  handshake: vectors.handshakes,
  cookie: vectors.cookies,
  payload: vectors.payloads,
  desc: vectors.descs,
  record: vectors.records,
  lease: vectors.leases,
  addressInfo: vectors.addressInfos,
  ta: vectors.tas,
} as const;

/** By family; the same inputs for the same seed. */
export function corpus(seed: number): Record<string, Uint8Array[]> {
  const inputs: Record<string, Uint8Array[]> = {};
  for (const [name, { encoding }] of Object.entries(families)) {
    inputs[name] = fc.sample(encoding, { seed, numRuns: GENERATED });
  }
  for (const [name, list] of Object.entries(LISTS)) inputs[name]?.push(...list.map(({ hex }) => bytesOf(hex)));
  for (const [name, list] of Object.entries(keptInputs())) inputs[name]?.push(...list);
  return inputs;
}

/** Inputs worth trying every time: the largest of each kind, counts without items, and whatever once broke a decoder. */
export function keptInputs(): Record<string, Uint8Array[]> {
  const inputs: Record<string, Uint8Array[]> = {};
  for (const { family, hex } of kept.inputs) {
    const list = inputs[family] ?? [];
    inputs[family] = list;
    list.push(bytesOf(hex));
  }
  return inputs;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
