/**
 * Pictures of the window for the documents:
 *
 *   node dist/screenshots.js               every screen and some states in three themes, over the scripted world of 118 peers
 *   node dist/screenshots.js URL [FOLDER]  window-light.png and window-dark.png of the live page that `ringway ui` printed
 *
 * They go to docs/screens unless another folder is named. `visual.test.ts` compares the window with them.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { launch, missing, serveRenderer } from "./browser.ts";
import { pictureOf, pictures } from "./pictures.ts";

const [first, second] = process.argv.slice(2);
const url = first !== undefined && URL.canParse(first) ? first : undefined;
const folder = (url === undefined ? first : second) ?? "docs/screens";

if (missing !== undefined) {
  console.error(`No pictures were taken: ${missing}.`);
  process.exit(1);
}

const browser = await launch();
try {
  await mkdir(folder, { recursive: true });
  if (url === undefined) await takeScripted();
  else await takeLive(url);
} catch (error) {
  console.error(`No pictures were taken: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

async function takeScripted(): Promise<void> {
  const files = await serveRenderer();
  try {
    for await (const { name, take } of pictures(browser, files.origin)) await save(name, await take());
  } finally {
    await files.close();
  }
}

async function takeLive(address: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1.5 });
  await page.goto(address);
  await page.getByRole("link", { name: "Ring" }).click();
  await page.getByRole("listbox").waitFor({ timeout: 30_000 });
  for (const theme of ["light", "dark"] as const) await save(`window-${theme}`, await pictureOf(page, theme));
}

async function save(name: string, png: Buffer): Promise<void> {
  const file = path.join(folder, `${name}.png`);
  await writeFile(file, png);
  console.log(file);
}
