/** What the helper says in English is said in the language of the window where it has a code, with the details beside it. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { SceneName } from "../../renderer/bridge/scripted.ts";
import type { ScreenId } from "../../renderer/shell/route.ts";
import { openScene, violationsOf } from "./browser.ts";
import { windowFixture } from "./fixture.ts";

describe("what the helper says, in German", () => {
  const fixture = windowFixture({ locale: "de-DE" });

  const open = (scene: SceneName, screen: ScreenId = "overview") =>
    openScene(fixture.context, fixture.files.origin, { scene, screen });
  /** The English that stands beside, marked as English. */
  const details = (page: Page) => page.locator('[lang="en"]').allInnerTexts();

  it("of a warning and of a refused order is what is wrong, with the ranges beside it", async () => {
    const page = await open("overlap");
    await page
      .getByRole("main")
      .getByText(/^Ein anderes Netz dieses Computers benutzt einen Teil/)
      .first()
      .waitFor();
    expect((await details(page)).join()).toContain("172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1");
    await page.getByRole("switch", { name: /tap0/ }).locator("xpath=ancestor::label").click();
    await page
      .getByRole("alert")
      .getByText(/^Ein anderes Netz dieses Computers/)
      .waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });

  it("of each check is its cause, and what mends it", async () => {
    const page = await open("overlap", "diagnostics");
    await page.getByText("UDP kommt durch.").first().waitFor();
    await page.getByText("Gib dem anderen Netz einen anderen Bereich", { exact: false }).waitFor();
    for (const english of ["UDP gets through.", "The helper runs"]) {
      expect(await page.locator("summary", { hasText: english }).count()).toBe(0);
    }
    expect(await violationsOf(page)).toEqual([]);
  });

  it("of what was tried and of changes of the path is in words", async () => {
    const page = await open("connected", "peers");
    await page.getByRole("radio", { name: /^Relais/ }).click();
    await page.getByRole("rowheader").first().click();
    const inspector = page.getByRole("complementary").filter({ has: page.getByRole("heading", { level: 2 }) });
    await inspector
      .getByText(/: keine Antwort$/)
      .first()
      .waitFor();
    await inspector
      .getByText(/^Neuer Weg/)
      .first()
      .waitFor();
  });
});
