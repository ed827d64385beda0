/**
 * Pictures of the window on live data, for the documents: `node dist/screenshots.js URL [FOLDER]`, where URL is what
 * `ringway ui` printed and FOLDER is docs/screens unless named. Writes window-light.png and window-dark.png.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { launch, missing, themes } from "./browser.ts";

const [url, folder = "docs/screens"] = process.argv.slice(2);
if (url === undefined || !URL.canParse(url)) {
  console.error("Give the address that `ringway ui --no-open` printed: node dist/screenshots.js URL [FOLDER]");
  process.exit(2);
}
if (missing !== undefined) {
  console.error(`No pictures were taken: ${missing}.`);
  process.exit(1);
}

const browser = await launch();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1.5 });
  await page.goto(url);
  await page.getByRole("grid", { name: "Peers" }).waitFor({ timeout: 30_000 });
  await mkdir(folder, { recursive: true });
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ ...themes[theme], reducedMotion: "reduce" });
    // Two frames: one in which the theme reaches the page, one in which the ring is drawn in its colours.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    const file = path.join(folder, `window-${theme}.png`);
    await page.screenshot({ path: file });
    console.log(file);
  }
} catch (error) {
  console.error(`No pictures were taken: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
