import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseSync } from "vite";

/**
 * Which part of the tree may import which, and why. Parts are told apart by the longest prefix of a file's path.
 * `reaches` lists the other parts it may import; `packages` the npm packages ("node:" stands for Node's own modules,
 * "*" for all).
 */
export interface Layer {
  readonly prefix: string;
  readonly reaches: readonly string[];
  readonly packages: readonly string[];
  readonly because: string;
}

const OVERLAY = "native-helper/overlay/";
const CONTRACT = "native-helper/contract/";
const DATAPATH = "native-helper/datapath/";
const DRIVERS = "native-helper/drivers/";
const CONTROL = "native-helper/control/";
/** The caller's end of the helper's socket, and what both ends of it share. */
const SOCKET = ["client.ts", "framing.ts", "socket-path.ts"].map((name) => CONTROL + name);
const CLI = "native-helper/cli/";
const WIRING = "native-helper/main.ts";
const CLIENT_SIDE = "it runs as the calling user and knows of the helper only the contract and its socket";

export const layers: readonly Layer[] = [
  {
    prefix: OVERLAY,
    reaches: [],
    packages: [],
    because: "the engine is sans-IO: it runs the same on sockets and in the simulator because nothing outside is in it",
  },
  {
    prefix: CONTRACT,
    reaches: [],
    packages: ["zod"],
    because: "both sides of each process boundary load the contract, a sandboxed page among them",
  },
  { prefix: DATAPATH, reaches: [], packages: [], because: "the data path is Rust; its types are generated" },
  {
    prefix: DRIVERS,
    reaches: [OVERLAY, DATAPATH, CONTRACT],
    packages: ["node:", "*"],
    because: "drivers do the engine's I/O; who calls the helper, and how, is the control server's business",
  },
  {
    prefix: CONTROL,
    reaches: [OVERLAY, CONTRACT, CONTROL],
    packages: ["node:", "*"],
    because: "the control server turns calls into intents; sockets and interfaces belong to the drivers",
  },
  ...SOCKET.map((prefix) => ({
    prefix,
    reaches: [CONTRACT, ...SOCKET],
    packages: ["node:", "*"],
    because: "it is the caller's end of the socket, shared by all who call, and must bring nothing of the helper along",
  })),
  {
    prefix: WIRING,
    reaches: [OVERLAY, CONTRACT, DRIVERS, CONTROL],
    packages: ["node:", "*"],
    because: "main.ts wires the helper together and nothing else does",
  },
  {
    prefix: CLI,
    reaches: [`${CLI}helper.ts`, CONTRACT, ...SOCKET],
    packages: ["node:", "*"],
    because: `the command line: ${CLIENT_SIDE}`,
  },
  {
    prefix: `${CLI}helper.ts`,
    reaches: [CLI, CONTRACT, WIRING],
    packages: ["node:", "*"],
    because: "`ringway helper` becomes the helper, so it may start main.ts and nothing behind it",
  },
  {
    prefix: "electron/",
    reaches: [CONTRACT, ...SOCKET],
    packages: ["node:", "*"],
    because: `Electron's main process: ${CLIENT_SIDE}`,
  },
  {
    prefix: "electron/preload.ts",
    reaches: [CONTRACT, "electron/"],
    packages: ["electron", "zod"],
    because: "a sandboxed preload has neither Node's modules nor the file system",
  },
  {
    prefix: "renderer/",
    reaches: [CONTRACT],
    packages: ["*"],
    because:
      "the window also runs in a plain browser, where there is neither Node nor Electron, and knows only the bridge",
  },
  {
    prefix: "bench/",
    reaches: [OVERLAY, CONTRACT, DATAPATH, DRIVERS, CONTROL, CLI, WIRING, "test/netns/"],
    packages: ["node:", "*"],
    because: "benchmarks use the small internet of test/netns, not the tests",
  },
  {
    prefix: "test/",
    reaches: [OVERLAY, CONTRACT, DATAPATH, DRIVERS, CONTROL, CLI, WIRING, "electron/", "renderer/", "bench/"],
    packages: ["node:", "*"],
    because: "tests may see everything",
  },
];

/** Files in which every import is a build tool's own affair. */
const unlayered = /^(tools\/|[^/]+$)|\/build\.mjs$|\/build-[^/]+$/;

/** Packages that only tests use; "*" does not include them. */
const testPackages = ["vitest", "fast-check", "playwright-core", "axe-core"];

export function layerOf(file: string): Layer | undefined {
  return layers.filter(({ prefix }) => file.startsWith(prefix)).sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** What is wrong with `file` importing `specifier`, as a sentence, or undefined if it may. */
export function refusal(file: string, specifier: string): string | undefined {
  if (unlayered.test(file) || /\.test\.tsx?$/.test(file)) return undefined; // A test may look at whatever it compares.
  const layer = layerOf(file);
  if (layer === undefined) return `${file} lies in no known part of the tree; test/layering.ts lists them`;
  const target = resolve(file, specifier);
  if (target === undefined) {
    const name = packageName(specifier);
    const allowed = name.startsWith("node:")
      ? layer.packages.includes("node:")
      : layer.packages.includes(name) || (layer.packages.includes("*") && !testPackages.includes(name));
    if (allowed || layer.prefix === "test/") return undefined;
    return `${file} imports ${specifier}: ${layer.prefix} may not use it, because ${layer.because}`;
  }
  const other = layerOf(target);
  if (other === undefined || other.prefix === layer.prefix || layer.reaches.some((reach) => target.startsWith(reach)))
    return undefined;
  return `${file} imports ${target}: ${layer.prefix} may not reach into ${other.prefix}, because ${layer.because}`;
}

/** The path inside the repository that an import means, or undefined if it means a package. */
function resolve(file: string, specifier: string): string | undefined {
  if (specifier === "#contract") return `${CONTRACT}contract.ts`;
  if (specifier.startsWith("#contract/")) return CONTRACT + specifier.slice("#contract/".length);
  if (!specifier.startsWith(".")) return undefined;
  return path.posix.join(path.posix.dirname(file), specifier);
}

function packageName(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}

/** Everything a source imports, types included: a type that leaks inward is a dependency too. */
export function importsOf(file: string, source: string): string[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message}`);
  const found: string[] = [];
  walk(program, (node) => {
    if (!/^(Import|Export\w*)(Declaration|Expression)$|^TSImportType$/.test(node.type)) return;
    const from = node.source ?? node.argument;
    if (isNode(from) && typeof from.value === "string") found.push(from.value);
  });
  return found;
}

const ENGINE_RULES: ReadonlyMap<string, string> = new Map([
  ["Date.now", "it owns no clock: use the `now` or `wall` handed to step()"],
  ["new Date", "it owns no clock: use the `now` or `wall` handed to step()"],
  ["performance.now", "it owns no clock: use the `now` handed to step()"],
  ["Math.random", "it owns no entropy: use the generator handed in with its options"],
  ["setTimeout", "it says when to wake it (wakeAt); only a driver owns a timer"],
  ["setInterval", "it says when to wake it (wakeAt); only a driver owns a timer"],
  ["setImmediate", "nothing of it happens after step() returned"],
  ["queueMicrotask", "nothing of it happens after step() returned"],
  ["console", "it writes no log: return an effect"],
  ["process", "it knows no process: take what it needs as an option"],
]);

/** Names that the sans-IO engine must not use, each with the reason. */
export function forbiddenInEngine(file: string, source: string): string[] {
  const faults: string[] = [];
  const report = (name: string) => {
    const reason = ENGINE_RULES.get(name);
    if (reason !== undefined) faults.push(`${file} uses ${name}: the engine may not, because ${reason}`);
  };
  walk(parseSync(file, source).program, (node) => {
    const callee = isNode(node.callee) ? node.callee : undefined;
    if (node.type === "NewExpression" && callee?.name === "Date" && Array.isArray(node.arguments)) {
      if (node.arguments.length === 0) report("new Date");
    }
    if (node.type === "CallExpression" && typeof callee?.name === "string") report(callee.name);
    if (node.type !== "MemberExpression" || !isNode(node.object) || typeof node.object.name !== "string") return;
    report(node.object.name);
    if (isNode(node.property) && typeof node.property.name === "string") {
      report(`${node.object.name}.${node.property.name}`);
    }
  });
  return faults;
}

/** Every TypeScript source of the repository, with its path from the root. */
export function* sources(root: string, folder = ""): Generator<{ file: string; source: string }> {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!["node_modules", "dist", "target", ".git"].includes(entry.name)) yield* sources(root, file);
    } else if (/\.tsx?$/.test(entry.name)) {
      yield { file, source: readFileSync(path.join(root, file), "utf8") };
    }
  }
}

interface SyntaxNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function walk(value: unknown, visit: (node: SyntaxNode) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
  } else if (isNode(value)) {
    visit(value);
    for (const field of Object.values(value)) if (typeof field === "object") walk(field, visit);
  }
}
