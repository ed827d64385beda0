/**
 * Electron's main process and preload, on a stand-in for the `electron` module: its windows are Chromium pages, the helper
 * behind is a scripted one. Nothing here runs on the real binary.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { windowCalls } from "#contract/window-calls.ts";
import { startApp } from "../../electron/main/app.ts";
import { complaintsOf, launch, missing, rendererFolder, themes } from "./browser.ts";
import { ElectronStandIn, type StandInWindow } from "./electron-stand-in.ts";
import { type FakeHelper, startFakeHelper } from "./fake-helper.ts";

const preload = fileURLToPath(new URL("../../dist/electron/preload.cjs", import.meta.url));
if (missing === undefined && !existsSync(preload)) {
  throw new Error("dist/electron/preload.cjs is missing; make it with: npm run build -- preload");
}

describe("the app in Electron (on a stand-in)", () => {
  let browser: Browser;
  let context: BrowserContext;
  let helper: FakeHelper;
  let standIn: ElectronStandIn;

  beforeAll(async () => {
    if (missing !== undefined) return;
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async (test) => {
    if (missing !== undefined) return test.skip(missing);
    helper = await startFakeHelper();
    context = await browser.newContext({
      viewport: { width: 1180, height: 780 },
      ...themes.dark,
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(15_000);
    standIn = new ElectronStandIn(context);
  });
  afterEach(async () => {
    standIn?.app.emit("will-quit");
    await context?.close();
    await helper?.close();
  });

  /** Starts the app and waits until its window shows the state. */
  const start = async (): Promise<StandInWindow> => {
    await startApp(standIn.module, { rendererFolder, preload, socketPath: helper.socketPath });
    const [window] = standIn.windows;
    if (window === undefined) throw new Error("The app opened no window.");
    if (!window.shown) await new Promise((resolve) => window.once("ready-to-show", resolve));
    await window.page.getByRole("heading", { name: "Connected" }).waitFor();
    return window;
  };
  const invoke = (channel: string, event: object, args: unknown) => standIn.ipcHandlers.get(channel)?.(event, args);
  const ownFrame = { url: "ringway-window://app/index.html", parent: null };

  it("shows live data over its own protocol and obeys the switches", async () => {
    const { page } = await start();
    const complaints = complaintsOf(page);
    await page.getByRole("link", { name: "Peers" }).click();
    await page.getByText("11 shown").waitFor();
    await page.getByRole("link", { name: "Overview" }).click();
    await page.getByRole("switch", { name: "Interface tap0" }).locator("xpath=ancestor::label").click();
    await page.getByRole("heading", { name: "On the ring, tap0 off" }).waitFor();
    expect(helper.made).toEqual(["down"]);
    expect(complaints).toEqual([]);
  });

  it("says when the helper stops, and goes on by itself when it runs again", async () => {
    const { page } = await start();
    await helper.stop();
    await page.getByRole("heading", { name: "Stopped" }).waitFor();
    await helper.start();
    await page.getByRole("heading", { name: "Connected" }).waitFor();
  });

  it("gives the page one function a call and nothing of Electron", async () => {
    const { page } = await start();
    const exposed = await page.evaluate(() => Object.keys(Reflect.get(window, "ringway") ?? {}).sort());
    expect(exposed).toEqual([...windowCalls, "retry", "watch"].sort());
    expect(
      await page.evaluate(() => [typeof Reflect.get(window, "require"), typeof Reflect.get(window, "process")]),
    ).toEqual(["undefined", "undefined"]);
  });

  it("opens windows with sandbox and isolation, and without Node", async () => {
    const { options } = await start();
    expect(options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(standIn.schemes).toEqual(["ringway-window"]);
  });

  it("refuses to navigate, to redirect, to open windows and to embed pages", async () => {
    const window = await start();
    const { page, webContents } = window;
    await page.evaluate(() => {
      location.href = "http://evil.example/";
    });
    await page.getByRole("heading", { name: "Connected" }).waitFor();
    expect(page.url()).toContain("ringway-window.test/index.html");
    for (const event of ["will-navigate", "will-redirect", "will-frame-navigate", "will-attach-webview"]) {
      expect(webContents.prevented(event)).toBe(true);
    }
    expect(webContents.openHandler?.({ url: "http://evil.example/" })).toEqual({ action: "deny" });
    expect(context.pages()).toHaveLength(1);
  });

  it("refuses every permission but writing to the clipboard from its own page", async () => {
    const { webContents } = await start();
    const asked = (permission: string, url = "ringway-window://app/index.html") => {
      let answer: boolean | undefined;
      standIn.session.requestHandler?.({ getURL: () => url }, permission, (granted) => {
        answer = granted;
      });
      return answer;
    };
    for (const permission of [
      "media",
      "geolocation",
      "notifications",
      "clipboard-read",
      "openExternal",
      "fullscreen",
      "hid",
    ]) {
      expect(asked(permission)).toBe(false);
      expect(standIn.session.checkHandler?.(webContents, permission)).toBe(false);
    }
    expect(asked("clipboard-sanitized-write")).toBe(true);
    expect(asked("clipboard-sanitized-write", "http://evil.example/")).toBe(false);
    expect(standIn.session.checkHandler?.(null, "clipboard-sanitized-write")).toBe(false);
    expect(standIn.session.deviceHandler?.()).toBe(false);
  });

  it("serves no file outside the window's folder, and each with the policy", async () => {
    await start();
    const ask = async (url: string, method = "GET") => standIn.protocolHandler?.(new Request(url, { method }));
    const page = await ask("ringway-window://app/index.html");
    expect(page?.status).toBe(200);
    expect(page?.headers.get("content-security-policy")).toContain("default-src 'none'");
    for (const url of [
      "ringway-window://other/index.html",
      "ringway-window://app/..%2f..%2fpackage.json",
      "ringway-window://app/%00",
      "ringway-window://app/%E0%A4%A",
      "ringway-window://app/",
      "ringway-window://app/missing.js",
    ]) {
      expect((await ask(url))?.status).toBe(404);
    }
    expect((await ask("ringway-window://app/index.html", "POST"))?.status).toBe(404);
  });

  it("hears only the top frame of its own windows", async () => {
    const { webContents } = await start();
    const allowed = { sender: webContents, senderFrame: ownFrame };
    const strangers = [
      { sender: webContents, senderFrame: null },
      { sender: webContents, senderFrame: { ...ownFrame, parent: ownFrame } },
      { sender: webContents, senderFrame: { url: "http://evil.example/", parent: null } },
      { sender: webContents, senderFrame: { url: "ringway-window://app/index.html.evil", parent: null } },
      { sender: {}, senderFrame: ownFrame },
    ];
    for (const event of strangers) {
      expect(await invoke("ringway:call:disconnect", event, {})).toMatchObject({
        ok: false,
        error: { code: "NOT_ALLOWED" },
      });
    }
    expect(helper.made).toEqual([]);
    expect(await invoke("ringway:call:disconnect", allowed, {})).toMatchObject({ ok: true });
    expect(helper.made).toEqual(["disconnect"]);
  });

  it("parses what a page sends before the helper sees it", async () => {
    const { webContents } = await start();
    const event = { sender: webContents, senderFrame: ownFrame };
    for (const args of [undefined, null, "condor wow", { affiliation: 5 }, { affiliation: "" }, { more: true }, []]) {
      expect(await invoke("ringway:call:down", event, args)).toMatchObject({
        ok: false,
        error: { code: "BAD_ARGUMENT" },
      });
    }
    expect(standIn.ipcHandlers.has("ringway:call:subscribe")).toBe(false);
    expect(helper.made).toEqual([]);
  });

  it("leaves a second start to the first", async () => {
    const second = new ElectronStandIn(context, { firstInstance: false });
    await startApp(second.module, { rendererFolder, preload, socketPath: helper.socketPath });
    expect(second.quit).toBe(true);
    expect(second.windows).toEqual([]);
  });

  it("quits when its window is closed; the helper goes on", async () => {
    await start();
    standIn.app.emit("window-all-closed");
    expect(standIn.quit).toBe(true);
    expect(helper.made).toEqual([]);
  });
});
