/**
 * The app on the real Electron binary, driven through Playwright, where the binary is and a display shows windows; else
 * each part is skipped with the reason. What needs no Electron of its own is tried on the stand-in (electron.test.ts).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { _electron, type ElectronApplication, type Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectCallsAlone, expectStopAndReturn, orderedOf } from "./electron-parts.ts";
import { type FakeHelper, startFakeHelper } from "./fake-helper.ts";
import { missingBus, type SessionBus, startSessionBus } from "./session-bus.ts";
import { TrayWatcher } from "./tray-watcher.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Electron's program; its package fetches it at first use, so it may not be there. */
function binary(): string | undefined {
  const folder = path.join(root, "node_modules/electron");
  const named = path.join(folder, "path.txt");
  if (!existsSync(named)) return undefined;
  const file = path.join(
    process.env.ELECTRON_OVERRIDE_DIST_PATH ?? path.join(folder, "dist"),
    readFileSync(named, "utf8").trim(),
  );
  return existsSync(file) ? file : undefined;
}

const program = binary();
const hasDisplay =
  process.platform !== "linux" || process.env.DISPLAY !== undefined || process.env.WAYLAND_DISPLAY !== undefined;

describe("the app in Electron (on the real binary)", () => {
  let helper: FakeHelper | undefined;
  let home: string | undefined;
  let app: ElectronApplication | undefined;
  let bus: SessionBus | undefined;
  let watcher: TrayWatcher | undefined;

  beforeEach(async (test) => {
    if (program === undefined) return test.skip("the Electron binary is not here; `npm start` fetches it");
    if (!hasDisplay) return test.skip("no display shows windows here (DISPLAY and WAYLAND_DISPLAY are unset)");
    helper = await startFakeHelper();
    home = mkdtempSync(path.join(tmpdir(), "ringway-home-"));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    watcher?.close();
    watcher = undefined;
    await bus?.close();
    bus = undefined;
    await helper?.close();
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  const start = async (
    env: Record<string, string> = {},
  ): Promise<{ app: ElectronApplication; page: Page; helper: FakeHelper }> => {
    if (program === undefined || helper === undefined || home === undefined) throw new Error("Not set up.");
    app = await _electron.launch({
      executablePath: program,
      // As root Chromium starts only without its own sandbox; the window still asks for one.
      args: [root, `--user-data-dir=${home}`, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
      env: { ...(process.env as Record<string, string>), HOME: home, RINGWAY_SOCKET: helper.socketPath, ...env },
    });
    const page = await app.firstWindow();
    await page.getByRole("heading", { name: "Connected" }).waitFor();
    return { app, page, helper };
  };

  it("shows live data over its own protocol and obeys the switches", async () => {
    const { page, helper } = await start();
    expect(page.url()).toContain("ringway-window://app/index.html");
    await page.getByRole("switch", { name: "Interface tap0" }).locator("xpath=ancestor::label").click();
    await page.getByRole("heading", { name: "On the ring, tap0 off" }).waitFor();
    expect(orderedOf(helper)).toEqual(["down"]);
  });

  it("says when the helper stops, and goes on by itself when it runs again", async () => {
    const { page, helper } = await start();
    await expectStopAndReturn(page, helper);
  });

  it("gives the page one function a call and nothing of Electron", async () => {
    const { page } = await start();
    await expectCallsAlone(page);
  });

  it("refuses to navigate and to open windows", async () => {
    const { app, page } = await start();
    await page.evaluate(() => {
      window.open("http://evil.example/");
      location.href = "http://evil.example/";
    });
    await page.getByRole("heading", { name: "Connected" }).waitFor();
    expect(page.url()).toContain("ringway-window://app/index.html");
    expect(app.windows()).toHaveLength(1);
  });

  it("tells the helper that the computer has woken", async () => {
    const { app, helper } = await start();
    await app.evaluate(({ powerMonitor }) => {
      powerMonitor.emit("resume");
    });
    await expect.poll(() => orderedOf(helper)).toEqual(["wake"]);
  });

  it("makes a page anew whose process ended", async () => {
    const { app, page } = await start();
    await page.evaluate(() => Object.assign(window, { isTheFirst: true }));
    await app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer();
    });
    await expect
      .poll(() =>
        app.evaluate(({ BrowserWindow }) =>
          BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(
            "window.isTheFirst ? 'the first page' : document.body.innerText",
          ),
        ),
      )
      .toContain("Connected");
  });

  // Electron 43.3.0 to 43.4.2 and 44.0.0 fail here: a dead icon, or none at all.
  it("tray: a watcher reads the icon and opens the menu", async ({ skip }) => {
    skip(process.platform !== "linux", "only Linux shows tray icons over D-Bus");
    skip(missingBus !== undefined, missingBus);
    bus = await startSessionBus();
    const desktop = await TrayWatcher.start(bus.address);
    watcher = desktop;
    const { helper } = await start({ DBUS_SESSION_BUS_ADDRESS: bus.address });
    const item = await desktop.item();
    expect(item.iconPixmaps.length > 0 || item.iconName !== "").toBe(true);
    for (const { width, height, argb } of item.iconPixmaps) {
      expect(argb.length).toBe(width * height * 4);
      // Something is drawn, and not a filled square: some pixels show, some do not.
      const alphas = new Set(argb.filter((_byte, index) => index % 4 === 0));
      expect(alphas.has(0) && alphas.size > 1).toBe(true);
    }
    await expect.poll(async () => (await desktop.item()).toolTip).toContain("connected to condor wow");
    const labels = async () => (await desktop.openMenu()).map(({ label }) => label);
    await expect.poll(labels).toEqual(expect.arrayContaining(["● Connected to condor wow", "Open Ringway"]));
    await desktop.choose("Interface tap0");
    await expect.poll(() => orderedOf(helper)).toEqual(["down"]);
    await expect.poll(labels).toContain("● On the ring of condor wow, interface off");
  });
});
