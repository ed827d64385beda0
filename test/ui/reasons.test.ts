/** "Why not direct?" in Chromium: for each cause its sentence with the evidence, and the one button, which does what it says. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { openScene, rulesIn, type Theme, themes, violationsOf } from "./browser.ts";
import { windowFixture } from "./fixture.ts";

describe("why a link is not direct", () => {
  const fixture = windowFixture({ ...themes.dark, permissions: ["clipboard-read", "clipboard-write"] });

  const made = (page: Page) => page.evaluate(() => window.scripted?.made.map(({ call }) => call));

  /** The inspector of the scripted peer that is named after its cause. */
  async function inspect(code: string): Promise<{ page: Page; box: ReturnType<Page["getByRole"]> }> {
    const page = await openScene(fixture.context, fixture.files.origin, { scene: "reasons", screen: "peers" });
    await page.getByRole("searchbox", { name: "Filter peers" }).fill(code);
    await page.getByRole("rowheader", { name: code, exact: true }).click();
    const box = page.getByRole("complementary", { name: `Selected: ${code}` });
    await box.getByRole("heading", { name: "Why not direct?" }).waitFor();
    return { page, box };
  }
  const buttons = ["Test my network", "Try direct now", "Build a shortcut now", "Settings", "Use the local address"];
  const copyLine = "Copy a line for its owner";

  it.each([
    ["bothHard", /Both networks give every connection a new port/, "Test my network"],
    ["oneHard", /Your network changes its port for every connection. The next try is at \d/, "Try direct now"],
    ["udpBlocked", /This network blocks UDP. Ringway uses TCP through \S+ instead/, "Test my network"],
    ["peerUdpBlocked", "The network of peerUdpBlocked blocks UDP.", copyLine],
    ["noCommonIp", /has only IPv6, this computer only IPv4/, undefined],
    ["peerFirewall", /is behind a firewall that drops packets it did not ask for/, copyLine],
    ["sameNat", /You share one router with sameNat/, "Use the local address"],
    ["noTraffic", /After 3 packets within 5 s it builds a shortcut by itself/, "Build a shortcut now"],
    ["trying", "Ringway is trying a direct link now. Attempt 2 of 3.", undefined],
    ["limit", "You already have 32 shortcuts, the limit you set. The idle one closes first.", "Settings"],
    ["oldVersion", "oldVersion runs 0.0.9, which cannot open direct links. It needs 0.1.0 or newer.", undefined],
  ])("%s", async (code, sentence, button) => {
    const { page, box } = await inspect(code);
    await box.getByText(sentence).waitFor();
    // The helper's English is for those who read no other: the window has words of its own.
    expect(await box.getByText(/The helper's (sentence|remedy)/).count()).toBe(0);
    const shown: string[] = [];
    for (const name of [...buttons, copyLine])
      if ((await box.getByRole("button", { name, exact: true }).count()) > 0) shown.push(name);
    expect(shown).toEqual(button === undefined ? [] : [button]);
    if (button === undefined) return;
    await box.getByRole("button", { name: button, exact: true }).click();
    switch (button) {
      case "Test my network":
        await page.getByRole("heading", { level: 1, name: "Diagnostics" }).waitFor();
        await expect.poll(() => made(page)).toContain("doctor");
        break;
      case "Try direct now":
      case "Use the local address":
        await box.getByText("A direct link is being tried.").waitFor();
        expect(await made(page)).toContain("tryDirect");
        break;
      case "Build a shortcut now":
        await box.getByText("A shortcut is being built.").waitFor();
        expect(await made(page)).toContain("shortcut");
        break;
      case "Settings": {
        const field = page.getByRole("textbox", { name: "Most shortcuts" });
        await field.waitFor();
        await expect.poll(() => field.evaluate((element) => element === document.activeElement)).toBe(true);
        break;
      }
      default: {
        const line = () => page.evaluate(() => navigator.clipboard.readText());
        await expect.poll(line).toMatch(new RegExp(`^Ringway: ${code} \\(172\\.16\\..*203\\.0\\.113\\.9:41022.*UDP`));
      }
    }
  });

  it("passes axe for each cause in every theme", { timeout: 180_000 }, async () => {
    for (const code of ["bothHard", "peerFirewall", "limit", "trying"]) {
      const { page } = await inspect(code);
      for (const theme of Object.keys(themes) as Theme[]) {
        await page.emulateMedia({ contrast: null, forcedColors: null, ...themes[theme], reducedMotion: "reduce" });
        expect(await violationsOf(page, rulesIn(theme))).toEqual([]);
      }
      await page.close();
    }
  });
});
