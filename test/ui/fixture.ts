/** What a suite of the window in Chromium starts from: a browser and the served page for all, a fresh context for each test. */
import type { Browser, BrowserContext, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type FileServer, launch, missing, serveRenderer } from "./browser.ts";

export interface WindowFixture {
  readonly browser: Browser;
  readonly files: FileServer;
  readonly context: BrowserContext;
}

/** Called in a `describe`; its tests are skipped with the reason where there is no Chromium. The fields hold from `beforeEach` on. */
export function windowFixture(options: BrowserContextOptions, timeoutMs = 10_000): WindowFixture {
  let browser: Browser;
  let files: FileServer;
  let context: BrowserContext;
  beforeAll(async () => {
    if (missing !== undefined) return;
    [browser, files] = await Promise.all([launch(), serveRenderer()]);
  });
  afterAll(async () => {
    await browser?.close();
    await files?.close();
  });
  beforeEach(async (test) => {
    if (missing !== undefined) return test.skip(missing);
    context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(timeoutMs);
  });
  afterEach(() => context?.close());
  return {
    get browser() {
      return browser;
    },
    get files() {
      return files;
    },
    get context() {
      return context;
    },
  };
}
