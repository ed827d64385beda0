// The Rust half of `npm run fuzz`: libFuzzer over the parsers of the data path, guided by coverage. The coverage is that
// of LLVM, which stable Rust switches on by these flags; only address checks would need a nightly compiler.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { ensurePrograms, ensureRust } from "./setup.mjs";
import { capture, dist, must, Refusal, root, run, say, timed } from "./shell.mjs";

const coverage = [
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
  "-Cllvm-args=-sanitizer-coverage-trace-compares",
  "-Ccodegen-units=1",
];
const project = path.join(root, "native-helper/datapath/fuzz");
/** A datagram, and some. */
const LONGEST_BYTES = 2_048;

/** Builds the fuzzer; the path of the program. */
export async function buildRustFuzzer() {
  await ensureRust();
  if ((await ensurePrograms(["c++"])).length > 0) throw new Refusal("the fuzzer of the data path needs a C++ compiler");
  const target = /^host: (\S+)$/m.exec((await capture("rustc", ["-vV"])).output)?.[1];
  if (target === undefined) throw new Refusal("`rustc -vV` does not say for which target it compiles");
  // With a named target the flags are not those of build scripts too, which could not be linked with them.
  const args = [
    "build",
    "--release",
    "--locked",
    "--manifest-path",
    path.join(project, "Cargo.toml"),
    "--target",
    target,
  ];
  await timed("building the fuzzer of the data path", () =>
    must("the fuzzer of the data path", "cargo", args, { env: { RUSTFLAGS: coverage.join(" ") } }),
  );
  return path.join(project, "target", target, "release/ringway-fuzz");
}

/**
 * Runs it for some seconds; 0 where nothing was found. The inputs that reach new code are kept in dist/ for the next time.
 * @param {string} program
 * @param {number} seconds
 */
export async function fuzzRust(program, seconds) {
  const corpus = path.join(dist, "fuzz-corpus");
  mkdirSync(corpus, { recursive: true });
  const found = path.join(dist, "fuzz-found-");
  let log = "";
  const keep = (/** @type {string} */ text) => {
    log = (log + text).slice(-4_000);
  };
  const words = [
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST_BYTES}`,
    "-rss_limit_mb=1024",
    "-print_final_stats=1",
  ];
  const status = await run(program, [...words, `-artifact_prefix=${found}`, corpus], { stdout: keep, stderr: keep });
  if (status !== 0) say(`fuzz: the data path fails, its input is in ${found}…:\n${log}`);
  else {
    const inputs = /number_of_executed_units: (\d+)/.exec(log)?.[1] ?? "?";
    const reached = /cov: (\d+)/.exec(log.slice(log.lastIndexOf("DONE")))?.[1] ?? "?";
    say(`data path: ${inputs} inputs, ${reached} places of the code reached, 0 faults`);
  }
  return status;
}
