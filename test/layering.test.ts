import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { forbiddenInEngine, importsOf, refusal, sources } from "./layering.ts";

const root = path.resolve(import.meta.dirname, "..");

describe("imports point inward", () => {
  const files = [...sources(root)];

  test("every source keeps to its layer", () => {
    expect(files.length).toBeGreaterThan(20);
    const faults = files.flatMap(({ file, source }) =>
      importsOf(file, source).flatMap((specifier) => refusal(file, specifier) ?? []),
    );
    expect(faults).toEqual([]);
  });

  test("the engine owns no clock, timer, entropy or log", () => {
    const engine = files.filter(({ file }) => file.startsWith("native-helper/overlay/") && !file.endsWith(".test.ts"));
    expect(engine.length).toBeGreaterThan(10);
    expect(engine.flatMap(({ file, source }) => forbiddenInEngine(file, source))).toEqual([]);
  });

  test("the Rust core of the data path knows nothing of Node", () => {
    const manifest = readFileSync(path.join(root, "native-helper/datapath/core/Cargo.toml"), "utf8");
    expect(manifest).not.toMatch(/^\s*napi/m);
  });
});

describe("the rules themselves", () => {
  test.each([
    ["native-helper/overlay/node.ts", "node:fs"],
    ["native-helper/overlay/node.ts", "zod"],
    ["native-helper/overlay/link/linker.ts", "../../drivers/timer.ts"],
    ["native-helper/contract/contract.ts", "node:net"],
    ["native-helper/contract/contract.ts", "../overlay/boundary.ts"],
    ["native-helper/control/server.ts", "../drivers/affiliation.ts"],
    ["native-helper/drivers/affiliation.ts", "../control/server.ts"],
    ["native-helper/cli/status.ts", "../overlay/node.ts"],
    ["native-helper/cli/status.ts", "../main.ts"],
    ["native-helper/cli/status.ts", "../control/server.ts"],
    ["native-helper/control/client.ts", "../drivers/affiliation.ts"],
    ["native-helper/cli/status.ts", "../../renderer/bridge/bridge.ts"],
    ["electron/main/main.ts", "../../native-helper/cli/client.ts"],
    ["electron/main/main.ts", "../../renderer/bridge/bridge.ts"],
    ["electron/preload.ts", "node:fs"],
    ["renderer/bridge/bridge.ts", "node:net"],
    ["renderer/bridge/bridge.ts", "../../electron/preload.ts"],
    ["native-helper/drivers/affiliation.ts", "../../test/sim/world.ts"],
    ["native-helper/drivers/affiliation.ts", "vitest"],
    ["bench/bench.ts", "../test/sim/world.ts"],
    ["somewhere/new.ts", "./else.ts"],
  ])("refuses %s importing %s, with a reason", (file, specifier) => {
    expect(refusal(file, specifier)).toMatch(new RegExp(`^${file} .+`));
  });

  test.each([
    ["native-helper/overlay/node.ts", "./ring/address.ts"],
    ["native-helper/overlay/node.test.ts", "fast-check"],
    ["native-helper/contract/contract.ts", "zod"],
    ["native-helper/control/server.ts", "#contract"],
    ["native-helper/drivers/datapath.ts", "../datapath/node/index.d.ts"],
    ["native-helper/cli/helper.ts", "../main.ts"],
    ["native-helper/cli/ringway.ts", "./helper.ts"],
    ["native-helper/cli/status.ts", "../control/client.ts"],
    ["electron/main/main.ts", "../../native-helper/control/client.ts"],
    ["renderer/store/store.ts", "#contract"],
    ["bench/bench.ts", "../test/netns/internet.ts"],
    ["test/sim/world.ts", "../../native-helper/overlay/node.ts"],
  ])("allows %s importing %s", (file, specifier) => {
    expect(refusal(file, specifier)).toBeUndefined();
  });

  test("sees imports of every form", () => {
    const source = `import "./a.ts"; import type { B } from "./b.ts"; export { c } from "./c.ts"; export * from "./d.ts";
      const e = await import("./e.ts"); type F = import("./f.ts").F;`;
    expect(importsOf("x.ts", source).sort()).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts"]);
  });

  test.each([
    ["const t = Date.now();", "Date.now"],
    ["const t = new Date();", "new Date"],
    ["const t = performance.now();", "performance.now"],
    ["const r = Math.random();", "Math.random"],
    ["setTimeout(() => {}, 1);", "setTimeout"],
    ["console.log(1);", "console"],
    ["const e = process.env;", "process"],
  ])("refuses in the engine: %s", (source, name) => {
    expect(forbiddenInEngine("x.ts", source)).toEqual([expect.stringContaining(` uses ${name}: `)]);
  });

  test("leaves the engine what is its own", () => {
    const source =
      "// Date.now\nconst o = { now: 1, console: 2 }; o.console; Math.max(1, 2); new Date(wall); wheel.now();";
    expect(forbiddenInEngine("x.ts", source)).toEqual([]);
  });
});
