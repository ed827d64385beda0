/**
 * Electron's main process and preload, on a stand-in for the `electron` module: its windows are Chromium pages, the helper
 * behind is a scripted one. Nothing here runs on the real binary.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AppSurroundings, startApp } from "../../electron/main/app.ts";
import { HelperLife } from "../../electron/main/helper-life.ts";
import { type MakeStore, SettingsFile, type Stored } from "../../electron/main/settings.ts";
import { complaintsOf, launch, missing, rendererFolder, themes } from "./browser.ts";
import { expectCallsAlone, expectStopAndReturn, orderedOf } from "./electron-parts.ts";
import { displayAt, ElectronStandIn, type StandInWindow } from "./electron-stand-in.ts";
import { type FakeHelper, startFakeHelper } from "./fake-helper.ts";

const preload = fileURLToPath(new URL("../../dist/electron/preload.cjs", import.meta.url));
const iconFolder = fileURLToPath(new URL("../../dist/electron/icons/", import.meta.url));
if (missing === undefined && !existsSync(preload)) {
  throw new Error("dist/electron/preload.cjs is missing; make it with: npm run build -- preload");
}

describe("the app in Electron (on a stand-in)", () => {
  let browser: Browser;
  let context: BrowserContext;
  let helper: FakeHelper;
  let standIn: ElectronStandIn;
  let home: string;

  beforeAll(async () => {
    if (missing !== undefined) return;
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async (test) => {
    if (missing !== undefined) return test.skip(missing);
    helper = await startFakeHelper();
    home = mkdtempSync(path.join(tmpdir(), "ringway-home-"));
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
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  /** What the app was given beside Electron. */
  const around = (more: Partial<AppSurroundings> = {}): AppSurroundings => ({
    platform: "linux",
    env: { HOME: home },
    args: [],
    folder: home,
    program: "/opt/ringway",
    settings: () => new SettingsFile(home, storeIn),
    life: new HelperLife({
      platform: "linux",
      command: "/opt/ringway.js",
      uid: 1000,
      searchPath: [],
      exists: () => false,
      asAdministrator: async () => {},
    }),
    hasTrayHost: async () => true,
    ...more,
  });
  const places = () => ({ rendererFolder, preload, socketPath: helper.socketPath, iconFolder });
  /** Starts the app and waits until its window shows the state. */
  const start = async (more: Partial<AppSurroundings> = {}): Promise<StandInWindow> => {
    await startApp(standIn.module, places(), around(more));
    const [window] = standIn.windows;
    if (window === undefined) throw new Error("The app opened no window.");
    if (!window.shown) await new Promise((resolve) => window.once("ready-to-show", resolve));
    await window.page.getByRole("heading", { name: "Connected" }).waitFor();
    return window;
  };
  const tray = () => {
    const [only] = standIn.trays;
    if (only === undefined) throw new Error("The app made no tray icon.");
    return only;
  };
  /** Collects what the app tells the page from now on. */
  const listen = async ({ page }: StandInWindow) => {
    await page.evaluate(() => {
      const heard: unknown[] = [];
      Object.assign(window, { heardByTest: heard });
      Reflect.get(window, "ringway").watchApp((event: unknown) => heard.push(event));
    });
    return () => page.evaluate(() => Reflect.get(window, "heardByTest") as unknown[]);
  };
  const ordered = () => orderedOf(helper);
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
    expect(ordered()).toEqual(["down"]);
    expect(complaints).toEqual([]);
  });

  it("says when the helper stops, and goes on by itself when it runs again", async () => {
    const { page } = await start();
    await expectStopAndReturn(page, helper);
  });

  it("gives the page one function a call and nothing of Electron", async () => {
    const { page } = await start();
    await expectCallsAlone(page);
  });

  it("opens windows with sandbox and isolation, and without Node", async () => {
    const { options } = await start();
    expect(options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      navigateOnDragDrop: false,
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
    let prevented = false;
    standIn.session.emit("will-download", { preventDefault: () => (prevented = true) });
    expect(prevented).toBe(true);
  });

  it("serves no file outside the window's folder, and each with the policy", async () => {
    await start();
    const ask = async (url: string, method = "GET") => standIn.protocolHandler?.(new Request(url, { method }));
    const page = await ask("ringway-window://app/index.html");
    expect(page?.status).toBe(200);
    const policy = page?.headers.get("content-security-policy") ?? "";
    for (const rule of ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      expect(policy.split("; ")).toContain(rule);
    }
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
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
    expect(ordered()).toEqual([]);
    expect(await invoke("ringway:call:disconnect", allowed, {})).toMatchObject({ ok: true });
    expect(ordered()).toEqual(["disconnect"]);
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
    expect(ordered()).toEqual([]);
  });

  it("leaves a second start to the first", async () => {
    const second = new ElectronStandIn(context, { firstInstance: false });
    await startApp(second.module, places(), around());
    expect(second.quit).toBe(true);
    expect(second.windows).toEqual([]);
  });

  it("hides its window to the tray, and comes back from there; the helper goes on", async () => {
    const window = await start();
    expect(window.close()).toBe(false);
    expect([window.shown, standIn.quit]).toEqual([false, false]);
    tray().choose("Open Ringway");
    expect(window.shown).toBe(true);
    expect(ordered()).toEqual([]);
  });

  it("without a tray makes none, quits with its window, and says once that the connection stays", async () => {
    const window = await start({ hasTrayHost: async () => false });
    expect(standIn.trays).toEqual([]);
    expect(window.close()).toBe(true);
    expect(standIn.quit).toBe(true);
    expect(ordered()).toEqual([]);
    expect(new SettingsFile(home, storeIn).saidNoTray).toBe(true);
    expect(standIn.notes.map(({ title, silent }) => [title, silent])).toEqual([["Ringway", true]]);
  });

  it("starts hidden at login where a tray can bring it back, else not", async () => {
    await startApp(standIn.module, places(), around({ args: ["--hidden"] }));
    expect([standIn.windows.length, standIn.trays.length]).toEqual([0, 1]);
    const other = new ElectronStandIn(context);
    await startApp(other.module, places(), around({ args: ["--hidden"], hasTrayHost: async () => false }));
    expect([other.windows.length, other.trays.length]).toEqual([1, 0]);
    other.app.emit("will-quit");
  });

  it("has a tray whose icon and menu follow the state, and that obeys", async () => {
    await start();
    await expect.poll(() => tray().labels()[0]).toBe("● Connected to condor wow");
    expect(existsSync(tray().image)).toBe(true);
    expect(tray().image).toMatch(/tray-connected-on-dark\.png$/);
    standIn.nativeTheme.shouldUseDarkColors = false;
    standIn.nativeTheme.emit("updated");
    expect(tray().image).toMatch(/tray-connected-on-light\.png$/);
    tray().choose(/^Copy 172/);
    expect(standIn.copied).toEqual([expect.stringMatching(/^172\./)]);
    tray().choose("Interface tap0");
    await expect.poll(() => tray().image).toMatch(/tray-interface-off/);
    tray().choose("Disconnect condor wow");
    await expect.poll(() => tray().labels()).toContain("Connect condor wow");
    expect(ordered()).toEqual(["down", "disconnect"]);
    await helper.stop();
    await expect.poll(() => tray().image).toMatch(/tray-attention/);
  });

  it("quits in two ways: staying connected, or not", async () => {
    await start();
    await expect.poll(() => tray().labels()).toContain("Disconnect and quit");
    tray().choose("Disconnect and quit");
    await expect.poll(() => standIn.quit).toBe(true);
    expect(ordered()).toEqual(["disconnect"]);
    expect(tray().destroyed).toBe(true);
  });

  it("tells the helper that the computer has woken", async () => {
    await start();
    standIn.powerMonitor.emit("resume");
    await expect.poll(ordered).toEqual(["wake"]);
  });

  it("registers its links, and hands what a second start brings to the page, without what a link holds", async () => {
    const window = await start();
    expect(standIn.linkSchemes).toEqual(["ringway"]);
    const heard = await listen(window);
    await expect.poll(heard).toHaveLength(1);
    standIn.app.emit("second-instance", {}, ["ringway", "ringway://join/#topsecret"], "/");
    await expect.poll(heard).toContainEqual({ kind: "opened", opened: { kind: "link" } });
    expect(JSON.stringify(await heard())).not.toContain("topsecret");
  });

  it("gives settings that were set aside to the page as a notice, and goes on", async () => {
    writeFileSync(path.join(home, "config.json"), "{ torn");
    const window = await start();
    const heard = await listen(window);
    await expect
      .poll(async () => (await heard())[0])
      .toMatchObject({
        kind: "state",
        state: { tray: true, settings: { closeToTray: true }, notices: [{ code: "settingsSetAside" }] },
      });
  });

  it("makes a page anew whose process ended, and says so", async () => {
    const window = await start();
    window.webContents.emit("render-process-gone", {}, { reason: "crashed" });
    expect(window.webContents.reloads).toBe(1);
    await window.page.getByRole("heading", { name: "Connected" }).waitFor();
    const heard = await listen(window);
    await expect
      .poll(async () => (await heard())[0])
      .toMatchObject({
        state: { notices: [{ code: "windowRestarted" }] },
      });
  });

  it("loads a page that fails again and again three times in a minute, then asks by the system's own dialogue", async () => {
    let now = 0;
    const { webContents } = await start({ clock: () => now });
    const crash = () => webContents.emit("render-process-gone", {}, { reason: "crashed" });
    for (const at of [0, 70_000, 80_000, 90_000]) {
      now = at;
      crash();
    }
    expect([webContents.reloads, standIn.dialogs.length]).toEqual([4, 0]);
    now = 100_000;
    crash();
    expect(webContents.reloads).toBe(4);
    expect(standIn.dialogs[0]?.message).toBe("The window keeps failing");
    expect(standIn.dialogs[0]?.detail).toContain("(crashed)");
    standIn.dialogs[0]?.answer(0);
    await expect.poll(() => webContents.reloads).toBe(5);
    for (const _ of [1, 2, 3, 4]) crash();
    expect([webContents.reloads, standIn.dialogs.length, standIn.quit]).toEqual([8, 2, false]);
    standIn.dialogs[1]?.answer(1);
    await expect.poll(() => standIn.quit).toBe(true);
    expect(ordered()).toEqual([]);
  });

  it("keeps the place of its window on each display", async () => {
    const window = await start();
    window.emit("move");
    await expect.poll(() => new SettingsFile(home, storeIn).placeOn("1920x1080+0+0")).toBeDefined();
    window.destroy();
    const second = new ElectronStandIn(context);
    await startApp(second.module, places(), around());
    expect(second.windows[0]?.options).toMatchObject({ x: 40, y: 50, width: 1180, height: 780 });
    second.app.emit("will-quit");
  });

  it("obeys the desktop's entries Connect and Disconnect while it runs, without showing its window", async () => {
    const window = await start();
    window.hide();
    standIn.app.emit("second-instance", {}, ["ringway", "--disconnect"], "/");
    await expect.poll(ordered).toEqual(["disconnect"]);
    await expect.poll(() => tray().labels()).toContain("Connect condor wow");
    standIn.app.emit("second-instance", {}, ["ringway", "--connect"], "/");
    await expect.poll(ordered).toEqual(["disconnect", "connect"]);
    expect(window.shown).toBe(false);
  });

  it("obeys them when it does not run: in the tray, or where there is none with its window", async () => {
    await startApp(standIn.module, places(), around({ args: ["--disconnect"] }));
    await expect.poll(ordered).toEqual(["disconnect"]);
    expect([standIn.windows.length, standIn.trays.length]).toEqual([0, 1]);
    const other = new ElectronStandIn(context);
    await startApp(other.module, places(), around({ args: ["--connect"], hasTrayHost: async () => false }));
    await expect.poll(ordered).toEqual(["disconnect", "connect"]);
    expect([other.windows.length, other.trays.length]).toEqual([1, 0]);
    other.app.emit("will-quit");
  });

  it("opens its window with what is wrong where such an order finds no helper, and does not obey it later", async () => {
    await helper.stop();
    await startApp(standIn.module, places(), around({ args: ["--disconnect"] }));
    await expect.poll(() => standIn.windows.length).toBe(1);
    await helper.start();
    const [window] = standIn.windows;
    if (!window?.shown) await new Promise((resolve) => window?.once("ready-to-show", resolve));
    await window?.page.getByRole("heading", { name: "Connected" }).waitFor();
    expect(ordered()).toEqual([]);
  });

  it("sets nothing of the tray anew that has not changed", async () => {
    await start();
    await expect.poll(() => tray().labels()[0]).toBe("● Connected to condor wow");
    const { menu, image } = tray().set;
    const { toolTip } = tray().set;
    // Rates change with each second's snapshot, and the tooltip has them.
    await expect.poll(() => tray().set.toolTip, { timeout: 5_000 }).toBeGreaterThan(toolTip + 1);
    expect([tray().set.menu, tray().set.image]).toEqual([menu, image]);
  });

  it("chooses icons by the panel: GNOME's is black, the taskbar of Windows has a theme of its own", async () => {
    const imageOn = async (platform: NodeJS.Platform, more: Partial<AppSurroundings["env"]> = {}) => {
      const other = new ElectronStandIn(context);
      other.nativeTheme.shouldUseDarkColors = false;
      await startApp(other.module, places(), around({ platform, args: ["--hidden"], env: { HOME: home, ...more } }));
      other.app.emit("will-quit");
      return path.basename(other.trays[0]?.image ?? "");
    };
    expect(await imageOn("linux", { XDG_CURRENT_DESKTOP: "KDE" })).toMatch(/-on-light\.png$/);
    expect(await imageOn("linux", { XDG_CURRENT_DESKTOP: "ubuntu:GNOME" })).toMatch(/-on-dark\.png$/);
    expect(await imageOn("win32")).toMatch(/-on-dark\.ico$/);
    expect(await imageOn("darwin")).toMatch(/Template\.png$/);
  });

  describe("on Windows", () => {
    it("marks its button in the taskbar while something needs the user", async () => {
      const window = await start({ platform: "win32" });
      expect(window.overlay).toBeNull();
      await helper.stop();
      await expect.poll(() => window.overlay?.file).toMatch(/badge-attention\.png$/);
      expect(existsSync(window.overlay?.file ?? "")).toBe(true);
      await helper.start();
      await expect.poll(() => window.overlay).toBeNull();
    });

    it("says once that the icon may be hidden, and opens with each click on it", async () => {
      const window = await start({ platform: "win32" });
      window.close();
      window.show();
      window.close();
      expect(standIn.notes.map(({ body }) => body)).toEqual([expect.stringContaining("arrow beside the clock")]);
      expect(new SettingsFile(home, storeIn).saidTrayHidden).toBe(true);
      tray().emit("click");
      tray().emit("click");
      expect(window.shown).toBe(true);
    });
  });

  it("on macOS is in the Dock while its window is open, and leaves clicks on the icon to the menu", async () => {
    const window = await start({ platform: "darwin" });
    expect([standIn.dockShown, tray().listenerCount("click")]).toEqual([true, 0]);
    window.close();
    expect(standIn.dockShown).toBe(false);
    tray().choose("Open Ringway");
    expect(standIn.dockShown).toBe(true);
    const hidden = new ElectronStandIn(context);
    await startApp(hidden.module, places(), around({ platform: "darwin", args: ["--hidden"] }));
    expect(hidden.dockShown).toBe(false);
    hidden.app.emit("will-quit");
  });

  it("on Linux is opened and hidden by a click where the panel sends it", async () => {
    const window = await start();
    window.focused = true;
    tray().emit("click");
    expect(window.shown).toBe(false);
    tray().emit("click");
    expect(window.shown).toBe(true);
  });

  describe("and the helper's life", () => {
    const SYSTEMD = "/run/systemd/system";
    const UNIT = "/etc/systemd/system/ringway-helper.service";
    const prompts: string[] = [];
    /** A computer on which these files are, and whose prompt ends as `answer` says. */
    const lifeOn = (present: readonly string[], answer: () => Promise<void> = async () => {}) => {
      prompts.length = 0;
      return new HelperLife({
        platform: "linux",
        command: "/opt/ringway.js",
        uid: 1000,
        searchPath: ["/usr/bin"],
        exists: (file) => ["/usr/bin/node", ...present].includes(file),
        asAdministrator: (line) => {
          prompts.push(line);
          return answer();
        },
      });
    };
    const INSTALL = "/usr/bin/node /opt/ringway.js helper install --owner 1000";
    const openWithout = async (life: HelperLife) => {
      await helper.stop();
      await startApp(standIn.module, places(), around({ life }));
      const [window] = standIn.windows;
      if (window === undefined) throw new Error("The app opened no window.");
      if (!window.shown) await new Promise((resolve) => window.once("ready-to-show", resolve));
      await window.page.getByRole("heading", { name: /install the network helper/ }).waitFor();
      return window.page;
    };
    const openFile = () => {
      const file = path.join(home, "condor.config");
      writeFileSync(file, "#affiliation\ncondor wow\n#port\n15000\n");
      standIn.app.emit("second-instance", {}, ["ringway", file], home);
    };

    const dropFile = (page: Page) =>
      page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["#affiliation\ncondor wow\n#port\n15000\n"], "condor.config"));
        window.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      });

    it.each(["opened", "dropped"])(
      "installs and joins by a file that was %s with one click and one prompt",
      async (how) => {
        const page = await openWithout(lifeOn([SYSTEMD], () => helper.start()));
        if (how === "opened") openFile();
        else await dropFile(page);
        await page.getByRole("dialog").getByRole("button", { name: "Install and connect" }).click();
        // This helper is connected from its first word, so the heading alone says nothing of the join.
        const joined = () => helper.made.filter((call) => ["preview", "join"].includes(call));
        await expect.poll(joined, { timeout: 10_000 }).toEqual(["preview", "join"]);
        await page.getByRole("dialog").waitFor({ state: "hidden" });
        await page.getByRole("heading", { name: "Connected" }).waitFor();
        expect(prompts).toEqual([INSTALL]);
      },
    );

    it("connects again with one click in the tray and no prompt", async () => {
      const window = await start({ life: lifeOn([SYSTEMD, UNIT]) });
      window.close();
      tray().choose("Disconnect condor wow");
      await expect.poll(() => tray().labels()).toContain("Connect condor wow");
      tray().choose("Connect condor wow");
      await expect.poll(() => tray().labels()[0]).toBe("● Connected to condor wow");
      expect([ordered(), prompts, window.shown]).toEqual([["disconnect", "connect"], [], false]);
    });

    it("says that the prompt was closed, changes nothing, and asks again on order alone", async () => {
      const closed = async () => {
        throw new Error("User did not grant permission.");
      };
      const page = await openWithout(lifeOn([SYSTEMD], closed));
      expect(prompts).toEqual([]);
      await page.getByRole("button", { name: "Install helper" }).click();
      await page.getByRole("heading", { name: "The password prompt was closed" }).waitFor();
      expect([prompts, helper.made]).toEqual([[INSTALL], []]);
      await page.getByRole("button", { name: "I have no administrator rights" }).click();
      await page.getByText(`sudo ${INSTALL}`).waitFor();
      await page.getByRole("button", { name: "Ask again" }).click();
      await expect.poll(() => prompts).toEqual([INSTALL, INSTALL]);
    });

    it("brings an older helper to its own version with one prompt", async () => {
      helper.version = "0.0.9";
      const life = lifeOn([SYSTEMD, UNIT], async () => {
        await helper.stop();
        helper.version = "0.1.0";
        await helper.start();
      });
      const { page } = await start({ life });
      await page.getByText("The app is 0.1.0, the helper is 0.0.9.", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Update helper" }).click();
      await page.getByText("Ringway and its helper do not match").waitFor({ state: "hidden" });
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      expect(prompts).toEqual([INSTALL]);
    });

    it("works with a newer helper, and remembers that it may stay", async () => {
      helper.version = "0.2.0";
      const { page } = await start({ life: lifeOn([SYSTEMD, UNIT]) });
      await page.getByText("The helper is 0.2.0, newer than this app (0.1.0).", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Stay on 0.2.0" }).click();
      await page.getByText("Ringway and its helper do not match").waitFor({ state: "hidden" });
      expect(new SettingsFile(home, storeIn).stayOnHelper).toBe("0.2.0");
      standIn.windows[0]?.destroy();
      standIn.app.emit("activate");
      const again = standIn.windows.at(-1) as StandInWindow;
      if (!again.shown) await new Promise((resolve) => again.once("ready-to-show", resolve));
      await again.page.getByRole("heading", { name: "Connected" }).waitFor();
      expect(await again.page.getByText("Ringway and its helper do not match").count()).toBe(0);
      expect(prompts).toEqual([]);
    });

    it("counts down to the next start of a helper that the system watches, without a prompt", async () => {
      const { page } = await start({ life: lifeOn([SYSTEMD, UNIT]) });
      await helper.stop();
      await page.getByText(/Ringway starts it again in [1-5] seconds?\./).waitFor();
      await helper.start();
      await page.getByText("The network helper stopped").waitFor({ state: "hidden" });
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      expect(prompts).toEqual([]);
    });

    it("promises no start of a helper that nobody watches, and starts it on order", async () => {
      const { page } = await start({ life: lifeOn([], () => helper.start()) });
      await helper.stop();
      await page.getByText("Until it runs again nothing travels over tap0.", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Start now" }).click();
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      expect(prompts).toEqual([expect.stringMatching(/^setsid sh -c /)]);
    });
  });

  it("puts a window whose display has gone back onto one that is there", async () => {
    const window = await start();
    standIn.displays.push(displayAt(1920, 0, 2560, 1440));
    window.setBounds({ x: 2200, y: 100, width: 1180, height: 780 });
    window.emit("move");
    await expect.poll(() => new SettingsFile(home, storeIn).placeOn("2560x1440+1920+0")).toBeDefined();
    window.close();
    standIn.displays.pop();
    tray().choose("Open Ringway");
    expect(window.bounds).toEqual({ x: 370, y: 162, width: 1180, height: 780 });
    // A window made anew does not go there either, and one on the other display does when that is back.
    window.destroy();
    standIn.app.emit("activate");
    expect(standIn.windows[1]?.options.x).not.toBe(2200);
    standIn.windows[1]?.destroy();
    standIn.displays.unshift(displayAt(1920, 0, 2560, 1440));
    standIn.app.emit("activate");
    expect(standIn.windows[2]?.options).toMatchObject({ x: 2200, y: 100 });
  });

  describe("given what it cannot use", () => {
    it.each([
      ["a truncated file", "a.config", "#affil", "ends without #affiliation"],
      ["a foreign file", "a.txt", "Dear diary", "ends without #affiliation"],
      ["an invite of a newer version", "a.ringway", "ringway2:abc", "cannot read invites yet"],
      ["10 MB", "a.toml", Buffer.alloc(10 * 1024 * 1024, 97), "a.toml is larger than 64 kB"],
      ["no text", "b.toml", Buffer.from([0xff, 0xfe, 0]), "b.toml is not a text file"],
      ["a folder", "conf.toml", undefined, "conf.toml is a folder"],
      ["a file that is gone", "gone.toml", "", "gone.toml"],
    ])("%s: says so with a sentence, and changes nothing", async (_what, name, content, sentence) => {
      const { page } = await start();
      const file = path.join(home, name);
      if (content === undefined) mkdirSync(file);
      else writeFileSync(file, content);
      if (name === "gone.toml") rmSync(file);
      standIn.app.emit("second-instance", {}, ["ringway", file], home);
      await page.getByRole("dialog").getByRole("alert").getByText(sentence, { exact: false }).waitFor();
      expect(await page.getByRole("button", { name: "Join and connect" }).isDisabled()).toBe(true);
      expect(ordered().filter((call) => call !== "preview")).toEqual([]);
      expect(new SettingsFile(home, storeIn).setAside).toBeUndefined();
    });

    /** What listens on the helper's socket in its place. */
    const replace = async (speak: (socket: Socket) => void) => {
      await helper.stop();
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {});
        speak(socket);
      });
      await new Promise<void>((resolve) => server.listen(helper.socketPath, resolve));
      return async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      };
    };
    const openOn = async () => {
      await startApp(standIn.module, places(), around());
      const [window] = standIn.windows;
      if (window === undefined) throw new Error("The app opened no window.");
      if (!window.shown) await new Promise((resolve) => window.once("ready-to-show", resolve));
      return window.page;
    };
    /** How long the page takes to show what a click asks for; the median of five. */
    const answerMs = (page: Page) =>
      page.evaluate(async () => {
        const taken: number[] = [];
        for (const hash of ["#/settings", "#/overview", "#/settings", "#/overview", "#/settings"]) {
          const start = performance.now();
          const link = document.querySelector<HTMLAnchorElement>(`nav a[href="${hash}"]`);
          link?.click();
          while (link?.getAttribute("aria-current") !== "page") await new Promise((done) => setTimeout(done, 4));
          taken.push(performance.now() - start);
        }
        return taken.sort((a, b) => a - b)[2] ?? Number.POSITIVE_INFINITY;
      });

    it("a helper that says nothing: says for how long, and answers input within 200 ms", async () => {
      const close = await replace(() => {});
      try {
        const page = await openOn();
        await page.getByText(/No answer for \d+\ss\. Ringway keeps asking\./).waitFor();
        expect(await answerMs(page)).toBeLessThan(200);
      } finally {
        await close();
      }
    });

    it("a helper that speaks something else: says that it does not answer as it should, and goes on with one that does", async () => {
      const close = await replace((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n{ no frame of ours }"));
      try {
        const page = await openOn();
        await page.getByRole("heading", { name: /network helper/ }).waitFor();
        expect(await answerMs(page)).toBeLessThan(200);
        await close();
        await helper.start();
        await page.getByRole("link", { name: "Overview" }).click();
        await page.getByRole("heading", { name: "Connected" }).waitFor();
      } finally {
        await close().catch(() => {});
      }
    });
  });

  describe("and its notifications", () => {
    let now = 0;
    const startAt = (more: Partial<AppSurroundings> = {}) => {
      now = 0;
      return start({ clock: () => now, ...more });
    };
    const titles = () => standIn.notes.map(({ title }) => title);

    it("tell of a connection lost for 10 s, then in its place that it is back; each opens its screen", async () => {
      const window = await startAt();
      window.hide();
      await helper.stop();
      await expect.poll(() => tray().image).toMatch(/tray-attention/);
      now = 11_000;
      await expect.poll(titles).toEqual(["Connection to condor wow lost"]);
      expect(standIn.notes[0]?.silent).toBe(true);
      standIn.notes[0]?.emit("click");
      expect(window.shown).toBe(true);
      await window.page.waitForURL(/#\/diagnostics$/);
      window.hide();
      await helper.start();
      await expect.poll(titles).toEqual(["Connection to condor wow lost", "Connected to condor wow again"]);
      expect(standIn.notes[0]?.closed).toBe(true);
      standIn.notes[1]?.emit("click");
      await window.page.waitForURL(/#\/overview$/);
    });

    it("stay away while the window is looked at", async () => {
      const window = await startAt();
      window.focused = true;
      await helper.stop();
      await expect.poll(() => tray().image).toMatch(/tray-attention/);
      now = 11_000;
      await window.page.getByRole("heading", { name: "Stopped" }).waitFor();
      await helper.start();
      await window.page.getByRole("heading", { name: "Connected" }).waitFor();
      expect(titles()).toEqual([]);
    });

    const change = (settings: object) => {
      const sender = standIn.windows[0]?.webContents;
      return invoke("ringway:app:changeSettings", { sender, senderFrame: ownFrame }, settings);
    };
    const warn = (text: string) =>
      helper.change({ warnings: [{ code: "SUBNET_OVERLAP", text, remedy: "Move the other network." }] });

    it("tell of a problem that is new, and a click on it opens Diagnostics", async () => {
      const window = await startAt();
      window.hide();
      warn("172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1.");
      await expect.poll(titles).toEqual(["172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1."]);
      standIn.notes[0]?.emit("click");
      await window.page.waitForURL(/#\/diagnostics$/);
    });

    it("of problems alone are switched off by their own switch", async () => {
      const window = await startAt();
      await change({ notifyProblem: false });
      window.hide();
      warn("172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1.");
      await expect.poll(() => tray().image).toMatch(/tray-attention/);
      await helper.stop();
      await expect.poll(() => tray().labels()[0]).not.toContain("Connected");
      now = 11_000;
      await expect.poll(titles).toEqual(["Connection to condor wow lost"]);
    });

    it("of the connection alone, lost and back, are switched off by theirs", async () => {
      const window = await startAt();
      await change({ notifyLost: false });
      window.hide();
      await helper.stop();
      await expect.poll(() => tray().labels()[0]).not.toContain("Connected");
      now = 11_000;
      await helper.start();
      await expect.poll(() => tray().labels()[0]).toContain("Connected");
      warn("172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1.");
      await expect.poll(titles).toEqual(["172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1."]);
    });

    it("do not tell of what the user did", async () => {
      const window = await startAt();
      window.hide();
      tray().choose("Disconnect condor wow");
      await expect.poll(() => tray().labels()).toContain("Connect condor wow");
      now = 60_000;
      tray().choose("Connect condor wow");
      await expect.poll(() => tray().labels()).toContain("Disconnect condor wow");
      expect(titles()).toEqual([]);
    });
  });

  it("changes settings for its own pages alone, and only to values that exist", async () => {
    const { webContents } = await start();
    const event = { sender: webContents, senderFrame: ownFrame };
    const change = (args: unknown, from: object = event) => invoke("ringway:app:changeSettings", from, args);
    expect(await change({ theme: "dark" })).toMatchObject({ ok: true, reply: { settings: { theme: "dark" } } });
    for (const args of [{ theme: "pink" }, { more: 1 }, null, "x"]) {
      expect(await change(args)).toMatchObject({ ok: false, error: { code: "BAD_ARGUMENT" } });
    }
    expect(await change({ theme: "light" }, { sender: {}, senderFrame: ownFrame })).toMatchObject({
      ok: false,
      error: { code: "NOT_ALLOWED" },
    });
    expect(new SettingsFile(home, storeIn).app.theme).toBe("dark");
  });
});

/** As much of electron-store as the settings use; the real one needs the real Electron. */
const storeIn: MakeStore = ({ cwd, name, defaults }) => {
  const file = path.join(cwd, `${name}.json`);
  return {
    get store() {
      return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Stored) : defaults;
    },
    set store(value) {
      writeFileSync(file, JSON.stringify(value));
    },
  };
};
