// Installs what a command needs before it runs: npm packages, programs of the system, the Rust toolchain.

import { existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { alone, capture, isRoot, must, Refusal, read, root, run, say, timed, which } from "./shell.mjs";

/**
 * The Debian packages that bring each program we run; the names are nearly the same elsewhere.
 * @type {Record<string, string[]>}
 */
const packagesOf = {
  "c++": ["g++"],
  cc: ["gcc", "libc6-dev"],
  chromium: ["chromium"],
  conntrack: ["conntrack"],
  "dbus-daemon": ["dbus"],
  edge: ["n2n"],
  ip: ["iproute2"],
  iperf3: ["iperf3"],
  nft: ["nftables"],
  ping: ["iputils-ping"],
  ps: ["procps"],
  setpriv: ["util-linux"],
  ssh: ["openssh-client"],
  sshd: ["openssh-server"],
  supernode: ["n2n"],
  tcpdump: ["tcpdump"],
  tincd: ["tinc"],
};

/** Makes `node_modules` what `package-lock.json` says, if it is not so already. */
export async function ensureModules() {
  if (modulesMatchLock()) return;
  await alone("npm-ci", async () => {
    if (modulesMatchLock()) return; // Another process of this clone did it while we waited.
    const npm = process.env.npm_execpath;
    const [program, ...args] = npm?.endsWith(".js") ? [process.execPath, npm, "ci"] : ["npm", "ci"];
    await timed("installing npm packages from package-lock.json (npm ci)", () =>
      must("npm ci", program ?? "npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"]),
    );
    if (!modulesMatchLock())
      throw new Refusal("node_modules still differs from package-lock.json after npm ci; remove it and try again");
  });
}

/**
 * npm keeps a copy of what it installed. A package of the lock file that is missing there, or has another version, makes
 * the folder stale; packages that npm left out as made for another system do not.
 */
function modulesMatchLock() {
  const wanted = lockedPackages("package-lock.json");
  const installed = lockedPackages("node_modules/.package-lock.json");
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    if (name === "") return true;
    const there = installed[name];
    if (there === undefined) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/**
 * @param {string} file
 * @returns {Record<string, {version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean}> | undefined}
 */
function lockedPackages(file) {
  const text = read(path.join(root, file));
  return text === undefined ? undefined : JSON.parse(text).packages;
}

/**
 * Looks for programs and, as root on a system with apt, installs those that are missing. Returns what is missing still,
 * after saying so; the caller decides whether it can do without.
 * @param {string[]} names
 * @returns {Promise<string[]>}
 */
export async function ensurePrograms(names) {
  const missing = names.filter((name) => which(name) === undefined);
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.flatMap((name) => packagesOf[name] ?? [name]))];
  const command = `apt-get install ${packages.join(" ")}`;
  if (process.env.RINGWAY_NO_INSTALL) {
    say(`missing: ${missing.join(", ")}. RINGWAY_NO_INSTALL is set, so nothing is installed; on Debian: ${command}`);
  } else if (!isRoot || which("apt-get") === undefined) {
    say(`missing: ${missing.join(", ")}. Install them and run this again; on Debian: sudo ${command}`);
  } else {
    await timed(`installing ${packages.join(", ")} (apt-get)`, () => aptInstall(packages));
  }
  return names.filter((name) => which(name) === undefined);
}

/**
 * Services that come with a package must neither start now nor at the next boot: a test needs the program `sshd`, not
 * a computer that listens to everybody.
 * @param {string[]} packages
 */
async function aptInstall(packages) {
  const policy = "/usr/sbin/policy-rc.d";
  const ourPolicy = !existsSync(policy);
  const env = { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_MODE: "l" };
  const options = ["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"];
  if (ourPolicy) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await run("apt-get", [...options, "update"], { env });
    const { status, output } = await capture(
      "apt-get",
      [...options, "install", "-y", "--no-install-recommends", ...packages],
      { env },
    );
    if (status !== 0) say(`apt-get exited with ${status}:\n${output}`);
  } finally {
    if (ourPolicy) rmSync(policy, { force: true });
  }
  if (packages.includes("openssh-server") && which("systemctl") !== undefined) {
    await capture("systemctl", ["disable", "ssh.service", "ssh.socket"]);
  }
}

/** The Rust toolchain is not installed for anybody: it belongs to the user, and rustup asks how. */
export async function ensureRust() {
  if (which("cargo") === undefined) {
    throw new Refusal(
      "the Rust toolchain is missing (no `cargo` on the PATH): install stable Rust with rustup, see https://rustup.rs, and run this again",
    );
  }
  if (process.platform !== "linux") return;
  const missing = await ensurePrograms(["cc"]);
  if (missing.length > 0) throw new Refusal("a C compiler (`cc`) is missing; Rust needs it to link the data path");
}

/** rustfmt and clippy are parts of the toolchain that a minimal installation leaves out. */
export async function ensureRustChecks() {
  await ensureRust();
  for (const [part, args] of /** @type {const} */ ([
    ["rustfmt", ["fmt", "--version"]],
    ["clippy", ["clippy", "--version"]],
  ])) {
    if ((await capture("cargo", [...args])).status === 0) continue;
    if (which("rustup") === undefined) throw new Refusal(`${part} is missing; install it beside cargo`);
    await timed(`adding ${part} to the Rust toolchain`, () =>
      must(`rustup component add ${part}`, "rustup", ["component", "add", part]),
    );
  }
}
