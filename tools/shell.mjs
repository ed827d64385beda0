// What every script of this folder needs: the root of the clone, lines on stderr, child processes, a lock.
// Plain Node without dependencies, so that it runs before `npm ci`.

import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const dist = path.join(root, "dist");

/** A fault that is the caller's or the computer's: its message is printed alone, without a stack. */
export class Refusal extends Error {
  /**
   * @param {string} message one sentence: what, where, what to do
   * @param {number} status exit status of the script
   */
  constructor(message, status = 1) {
    super(message);
    this.status = status;
  }
}

/**
 * Progress goes to stderr; stdout belongs to the document that a command prints.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`ringway: ${text}\n`);
}

/**
 * Says what starts, runs it, and says how long it took.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function timed(what, work) {
  const start = performance.now();
  say(`${what} …`);
  const result = await work();
  say(`${what}: done in ${seconds(performance.now() - start)}`);
  return result;
}

/** @param {number} ms */
export function seconds(ms) {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** Directories that hold administrators' programs and are missing from the PATH of an ordinary user on Debian. */
const extraDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * Where a program is, or undefined.
 * @param {string} name
 * @returns {string | undefined}
 */
export function which(name) {
  for (const directory of [...(process.env.PATH ?? "").split(path.delimiter), ...extraDirectories]) {
    const file = path.join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here; the next directory may have it.
    }
  }
  return undefined;
}

export const isRoot = process.getuid?.() === 0;

/**
 * Runs a program to its end in the root of the clone and returns its exit status (128 + n when signal n ended it).
 *
 * `stdout` says where its standard output goes: "inherit" for the document of a command, "stderr" for progress,
 * or a function that is handed each chunk. Its standard error is always ours, unless `stderr` takes it too. While it
 * runs, SIGINT and SIGTERM sent to us are left to it (SIGTERM is passed on), so that it can clean up after itself.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{stdout?: "inherit" | "stderr" | ((text: string) => void), stderr?: (text: string) => void,
 *   stdin?: "inherit" | "ignore", env?: Record<string, string>, cwd?: string}} [options]
 * @returns {Promise<number>}
 */
export function run(program, args, options = {}) {
  const { stdout = "stderr", stderr, stdin = "ignore", env = {}, cwd = root } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [
        stdin,
        stdout === "inherit" ? "inherit" : stdout === "stderr" ? 2 : "pipe",
        stderr === undefined ? "inherit" : "pipe",
      ],
    });
    const ignore = () => {};
    const passOn = () => child.kill("SIGTERM");
    process.on("SIGINT", ignore);
    process.on("SIGTERM", passOn);
    const settle = () => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", passOn);
    };
    if (typeof stdout === "function") child.stdout?.setEncoding("utf8").on("data", stdout);
    if (stderr !== undefined) child.stderr?.setEncoding("utf8").on("data", stderr);
    child.on("error", (fault) => {
      settle();
      reject(new Refusal(`${program} could not be started: ${fault.message}`));
    });
    child.on("close", (status, signal) => {
      settle();
      resolve(status ?? 128 + (signalNumbers[signal ?? ""] ?? 0));
    });
  });
}

/** @type {Record<string, number>} */
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/**
 * As `run`, but a status other than 0 is a Refusal that shows what the program printed.
 * @param {string} what named in the refusal
 * @param {string} program
 * @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string}} [options]
 */
export async function must(what, program, args, options = {}) {
  const status = await run(program, args, options);
  if (status !== 0) throw new Refusal(`${what} failed (${path.basename(program)} exited with ${status}, output above)`);
}

/**
 * Runs a program and returns its whole output.
 * @param {string} program
 * @param {string[]} args
 * @param {{env?: Record<string, string>, cwd?: string}} [options]
 * @returns {Promise<{status: number, output: string}>} `output` holds stdout and stderr in the order they came
 */
export async function capture(program, args, options = {}) {
  let output = "";
  const take = (/** @type {string} */ text) => {
    output += text;
  };
  const status = await run(program, args, { ...options, stdout: take, stderr: take });
  return { status, output };
}

/** The script of an installed package, run with this Node: does not depend on `npx` or on a PATH. */
export const tool = {
  biome: path.join(root, "node_modules/@biomejs/biome/bin/biome"),
  tsc: path.join(root, "node_modules/typescript/bin/tsc"),
  vitest: path.join(root, "node_modules/vitest/vitest.mjs"),
  vite: path.join(root, "node_modules/vite/bin/vite.js"),
};

/**
 * Lets one process of this clone at a time do `work`. A holder that died without letting go is noticed by its pid.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(name, work) {
  mkdirSync(dist, { recursive: true });
  const file = path.join(dist, `.${name}.lock`);
  let told = false;
  while (!take(file)) {
    const holder = Number(read(file) ?? "");
    if (!alive(holder)) {
      rmSync(file, { force: true });
      continue;
    }
    if (!told) say(`waiting for process ${holder}, which is in "${name}" in this clone`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (fault) {
    if (/** @type {NodeJS.ErrnoException} */ (fault).code === "EEXIST") return false;
    throw fault;
  }
}

/** @param {number} pid */
function alive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return /** @type {NodeJS.ErrnoException} */ (fault).code === "EPERM";
  }
}

/**
 * The text of a file, or undefined where there is none.
 * @param {string} file
 */
export function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Runs the body of a script: a Refusal is printed as one line, anything else with its stack.
 * @param {() => Promise<number>} body returns the exit status
 */
export async function script(body) {
  try {
    process.exitCode = await body();
  } catch (fault) {
    if (fault instanceof Refusal) say(fault.message);
    else process.stderr.write(`${fault instanceof Error ? fault.stack : fault}\n`);
    process.exitCode = fault instanceof Refusal ? fault.status : 1;
  }
}
