/**
 * Pictures of the window for the documents:
 *
 *   node dist/screenshots.js               every screen and some states in three themes, over the scripted world of 118 peers
 *   node dist/screenshots.js URL [FOLDER]  window-light.png and window-dark.png of the live page that `ringway ui` printed
 *
 * They go to docs/screens unless another folder is named.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import type { SceneName } from "../../renderer/bridge/scripted.ts";
import { type ScreenId, screenOf } from "../../renderer/shell/route.ts";
import { launch, missing, openScene, serveRenderer, type Theme, themes, tick } from "./browser.ts";

const [first, second] = process.argv.slice(2);
const url = first !== undefined && URL.canParse(first) ? first : undefined;
const folder = (url === undefined ? first : second) ?? "docs/screens";
const THEMES = ["light", "dark", "contrast"] as const satisfies readonly Theme[];

if (missing !== undefined) {
  console.error(`No pictures were taken: ${missing}.`);
  process.exit(1);
}

interface Shot {
  readonly name: string;
  readonly screen: ScreenId;
  readonly scene?: SceneName;
  readonly peers?: 11 | 118 | 1000;
  readonly size?: { readonly width: number; readonly height: number };
  readonly prepare?: (page: Page) => Promise<void>;
}

const inspectFirst = (kind: string) => async (page: Page) => {
  await page.getByRole("radio", { name: new RegExp(`^${kind}`) }).click();
  await page.getByRole("rowheader").first().click();
  const inspector = page.getByRole("complementary", { name: /^Selected:/ });
  await inspector.getByRole("button", { name: "Trace" }).click();
  await inspector.getByRole("img", { name: /^Round-trip time/ }).waitFor();
};

const shots: readonly Shot[] = [
  { name: "peers-inspector", screen: "peers", prepare: inspectFirst("Relay") },
  {
    name: "ring-path",
    screen: "peers",
    prepare: async (page) => {
      await inspectFirst("Routed")(page);
      await page.getByRole("radio", { name: /^All/ }).click();
      await page.getByRole("link", { name: "Ring" }).click();
      await page.getByRole("listbox").waitFor();
    },
  },
  {
    name: "ring-1000",
    screen: "ring",
    peers: 1000,
    prepare: (page) => page.getByRole("radio", { name: "All links" }).click(),
  },
  {
    name: "command-field",
    screen: "overview",
    prepare: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("searchbox").fill("wisc");
      await page.getByRole("option").first().waitFor();
    },
  },
  { name: "off", screen: "overview", scene: "off" },
  { name: "connecting", screen: "overview", scene: "connecting" },
  { name: "first-run", screen: "overview", scene: "noAffiliation" },
  { name: "small-overview", screen: "overview", size: { width: 900, height: 640 } },
  { name: "small-peers", screen: "peers", size: { width: 900, height: 640 } },
];

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
    for (const shot of [...(await screenShots(files.origin)), ...shots]) {
      const { screen, scene, peers = 118, size = { width: 1280, height: 800 } } = shot;
      const context = await browser.newContext({ viewport: size, reducedMotion: "reduce" });
      const page = await openScene(context, files.origin, { screen, peers, ...(scene === undefined ? {} : { scene }) });
      await page.getByRole("heading", { level: 1 }).waitFor();
      await shot.prepare?.(page);
      for (const theme of THEMES) {
        await tick(page);
        await take(page, theme, `${shot.name}-${theme}`);
      }
      await context.close();
    }
  } finally {
    await files.close();
  }
}

/** Every screen that the sidebar leads to. */
async function screenShots(origin: string): Promise<readonly Shot[]> {
  const context = await browser.newContext();
  const page = await openScene(context, origin);
  await page.getByRole("link", { name: "Overview" }).waitFor();
  const hashes = await page
    .getByRole("navigation")
    .getByRole("link")
    .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).hash));
  await context.close();
  return hashes.map((hash) => ({ name: screenOf(hash), screen: screenOf(hash) }));
}

async function takeLive(address: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1.5 });
  await page.goto(address);
  await page.getByRole("link", { name: "Ring" }).click();
  await page.getByRole("listbox").waitFor({ timeout: 30_000 });
  for (const theme of ["light", "dark"] as const) await take(page, theme, `window-${theme}`);
}

async function take(page: Page, theme: Theme, name: string): Promise<void> {
  await page.emulateMedia({ contrast: null, forcedColors: null, ...themes[theme], reducedMotion: "reduce" });
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  // Two frames: one in which the theme reaches the page, one in which the canvases are drawn in its colours.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  console.log(file);
}
