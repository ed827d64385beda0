/** The window looks as in docs/screens. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pixelmatch from "pixelmatch";
import type { Browser } from "playwright-core";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch, missing, openScene, serveRenderer } from "./browser.ts";
import { pictureOf, pictures } from "./pictures.ts";

const folder = fileURLToPath(new URL("../../docs/screens", import.meta.url));
/** Of all pixels: edges of letters and lines, which another version of the browser may draw in other shades. */
const MAY_DIFFER = 0.004;

describe.skipIf(missing !== undefined)("the pictures of the window", () => {
  let browser: Browser;
  let files: Awaited<ReturnType<typeof serveRenderer>>;
  beforeAll(async () => {
    browser = await launch();
    files = await serveRenderer();
  });
  afterAll(async () => {
    await browser.close();
    await files.close();
  });

  test("every screen in three themes looks as in docs/screens", { timeout: 240_000 }, async () => {
    const scratch = await mkdtemp(path.join(tmpdir(), "ringway-pictures-"));
    const others: string[] = [];
    for await (const { name, take } of pictures(browser, files.origin)) {
      const known = await readFile(path.join(folder, `${name}.png`)).catch(() => undefined);
      let png: Buffer = Buffer.alloc(0);
      let share = 1;
      // What is drawn when the page has time for it may come late on a busy computer.
      for (let tries = 0; tries < 5 && share > MAY_DIFFER; tries++) {
        png = await take();
        share = known === undefined ? 1 : shareOfOther(known, png);
      }
      if (share <= MAY_DIFFER) continue;
      others.push(`${name}: ${(share * 100).toFixed(1)} %`);
      await writeFile(path.join(scratch, `${name}.png`), png);
    }
    const remedy = `the new pictures are in ${scratch}; where they are meant so: node dist/screenshots.js`;
    expect(others, remedy).toEqual([]);
  });

  test("a part that is missing is seen", async () => {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: "reduce",
      timezoneId: "UTC",
    });
    const page = await openScene(context, files.origin, { screen: "overview", peers: 118 });
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.locator("canvas").evaluateAll((all) => all.forEach((canvas) => canvas.remove()));
    const known = await readFile(path.join(folder, "overview-light.png"));
    expect(shareOfOther(known, await pictureOf(page, "light"))).toBeGreaterThan(MAY_DIFFER);
    await context.close();
  });
});

/** The share of pixels that differ visibly; 1 for pictures of different size. */
function shareOfOther(one: Buffer, other: Buffer): number {
  const [a, b] = [PNG.sync.read(one), PNG.sync.read(other)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  return pixelmatch(a.data, b.data, undefined, a.width, a.height, { threshold: 0.1 }) / (a.width * a.height);
}
