// Builds the parts of the product and of its test programs into dist/, each only when something it is made of changed.
//
//   node tools/build.mjs [--force] [PART…]      all parts when none is named
//
// Nothing is overwritten in place: a file appears under a temporary name and is renamed, so that a helper that runs (and
// has the data path mapped into memory) goes on with what it started with.

import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { licenceInputs, writeLicences } from "./licences.mjs";
import { ensureModules, ensureRust } from "./setup.mjs";
import { alone, capture, dist, Refusal, read, root, run, say, script, seconds, tool } from "./shell.mjs";

/**
 * @typedef {{kind: "bundle", entry: string, out: string, format: "esm" | "cjs", external?: string[], executable?: boolean,
 *   copies?: Record<string, string>}
 *   | {kind: "cargo", project: string, out: string}
 *   | {kind: "window"}} Part
 */

/** @type {Record<string, Part>} */
export const parts = {
  command: {
    kind: "bundle",
    entry: "native-helper/cli/ringway.ts",
    out: "ringway.js",
    format: "esm",
    executable: true,
  },
  demo: { kind: "bundle", entry: "test/netns/demo.ts", out: "demo.js", format: "esm" },
  bench: { kind: "bundle", entry: "bench/bench.ts", out: "bench.js", format: "esm" },
  measureWindow: {
    kind: "bundle",
    entry: "test/ui/measure.ts",
    out: "measure-window.js",
    format: "esm",
    external: ["playwright-core"],
  },
  sim: { kind: "bundle", entry: "test/sim/sim.ts", out: "sim.js", format: "esm" },
  swarm: { kind: "bundle", entry: "test/sim/swarm.ts", out: "swarm.js", format: "esm" },
  fuzz: { kind: "bundle", entry: "test/fuzz.ts", out: "fuzz.js", format: "esm" },
  screenshots: {
    kind: "bundle",
    entry: "test/ui/screenshots.ts",
    out: "screenshots.js",
    format: "esm",
    external: ["playwright-core"],
  },
  electron: {
    kind: "bundle",
    entry: "electron/main/main.ts",
    out: "electron/main.js",
    format: "esm",
    external: ["electron"],
    copies: { "assets/icons/tray": "electron/icons" },
  },
  // A sandboxed preload is one CommonJS file that may require `electron` and nothing else.
  preload: {
    kind: "bundle",
    entry: "electron/preload.ts",
    out: "electron/preload.cjs",
    format: "cjs",
    external: ["electron"],
  },
  datapath: { kind: "cargo", project: "native-helper/datapath", out: "ringway-datapath.node" },
  emulator: { kind: "cargo", project: "test/netns/emulator", out: "ringway-emulator" },
  window: { kind: "window" },
};

/** What `npm run build` makes: the product, without the programs of tests. */
export const productParts = ["command", "datapath", "window", "electron", "preload"];

/**
 * Builds the named parts; those that are up to date cost a few milliseconds.
 * @param {string[]} names
 * @param {{force?: boolean}} [options]
 */
export async function build(names, { force = false } = {}) {
  const chosen = names.map((name) => {
    const part = parts[name];
    if (part === undefined)
      throw new Refusal(`there is no part "${name}" to build; parts: ${Object.keys(parts).join(", ")}`, 2);
    return { name, part };
  });
  await ensureModules();
  if (chosen.some(({ part }) => part.kind === "cargo")) await ensureRust();
  await alone("build", async () => {
    mkdirSync(path.join(dist, ".stamps"), { recursive: true });
    const make = async (/** @type {{name: string, part: Part}} */ { name, part }) => {
      const start = performance.now();
      if (!force && upToDate(name, part)) return;
      if (part.kind !== "bundle") say(`building ${name} …`);
      const inputs = await builders[part.kind](/** @type {never} */ (part));
      writeStamp(name, inputs);
      say(`built ${name} in ${seconds(performance.now() - start)}`);
    };
    /** @type {unknown[]} */
    const faults = [];
    // One part after another in each lane, and on after one that fails: whoever works on another part still gets it.
    const inTurn = async (/** @type {{name: string, part: Part}[]} */ lane) => {
      for (const item of lane) await make(item).catch((fault) => faults.push(fault));
    };
    // Cargo uses every core by itself: one project at a time, beside the scripts and the window, which take seconds.
    await Promise.all([
      inTurn(chosen.filter(({ part }) => part.kind === "cargo")),
      inTurn(chosen.filter(({ part }) => part.kind !== "cargo")),
    ]);
    if (names.includes("command")) linkCommand();
    for (const fault of faults.slice(1)) say(fault instanceof Error ? fault.message : String(fault));
    if (faults.length > 0) throw faults[0];
  });
}

const builders = { bundle: buildBundle, cargo: buildCargo, window: buildWindow };

/**
 * One script out of TypeScript: Node 20 does not run TypeScript, and a bundle starts faster than a tree of modules.
 * @param {Extract<Part, {kind: "bundle"}>} part
 * @returns {Promise<string[]>} the files of the clone it was made of
 */
async function buildBundle(part) {
  if (!existsSync(path.join(root, part.entry)))
    throw new Refusal(`${part.entry} is missing, so dist/${part.out} cannot be built`);
  const { build: bundle } = await import("esbuild");
  const banner = [
    ...(part.executable ? ["#!/usr/bin/env node"] : []),
    // Bundled CommonJS packages ask for Node's own modules by `require`, which an ES module does not have.
    ...(part.format === "esm"
      ? [
          'import { createRequire as ringwayCreateRequire } from "node:module"; const require = ringwayCreateRequire(import.meta.url);',
        ]
      : []),
  ].join("\n");
  const result = await bundle({
    absWorkingDir: root,
    entryPoints: [part.entry],
    outfile: path.join(dist, part.out),
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node20",
    format: part.format,
    external: ["*.node", ...(part.external ?? [])],
    banner: { js: banner },
    sourcemap: "linked",
    legalComments: "linked",
    logLevel: "silent",
  }).catch((/** @type {{errors?: {text: string, location?: {file: string, line: number} | null}[]}} */ fault) => {
    const errors = (fault.errors ?? []).map(
      (error) => `\n  ${error.location?.file ?? part.entry}:${error.location?.line ?? 1}: ${error.text}`,
    );
    throw new Refusal(`${part.entry} cannot be bundled:${errors.join("") || `\n  ${fault}`}`);
  });
  for (const file of result.outputFiles) {
    replace(
      file.path,
      (temporary) => writeFileSync(temporary, file.contents),
      file.path.endsWith(".js") && part.executable === true,
    );
  }
  const copied = Object.entries(part.copies ?? {}).flatMap(([from, to]) =>
    filesUnder(from).map((file) => {
      replace(
        path.join(dist, to, path.relative(from, file)),
        (temporary) => copyFileSync(path.join(root, file), temporary),
        false,
      );
      return file;
    }),
  );
  return [...Object.keys(result.metafile.inputs).filter((file) => !file.startsWith("node_modules/")), ...copied];
}

/**
 * A Cargo project in release mode; where cargo put the product is read from its own messages.
 * @param {Extract<Part, {kind: "cargo"}>} part
 */
async function buildCargo(part) {
  const manifest = path.join(part.project, "Cargo.toml");
  if (!existsSync(path.join(root, manifest)))
    throw new Refusal(`${manifest} is missing, so dist/${part.out} cannot be built`);
  let messages = "";
  const args = [
    "build",
    "--release",
    "--locked",
    "--manifest-path",
    manifest,
    "--message-format=json-render-diagnostics",
  ];
  const status = await run("cargo", args, {
    stdout: (text) => {
      messages += text;
    },
  });
  if (status !== 0) throw new Refusal(`${part.project} cannot be built (cargo exited with ${status}, output above)`);
  const product = messages
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map(
      (line) =>
        /** @type {{reason: string, executable?: string | null, filenames?: string[], target?: {kind: string[]}}} */ (
          JSON.parse(line)
        ),
    )
    .filter((message) => message.reason === "compiler-artifact")
    .map(
      (message) =>
        message.executable ??
        (message.target?.kind.includes("cdylib") ? message.filenames?.find(isLibrary) : undefined),
    )
    .filter((file) => file !== undefined)
    .at(-1);
  if (product === undefined)
    throw new Refusal(`${part.project} built neither a program nor a dynamic library, so dist/${part.out} is missing`);
  replace(path.join(dist, part.out), (temporary) => copyFileSync(product, temporary), true);
  return filesUnder(part.project);
}

/** @param {string} file */
const isLibrary = (file) => /\.(so|dylib|dll)$/.test(file);

/** `npx ringway` looks here first; by the project's own `bin` alone it is not found whenever something touched node_modules. */
function linkCommand() {
  const folder = path.join(root, "node_modules/.bin");
  const link = path.join(folder, process.platform === "win32" ? "ringway.cmd" : "ringway");
  rmSync(link, { force: true });
  if (process.platform === "win32") writeFileSync(link, `@node "%~dp0\\..\\..\\dist\\ringway.js" %*\r\n`);
  else symlinkSync(path.relative(folder, path.join(dist, "ringway.js")), link);
}

/** The renderer, as static files for Electron, for `ringway ui` and for tests. */
async function buildWindow() {
  const { status, output } = await capture(process.execPath, [tool.vite, "build", "--logLevel", "warn"]);
  if (status !== 0) throw new Refusal(`the window cannot be built (vite exited with ${status}):\n${output}`);
  if (output.trim() !== "") say(output.trim());
  await writeLicences(path.join(dist, "renderer/licences.json"));
  return windowInputs();
}

const windowFolders = ["renderer", "assets", "native-helper/contract"];

function windowInputs() {
  return [...windowFolders.flatMap(filesUnder), "vite.config.ts", ...licenceInputs].filter((file) =>
    existsSync(path.join(root, file)),
  );
}

/**
 * @param {string} file
 * @param {(temporary: string) => void} write
 * @param {boolean} executable
 */
function replace(file, write, executable) {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  try {
    write(temporary);
    if (executable) chmodSync(temporary, 0o755);
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

// --- Stamps: what a part was made of, by content, so that a fresh checkout of the same files builds nothing anew. ---

/**
 * @param {string} name
 * @param {Part} part
 */
function upToDate(name, part) {
  const outputs = part.kind === "window" ? ["renderer/index.html", "renderer/licences.json"] : [part.out];
  if (!outputs.every((file) => existsSync(path.join(dist, file)))) return false;
  const text = read(stampFile(name));
  if (text === undefined) return false;
  /** @type {{made: string, inputs: Record<string, string>}} */
  const stamp = JSON.parse(text);
  if (stamp.made !== ingredients()) return false;
  // A bundle names its inputs; for a folder a new file counts as well.
  const current =
    part.kind === "cargo"
      ? filesUnder(part.project)
      : part.kind === "window"
        ? windowInputs()
        : Object.keys(stamp.inputs);
  return (
    current.length === Object.keys(stamp.inputs).length &&
    current.every((file) => stamp.inputs[file] === contentHash(file))
  );
}

/**
 * @param {string} name
 * @param {string[]} inputs
 */
function writeStamp(name, inputs) {
  const stamp = { made: ingredients(), inputs: Object.fromEntries(inputs.map((file) => [file, contentHash(file)])) };
  writeFileSync(stampFile(name), JSON.stringify(stamp));
}

/** @param {string} name */
const stampFile = (name) => path.join(dist, ".stamps", `${name}.json`);

/** What every part depends on besides its own files. */
function ingredients() {
  const text = ["package-lock.json", "package.json", "tools/build.mjs", "tsconfig.base.json"]
    .map(contentHash)
    .join(" ");
  return createHash("sha256").update(text).update(process.version).update(process.arch).digest("hex");
}

/** @param {string} file relative to the root */
function contentHash(file) {
  try {
    return createHash("sha256")
      .update(readFileSync(path.join(root, file)))
      .digest("hex");
  } catch {
    return "absent";
  }
}

/**
 * Every file of a folder, without what builds leave there.
 * @param {string} folder relative to the root
 * @returns {string[]}
 */
function filesUnder(folder) {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "target" || entry.name === "node_modules" ? [] : filesUnder(file);
    return [file];
  });
}

if (process.argv[1] === path.join(root, "tools/build.mjs")) {
  await script(async () => {
    const args = process.argv.slice(2);
    const names = args.filter((argument) => argument !== "--force");
    await build(names.length > 0 ? names : Object.keys(parts), { force: args.includes("--force") });
    return 0;
  });
}
