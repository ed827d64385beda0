/** Words that are 40 % longer than English are cut nowhere, from the widest window to 320 CSS pixels. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SceneName } from "../../renderer/bridge/scripted.ts";
import type { ScreenId } from "../../renderer/shell/route.ts";
import english from "../../renderer/words/en.json" with { type: "json" };
import { type FileServer, launch, missing, serveRenderer } from "./browser.ts";

const shown: readonly (readonly [scene: SceneName, screen: ScreenId])[] = [
  ["connected", "overview"],
  ["connected", "ring"],
  ["connected", "peers"],
  ["connected", "diagnostics"],
  ["connected", "affiliations"],
  ["connected", "settings"],
  ["noBootstrap", "overview"],
  ["interfaceOff", "overview"],
  ["noHelper", "overview"],
  ["noAffiliation", "overview"],
  ["helperStopped", "overview"],
];

const LONGER = 1.4;

/** A message whose words are longer by so much; what stands in braces stays. */
function longer(message: string): string {
  let depth = 0;
  let run = "";
  let made = "";
  const flush = () => {
    const more = Math.ceil(run.replaceAll(" ", "").length * (LONGER - 1));
    // Words of six letters, so that lines can break as they do in a language.
    made += run + "~".repeat(more).replace(/~{6}(?=~)/g, "~~~~~~ ");
    run = "";
  };
  for (const letter of message) {
    if (letter === "{" && depth++ === 0) flush();
    if (depth === 0) run += letter;
    else made += letter;
    if (letter === "}") depth--;
  }
  flush();
  return made;
}

/** Boxes whose words stick out or are cut, and fields whose placeholder does not fit; a line each. */
function cutIn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
    const unseen = (element: Element) => {
      for (let each: Element | null = element; each; each = each.parentElement) {
        const { clipPath, visibility } = getComputedStyle(each);
        if (clipPath !== "none" || visibility === "hidden") return true;
      }
      return false;
    };
    const sticksOut = (element: Element) => {
      const { display, overflowX } = getComputedStyle(element);
      if (display === "inline" || display === "none" || overflowX === "auto" || overflowX === "scroll") return false;
      return element.scrollWidth > element.clientWidth + 1;
    };
    for (const element of document.querySelectorAll("body *")) {
      if (element.closest(".spoken, svg, .uplot") || element.clientWidth < 3 || unseen(element)) continue;
      if (element instanceof HTMLInputElement && element.placeholder !== "" && element.value === "") {
        const style = getComputedStyle(element);
        const pen = document.createElement("canvas").getContext("2d");
        if (pen === null) continue;
        pen.font = style.font;
        const room = element.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
        if (pen.measureText(element.placeholder).width > room + 1) found.push(`placeholder: ${element.placeholder}`);
      }
      // The innermost box says where it is.
      if (sticksOut(element) && element.textContent?.trim() && ![...element.children].some(sticksOut)) {
        found.push(`${element.scrollWidth - element.clientWidth} px: ${element.textContent.trim().slice(0, 60)}`);
      }
    }
    return [...new Set(found)];
  });
}

describe.each([
  [1440, 900],
  [900, 640],
  [720, 560],
  [320, 640],
])("words longer by 40 % in %d × %d pixels", (width, height) => {
  let browser: Browser;
  let files: FileServer;
  let context: BrowserContext;

  beforeAll(async () => {
    if (missing !== undefined) return;
    [browser, files] = await Promise.all([launch(), serveRenderer()]);
    context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce", locale: "de-DE" });
    context.setDefaultTimeout(10_000);
    // The page that asks for German gets the longer English.
    await context.route(/\/de[.-][\w.-]*json$/, (route) =>
      route.fulfill({
        json: Object.fromEntries(
          Object.entries(english).map(([id, { defaultMessage }]) => [id, longer(defaultMessage)]),
        ),
      }),
    );
  });
  afterAll(async () => {
    await browser?.close();
    await files?.close();
  });

  beforeEach((test) => missing !== undefined && test.skip(missing));

  it.each(shown)("are cut nowhere: %s, %s", async (scene, screen) => {
    const page = await context.newPage();
    const app = scene === "noHelper" || scene === "helperStopped" ? "&app=electron" : "";
    await page.goto(`${files.origin}/dev.html?menu=0&still=1&scene=${scene}&peers=118${app}#/${screen}`);
    await page.locator("h1", { hasText: "~" }).waitFor();
    await page.evaluate(() => document.fonts.ready);
    if (screen === "peers" && width > 420) {
      await page.getByRole("rowheader").nth(3).click();
      await page.getByRole("complementary").first().waitFor();
    }
    await expect.poll(() => cutIn(page)).toEqual([]);
    await page.close();
  });
});
