/** The pictures of the window: every screen and some states in three themes, over the scripted world. */
import type { Browser, Page } from "playwright-core";
import type { SceneName } from "../../renderer/bridge/scripted.ts";
import { type ScreenId, screenOf } from "../../renderer/shell/route.ts";
import { openScene, type Theme, themes } from "./browser.ts";

const THEMES = ["light", "dark", "contrast"] as const satisfies readonly Theme[];

/** When the pictures are taken. */
const NOON = new Date("2026-03-09T12:00:00Z");

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

interface Picture {
  readonly name: string;
  readonly take: () => Promise<Buffer>;
}

/** One after the other; `name` is that of the file in docs/screens, without its ending. */
export async function* pictures(browser: Browser, origin: string): AsyncGenerator<Picture> {
  for (const shot of [...(await screenShots(browser, origin)), ...shots]) {
    const { screen, scene, peers = 118, size = { width: 1280, height: 800 } } = shot;
    const context = await browser.newContext({ viewport: size, reducedMotion: "reduce", timezoneId: "UTC" });
    await context.clock.setFixedTime(NOON);
    const page = await openScene(context, origin, { screen, peers, ...(scene === undefined ? {} : { scene }) });
    await page.getByRole("heading", { level: 1 }).waitFor();
    await shot.prepare?.(page);
    for (const theme of THEMES) yield { name: `${shot.name}-${theme}`, take: () => pictureOf(page, theme) };
    await context.close();
  }
}

/** Every screen that the sidebar leads to. */
async function screenShots(browser: Browser, origin: string): Promise<readonly Shot[]> {
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

/** The page as it is now, in a theme. */
export async function pictureOf(page: Page, theme: Theme): Promise<Buffer> {
  await page.emulateMedia({ contrast: null, forcedColors: null, ...themes[theme], reducedMotion: "reduce" });
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  // The theme reaches the page in one frame, the canvases in a later one: until nothing changes any more.
  let before: Buffer = Buffer.alloc(0);
  for (let tries = 0; tries < 20; tries++) {
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const now = await page.screenshot();
    if (now.equals(before)) return now;
    before = now;
  }
  throw new Error("The page does not come to rest.");
}
