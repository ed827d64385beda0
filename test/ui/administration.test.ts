/** Affiliations, joining, Diagnostics, Settings and the helper's states, over the scripted bridge and app. */
import type { BrowserContext, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { isLooking } from "#contract/window-calls.ts";
import type {} from "../../renderer/bridge/scripted-app.ts";
import { complaintsOf, rulesIn, type Theme, themes, violationsOf } from "./browser.ts";
import { windowFixture } from "./fixture.ts";

const FILE_2006 =
  "#affiliation\ncondor wow\n#list of TAs\nbrunet.udp://192.0.2.1:15000\n#MAC address of tap0\nCB:DF:E7:20:60:35\n";

describe("administration in the window", () => {
  const fixture = windowFixture({ ...themes.light });

  async function newContext(theme: Theme): Promise<BrowserContext> {
    const made = await fixture.browser.newContext({
      viewport: { width: 1440, height: 900 },
      ...themes[theme],
      reducedMotion: "reduce",
    });
    made.setDefaultTimeout(10_000);
    return made;
  }
  const open = async (query: string, screen = "overview", within = fixture.context): Promise<Page> => {
    const page = await within.newPage();
    await page.goto(`${fixture.files.origin}/dev.html?menu=0&still=1&peers=11&${query}#/${screen}`);
    return page;
  };
  /** Calls made so far, without those of charts and figures that a screen asks for again and again. */
  const made = async (page: Page) => {
    const all = await page.evaluate(() => window.scripted?.made.map(({ call }) => call));
    return all?.filter((call) => call === "doctor" || !isLooking(call));
  };
  const asked = (page: Page) => page.evaluate(() => window.scriptedApp?.asked);
  const give = (page: Page, opened: object) => page.evaluate((what) => window.scriptedApp?.open(what as never), opened);
  const giveFile = (page: Page, text: string, name = "ipop.config") => give(page, { kind: "file", name, text });
  const dialog = (page: Page) => page.getByRole("dialog", { name: "Join an affiliation" });
  const joinButton = (page: Page) => page.getByRole("button", { name: "Join and connect" });

  describe("joining", () => {
    it("by name shows what it does before it is done, by keyboard alone", async () => {
      const page = await open("scene=noAffiliation");
      const complaints = complaintsOf(page);
      await page.getByRole("button", { name: "Join an affiliation" }).focus();
      await page.keyboard.press("Enter");
      await dialog(page).waitFor();
      await page.keyboard.type("condor wow");
      await page.keyboard.press("Tab");
      await page.keyboard.type("192.0.2.1:15000");
      await page.getByRole("button", { name: "Look at it" }).press("Enter");
      await page.getByRole("region", { name: "What joining does" }).getByText("192.0.2.1:15000").waitFor();
      await page.getByText(/peers are not verified/).waitFor();
      expect(await made(page)).toEqual(["preview"]);
      await joinButton(page).press("Enter");
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      expect([await dialog(page).count(), await made(page)]).toEqual([0, ["preview", "join"]]);
      expect(complaints).toEqual([]);
    });

    it("by a file that was opened or dropped takes one more click, and says what had to change in it", async () => {
      const page = await open("scene=noAffiliation");
      await page.getByRole("heading", { name: "Join your first affiliation" }).waitFor();
      await page.evaluate((text) => {
        const data = new DataTransfer();
        data.items.add(new File([text], "ipop.config"));
        window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true, bubbles: true }));
      }, FILE_2006);
      await dialog(page).getByText("CA:DF:E7:20:60:35").first().waitFor();
      await dialog(page).getByText("This file holds no key.", { exact: false }).waitFor();
      await joinButton(page).click();
      await page.getByRole("heading", { name: "Connected" }).waitFor();
    });

    it("waits for a way out of an overlap, and carries it out", async () => {
      const page = await open("scene=joinOwnClash", "affiliations");
      await page.getByRole("button", { name: "Join", exact: true }).click();
      await giveFile(page, FILE_2006.replace("condor wow", "lss imaging"));
      await page.getByText(/172\.16\.0\.0\/16 overlaps 172\.16\.1\.5\/16 of condor wow/).waitFor();
      expect(await joinButton(page).isDisabled()).toBe(true);
      await page.getByRole("radio", { name: /Turn tap0 of condor wow off/ }).check();
      await joinButton(page).click();
      await expect.poll(() => made(page)).toEqual(["preview", "down", "join"]);
    });

    it("names both ranges and the owner of another network, and may leave the interface off", async () => {
      const page = await open("scene=joinClash", "affiliations");
      await giveFile(page, FILE_2006);
      await page.getByText(/overlaps 172\.16\.4\.0\/24 of virbr1/).waitFor();
      expect(await page.getByRole("radio", { name: /Turn .* off and use/ }).count()).toBe(0);
      await page.getByRole("radio", { name: /leave tap0 off/ }).check();
      expect(await joinButton(page).isEnabled()).toBe(true);
      expect(await violationsOf(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await dialog(page).waitFor({ state: "hidden" });
      expect(await made(page)).toEqual(["preview"]);
    });

    it.each([
      ["a truncated file", { kind: "file", name: "a.txt", text: "#affil" }, "ends without #affiliation"],
      ["a foreign file", { kind: "file", name: "a.txt", text: "hello" }, "ends without #affiliation"],
      [
        "an invite, which comes later",
        { kind: "file", name: "a.ringway", text: "ringway1:x" },
        "cannot read invites yet",
      ],
      ["a link, likewise", { kind: "link" }, "cannot read invites yet"],
      ["10 MB", { kind: "unreadable", name: "big.toml", why: "large" }, "big.toml is larger than 64 kB"],
      ["a folder", { kind: "unreadable", name: "conf.d", why: "folder" }, "conf.d is a folder"],
      ["no text", { kind: "unreadable", name: "a.toml", why: "binary" }, "a.toml is not a text file"],
    ])("refuses %s with a sentence, and changes nothing", async (_what, opened, sentence) => {
      const page = await open("scene=connected");
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      await give(page, opened);
      await page.getByRole("alert").getByText(sentence, { exact: false }).waitFor();
      expect(await joinButton(page).isDisabled()).toBe(true);
      expect((await made(page))?.filter((call) => call !== "preview")).toEqual([]);
    });

    it("reads files as they are: sizes, folders, bytes that are no text", async () => {
      const page = await open("scene=connected");
      const drop = (bytes: number[] | number) =>
        page.evaluate((content) => {
          const data = new DataTransfer();
          const body = typeof content === "number" ? "a".repeat(content) : new Uint8Array(content);
          data.items.add(new File([body], "dropped.toml"));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        }, bytes);
      await drop(10 * 1024 * 1024);
      await page.getByRole("alert").getByText("larger than 64 kB", { exact: false }).waitFor();
      await drop([0xff, 0xfe, 0]);
      await page.getByRole("alert").getByText("not a text file", { exact: false }).waitFor();
    });
  });

  describe("affiliations", () => {
    it("are switched each by itself, and left after a question", async () => {
      const page = await open("scene=connected", "affiliations");
      const list = page.getByRole("list", { name: "Affiliations" });
      await list.getByText(/Connected · tap0 · 172\.16\./).waitFor();
      await list.getByText("Open, not verified").waitFor();
      await page.getByRole("switch", { name: "Connection to condor wow" }).locator("xpath=ancestor::label").click();
      await list.getByText(/^Off · tap0/).waitFor();
      await page.getByRole("button", { name: "Leave condor wow" }).click();
      const question = page.getByRole("alertdialog", { name: "Leave condor wow?" });
      await question.getByRole("button", { name: "Cancel" }).click();
      expect(await made(page)).toEqual(["disconnect"]);
      await page.getByRole("button", { name: "Leave condor wow" }).click();
      expect(await violationsOf(page)).toEqual([]);
      await question.getByRole("button", { name: "Leave condor wow" }).click();
      await page.getByRole("heading", { name: "Join your first affiliation" }).waitFor();
      expect(await made(page)).toEqual(["disconnect", "leave"]);
    });

    it("of a page for looking only can neither be joined nor left", async () => {
      const page = await open("scene=readOnly", "affiliations");
      await page.getByRole("list", { name: "Affiliations" }).waitFor();
      expect(await page.getByRole("button", { name: /Join|Leave/ }).count()).toBe(0);
    });
  });

  describe("diagnostics", () => {
    it("has failures first and open, each with its cure, and runs again", async () => {
      const page = await open("scene=overlap", "diagnostics");
      await page.getByRole("heading", { name: /1 problem, 1 thing to look at/ }).waitFor();
      const first = page.locator("details").first();
      expect(await first.getAttribute("open")).not.toBeNull();
      await first.getByText("Move virbr1 to another range", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Run again" }).click();
      await page.keyboard.press("F5");
      await expect.poll(() => made(page)).toEqual(["doctor", "doctor", "doctor"]);
    });

    it("mends what a button can mend", async () => {
      const page = await open("scene=interfaceOff", "diagnostics");
      await page.getByRole("button", { name: "Turn the interface on" }).click();
      await page.getByRole("heading", { name: "Everything works" }).waitFor();
      expect(await made(page)).toEqual(["doctor", "up", "doctor"]);
    });

    it("gives a report without public addresses, unless they are wanted", async () => {
      const page = await open("scene=connected", "diagnostics");
      const report = page.getByRole("region", { name: "Report" });
      await report.getByText("x.x.x.x", { exact: false }).waitFor();
      await report.getByRole("switch", { name: "Hide public addresses" }).locator("xpath=ancestor::label").click();
      await report.getByText("203.0.113.7", { exact: false }).waitFor();
    });
  });

  describe("settings", () => {
    it("of the window are put on the page, and kept by the browser or the app", async () => {
      const page = await open("scene=connected", "settings");
      await page.getByRole("combobox", { name: "Theme" }).selectOption("dark");
      await page.getByRole("combobox", { name: "Text size" }).selectOption("larger");
      expect(await page.evaluate(() => ({ ...document.documentElement.dataset }))).toMatchObject({
        theme: "dark",
        text: "larger",
      });
      expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
      expect(await asked(page)).toEqual(['changeSettings {"theme":"dark"}', 'changeSettings {"textSize":"larger"}']);
      expect(await page.getByRole("switch", { name: "Start at login" }).count()).toBe(0);
    });

    it("of the language change the window's words", async () => {
      const page = await open("scene=connected", "settings");
      await page.getByRole("combobox", { name: "Language" }).selectOption("de");
      await page.getByRole("heading", { level: 1, name: "Einstellungen" }).waitFor();
      expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
      await page.getByRole("combobox", { name: "Sprache" }).selectOption("ja");
      await page.getByRole("heading", { level: 1, name: "設定" }).waitFor();
    });

    it("of an affiliation are sent as they were changed, and a refusal is said", async () => {
      const page = await open("scene=connected", "settings");
      await page.getByRole("textbox", { name: "MTU" }).fill("9000");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("alert").getByText("An MTU of 9000 is not possible.").waitFor();
      await page.getByRole("textbox", { name: "MTU" }).fill("1300");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved.").waitFor();
      expect(await page.getByRole("textbox", { name: "MTU" }).inputValue()).toBe("1300");
    });

    it("of transport, port, shortcuts and relaying are sent as they were changed", async () => {
      const page = await open("scene=connected", "settings");
      const configured = () =>
        page.evaluate(() => window.scripted?.configured.at(-1)).then((sent) => sent as object | undefined);
      await page.getByRole("combobox", { name: "Transport" }).selectOption("tcp");
      await page.getByRole("textbox", { name: "Port" }).fill("80 ");
      await page.getByRole("textbox", { name: "Most shortcuts" }).fill("x32");
      await page.getByRole("switch", { name: "Offer to relay" }).locator("xpath=ancestor::label").click();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("alert").getByText("UDP port 80 belongs to another program.").waitFor();
      await page.getByRole("textbox", { name: "Port" }).fill("15500");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved.").waitFor();
      expect(await configured()).toEqual({ transport: "tcp", port: 15500, shortcuts: 32, relay: false });
      await page.getByRole("textbox", { name: "Port" }).fill("");
      await page.getByRole("textbox", { name: "Most shortcuts" }).fill("");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved.").waitFor();
      expect(await configured()).toEqual({ port: null, shortcuts: null });
      expect(await page.getByRole("textbox", { name: "Most shortcuts" }).inputValue()).toBe("256");
      for (const theme of Object.keys(themes) as Theme[]) {
        const themed = await newContext(theme);
        const screen = await open("scene=connected", "settings", themed);
        await screen.getByRole("textbox", { name: "Most shortcuts" }).waitFor();
        expect(await violationsOf(screen)).toEqual([]);
        await themed.close();
      }
    });

    it("lead to the licences of what is shipped, each text behind its name", async () => {
      const page = await open("scene=connected", "settings");
      const row = page.getByRole("region", { name: "About" });
      await row.getByRole("button", { name: "Show" }).click();
      const licences = page.getByRole("dialog", { name: "Licences" });
      await licences.getByText(/\d+ packages of others are part of Ringway/).waitFor();
      const react = licences.getByRole("listitem").filter({ hasText: /^react \d/ });
      await react.locator("summary").press("Enter");
      await react.getByText("Permission is hereby granted, free of charge", { exact: false }).waitFor();
      expect(await licences.getByRole("listitem").first().textContent()).toMatch(/^Ringway /);
      for (const theme of Object.keys(themes) as Theme[]) {
        await page.emulateMedia({ contrast: null, forcedColors: null, ...themes[theme], reducedMotion: "reduce" });
        expect(await violationsOf(page, rulesIn(theme))).toEqual([]);
      }
      await page.keyboard.press("Escape");
      await licences.waitFor({ state: "hidden" });
    });

    it("say where the list of licences is missing", async () => {
      const page = await open("scene=connected", "settings");
      await page.route("**/licences.json", (route) => route.fulfill({ status: 404, body: "" }));
      await page.getByRole("region", { name: "About" }).getByRole("button", { name: "Show" }).click();
      await page.getByRole("alert").getByText("The list of licences could not be read.", { exact: false }).waitFor();
    });

    it("turn keys of one letter off", async () => {
      const page = await open("scene=connected", "settings");
      await page.getByRole("switch", { name: "Keys of one letter" }).locator("xpath=ancestor::label").click();
      await page.locator("body").press("t");
      expect(page.url()).toContain("#/settings");
    });
  });

  describe("the helper", () => {
    it("is installed by one order from the app, and a closed prompt is said", async () => {
      const page = await open("scene=noHelper&app=electron");
      await page.getByRole("heading", { name: "One more step: install the network helper" }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await page.evaluate(() => {
        if (window.scriptedApp) window.scriptedApp.outcome = "denied";
      });
      await page.getByRole("button", { name: "Install helper" }).click();
      await page.getByRole("heading", { name: "The password prompt was closed" }).waitFor();
      await page.evaluate(() => window.scripted?.play("connected"));
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      expect(await asked(page)).toEqual(["installHelper"]);
    });

    it("that is installed and stopped is started; one of another version is updated", async () => {
      const page = await open("scene=noHelper&app=electron&installed=1");
      await page.getByRole("button", { name: "Start now" }).click();
      expect(await asked(page)).toEqual(["startHelper"]);
      const other = await open("scene=mismatch&app=electron&installed=1");
      await other.getByRole("button", { name: "Update helper" }).click();
      expect(await asked(other)).toEqual(["installHelper"]);
    });

    it("missing, a file is taken with one click in the dialogue and one prompt", async () => {
      const page = await open("scene=noHelper&app=electron");
      await page.getByRole("heading", { name: /install the network helper/ }).waitFor();
      await giveFile(page, FILE_2006);
      await dialog(page).getByText("Your system asks for an administrator password once", { exact: false }).waitFor();
      await dialog(page).getByRole("button", { name: "Install and connect" }).click();
      await page.evaluate(() => window.scripted?.play("noAffiliation"));
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      expect([await asked(page), await made(page)]).toEqual([["installHelper"], ["preview", "join"]]);
    });

    it("missing, a name is taken with the same one order, and a clash still waits for the user", async () => {
      const page = await open("scene=noHelper&app=electron");
      await page.getByRole("heading", { name: /install the network helper/ }).waitFor();
      await giveFile(page, FILE_2006);
      await dialog(page).getByRole("radio", { name: "Name" }).check();
      const order = dialog(page).getByRole("button", { name: "Install and connect" });
      expect(await order.isDisabled()).toBe(true);
      await dialog(page).getByRole("textbox", { name: "Affiliation name" }).fill("condor wow");
      await order.click();
      await page.evaluate(() => window.scripted?.play("joinClash"));
      await dialog(page)
        .getByText(/overlaps/)
        .waitFor();
      expect(await joinButton(page).isDisabled()).toBe(true);
      expect([await asked(page), await made(page)]).toEqual([["installHelper"], ["preview"]]);
    });

    it("asked for and refused in the join dialogue: says so, changes nothing, and has a line for an administrator", async () => {
      const page = await open("scene=noHelper&app=electron");
      await page.getByRole("heading", { name: /install the network helper/ }).waitFor();
      await giveFile(page, FILE_2006);
      await page.evaluate(() => {
        if (window.scriptedApp) window.scriptedApp.outcome = "denied";
      });
      await dialog(page).getByRole("button", { name: "Install and connect" }).click();
      await dialog(page).getByText("Nothing was changed.", { exact: false }).waitFor();
      await dialog(page).getByRole("button", { name: "I have no administrator rights" }).click();
      await dialog(page).getByText("sudo /usr/bin/node /opt/ringway/ringway.js helper install --owner 1000").waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await dialog(page).getByRole("button", { name: "Install and connect" }).click();
      expect([await asked(page), await made(page)]).toEqual([["installHelper", "installHelper"], []]);
    });

    it("of another version that works is updated with one order, or stays", async () => {
      const page = await open("scene=connected&app=electron&installed=1");
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      const say = (version: string, newer: boolean) =>
        page.evaluate((mismatch) => window.scriptedApp?.sayOfHelper({ mismatch }), { version, newer });
      await say("0.0.9", false);
      await page.getByText("The app is 0.1.0, the helper is 0.0.9.", { exact: false }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await page.getByRole("button", { name: "Update helper" }).click();
      await say("0.2.0", true);
      await page.getByText("The helper is 0.2.0, newer than this app (0.1.0).", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Stay on 0.2.0" }).click();
      await page.getByText("Ringway and its helper do not match").waitFor({ state: "hidden" });
      expect(await asked(page)).toEqual(["installHelper", "stayOnHelper"]);
    });

    it("that ended counts down to its next start, and can be started at once", async () => {
      const page = await open("scene=connected&app=electron&installed=1");
      await page.getByRole("heading", { name: "Connected" }).waitFor();
      await page.evaluate(() => {
        window.scriptedApp?.sayOfHelper({ restartsInMs: 4_900 });
        window.scripted?.play("noHelper");
      });
      await page.getByRole("alert").getByText("The network helper stopped").waitFor();
      await page.getByText(/Ringway starts it again in [345] seconds\./).waitFor();
      await page.getByText(/Ringway starts it again in [12] seconds?\./).waitFor();
      await page.getByText("Ringway is starting it again.", { exact: false }).waitFor();
      await page.evaluate(() => window.scriptedApp?.sayOfHelper({ restartsInMs: null }));
      await page.getByText("Until it runs again nothing travels over tap0.", { exact: false }).waitFor();
      await page.getByRole("button", { name: "Start now" }).click();
      expect(await asked(page)).toEqual(["startHelper"]);
    });

    it("that ended leaves a report to copy: what it said last, and since when it says nothing", async () => {
      await fixture.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: fixture.files.origin });
      const page = await open("scene=helperStopped&app=electron");
      await page.getByRole("button", { name: "Copy report" }).click();
      const report = await page.evaluate(() => navigator.clipboard.readText());
      for (const line of [
        /^helper +stopped: No helper answers on /m,
        /^last news +\d{4}-/m,
        /^affiliation +condor wow$/m,
      ]) {
        expect(report).toMatch(line);
      }
      expect(report).not.toMatch(/203\.0\.113\./);
    });

    it.each([
      ["mismatch", /The app is [\d.]+, the helper is 0\.0\.9\./, "Update helper"],
      ["mismatchNewer", /The helper is 0\.3\.0, newer than this app \([\d.]+\)/, /^Install helper [\d.]+$/],
    ] as const)(
      "that speaks other calls is told by its version, and brought to this one: %s",
      async (scene, text, button) => {
        const page = await open(`scene=${scene}&app=electron&installed=1`);
        await page.getByText(text).waitFor();
        await page.getByRole("button", { name: button }).click();
        expect(await asked(page)).toEqual(["installHelper"]);
        expect(await violationsOf(page)).toEqual([]);
      },
    );

    it("and the app's notices are said until they are closed", async () => {
      const page = await open("scene=connected&app=electron&notice=1");
      await page.getByText(/The settings file could not be read/).waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      await page.getByText(/The settings file could not be read/).waitFor({ state: "hidden" });
    });
  });

  it.each(Object.keys(themes) as Theme[])("passes axe on its screens in %s", async (theme) => {
    const themed = await newContext(theme);
    const found: string[] = [];
    const rules = rulesIn(theme);
    for (const [query, screen, heading] of [
      ["scene=connected", "affiliations", "Affiliations"],
      ["scene=overlap", "diagnostics", /1 problem/],
      ["scene=connected&app=electron&installed=1", "settings", "About"],
    ] as const) {
      const page = await open(query, screen, themed);
      await page.getByRole("heading", { name: heading }).first().waitFor();
      found.push(...(await violationsOf(page, rules)).map((line) => `${screen}: ${line}`));
      await page.close();
    }
    const page = await open("scene=joinClash", "affiliations", themed);
    await giveFile(page, FILE_2006);
    await page.getByText(/overlaps/).waitFor();
    found.push(...(await violationsOf(page, rules)).map((line) => `join: ${line}`));
    await themed.close();
    expect(found).toEqual([]);
  });
});
