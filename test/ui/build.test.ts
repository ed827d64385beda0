/** What the built window weighs and names; needs no browser. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { windowSize } from "../../electron/main/window-size.ts";
import { windowSize as fromTokens } from "../../renderer/tokens/tokens.ts";
import { rendererFolder } from "./browser.ts";

const SCRIPT_LIMIT_BYTES = 350_000;
const LICENCES_LIMIT_BYTES = 1_500_000;

describe("the built window", () => {
  beforeAll(() => {
    if (!existsSync(rendererFolder)) throw new Error("dist/renderer is missing; make it with: npm run build -- window");
  });
  const read = (file: string) => readFileSync(path.join(rendererFolder, file));

  it("has less than 350 kB of script, compressed", () => {
    const scripts = readdirSync(path.join(rendererFolder, "assets")).filter(
      (file) => file.endsWith(".js") && !file.startsWith("dev-"),
    );
    expect(scripts.length).toBeGreaterThan(0);
    const bytes = scripts.reduce((sum, file) => sum + gzipSync(read(`assets/${file}`)).length, 0);
    expect(bytes).toBeLessThan(SCRIPT_LIMIT_BYTES);
  });

  it("loads nothing from the network and runs nothing inline", () => {
    const page = read("index.html").toString();
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)/);
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=/);
    for (const file of readdirSync(path.join(rendererFolder, "assets")).filter((name) => name.endsWith(".css"))) {
      expect(read(`assets/${file}`).toString()).not.toMatch(/url\((?:"|')?(?:https?:|\/\/|data:)/);
    }
  });

  it("has the licences of what is shipped as data beside it, of bounded size, none in the script", () => {
    const text = read("licences.json");
    expect(text.length).toBeLessThan(LICENCES_LIMIT_BYTES);
    const { packages, texts } = JSON.parse(text.toString()) as {
      packages: { name: string; kind: string; licence: string; texts: number[] }[];
      texts: string[];
    };
    const names = packages.map(({ name }) => name);
    expect(names[0]).toBe("Ringway");
    // One of each: the page, its fonts, the helper, the app.
    expect(names).toEqual(
      expect.arrayContaining(["react", "@fontsource-variable/inter", "vscode-jsonrpc", "zod", "electron"]),
    );
    // Where there is no cargo, no data path is built either.
    if (packages.some(({ kind }) => kind === "crate")) expect(names).toEqual(expect.arrayContaining(["snow", "ring"]));
    // What only builds or tests is not shipped.
    for (const tool of ["vite", "vitest", "typescript", "esbuild", "playwright-core", "axe-core", "proptest"])
      expect(names).not.toContain(tool);
    expect(packages.filter(({ licence }) => licence === "")).toEqual([]);
    expect(packages.filter((each) => each.texts.some((place) => texts[place] === undefined))).toEqual([]);
    const script = readdirSync(path.join(rendererFolder, "assets")).filter((file) => file.endsWith(".js"));
    for (const file of script) expect(read(`assets/${file}`).toString()).not.toContain("Everyone is permitted to copy");
    expect(texts.some((each) => each.includes("Permission is hereby granted, free of charge"))).toBe(true);
  });

  it("does not bring the scripted bridge into the real page", () => {
    const entry = /src="\.\/(assets\/index-[^"]+\.js)"/.exec(read("index.html").toString())?.[1];
    expect(entry).toBeDefined();
    const reached = [
      entry ?? "",
      ...[
        ...read(entry ?? "")
          .toString()
          .matchAll(/["']\.\/([\w-]+\.js)["']/g),
      ].map(([, file]) => `assets/${file}`),
    ];
    expect(reached.some((file) => file.includes("dev-"))).toBe(false);
    expect(reached.map((file) => read(file).toString()).join("")).not.toContain("mlopez-laptop");
  });

  it("has in Electron the size that the tokens say", () => expect(windowSize).toEqual(fromTokens));
});
