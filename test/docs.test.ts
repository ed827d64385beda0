import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "..");
const manifest: { scripts: Record<string, string> } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

const pages = ["README.md", "CONTRIBUTING.md", ...pagesUnder("docs")];

function pagesUnder(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    return entry.isDirectory() ? pagesUnder(file) : entry.name.endsWith(".md") ? [file] : [];
  });
}

describe.each(pages)("%s", (page) => {
  const text = readFileSync(path.join(root, page), "utf8");

  test("links to files that exist", () => {
    const dead = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(path.join(root, path.dirname(page), target)));
    expect(dead).toEqual([]);
  });

  test("names commands of the repository that exist", () => {
    const unknown = [...text.matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)]
      .map((match) => match[1] ?? "")
      .filter((name) => !(name in manifest.scripts));
    expect(unknown).toEqual([]);
  });
});
