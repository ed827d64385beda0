import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const committed = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");
/** The formatter may break lines otherwise than the generator does. */
const bare = (text: string) => text.replaceAll(/\s+/g, "").replaceAll(/,(?=[\]}])/g, "");

describe("tokens", () => {
  it("tokens.css and tokens.ts are what tokens.json gives (else run: node renderer/tokens/build.mjs)", () => {
    const build = fileURLToPath(new URL("build.mjs", import.meta.url));
    const built: unknown = JSON.parse(execFileSync(process.execPath, [build, "--json"], { encoding: "utf8" }));
    const { css, script } = built as { css: string; script: string };
    expect(bare(committed("tokens.css"))).toBe(bare(css));
    expect(bare(committed("tokens.ts"))).toBe(bare(script));
  });

  it("define the same colours in every theme", () => {
    const blocks = committed("tokens.css").split(":root").slice(1, 4);
    const colours = blocks.map((block) =>
      [...block.matchAll(/--((?:bg|border|text|accent|status|link|data|focus)[\w-]*):/g)].map(([, name]) => name),
    );
    expect(colours[0]?.length).toBeGreaterThan(40);
    expect(colours[1]).toEqual(colours[0]);
    expect(colours[2]).toEqual(colours[0]);
  });
});
