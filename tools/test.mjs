// `npm test`: the check and every suite, one after the other (they measure time, and there may be only two cores), and a
// last line with the counts of all of them: N passed, N failed, N skipped.

import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { cargoProjects, check } from "./check.mjs";
import { dist, read, run, say, seconds, tool } from "./shell.mjs";

/** @typedef {{passed: number, failed: number, skipped: number}} Counts */

const MODEL_TEST = ["--package", "ringway-core", "--features", "model", "--test", "model"];

/** The suites in the order in which they run: the quickest to tell of a fault come first. */
export const suites = {
  check: async () => ({ ...(await check({ without: ["layering"] })), skipped: 0 }), // The layering test is one of `unit`.
  unit: (/** @type {string[]} */ filters) => vitest("unit", filters),
  rust: async () =>
    sum(
      await inTurn([
        ...cargoProjects.map((project) => () => cargoTest(project, ["--workspace"])),
        // With the locks of a scheduler that tries many orders of the threads' steps, in a build of its own.
        ...cargoProjects.flatMap((project) =>
          project.tested === "ringway-core" ? [() => cargoTest(project, MODEL_TEST)] : [],
        ),
      ]),
    ),
  ui: (/** @type {string[]} */ filters) => vitest("ui", filters),
  netns: (/** @type {string[]} */ filters) => vitest("netns", filters),
};

/**
 * Runs the named suites, prints the counts of all as the last line, and returns the exit status. A suite that runs no
 * test has failed: an empty folder must not look like success.
 * @param {(keyof typeof suites)[]} names
 * @param {string[]} filters parts of file names that choose among a Vitest suite's files
 */
export async function test(names, filters) {
  /** @type {Counts[]} */
  const all = [];
  for (const name of names) {
    const start = performance.now();
    process.stdout.write(`\n── ${name} ${"─".repeat(Math.max(0, 100 - name.length))}\n`);
    const counts = await suites[name](filters);
    if (counts.passed + counts.failed + counts.skipped === 0) {
      process.stdout.write(`FAILED  suite ${name} ran no test\n`);
      counts.failed = 1;
    }
    process.stdout.write(`── ${name}: ${line(counts)} in ${seconds(performance.now() - start)}\n`);
    all.push(counts);
  }
  const total = sum(all);
  process.stdout.write(`\n${line(total)}\n`);
  return total.failed === 0 ? 0 : 1;
}

/** @param {Counts} counts */
const line = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

/**
 * @param {Counts[]} list
 * @returns {Counts}
 */
function sum(list) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of list) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  return total;
}

/**
 * @param {(() => Promise<Counts>)[]} works
 * @returns {Promise<Counts[]>}
 */
async function inTurn(works) {
  const results = [];
  for (const work of works) results.push(await work());
  return results;
}

/**
 * @param {string} project of vitest.config.ts
 * @param {string[]} filters
 * @returns {Promise<Counts>}
 */
async function vitest(project, filters) {
  const file = path.join(dist, `.counts-${project}-${process.pid}.json`);
  mkdirSync(dist, { recursive: true });
  try {
    const args = [
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=./tools/vitest-counts.mjs",
      ...filters,
    ];
    const status = await run(process.execPath, [tool.vitest, ...args], {
      stdout: "inherit",
      env: { RINGWAY_TEST_COUNTS: file, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) },
    });
    const text = read(file);
    /** @type {Counts} */
    const counts = text === undefined ? { passed: 0, failed: 0, skipped: 0 } : JSON.parse(text);
    if (status !== 0 && counts.failed === 0) {
      process.stdout.write(`FAILED  Vitest exited with ${status} in project ${project}\n`);
      counts.failed = 1;
    }
    return counts;
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * Tests run in the release profile, with the checks of a debug build switched on for the package that is tested: so they
 * share the dependencies, most of the building time, with the product.
 * @param {{folder: string, tested: string}} project
 * @param {string[]} chosen
 * @returns {Promise<Counts>}
 */
async function cargoTest({ folder, tested }, chosen) {
  say(`cargo test in ${folder}`);
  const settings = ["debug-assertions=true", "overflow-checks=true", "opt-level=1"];
  const config = settings.flatMap((setting) => ["--config", `profile.release.package.${tested}.${setting}`]);
  const manifest = path.join(folder, "Cargo.toml");
  let output = "";
  const status = await run(
    "cargo",
    ["test", "--release", "--locked", ...chosen, "--manifest-path", manifest, ...config],
    {
      stdout: (text) => {
        output += text;
        process.stdout.write(text);
      },
    },
  );
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  for (const [, name, reason] of output.matchAll(/^test (.+) \.\.\. ignored(?:, (.*))?$/gm)) {
    process.stdout.write(`SKIPPED ${folder} > ${name}: ${reason ?? "no reason given"}\n`);
  }
  if (status !== 0 && counts.failed === 0) {
    process.stdout.write(`FAILED  cargo test exited with ${status} in ${folder}\n`);
    counts.failed = 1;
  }
  if (counts.passed + counts.failed + counts.skipped === 0) {
    process.stdout.write(`FAILED  cargo test ran no test in ${folder}\n`);
    counts.failed = 1;
  }
  return counts;
}
