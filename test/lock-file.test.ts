import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = path.resolve(import.meta.dirname, "..");
const manifest: { allowScripts: Record<string, boolean> } = readJson("package.json");
const packages = Object.entries(readJson<{ packages: Record<string, Entry> }>("package-lock.json").packages);

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(root, name), "utf8"));
}

test("the lock file has every optional package, or npm ci refuses it where a registry lacks one", () => {
  const places = new Set(packages.map(([place]) => place));
  const missing = packages.flatMap(([parent, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !places.has(`node_modules/${name}`) && !places.has(`${parent}/node_modules/${name}`),
    ),
  );
  expect(missing, "run `node tools/complete-lock.mjs`").toEqual([]);
});

test("the lock file names no registry", () => {
  expect(packages.filter(([, entry]) => entry.resolved !== undefined).map(([place]) => place)).toEqual([]);
});

test("no package runs a script when it is installed, unless package.json decides about it", () => {
  const undecided = packages
    .filter(([, entry]) => entry.hasInstallScript && !entry.optional)
    .map(([place]) => place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length))
    .filter((name) => !(name in manifest.allowScripts));
  expect(undecided, "review the script, then add the package to allowScripts").toEqual([]);
});
