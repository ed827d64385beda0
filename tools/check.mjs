// `npm run check`: everything that can be told of the sources without running them. `--fix` repairs what can be.

import path from "node:path";
import { capture, seconds, tool } from "./shell.mjs";

/** Each has its own idea of what names are in sight: the engine knows neither Node nor a browser. */
const typeScriptProjects = [
  "tsconfig.json",
  "native-helper/overlay/tsconfig.json",
  "native-helper/contract/tsconfig.json",
  "renderer/tsconfig.json",
  "test/ui/tsconfig.json",
  "tools/tsconfig.json",
];

/** With the package of each that has the tests. */
export const cargoProjects = [
  { folder: "native-helper/datapath", tested: "ringway-core" },
  { folder: "test/netns/emulator", tested: "ringway-emulator" },
];

/** @typedef {{name: string, command: [string, ...string[]], fix?: [string, ...string[]]}} Step */

/** @returns {Step[]} */
function steps() {
  const node = process.execPath;
  return [
    {
      name: "format and lint (Biome)",
      command: [node, tool.biome, "check", "--error-on-warnings", "--max-diagnostics=60"],
      fix: [node, tool.biome, "check", "--write"],
    },
    ...typeScriptProjects.map((project) => {
      /** @type {Step} */
      const step = { name: `types (${project})`, command: [node, tool.tsc, "--noEmit", "-p", project] };
      return step;
    }),
    { name: "layering", command: [node, tool.vitest, "run", "--project", "unit", "test/layering.test.ts"] },
    ...cargoProjects.flatMap(({ folder }) => {
      const manifest = ["--manifest-path", path.join(folder, "Cargo.toml")];
      /** @type {Step[]} */
      const pair = [
        {
          name: `rustfmt (${folder})`,
          command: ["cargo", "fmt", ...manifest, "--all", "--check"],
          fix: ["cargo", "fmt", ...manifest, "--all"],
        },
        {
          name: `clippy (${folder})`,
          command: [
            "cargo",
            "clippy",
            "--quiet",
            "--release", // As everything else is built: what the dependencies generate is made once.
            ...manifest,
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
          ],
        },
      ];
      return pair;
    }),
  ];
}

/**
 * Runs every step, also after one failed, and prints what each had to say when it did.
 * @param {{fix?: boolean, without?: string[]}} [options]
 * @returns {Promise<{passed: number, failed: number}>}
 */
export async function check({ fix = false, without = [] } = {}) {
  const counts = { passed: 0, failed: 0 };
  for (const step of steps()) {
    if (without.includes(step.name)) continue;
    const start = performance.now();
    if (fix && step.fix !== undefined) await capture(step.fix[0], step.fix.slice(1));
    const { status, output } = await capture(step.command[0], step.command.slice(1), { env: { NO_COLOR: "1" } });
    const took = seconds(performance.now() - start);
    if (status === 0) {
      counts.passed += 1;
      process.stdout.write(`ok      ${step.name} (${took})\n`);
    } else {
      counts.failed += 1;
      process.stdout.write(`${output.trimEnd()}\nFAILED  ${step.name} (${took})\n`);
    }
  }
  return counts;
}
