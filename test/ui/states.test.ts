/** States of the window that have something to do in them: each button leads where it says. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { type SceneName, sceneNames } from "../../renderer/bridge/scripted.ts";
import { appSceneNames } from "../../renderer/bridge/scripted-app.ts";
import { complaintsOf, openScene, rulesIn, type Theme, themes, violationsOf } from "./browser.ts";
import { windowFixture } from "./fixture.ts";

describe("a state with something to do", () => {
  const fixture = windowFixture({ ...themes.light, permissions: ["clipboard-read", "clipboard-write"] });

  const open = (scene: SceneName) => openScene(fixture.context, fixture.files.origin, { scene });
  const passesAxe = async (page: Page) => {
    for (const theme of Object.keys(themes) as Theme[]) {
      await page.emulateMedia({ contrast: null, forcedColors: null, ...themes[theme], reducedMotion: "reduce" });
      expect(await violationsOf(page, rulesIn(theme))).toEqual([]);
    }
  };
  const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
  const made = (page: Page) => page.evaluate(() => window.scripted?.made.map(({ call }) => call));

  it("turns the interface on from where it is said to be off", async () => {
    const page = await open("interfaceOff");
    await press(page, "Turn tap0 on");
    await page.getByRole("heading", { name: "Connected" }).waitFor();
    expect(await made(page)).toContain("up");
  });

  it.each(["noBootstrap", "noProof"] as const)("tests the network in %s, by running Diagnostics", async (scene) => {
    const page = await open(scene);
    await press(page, "Test my network");
    await page.getByRole("heading", { level: 1, name: "Diagnostics" }).waitFor();
    await expect.poll(() => made(page)).toContain("doctor");
  });

  it("offers the test after 8 s of connecting, not before, and Cancel all the while", async () => {
    await fixture.context.clock.install();
    const page = await open("connectingLong");
    await page.getByText("This usually takes 2 to 5 seconds.").waitFor();
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    expect(await page.getByRole("button", { name: "Test my network" }).count()).toBe(0);
    await page.clock.fastForward(9_000);
    await page.getByText(/Still looking after \d+ s/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    await press(page, "Test my network");
    await page.getByRole("heading", { level: 1, name: "Diagnostics" }).waitFor();
  });

  it("leads from addresses that do not answer to the field that holds them", async () => {
    const page = await open("noBootstrap");
    await page.getByRole("heading", { name: "None of the 2 addresses answers" }).waitFor();
    await page.getByText(/Ringway asked 198\.51\.100\.10:15000, 198\.51\.100\.20:15000\./).waitFor();
    await press(page, "Edit addresses");
    const field = page.getByRole("textbox", { name: "Bootstrap addresses" });
    await field.waitFor();
    await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  it("gives the new virtual IP to copy where another member took the old one over", async () => {
    const page = await open("leaseLost");
    await page.getByText("Your virtual IP changed.").waitFor();
    await page.getByText(/Another member holds 172\.16\.1\.5 by the older claim/).waitFor();
    await press(page, "Copy new IP");
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("172.16.44.2");
  });

  it.each([
    ["app", "noHelper", /install the network helper/],
    ["installed", "noHelper", /The network helper is not running/],
    ["notice", "connected", /The settings file could not be read/],
    ["olderHelper", "connected", /The app is 0\.1\.0, the helper is 0\.0\.9\./],
    ["newerHelper", "connected", /The helper is 0\.2\.0, newer than this app \(0\.1\.0\)/],
    ["restarts", "helperStopped", /Ringway starts it again in \d seconds?\. Until then nothing travels over tap0/],
  ] as const)("of the app (%s) is said, and passes axe in every theme", async (app, scene, text) => {
    const page = await open(scene);
    await page.evaluate((name) => window.scriptedApp?.play(name), app);
    await page.getByText(text).first().waitFor();
    await passesAxe(page);
  });

  it("says that the password prompt was closed, and what to hand to an administrator", async () => {
    const page = await open("noHelper");
    await page.evaluate(() => window.scriptedApp?.play("denied"));
    await press(page, "Install helper");
    await page.getByRole("heading", { name: "The password prompt was closed" }).waitFor();
    await page.getByRole("button", { name: "Ask again" }).waitFor();
    await passesAxe(page);
    await press(page, "I have no administrator rights");
    await page.getByText(/^sudo .* helper install/).waitFor();
  });

  it("is chosen in the menu of the development page, each of them, and none breaks the page", {
    timeout: 120_000,
  }, async () => {
    const page = await fixture.context.newPage();
    const complaints = complaintsOf(page);
    await page.goto(`${fixture.files.origin}/dev.html?peers=11`);
    const state = page.getByRole("combobox", { name: "State" });
    const around = page.getByRole("combobox", { name: "App around it" });
    const choices = await state.getByRole("option").allInnerTexts();
    expect(choices).toEqual([...sceneNames, "filterNothing"]);
    for (const choice of choices) {
      await state.selectOption(choice);
      await expect.poll(() => page.getByRole("main").getByRole("heading").count()).toBeGreaterThan(0);
    }
    await page.getByText("Nothing matches “wn99”").waitFor();
    for (const app of [...appSceneNames, "browser"]) await around.selectOption(app);
    await page.getByRole("button", { name: "Clear filter" }).click();
    await page.getByRole("grid", { name: "Peers" }).waitFor();
    expect(complaints).toEqual([]);
  });

  it("has nothing to press where another account controls the helper", async () => {
    const page = await open("notAllowed");
    await page.getByRole("heading", { name: "This helper belongs to another account" }).waitFor();
    expect(await page.getByRole("main").getByRole("button").count()).toBe(0);
  });
});
