// Completes package-lock.json after `npm install NAME`: run `node tools/complete-lock.mjs`.
//
// Some packages ship their native part as optional packages, one for each system. Where a registry does not carry all of
// them, npm leaves the ones it cannot see out of the lock file, and `npm ci` then refuses that very file. This adds what is
// missing, with version, system and processor but without a checksum: npm skips what is made for another system, and takes
// the checksum from the registry where it is not. test/lock-file.test.ts says when this has to be run.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Refusal, root, say, script } from "./shell.mjs";

/** @typedef {{version?: string, dev?: boolean, optional?: boolean, optionalDependencies?: Record<string, string>}} Entry */

await script(async () => {
  const file = path.join(root, "package-lock.json");
  /** @type {{packages: Record<string, Entry>}} */
  const lock = JSON.parse(readFileSync(file, "utf8"));
  let added = 0;
  for (const [parent, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`;
      if (place in lock.packages || `${parent}/${place}` in lock.packages) continue;
      lock.packages[place] = {
        version,
        ...(entry.dev === true ? { dev: true } : {}),
        ...platform(name),
        optional: true,
      };
      added += 1;
    }
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
  say(`package-lock.json: ${added} optional packages added`);
  return 0;
});

/**
 * Which system a package is for, by the end of its name, as in `@scope/part-linux-arm64-musl`.
 * @param {string} name
 */
function platform(name) {
  const match =
    /-(?:(wasm32)-\w+|(android|darwin|freebsd|linux|win32)-([a-z0-9]+)(?:-(gnu|musl|gnueabihf|eabi|msvc))?)$/.exec(
      name,
    );
  if (match === null)
    throw new Refusal(`${name}: its name does not say which system it is for; add it to package-lock.json by hand`);
  const [, wasm, os, cpu, abi] = match;
  if (wasm !== undefined) return { cpu: [wasm] };
  const libc = os === "linux" && abi !== "gnueabihf" ? { libc: [abi === "musl" ? "musl" : "glibc"] } : {};
  return { os: [os], cpu: [cpu], ...libc };
}
