/** What the built window weighs and names; needs no browser. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { windowSize } from "../../electron/main/window-size.ts";
import { windowSize as fromTokens } from "../../renderer/tokens/tokens.ts";
import { rendererFolder } from "./browser.ts";

const SCRIPT_LIMIT_BYTES = 350_000;

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
