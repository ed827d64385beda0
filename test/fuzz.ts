/**
 * `npm run fuzz -- --seconds N [--seed S] [--json]`: mutated encodings into every decoder of the wire format.
 *
 * Exit status: 0 nothing found, 1 a fault (its input and the command that finds it again are printed), 2 wrong use.
 */
import { parseArgs } from "node:util";
import { corpus } from "./vectors/corpus.ts";
import { families } from "./vectors/families.ts";
import { Fuzzer } from "./vectors/fuzzer.ts";

/** Rounds between two looks at the clock. */
const ROUNDS_AT_ONCE = 200;

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
}

function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: { seconds: { type: "string" }, seed: { type: "string" }, json: { type: "boolean", default: false } },
    });
    const seconds = Number(values.seconds ?? 60);
    if (!(seconds > 0 && seconds <= 86_400)) return `--seconds takes 1 to 86400, not "${values.seconds}"`;
    const seed = Number(values.seed ?? Date.now() % 2 ** 32);
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
      return `--seed takes 0 to 4294967295, not "${values.seed}"`;
    return { seconds, seed, json: values.json };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function main(): number {
  const options = readOptions();
  if (typeof options === "string") {
    console.error(`fuzz: ${options}`);
    return 2;
  }
  const { seconds, seed, json } = options;
  const fuzzer = new Fuzzer(seed, families, corpus(seed));
  const end = performance.now() + 1_000 * seconds;
  let rounds = 0;
  let fault: ReturnType<Fuzzer["round"]>;
  while (fault === undefined && performance.now() < end) {
    for (let i = 0; i < ROUNDS_AT_ONCE && fault === undefined; i++, rounds++) fault = fuzzer.round();
  }

  const counts = Object.fromEntries(fuzzer.counts);
  const inputs = Object.values(counts).reduce((sum, count) => sum + count.inputs, 0);
  if (json) {
    console.log(JSON.stringify({ seed, pass: fault === undefined, inputs, families: counts, fault: fault ?? null }));
  } else {
    for (const [family, count] of Object.entries(counts)) {
      console.log(
        `${family.padEnd(14)} ${String(count.inputs).padStart(9)} inputs ${String(count.accepted).padStart(8)} valid`,
      );
    }
    console.log(`${inputs} inputs, ${fault ? 1 : 0} faults, seed ${seed}`);
  }
  if (fault === undefined) return 0;
  console.error(`fuzz: ${fault.family}: ${fault.what}\n  input ${fault.hex}`);
  console.error(
    `  found again after ${rounds} rounds by: npm run fuzz -- --seed ${seed} --seconds ${Math.ceil(seconds)}`,
  );
  console.error("  add the input to test/vectors/fuzz/corpus.json with what the decoder must say to it");
  return 1;
}

process.exitCode = main();
