// What is shipped that others wrote, with its licences: dist/renderer/licences.json, which Settings shows.
//
// npm packages are those that the product's sources import, with what these need by the lock file; crates are what the
// data path is linked from. The texts are the packages' own files; equal ones are kept once.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { capture, Refusal, root, say, which } from "./shell.mjs";

/**
 * @typedef {{name: string, version: string, kind: "own" | "npm" | "crate", licence: string, texts: number[]}} Shipped
 *   `texts` are places in the list of texts
 * @typedef {{packages: Shipped[], texts: string[]}} Licences
 * @typedef {{name: string, version: string, licence: string, folder: string}} Found
 */

/** More than this is no list for people, and a sign that something is in it that should not be. */
const LIMIT_BYTES = 1_500_000;
const sourceFolders = ["renderer", "electron", "native-helper"];

/**
 * Writes the list.
 * @param {string} file
 */
export async function writeLicences(file) {
  const npm = npmPackages();
  const crates = await cratesOf("native-helper/datapath", "ringway-datapath");
  const text = JSON.stringify(collect(npm, crates));
  if (text.length > LIMIT_BYTES)
    throw new Refusal(`the licences are ${text.length} bytes, more than the ${LIMIT_BYTES} that are expected`);
  writeFileSync(file, text);
}

/** What the list depends on besides the lock file of npm. */
export const licenceInputs = ["tools/licences.mjs", "native-helper/datapath/Cargo.lock"];

/**
 * @param {Found[]} npm
 * @param {Found[]} crates
 * @returns {Licences}
 */
function collect(npm, crates) {
  /** @type {Map<string, number>} */
  const texts = new Map();
  const place = (/** @type {string} */ text) => {
    const known = texts.get(text) ?? texts.size;
    texts.set(text, known);
    return known;
  };
  /** @type {{version: string, license: string}} */
  const own = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const packages = [
    { name: "Ringway", version: own.version, licence: own.license, folder: root, kind: /** @type {const} */ ("own") },
    ...npm.map((each) => ({ ...each, kind: /** @type {const} */ ("npm") })),
    ...crates.map((each) => ({ ...each, kind: /** @type {const} */ ("crate") })),
  ]
    .sort(
      (a, b) =>
        Number(b.kind === "own") - Number(a.kind === "own") || compare(a.name, b.name) || compare(a.version, b.version),
    )
    .map(({ name, version, kind, licence, folder }) => ({
      name,
      version,
      kind,
      licence,
      texts: textsIn(folder).map(place),
    }));
  return { packages, texts: [...texts.keys()] };
}

/**
 * @param {string} a
 * @param {string} b
 */
const compare = (a, b) => Number(a > b) - Number(a < b);

/** @param {string} folder */
function textsIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice|unlicense|ofl)/i.test(entry.name))
    .filter(({ name }) => !/\.(js|ts|json|spdx|html)$/i.test(name))
    .map(({ name }) => readFileSync(path.join(folder, name), "utf8").replaceAll("\r\n", "\n").trim())
    .filter((text) => text !== "");
}

// --- npm ---

/** @returns {Found[]} */
function npmPackages() {
  /** @type {{packages: Record<string, {version: string, license?: string, dependencies?: Record<string, string>}>}} */
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"));
  /** @type {Map<string, Found>} */
  const found = new Map();
  const waiting = [...importedNames()].map((name) => ({ name, from: "" }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const place = placeOf(lock.packages, next.name, next.from);
    if (place === undefined || found.has(place)) continue;
    const locked = lock.packages[place];
    if (locked === undefined) continue;
    found.set(place, {
      name: next.name,
      version: locked.version,
      licence: locked.license ?? "",
      folder: path.join(root, place),
    });
    // Electron is shipped as its own program, not with what its package needs for being fetched.
    if (next.name === "electron") continue;
    for (const name of Object.keys(locked.dependencies ?? {})) waiting.push({ name, from: place });
  }
  return [...found.values()];
}

/**
 * Where Node finds a package that is asked for in the folder `from`.
 * @param {Record<string, unknown>} packages
 * @param {string} name
 * @param {string} from
 */
function placeOf(packages, name, from) {
  for (let folder = from; folder !== ""; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const place = `${folder}/node_modules/${name}`;
    if (place in packages) return place;
  }
  const place = `node_modules/${name}`;
  return place in packages ? place : undefined;
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[\w*{][^;"']*?\sfrom\s*)?["']([^"']+)["']/g;

/** The packages that the sources of the product import, tests left out. */
function importedNames() {
  /** @type {Set<string>} */
  const names = new Set();
  for (const folder of sourceFolders) {
    for (const file of sourcesIn(path.join(root, folder))) {
      const text = readFileSync(file, "utf8");
      for (const [, typeOnly, specifier] of text.matchAll(IMPORT)) {
        if (typeOnly === undefined || specifier === "electron") addName(names, specifier);
      }
      for (const [, specifier] of text.matchAll(/(?:import\(|@import |url\()["']([^"']+)["']/g))
        addName(names, specifier);
    }
  }
  return names;
}

/**
 * @param {Set<string>} names
 * @param {string | undefined} specifier
 */
function addName(names, specifier) {
  const name = /^(@[\w.-]+\/[\w.-]+|[a-z][\w.-]*)/.exec(specifier ?? "")?.[1];
  if (name !== undefined && !specifier?.startsWith("node:")) names.add(name);
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return ["target", "dev"].includes(entry.name) ? [] : sourcesIn(file);
    return /\.(tsx?|css)$/.test(entry.name) && !/\.test\.tsx?$|\.d\.ts$/.test(entry.name) ? [file] : [];
  });
}

// --- cargo ---

/**
 * The crates that a crate of ours is linked from on this system, without those of the workspace.
 * @param {string} project
 * @param {string} crate
 * @returns {Promise<Found[]>}
 */
async function cratesOf(project, crate) {
  if (which("cargo") === undefined) {
    say("there is no cargo here, so the list of licences names no crates; where the data path is built it does");
    return [];
  }
  const manifest = path.join(root, project, "Cargo.toml");
  const { output: version } = await capture("rustc", ["-vV"]);
  const host = /^host: (\S+)/m.exec(version)?.[1];
  const { status, output } = await capture("cargo", [
    "metadata",
    "--format-version=1",
    "--locked",
    "--quiet",
    ...(host === undefined ? [] : ["--filter-platform", host]),
    "--manifest-path",
    manifest,
  ]);
  if (status !== 0) throw new Refusal(`cargo cannot tell what ${project} is made of:\n${output}`);
  /**
   * @type {{packages: {id: string, name: string, version: string, license: string | null, manifest_path: string, source: string | null}[],
   *   resolve: {nodes: {id: string, deps: {pkg: string, dep_kinds: {kind: string | null}[]}[]}[]}}}
   */
  const metadata = JSON.parse(output.slice(output.indexOf("{")));
  const byId = new Map(metadata.packages.map((each) => [each.id, each]));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  /** @type {Set<string>} */
  const seen = new Set();
  const waiting = metadata.packages.filter(({ name }) => name === crate).map(({ id }) => id);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    for (const { pkg, dep_kinds } of nodes.get(id)?.deps ?? [])
      if (dep_kinds.some(({ kind }) => kind === null)) waiting.push(pkg);
  }
  return [...seen].flatMap((id) => {
    const each = byId.get(id);
    if (each === undefined || each.source === null) return [];
    const folder = path.dirname(each.manifest_path);
    return existsSync(folder) ? [{ name: each.name, version: each.version, licence: each.license ?? "", folder }] : [];
  });
}
