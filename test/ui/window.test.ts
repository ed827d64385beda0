/** The window in Chromium over the scripted bridge: what people see in each state, and what they can do. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type SceneName, sceneNames } from "../../renderer/bridge/scripted.ts";
import {
  complaintsOf,
  type FileServer,
  launch,
  missing,
  openScene,
  type SceneOptions,
  serveRenderer,
  type Theme,
  themes,
  tick,
  violationsOf,
} from "./browser.ts";

describe("the window", () => {
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
      ...themes.dark,
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(10_000);
  });
  afterEach(() => context?.close());

  const open = (options: SceneOptions = {}) => openScene(context, files.origin, options);
  const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ state: "visible" });
  const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { name }).waitFor();
  const made = (page: Page) => page.evaluate(() => window.scripted?.made);
  /** Presses a switch where people do: on its picture. The input that carries its role lies hidden in it. */
  const flip = (page: Page, name: string) =>
    page.getByRole("switch", { name }).locator("xpath=ancestor::label").click();
  const selectedRow = (page: Page) => page.locator('[role="row"][aria-selected="true"]');

  const states: Record<SceneName, { title: string | RegExp; text: string | RegExp }> = {
    connected: { title: "Connected", text: /You can reach/ },
    connecting: { title: "Connecting…", text: "Step 2 of 4: Finding neighbours on the ring" },
    noBootstrap: { title: "Connecting…", text: "None of the 2 start addresses answers." },
    off: { title: "Off", text: /Your normal internet traffic is not affected/ },
    interfaceOff: { title: "On the ring, tap0 off", text: /You help others route/ },
    alone: { title: "Connected", text: "You are the first on this ring. It grows as members connect." },
    failed: { title: "Set-up needed", text: /UDP port 15000 belongs to another program/ },
    overlap: { title: "On the ring, tap0 off", text: /172\.16\.0\.0\/16 overlaps 172\.16\.4\.0\/24 of virbr1/ },
    joinClash: { title: "Connected", text: /You can reach/ },
    joinOwnClash: { title: "Connected", text: /You can reach/ },
    readOnly: { title: "Connected", text: "Looking only" },
    noAffiliation: { title: "Join your first affiliation", text: "ringway join --config FILE" },
    strangeNames: { title: "Connected", text: /You can reach/ },
    opening: { title: "Asking the network helper…", text: "Asking the network helper…" },
    noHelper: { title: "The network helper is not running", text: "sudo ringway helper" },
    notAllowed: { title: "This account may not control the network helper", text: /group ringway/ },
    mismatch: { title: "Ringway and its helper do not match", text: /version 1 of the helper's calls/ },
    helperStopped: { title: "Stopped", text: "The network helper stopped" },
    stale: { title: "Connected", text: /No news for .* Values are from/ },
    noServer: { title: "Connected", text: /No answer from c01-n000 for \d+ s/ },
    expired: { title: "This link has expired", text: /Run “ringway ui” on c01-n000 for a new one/ },
  };
  /** States that come with time alone: what the clock must move by. */
  const laterMs: Partial<Record<SceneName, number>> = { stale: 6_000 };

  describe("says the state in one word and one sentence", () => {
    it.each(Object.entries(states))("%s", async (scene, { title, text }) => {
      await context.clock.install();
      const page = await open({ scene: scene as SceneName });
      const complaints = complaintsOf(page);
      await heading(page, title);
      await page.clock.fastForward(laterMs[scene as SceneName] ?? 0);
      await shown(page, text);
      expect(complaints).toEqual([]);
    });
  });

  describe("passes axe in every state and theme", () => {
    it.each(Object.keys(themes) as Theme[])("%s", { timeout: 180_000 }, async (theme) => {
      const themed = await browser.newContext({
        viewport: { width: 1440, height: 900 },
        ...themes[theme],
        reducedMotion: "reduce",
      });
      const found: string[] = [];
      await themed.clock.install();
      for (const scene of sceneNames) {
        const page = await openScene(themed, files.origin, { scene });
        await heading(page, states[scene].title);
        await page.clock.fastForward(laterMs[scene] ?? 0);
        await shown(page, states[scene].text);
        const violations = await violationsOf(page, theme === "light" ? "all" : "colours");
        found.push(...violations.map((line) => `${scene}: ${line}`));
        await page.close();
      }
      await themed.close();
      expect(found).toEqual([]);
    });

    it("with a peer selected, a filter that finds nothing, and a refused order", async () => {
      const page = await open({ scene: "overlap", screen: "peers" });
      await page.getByRole("rowheader").nth(3).click();
      await page.getByRole("complementary", { name: /^Selected:/ }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await page.getByRole("searchbox", { name: "Filter peers" }).fill("wn99");
      await shown(page, "Nothing matches “wn99”");
      await flip(page, "Interface tap0");
      await page.getByRole("alert").waitFor();
      expect(await violationsOf(page)).toEqual([]);
    });
  });

  describe("the two switches", () => {
    it("turns the interface off and on while the ring stays", async () => {
      const page = await open();
      await flip(page, "Interface tap0");
      await heading(page, "On the ring, tap0 off");
      await page.getByRole("link", { name: "Peers" }).click();
      await page.getByRole("grid", { name: "Peers" }).waitFor();
      await page.getByRole("link", { name: "Overview" }).click();
      await flip(page, "Interface tap0");
      await heading(page, "Connected");
      expect((await made(page))?.map(({ call }) => call)).toEqual(["down", "up"]);
    });

    it("disconnects and connects, naming the affiliation", async () => {
      const page = await open();
      await flip(page, "Connection to condor wow");
      await heading(page, "Off");
      await flip(page, "Connection to condor wow");
      await heading(page, "Connected");
      expect(await made(page)).toEqual([
        { call: "disconnect", affiliation: "condor wow" },
        { call: "connect", affiliation: "condor wow" },
      ]);
    });

    it("shows an order at once, before the helper has answered", async () => {
      const page = await context.newPage();
      // Here the scripted helper takes its usual moment.
      await page.goto(`${files.origin}/dev.html?menu=0&peers=11`);
      const tap = page.getByRole("switch", { name: "Interface tap0" });
      await tap.waitFor();
      await tap.evaluate((input) => (input as HTMLInputElement).click());
      expect(await tap.isChecked()).toBe(false);
      await heading(page, "On the ring, tap0 off");
    });

    it("says why the helper refused, what to do, and can be closed", async () => {
      const page = await open({ scene: "overlap" });
      await flip(page, "Interface tap0");
      const alert = page.getByRole("alert");
      await alert.getByText(/overlaps 172\.16\.4\.0\/24 of virbr1/).waitFor();
      await alert.getByText(/Move virbr1 to another range/).waitFor();
      await alert.getByRole("button", { name: "Close" }).click();
      await alert.waitFor({ state: "detached" });
      expect(await page.getByRole("switch", { name: "Interface tap0" }).isChecked()).toBe(false);
    });

    it("cannot be turned where the page was opened for looking", async () => {
      const page = await open({ scene: "readOnly" });
      expect(await page.getByRole("switch", { name: "Interface tap0" }).isDisabled()).toBe(true);
      expect(await page.getByRole("switch", { name: "Connection to condor wow" }).isDisabled()).toBe(true);
    });

    it("gives connecting up with Cancel", async () => {
      const page = await open({ scene: "connecting" });
      await page.getByRole("button", { name: "Cancel" }).click();
      await heading(page, "Off");
    });
  });

  describe("the peers table", () => {
    const names = async (page: Page) => page.getByRole("rowheader").allInnerTexts();

    it("has a row for each peer with link, transport, relay, round trip and rates", async () => {
      const page = await open({ screen: "peers" });
      const grid = page.getByRole("grid", { name: "Peers" });
      await grid.waitFor();
      expect(await grid.getByRole("columnheader").allInnerTexts()).toEqual([
        "Name",
        "Site",
        "Virtual IP",
        "Link",
        "Via",
        "RTT",
        "Hops",
        "Received",
        "Sent",
        "NAT",
      ]);
      expect(await names(page)).toHaveLength(11);
      const relay = page.getByRole("row").filter({ hasText: "Relay" }).first();
      expect(((await relay.textContent()) ?? "").replaceAll("\u00a0", " ")).toMatch(
        /172\.16\.1\.\d+[\s\S]*Relay[\s\S]*-01[\s\S]*ms[\s\S]*kB\/s/,
      );
    });

    it("sorts by a column and back, numbers as numbers", async () => {
      const page = await open({ screen: "peers" });
      await page.getByRole("columnheader", { name: "Virtual IP" }).click();
      const ips = await page.getByText(/^172\.16\.1\.\d+$/).allInnerTexts();
      const shownIps = ips.filter((ip) => ip !== "172.16.1.5").map((ip) => Number(ip.split(".")[3]));
      expect(shownIps).toEqual(shownIps.toSorted((a, b) => a - b));
      const first = (await names(page))[0];
      await page.getByRole("columnheader", { name: "Virtual IP" }).click();
      await page.waitForFunction((name) => document.querySelector('[role="rowheader"]')?.textContent !== name, first);
      expect((await names(page)).at(-1)).toBe(first);
    });

    it("filters by text and by kind, and offers to clear a filter that finds nothing", async () => {
      const page = await open({ screen: "peers" });
      const all = await names(page);
      const search = page.getByRole("searchbox", { name: "Filter peers" });
      await search.fill(all[2] ?? "");
      await page.waitForFunction(() => document.querySelectorAll('[role="rowheader"]').length === 1);
      await search.fill("172.16.1.1");
      await shown(page, /shown/);
      await search.fill("wn99");
      await shown(page, "Nothing matches “wn99”");
      await page.getByRole("button", { name: "Clear filter" }).click();
      await page.waitForFunction(
        (count) => document.querySelectorAll('[role="rowheader"]').length === count,
        all.length,
      );
      await page.getByRole("radio", { name: /^Relay/ }).click();
      await page.waitForFunction(() => document.querySelectorAll('[role="rowheader"]').length === 2);
      await shown(page, "2 shown");
    });

    it("keeps no more than 40 rows of 1,000 in the page, and the first paint under 3 s", async () => {
      const page = await open({ peers: 1000, screen: "peers" });
      await page.getByRole("grid", { name: "Peers" }).waitFor();
      expect(await page.getByRole("row").count()).toBeLessThanOrEqual(41);
      expect(await page.getByRole("grid", { name: "Peers" }).getAttribute("aria-rowcount")).toBe("1001");
      await shown(page, "1,000 shown");
    });

    it("shows names with markup, marks and emoji as text, cut where they are long", async () => {
      const page = await open({ scene: "strangeNames", screen: "peers" });
      const complaints = complaintsOf(page);
      await page.getByRole("rowheader", { name: "<img src=x onerror=alert(1)>" }).waitFor();
      await page.getByRole("rowheader", { name: "</script><script>alert(1)</script>" }).waitFor();
      const long = page.getByRole("rowheader", { name: /^long-x{195}$/ });
      expect((await long.boundingBox())?.width).toBeLessThan(400);
      expect(await long.locator("[title]").getAttribute("title")).toHaveLength(200);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1440);
      expect(await page.locator("img").count()).toBe(0);
      expect(complaints).toEqual([]);
    });
  });

  describe("ring and table", () => {
    it("share one selection, with the way and the reason beside it", async () => {
      const page = await open({ screen: "ring" });
      const ring = page.getByRole("listbox", { name: /Ring of 11 peers seen from this computer/ });
      await ring.focus();
      await page.keyboard.press("ArrowRight");
      const active = await ring.getAttribute("aria-activedescendant");
      expect(active).toMatch(/^ring-[0-9a-f]{40}$/);
      await page.keyboard.press("Enter");
      expect(await page.locator(`#${active}`).getAttribute("aria-selected")).toBe("true");
      await page.keyboard.press("t");
      await selectedRow(page).waitFor();
      await page.getByRole("complementary", { name: /^Selected:/ }).waitFor();
    });

    it("go through all linked peers by the arrow keys, said in ring order", async () => {
      const page = await open({ screen: "ring" });
      const options = page.getByRole("option");
      const said = await options.allInnerTexts();
      expect(said).toHaveLength(11);
      expect(said[0]?.replaceAll("\u00a0", " ")).toMatch(
        /^\S+, (near|far|shortcut|relay|leaf) link.*, [\d.]+ ms, 1 of 11$/,
      );
      await page.getByRole("listbox").focus();
      await page.keyboard.press("End");
      expect(await page.getByRole("listbox").getAttribute("aria-activedescendant")).toBe(
        await options.last().getAttribute("id"),
      );
    });

    it("swap by T, and the slash goes to the filter", async () => {
      const page = await open({ screen: "ring" });
      await page.getByRole("listbox").focus();
      await page.keyboard.press("t");
      await page.waitForFunction(() => document.activeElement?.closest('[role="grid"]') != null);
      await page.keyboard.press("t");
      await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "listbox");
      await page.keyboard.press("/");
      await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
      await page.keyboard.type("t/");
      expect(await page.getByRole("searchbox").inputValue()).toBe("t/");
    });

    it("hide a kind of link by the legend", async () => {
      const page = await open({ screen: "ring" });
      const before = await page.getByRole("option").count();
      await page.getByRole("button", { name: /^Near\s*4/ }).click();
      expect(await page.getByRole("option").count()).toBe(before - 4);
    });

    it("show who is under the pointer", async () => {
      const page = await open({ screen: "ring" });
      const ring = page.getByRole("listbox");
      await ring.focus();
      await page.keyboard.press("ArrowRight");
      const name = ((await page.getByRole("option").first().textContent()) ?? "").split(",")[0] ?? "";
      await page.locator('[aria-hidden="true"]', { hasText: name }).filter({ hasText: "↓" }).first().waitFor();
    });

    it("draw links in the colours of the theme", async () => {
      const page = await open({ screen: "ring" });
      const painted = await page.evaluate(() =>
        [...document.querySelectorAll("canvas")].map((canvas) => {
          const { data } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
          const colours = new Set<string>();
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] === 255) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
          return [...colours];
        }),
      );
      // --link-near and --link-shortcut of the dark theme.
      expect(painted[1]).toContain("74,139,255");
      expect(painted[1]).toContain("75,232,179");
    });
  });

  describe("old values", () => {
    it("are dimmed and dated after 5 s without news, and fresh again with the next", async () => {
      await context.clock.install();
      const page = await open();
      await heading(page, "Connected");
      expect(await page.getByText(/^No news for/).count()).toBe(0);
      await page.clock.fastForward(7_000);
      await shown(page, /^No news for [78]/);
      await tick(page);
      await page.getByText(/^No news for/).waitFor({ state: "detached" });
    });

    it("stay on screen while the helper is stopped", async () => {
      const page = await open({ scene: "helperStopped", screen: "peers" });
      await shown(page, "The network helper stopped");
      await page.getByRole("grid", { name: "Peers" }).waitFor();
      await page.getByRole("button", { name: "Try now" }).waitFor();
      expect(await page.getByRole("switch", { name: "Interface tap0" }).isDisabled()).toBe(true);
    });
  });

  it("says after 8 s that connecting is slow, and goes on", async () => {
    await context.clock.install();
    const page = await open({ scene: "connecting" });
    await shown(page, "This usually takes 2 to 5 seconds.");
    await page.clock.fastForward(9_000);
    await page.getByText(/^Still looking after (9|1\d) s/).waitFor();
  });

  it("tells the state in the title of the window and to screen readers", async () => {
    const page = await open();
    await heading(page, "Connected");
    expect(await page.title()).toBe("Connected · Ringway");
    await flip(page, "Connection to condor wow");
    await page.getByRole("status").filter({ hasText: /^Off$/ }).waitFor({ state: "attached" });
  });

  it("fits 320 CSS pixels without scrolling sideways, on every screen", async () => {
    const page = await open();
    await page.setViewportSize({ width: 320, height: 640 });
    for (const name of ["Overview", "Ring", "Peers"]) {
      await page.getByRole("link", { name }).click();
      await page.getByRole("heading", { level: 1, name }).waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    }
    await page.getByRole("grid", { name: "Peers" }).waitFor();
  });

  describe("the screens", () => {
    it("are reached by the sidebar, by keys and by the address, and focus goes to their title", async () => {
      const page = await open();
      const titled = (name: string) =>
        page.waitForFunction(
          (title) => document.activeElement?.tagName === "H1" && document.activeElement.textContent === title,
          name,
        );
      await page.getByRole("link", { name: "Ring" }).click();
      await titled("Ring");
      expect(page.url()).toMatch(/#\/ring$/);
      await page.keyboard.press("Control+3");
      await titled("Peers");
      await page.keyboard.press("g");
      await page.keyboard.press("o");
      await titled("Overview");
      await page.goBack();
      await titled("Peers");
      expect(await page.getByRole("link", { name: "Peers" }).getAttribute("aria-current")).toBe("page");
    });

    it("leave no way to one that does not exist", async () => {
      const page = await open();
      await page.evaluate(() => {
        location.hash = "#/nowhere";
      });
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    });
  });

  it("follows the system's theme while it runs", async () => {
    const page = await open();
    await heading(page, "Connected");
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe("rgb(13, 17, 19)");
    await page.emulateMedia({ colorScheme: "light" });
    expect(await background()).toBe("rgb(247, 248, 248)");
    await page.emulateMedia({ contrast: "more" });
    expect(await background()).toBe("rgb(0, 0, 0)");
  });
});
