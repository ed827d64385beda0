// The commands of the repository: `npm run NAME` ends here. Each works on a fresh clone: it installs what it needs, builds
// what changed, then runs the command itself with our standard streams and its exit status.

import { existsSync } from "node:fs";
import path from "node:path";
import { build, parts, productParts } from "./build.mjs";
import { check } from "./check.mjs";
import { buildRustFuzzer, fuzzRust } from "./fuzz-rust.mjs";
import { ensureModules, ensurePrograms, ensureRust, ensureRustChecks } from "./setup.mjs";
import { dist, must, Refusal, read, root, run, say, script, tool } from "./shell.mjs";
import { suites, test } from "./test.mjs";

/** @typedef {{does: string, run: (args: string[]) => Promise<number>}} Command */

/** @type {Record<string, Command>} */
const commands = {
  build: {
    does: "builds the product into dist/; afterwards `npx ringway` works in the clone",
    run: async (args) => {
      await build(args.length > 0 ? args.filter(isName) : productParts, { force: args.includes("--force") });
      say("dist/ is up to date: try `npx ringway --help`");
      return 0;
    },
  },
  demo: {
    does: "a small internet on this computer, all its nodes in one virtual network (--check: one JSON document, then stops)",
    run: async (args) => {
      needLinux("the demo");
      await need("the demo", ["ip", "nft", "ping"]);
      await build(["command", "datapath", "emulator", "window", "demo"]);
      return node("demo.js", args);
    },
  },
  start: {
    does: "the window, in Electron",
    run: async (args) => {
      await build(productParts);
      return run(await electron(), [root, ...args], { stdin: "inherit", stdout: "inherit" });
    },
  },
  "dev:web": {
    does: "the window in a browser, on a scripted helper",
    run: async (args) => {
      await ensureModules();
      say("the scripted window is the page /dev.html of the address below");
      return run(process.execPath, [tool.vite, "--host", "127.0.0.1", ...args], {
        stdin: "inherit",
        stdout: "inherit",
      });
    },
  },
  check: {
    does: "format, lint, types, layering, rustfmt, clippy (--fix: repairs what can be)",
    run: async (args) => {
      await ensureModules();
      await ensureRustChecks();
      const { passed, failed } = await check({ fix: args.includes("--fix") });
      process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
      return failed === 0 ? 0 : 1;
    },
  },
  test: {
    does: "the check and every suite; the last line counts them",
    run: () => runSuites(/** @type {(keyof typeof suites)[]} */ (Object.keys(suites)), []),
  },
  "test:unit": {
    does: "unit, property and simulation tests; arguments choose files",
    run: (args) => runSuites(["unit"], args),
  },
  "test:rust": {
    does: "cargo test of the data path and of the link emulator",
    run: () => runSuites(["rust"], []),
  },
  "test:netns": {
    does: "real helpers in network namespaces; needs root; arguments choose files",
    run: (args) => runSuites(["netns"], args),
  },
  "test:ui": {
    does: "the window in Chromium; arguments choose files",
    run: (args) => runSuites(["ui"], args),
  },
  sim: {
    does: "the engine on a virtual clock: --nodes N --seed S [--scenario NAME] [--json]",
    run: async (args) => {
      await build(["sim"]);
      // Ten thousand engines in one process: room for them, and for what they throw away at once.
      return node("sim.js", args, ["--max-old-space-size=7168", "--max-semi-space-size=64"]);
    },
  },
  "sim:swarm": {
    does: "small random worlds with every fault, on all processors: --seconds N [--break NAME]; --seed N: one of them",
    run: async (args) => {
      await build(["swarm"]);
      return node("swarm.js", args);
    },
  },
  bench: {
    does: "throughput and latency against the bare network: [--suite NAME] [--quick] [--json]",
    run: async (args) => {
      if (args[args.indexOf("--suite") + 1] === "ui") {
        await ensurePrograms(["chromium"]);
        await build(["window", "measureWindow", "bench"]);
        return node("bench.js", args);
      }
      needLinux("the benchmark");
      await need("the benchmark", ["ip", "ping", "iperf3", "ethtool"]);
      // Other products that the distribution has; the benchmark says which are missing.
      if (!args.includes("--quick")) await ensurePrograms(["tincd", "edge", "supernode", "fastd"]);
      await build(["command", "datapath", "emulator", "bench", "sim"]);
      return node("bench.js", args);
    },
  },
  fuzz: {
    does: "mutated bytes into every decoder, and on Linux coverage-guided into the data path: --seconds N",
    run: async (args) => {
      await build(["fuzz"]);
      const seconds = Number(args[args.indexOf("--seconds") + 1] ?? 60) || 60;
      // A seed says again what the decoders of TypeScript were given.
      if (process.platform !== "linux" || args.includes("--seed")) return node("fuzz.js", args);
      const fuzzer = await buildRustFuzzer();
      return Math.max(...(await Promise.all([node("fuzz.js", args), fuzzRust(fuzzer, seconds)])));
    },
  },
};

/**
 * @param {(keyof typeof suites)[]} names
 * @param {string[]} filters
 */
async function runSuites(names, filters) {
  await ensureModules();
  if (names.includes("check")) await ensureRustChecks();
  if (names.includes("rust")) await ensureRust();
  // What cannot be installed is no reason to stop: the tests that need it are skipped, and say so.
  if (process.platform === "linux") {
    if (names.includes("netns")) {
      await ensurePrograms(["ip", "nft", "ping", "conntrack", "iperf3", "ssh", "sshd", "ps", "setpriv"]);
    }
    if (names.includes("ui")) await ensurePrograms(["chromium", "dbus-daemon"]);
  }
  if (names.some((name) => name !== "check" && name !== "rust")) {
    // The pictures are taken by hand; link emulator and namespaces are Linux's.
    const left = process.platform === "linux" ? ["screenshots"] : ["screenshots", "emulator"];
    try {
      await build(Object.keys(parts).filter((name) => !left.includes(name)));
    } catch (fault) {
      say(fault instanceof Error ? fault.message : String(fault));
      process.stdout.write(
        "FAILED  nothing was tested, because not everything could be built\n\n0 passed, 1 failed, 0 skipped\n",
      );
      return 1;
    }
  }
  return test(names, filters);
}

/**
 * @param {string} file in dist/
 * @param {string[]} args
 * @param {string[]} [flags] of Node
 */
function node(file, args, flags = []) {
  return run(process.execPath, ["--enable-source-maps", ...flags, path.join(dist, file), ...args], {
    stdin: "inherit",
    stdout: "inherit",
  });
}

/**
 * @param {string} what
 * @param {string[]} programs
 */
async function need(what, programs) {
  const missing = await ensurePrograms(programs);
  if (missing.length > 0) throw new Refusal(`${what} needs ${missing.join(", ")}, which this computer does not have`);
}

/** @param {string} what */
function needLinux(what) {
  if (process.platform === "linux") return;
  throw new Refusal(
    `${what} needs Linux (network namespaces), and this is ${process.platform}; \`npm run dev:web\` and \`npm run sim\` work here`,
  );
}

/** The Electron binary; its package fetches it at first use, not when it is installed. */
async function electron() {
  const folder = path.join(root, "node_modules/electron");
  const binary = () => {
    const name = read(path.join(folder, "path.txt"));
    const file =
      name === undefined
        ? undefined
        : path.join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? path.join(folder, "dist"), name);
    return file !== undefined && existsSync(file) ? file : undefined;
  };
  const instead =
    "the same window opens in a browser: `npx ringway ui` on a helper that runs, `npm run dev:web` on a scripted one";
  if (binary() === undefined) {
    say("fetching the Electron binary …");
    await must("the download of Electron", process.execPath, [path.join(folder, "install.js")]).catch(() => {
      throw new Refusal(
        `Electron is not here and cannot be fetched (output above; it wants Node 22.12 or newer); ${instead}`,
      );
    });
  }
  const file = binary();
  if (file === undefined)
    throw new Refusal(`Electron was fetched but its program is missing in ${path.relative(root, folder)}; ${instead}`);
  return file;
}

/** @param {string} argument */
const isName = (argument) => !argument.startsWith("-");

await script(async () => {
  const [name = "", ...args] = process.argv.slice(2);
  const command = commands[name];
  if (command === undefined) {
    const list = Object.entries(commands).map(
      ([known, { does }]) =>
        `  ${`npm ${known === "test" || known === "start" ? "" : "run "}${known}`.padEnd(19)} ${does}`,
    );
    throw new Refusal(`there is no command "${name}"; the commands are:\n${list.join("\n")}`, 2);
  }
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Refusal(`Node ${process.versions.node} is too old: 20.19 or newer is needed`);
  return command.run(args);
});
