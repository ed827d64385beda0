/** The window in Chromium over the scripted bridge: what people see in each state, and what they can do. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { switchCalls } from "../../native-helper/contract/window-calls.ts";
import { type SceneName, sceneNames } from "../../renderer/bridge/scripted.ts";
import { screenOf } from "../../renderer/shell/route.ts";
import {
  complaintsOf,
  openScene,
  rulesIn,
  type SceneOptions,
  type Theme,
  themes,
  tick,
  violationsOf,
} from "./browser.ts";
import { windowFixture } from "./fixture.ts";

describe("the window", () => {
  const fixture = windowFixture({ ...themes.dark }, 20_000);

  const open = (options: SceneOptions = {}) => openScene(fixture.context, fixture.files.origin, options);
  const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ state: "visible" });
  const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { name }).waitFor();
  const made = (page: Page) => page.evaluate(() => window.scripted?.made);
  /** The orders of the switches among the calls: views ask for what they show besides. */
  const orders = async (page: Page) =>
    (await made(page))?.filter(({ call }) => (switchCalls as readonly string[]).includes(call));
  /** Presses a switch where people do: on its picture. The input that carries its role lies hidden in it. */
  const flip = (page: Page, name: string) =>
    page.getByRole("switch", { name }).locator("xpath=ancestor::label").click();
  /** The screens that the sidebar leads to. */
  const screensOf = async (page: Page) => {
    await page.getByRole("link", { name: "Overview" }).waitFor();
    const hashes = await page
      .getByRole("navigation")
      .getByRole("link")
      .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).hash));
    return hashes.map((hash) => ({ id: screenOf(hash) }));
  };
  const selectedRow = (page: Page) => page.locator('[role="row"][aria-selected="true"]');

  const states: Record<SceneName, { title: string | RegExp; text: string | RegExp }> = {
    connected: { title: "Connected", text: /You can reach/ },
    connecting: { title: "Connecting…", text: "Step 2 of 4: Finding neighbours on the ring" },
    noBootstrap: { title: "Connecting…", text: "None of the 2 addresses answers" },
    connectingLong: { title: "Connecting…", text: /Still looking after \d+ s\. Ringway keeps trying\./ },
    noProof: { title: "Connecting…", text: "No member has answered for 14 s. Ringway tries other ways." },
    leaseLost: { title: "Connected", text: /Your new address is 172\.16\.44\.2/ },
    off: { title: "Off", text: /Your normal internet traffic is not affected/ },
    interfaceOff: { title: "On the ring, tap0 off", text: /You help others route/ },
    alone: { title: "Connected", text: "You are the first on this ring. It grows as members connect." },
    failed: { title: "Set-up needed", text: /UDP port 15000 belongs to another program/ },
    overlap: { title: "On the ring, tap0 off", text: /172\.16\.0\.0\/16 overlaps 172\.16\.4\.0\/24 of virbr1/ },
    reasons: { title: "Connected", text: /You can reach/ },
    joinClash: { title: "Connected", text: /You can reach/ },
    joinOwnClash: { title: "Connected", text: /You can reach/ },
    readOnly: { title: "Connected", text: "Looking only" },
    noAffiliation: { title: "Join your first affiliation", text: "Join an affiliation" },
    strangeNames: { title: "Connected", text: /You can reach/ },
    opening: { title: "Asking the network helper…", text: "Asking the network helper…" },
    noHelper: { title: "The network helper is not running", text: "sudo ringway helper" },
    notAllowed: { title: "This helper belongs to another account", text: /group ringway/ },
    mismatch: {
      title: "Ringway and its helper do not match",
      text: /The app is \d+\.\d+\.\d+, the helper is 0\.0\.9\./,
    },
    mismatchNewer: {
      title: "Ringway and its helper do not match",
      text: /The helper is 0\.3\.0, newer than this app/,
    },
    helperStopped: { title: "Stopped", text: "The network helper stopped" },
    stale: { title: "Connected", text: /No news for .* Values are from/ },
    noServer: { title: "Connected", text: /No answer from c01-n000 for \d+ s/ },
    expired: { title: "This link has expired", text: /Run “ringway ui” on c01-n000 for a new one/ },
    garbled: { title: "Connected", text: /sends what this window does not understand/ },
    garbledAtOnce: {
      title: /sends what this window does not understand/,
      text: /Install the same version of Ringway on both sides/,
    },
    flood: { title: "Connected", text: /sends more than this window can read/ },
  };
  /** States that come with time alone: what the clock must move by. */
  const laterMs: Partial<Record<SceneName, number>> = { stale: 6_000, connectingLong: 12_000 };

  describe("says the state in one word and one sentence", () => {
    it.each(Object.entries(states))("%s", async (scene, { title, text }) => {
      await fixture.context.clock.install();
      const page = await open({ scene: scene as SceneName });
      const complaints = complaintsOf(page);
      await heading(page, title);
      await page.clock.fastForward(laterMs[scene as SceneName] ?? 0);
      await shown(page, text);
      expect(complaints).toEqual([]);
    });
  });

  /** What axe has against a page: all rules in light, and what colours can break in the other themes. */
  const violationsInThemes = async (page: Page, name: string): Promise<string[]> => {
    const found: string[] = [];
    for (const theme of Object.keys(themes) as Theme[]) {
      await page.emulateMedia({ contrast: null, forcedColors: null, ...themes[theme], reducedMotion: "reduce" });
      const violations = await violationsOf(page, rulesIn(theme));
      found.push(...violations.map((line) => `${name}, ${theme}: ${line}`));
    }
    return found;
  };

  describe("passes axe in every state and theme", () => {
    it.each(sceneNames)("%s", async (scene) => {
      await fixture.context.clock.install();
      const page = await open({ scene });
      await heading(page, states[scene].title);
      await page.clock.fastForward(laterMs[scene] ?? 0);
      await shown(page, states[scene].text);
      expect(await violationsInThemes(page, scene)).toEqual([]);
    });

    it("holds text in high contrast to 7 to 1, which light does not reach", async () => {
      const page = await open();
      await heading(page, "Connected");
      await page.emulateMedia({ ...themes.light, contrast: null });
      expect(await violationsOf(page, "enhancedColours")).not.toEqual([]);
      await page.emulateMedia(themes.contrast);
      expect(await violationsOf(page, rulesIn("contrast"))).toEqual([]);
    });

    it("on every screen", { timeout: 120_000 }, async () => {
      const found: string[] = [];
      for (const { id } of await screensOf(await open())) {
        const page = await open({ screen: id });
        await page.getByRole("heading", { level: 1 }).waitFor();
        found.push(...(await violationsInThemes(page, id)));
        await page.close();
      }
      expect(found).toEqual([]);
    });

    it("with the inspector, the command field and the list of keys open", async () => {
      const page = await open({ screen: "ring" });
      await page.getByRole("listbox").focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await page.getByRole("complementary", { name: /^Selected:/ }).waitFor();
      await page.getByRole("img", { name: /^Round-trip time, last/ }).waitFor();
      expect(await violationsInThemes(page, "inspector")).toEqual([]);
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog", { name: "Find peer or command" }).waitFor();
      expect(await violationsInThemes(page, "command field")).toEqual([]);
      await page.keyboard.press("Escape");
      await page.keyboard.press("F1");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      expect(await violationsInThemes(page, "keys")).toEqual([]);
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
      expect((await orders(page))?.map(({ call }) => call)).toEqual(["down", "up"]);
    });

    it("disconnects and connects, naming the affiliation", async () => {
      const page = await open();
      await flip(page, "Connection to condor wow");
      await heading(page, "Off");
      await flip(page, "Connection to condor wow");
      await heading(page, "Connected");
      expect(await orders(page)).toEqual([
        { call: "disconnect", affiliation: "condor wow" },
        { call: "connect", affiliation: "condor wow" },
      ]);
    });

    it("shows an order at once, before the helper has answered", async () => {
      const page = await fixture.context.newPage();
      // Here the scripted helper takes its usual moment.
      await page.goto(`${fixture.files.origin}/dev.html?menu=0&peers=11`);
      const tap = page.getByRole("switch", { name: "Interface tap0" });
      await tap.waitFor();
      await tap.evaluate((input) => (input as HTMLInputElement).click());
      expect(await tap.isChecked()).toBe(false);
      await heading(page, "On the ring, tap0 off");
    });

    it.each(["Interface tap0", "Connection to condor wow"])(
      "shows within 100 ms what a click did, with 1,000 peers: %s",
      async (label) => {
        const page = await fixture.context.newPage();
        await page.goto(`${fixture.files.origin}/dev.html?menu=0&peers=1000`);
        const input = page.getByRole("switch", { name: label });
        await input.waitFor({ state: "attached" });
        const waits: number[] = [];
        for (let click = 0; click < 5; click++) {
          const before = await input.isChecked();
          waits.push(
            await input.evaluate(async (element) => {
              const box = element as HTMLInputElement;
              const was = box.checked;
              const clicked = performance.now();
              box.click();
              // To the frame that shows it, whatever draws it.
              do await new Promise(requestAnimationFrame);
              while (box.checked === was);
              return performance.now() - clicked;
            }),
          );
          // The helper's own word, before the next click.
          await page.waitForFunction(
            ([on, kind]) => {
              const [affiliation] = window.scripted?.shown ?? [];
              return kind === "Interface tap0"
                ? (affiliation?.interface.state === "up") === on
                : (affiliation?.state === "connected") === on;
            },
            [!before, label] as const,
          );
        }
        // The median: one of five may meet the computer's other work.
        expect(waits.toSorted((a, b) => a - b)[2]).toBeLessThan(100);
      },
    );

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

    it("cuts no column at any width, alone or beside the inspector", async () => {
      const page = await open({ screen: "peers" });
      const grid = page.getByRole("grid", { name: "Peers" });
      await grid.waitFor();
      // Read after the frame in which the table has taken its new width.
      const hidden = () =>
        grid.evaluate(
          (table) =>
            new Promise<number>((done) =>
              requestAnimationFrame(() => requestAnimationFrame(() => done(table.scrollWidth - table.clientWidth))),
            ),
        );
      const cut: string[] = [];
      const look = async (widths: readonly number[], beside: string) => {
        for (const width of widths) {
          await page.setViewportSize({ width, height: 800 });
          const pixels = await hidden();
          if (pixels > 0) cut.push(`${pixels} px at ${width} ${beside}`);
        }
      };
      await look([720, 760, 840, 900, 1000, 1100, 1179, 1180, 1240, 1280, 1366, 1440, 1600], "alone");
      await page.getByRole("rowheader").first().click();
      await page.getByRole("complementary", { name: /^Selected:/ }).waitFor();
      await look([1100, 1179, 1180, 1240, 1280, 1300, 1320, 1366, 1440, 1600, 1700, 1920], "with the inspector");
      expect(cut).toEqual([]);
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

  describe("the inspector", () => {
    const inspect = async (page: Page, kind: string) => {
      await page.getByRole("radio", { name: new RegExp(`^${kind}`) }).click();
      await page.getByRole("rowheader").first().click();
      const inspector = page.getByRole("complementary", { name: /^Selected:/ });
      await inspector.waitFor();
      return inspector;
    };

    it("says why a peer is relayed, with evidence, and tests the network when asked", async () => {
      const page = await open({ screen: "peers" });
      const inspector = await inspect(page, "Relay");
      await inspector.getByText(/^Both networks give every connection a new port/).waitFor();
      await inspector.getByText(/203\.0\.113\.9:41022/).waitFor();
      await inspector.getByText(/carries the traffic\. It cannot read it\.$/).waitFor();
      await inspector.getByRole("button", { name: "Test my network" }).click();
      await page.getByRole("heading", { level: 1, name: "Diagnostics" }).waitFor();
      await expect.poll(async () => (await made(page))?.map(({ call }) => call)).toContain("doctor");
    });

    it("builds a shortcut to a routed peer, traces the way, and numbers its hops on the ring", async () => {
      const page = await open({ screen: "peers", peers: 118 });
      const inspector = await inspect(page, "Routed");
      await inspector.getByRole("button", { name: "Build a shortcut now" }).click();
      await inspector.getByText("A shortcut is being built.").waitFor();
      await inspector.getByRole("button", { name: "Trace" }).click();
      await inspector
        .getByText(/^\+[\d.]+.(ms|s)$/)
        .first()
        .waitFor();
      expect((await made(page))?.map(({ call }) => call)).toEqual(expect.arrayContaining(["shortcut", "trace"]));
    });

    it("pings and tests speed, and says what came out or why it was refused", async () => {
      const page = await open({ screen: "peers" });
      const inspector = await inspect(page, "Shortcut");
      await inspector.getByRole("button", { name: "Ping" }).click();
      await inspector.getByText(/^5 of 5 answered: /).waitFor();
      await inspector.getByRole("button", { name: "Speed test" }).click();
      await inspector.getByText(/^↑ .*bit\/s ↓ .*bit\/s|takes no speed tests/).waitFor();
    });

    it("charts round trip and throughput, reads values out by the arrow keys, and copies them as CSV", async () => {
      await fixture.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: fixture.files.origin });
      const page = await open({ screen: "peers" });
      const inspector = await inspect(page, "Near");
      const chart = inspector.getByRole("img", { name: /^Round-trip time, last 5.min: now / });
      await chart.focus();
      await page.keyboard.press("ArrowLeft");
      await inspector.getByText(/: [\d.]+.ms Near$/).waitFor();
      await inspector.getByRole("button", { name: "Copy as CSV: Round-trip time" }).click();
      await inspector.getByText("Copied").first().waitFor();
      const csv = await page.evaluate(() => navigator.clipboard.readText());
      expect(csv.split("\r\n")[0]).toBe("at,rttMs,rttP5Ms,rttP95Ms,lossPct,kind");
      expect(csv.split("\r\n").length).toBeGreaterThan(200);
    });

    it("saves the history as a file", async () => {
      const page = await open({ screen: "peers" });
      const inspector = await inspect(page, "Near");
      const saved = page.waitForEvent("download");
      await inspector.getByRole("button", { name: "Export history" }).click();
      expect((await saved).suggestedFilename()).toMatch(/^ringway-history-.*\.csv$/);
    });

    it("closes with Escape and gives the keyboard back", async () => {
      const page = await open({ screen: "peers" });
      const inspector = await inspect(page, "Near");
      await inspector.getByRole("button", { name: "Close" }).focus();
      await page.keyboard.press("Escape");
      await inspector.waitFor({ state: "detached" });
      await page.waitForFunction(() => document.activeElement?.closest("main") != null);
    });

    it("offers nothing that changes something where the page was opened for looking", async () => {
      const page = await open({ scene: "readOnly", screen: "peers" });
      const inspector = await inspect(page, "Relay");
      await inspector.getByRole("button", { name: "Ping" }).waitFor();
      expect(await inspector.getByRole("button", { name: /Try direct|Speed test/ }).count()).toBe(0);
    });
  });

  describe("the ring", () => {
    it("zooms by buttons and keys, and shows the whole again", async () => {
      const page = await open({ screen: "ring" });
      await page.getByRole("button", { name: "Zoom in" }).click();
      await page.getByRole("button", { name: "Move left" }).waitFor();
      await page.keyboard.press("0");
      await page.getByRole("button", { name: "Move left" }).waitFor({ state: "detached" });
      await page.keyboard.press("+");
      await page.getByRole("button", { name: "Move left" }).waitFor();
    });

    it("finds members by name and tells how many", async () => {
      const page = await open({ screen: "ring", peers: 118 });
      await page.getByRole("searchbox", { name: "Filter peers" }).fill("kaist-0");
      await shown(page, "7 found");
      expect(await page.getByRole("option").count()).toBe(7);
      await page.getByRole("button", { name: "Clear filter" }).click();
      await page.getByText("7 found").waitFor({ state: "detached" });
    });

    it("is saved as PNG and as SVG whose text is text", async () => {
      const page = await open({ screen: "ring", scene: "strangeNames" });
      for (const format of ["PNG", "SVG"]) {
        await page.getByRole("button", { name: "Save picture" }).click();
        const saved = page.waitForEvent("download");
        await page.getByRole("menuitem", { name: format }).click();
        const download = await saved;
        expect(download.suggestedFilename()).toBe(`ringway-ring.${format.toLowerCase()}`);
        const bytes = readFileSync(await download.path());
        if (format === "PNG") expect(bytes.subarray(1, 4).toString()).toBe("PNG");
        else {
          expect(bytes.toString()).toContain("&lt;img src=x");
          expect(bytes.toString()).not.toContain("<img");
        }
      }
    });

    it("shows an earlier moment and comes back to now", async () => {
      await fixture.context.clock.install();
      const page = await open({ screen: "ring" });
      await page.getByRole("listbox").waitFor();
      for (let frame = 0; frame < 3; frame++) {
        await page.clock.fastForward(6_000);
        await tick(page);
      }
      const slider = page.getByRole("slider", { name: /^Moment shown/ });
      await slider.focus();
      await page.keyboard.press("Home");
      await page.getByRole("button", { name: "Back to now" }).click();
      expect(await slider.getAttribute("aria-valuetext")).toBe("now");
    });
  });

  describe("the keyboard", () => {
    it("finds peers, screens and orders in the command field", async () => {
      const page = await open();
      await page.keyboard.press("Control+k");
      const dialog = page.getByRole("dialog", { name: "Find peer or command" });
      await dialog.getByRole("searchbox").fill("172.16.1.12");
      await dialog.getByRole("option", { name: /172\.16\.1\.12/ }).click();
      await page.getByRole("complementary", { name: /^Selected:/ }).waitFor();
      expect(page.url()).toMatch(/#\/peers$/);
      await page.keyboard.press(".");
      await dialog.getByRole("searchbox").fill("tap0");
      await dialog.getByRole("option", { name: "Turn tap0 off" }).click();
      await page.getByRole("switch", { name: "Interface tap0", checked: false }).waitFor({ state: "attached" });
    });

    it("connects and disconnects, and copies the virtual IP of the selected peer", async () => {
      await fixture.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: fixture.files.origin });
      const page = await open({ screen: "peers" });
      await page.getByRole("rowheader").first().click();
      await page.keyboard.press("c");
      await shown(page, /^Copied 172\.16\.1\.\d+$/);
      await page.keyboard.press("Control+Shift+C");
      await page.getByText("The ring and the peers appear here").waitFor();
      expect((await made(page))?.map(({ call }) => call)).toContain("disconnect");
    });

    it("goes round the regions by F6, and can turn single letters off", async () => {
      const page = await open({ screen: "peers" });
      await page.getByRole("grid").waitFor();
      const regions = new Set<string>();
      for (let press = 0; press < 3; press++) {
        await page.keyboard.press("F6");
        regions.add(await page.evaluate(() => document.activeElement?.closest("[data-region]")?.tagName ?? ""));
      }
      expect(regions).toEqual(new Set(["ASIDE", "HEADER", "MAIN"]));
      await page.keyboard.press("?");
      await flip(page, "Single letters are keys");
      await page.keyboard.press("Escape");
      await page.keyboard.press("t");
      await page.keyboard.press("Control+2");
      await page.getByRole("heading", { level: 1, name: "Ring" }).waitFor();
    });

    it("marks several rows and copies them as tab-separated values", async () => {
      await fixture.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: fixture.files.origin });
      const page = await open({ screen: "peers" });
      await page.getByRole("rowheader").nth(1).click();
      await page
        .getByRole("rowheader")
        .nth(3)
        .click({ modifiers: ["Shift"] });
      await shown(page, "3 rows marked");
      await page.getByRole("button", { name: "Copy the marked rows as a table" }).click();
      await page.getByText("Copied").first().waitFor();
      const lines = (await page.evaluate(() => navigator.clipboard.readText())).trimEnd().split("\n");
      expect(lines).toHaveLength(4);
      expect(lines[0]).toMatch(/^name\tsite\tvirtualIp/);
    });
  });

  describe("bad input", () => {
    it("of 10,000 messages a second leaves the window awake: a key is answered within 200 ms", async () => {
      const page = await open({ scene: "flood", screen: "overview" });
      await shown(page, /sends more than this window can read/);
      const waits = await page.evaluate(async () => {
        const taken: number[] = [];
        for (const hash of ["#/peers", "#/overview", "#/peers", "#/overview", "#/peers"]) {
          const start = performance.now();
          const link = document.querySelector<HTMLAnchorElement>(`nav a[href="${hash}"]`);
          link?.click();
          while (link?.getAttribute("aria-current") !== "page") await new Promise((done) => setTimeout(done, 4));
          taken.push(performance.now() - start);
        }
        return taken.sort((a, b) => a - b);
      });
      // The median: one of five may meet the computer's other work.
      expect(waits[2]).toBeLessThan(200);
    });
  });

  describe("old values", () => {
    it("are dimmed and dated after 5 s without news, and fresh again with the next", async () => {
      await fixture.context.clock.install();
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
    await fixture.context.clock.install();
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
      await page.getByRole("link", { name: "Ring", exact: true }).click();
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
