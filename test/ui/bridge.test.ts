/** The window in Chromium over `ringway ui`: real server, real control socket, scripted helper behind it. */
import { hostname } from "node:os";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startUiServer, type UiServer } from "../../native-helper/cli/ui-server.ts";
import { lookingCalls, switchCalls } from "../../native-helper/contract/window-calls.ts";
import { complaintsOf, launch, missing, rendererFolder, themes, violationsOf } from "./browser.ts";
import { type FakeHelper, startFakeHelper } from "./fake-helper.ts";

describe("the window over ringway ui", () => {
  let browser: Browser;
  let context: BrowserContext;
  let helper: FakeHelper;
  let server: UiServer | undefined;

  beforeAll(async () => {
    if (missing !== undefined) return;
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async (test) => {
    if (missing !== undefined) return test.skip(missing);
    helper = await startFakeHelper();
    context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      ...themes.light,
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(15_000);
  });
  afterEach(async () => {
    await context?.close();
    await server?.close();
    await helper?.close();
  });

  const serve = async (more: { readOnly?: boolean; port?: number; through?: string } = {}) => {
    server = await startUiServer({
      socketPath: helper.socketPath,
      port: more.port ?? 0,
      readOnly: more.readOnly ?? false,
      folder: rendererFolder,
      ...(more.through !== undefined && { through: more.through }),
    });
    return server;
  };
  const open = async (url: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { name }).waitFor();
  const flip = (page: Page, name: string) =>
    page.getByRole("switch", { name }).locator("xpath=ancestor::label").click();

  it("shows live data, and takes the token out of the address", async () => {
    const { url, port } = await serve();
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    await page.goto(url);
    await heading(page, "Connected");
    expect(page.url()).toBe(`http://127.0.0.1:${port}/`);
    await page.getByRole("link", { name: "Peers" }).click();
    await page.getByText("11 shown").waitFor();
    const first = await page.getByText(/^Updated/).textContent();
    expect(first).toMatch(/[0-2].s ago/);
    await page.reload();
    await page.getByText("11 shown").waitFor();
    expect(complaints).toEqual([]);
  });

  it("opens several windows by the cookie, and no other browser by the used address", async () => {
    const { url } = await serve();
    const [first, second] = [await open(url), await open(url)];
    await heading(first, "Connected");
    await heading(second, "Connected");
    const stranger = await browser.newContext();
    const page = await stranger.newPage();
    expect((await page.goto(url))?.status()).toBe(403);
    await page.getByRole("heading", { name: "This link has expired" }).waitFor();
    await stranger.close();
  });

  it("switches interface and ring through the helper", async () => {
    const page = await open((await serve()).url);
    await heading(page, "Connected");
    await flip(page, "Interface tap0");
    await heading(page, "On the ring, tap0 off");
    await flip(page, "Connection to condor wow");
    await heading(page, "Off");
    const switched = helper.made.filter((call) => (switchCalls as readonly string[]).includes(call));
    expect(switched).toEqual(["down", "disconnect"]);
  });

  it("only looks with --read-only", async () => {
    const page = await open((await serve({ readOnly: true })).url);
    await heading(page, "Connected");
    await page.getByText("Looking only").waitFor();
    const screens = page.getByRole("navigation").getByRole("link");
    expect(await screens.count()).toBe(6);
    for (const screen of await screens.all()) {
      await screen.click();
      await page.getByRole("heading", { level: 1, name: (await screen.getAttribute("title")) ?? "" }).waitFor();
      // What belongs to the browser alone may be switched: keys, motion and the like.
      const switches = page.getByRole("switch", { name: /Interface|Connection/, disabled: false });
      expect(await switches.count()).toBe(0);
      const orders = /^(Join|Leave|Save$|Turn|Try direct|Build|Make|Speed test|Start now)/;
      expect(await page.getByRole("button", { name: orders }).count()).toBe(0);
    }
    await page.locator("body").press("Control+Shift+I");
    await page.locator("body").press("Control+Shift+C");
    await page.locator("body").press("Control+k");
    const field = page.getByRole("dialog");
    await field.getByText("Peers").first().waitFor();
    expect(await field.getByText(/^(Connect|Disconnect|Turn) /).count()).toBe(0);
    const looked = helper.made.filter((call) => !(lookingCalls as readonly string[]).includes(call));
    expect(looked).toEqual([]);
  });

  it("asks before it switches off what the page comes through, and only then", async () => {
    const page = await open((await serve({ through: helper.virtualIp })).url);
    await heading(page, "Connected");
    const question = page.getByRole("alertdialog", { name: "Cut off this page?" });
    const orders = () => helper.made.filter((call) => (switchCalls as readonly string[]).includes(call));
    await flip(page, "Interface tap0");
    await question.getByText("You are looking at this page through tap0.", { exact: false }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await question.getByRole("button", { name: "Cancel" }).click();
    await question.waitFor({ state: "hidden" });
    await flip(page, "Connection to condor wow");
    await question.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("link", { name: "Affiliations" }).click();
    await page.locator("main").getByRole("switch").locator("xpath=ancestor::label").click();
    await question.getByRole("button", { name: "Cancel" }).click();
    await page.locator("body").press("Control+Shift+I");
    await question.waitFor();
    expect(orders()).toEqual([]);
    await question.getByRole("button", { name: "Turn it off" }).click();
    await expect.poll(orders).toEqual(["down"]);
    // Nothing comes through it now.
    await page.getByRole("link", { name: "Overview" }).click();
    await heading(page, "On the ring, tap0 off");
    await flip(page, "Connection to condor wow");
    await heading(page, "Off");
    expect(await question.count()).toBe(0);
  });

  it.each(["Interface name", "Virtual IP", "MTU"])(
    "asks before it changes what the page comes through: %s",
    async (label) => {
      const page = await open((await serve({ through: helper.virtualIp })).url);
      await page.getByRole("link", { name: "Settings" }).click();
      const field = page.getByRole("textbox", { name: label });
      await field.fill(label === "MTU" ? "1300" : label === "Virtual IP" ? "172.16.9.9" : "tap7");
      const question = page.getByRole("alertdialog", { name: "Cut off this page?" });
      const changes = () => helper.made.filter((call) => call === "configure").length;
      const before = changes();
      await page.getByRole("button", { name: "Save" }).click();
      await question.getByRole("button", { name: "Cancel" }).click();
      await question.waitFor({ state: "hidden" });
      expect(changes()).toBe(before);
      await page.getByRole("button", { name: "Save" }).click();
      await question.getByRole("button", { name: "Change it" }).click();
      await expect.poll(changes).toBe(before + 1);
    },
  );

  it("asks nothing where the page comes another way, or none that is known", async () => {
    const page = await open((await serve({ through: "192.0.2.7" })).url);
    await heading(page, "Connected");
    await flip(page, "Interface tap0");
    await heading(page, "On the ring, tap0 off");
  });

  it("has the host in its title and the state in its icon", async () => {
    const page = await open((await serve()).url);
    await heading(page, "Connected");
    expect(await page.title()).toBe(`Connected · ${hostname()} · Ringway`);
    const icon = async () => {
      const href = await page.locator("link[rel=icon]").getAttribute("href");
      // It is one of the page's own files, as its policy wants.
      expect(await page.evaluate(async (url) => (await fetch(url)).headers.get("content-type"), href ?? "")).toBe(
        "image/svg+xml",
      );
      return href;
    };
    await expect.poll(icon).toContain("tray-connected-on-light");
    await flip(page, "Interface tap0");
    await heading(page, "On the ring, tap0 off");
    await expect.poll(icon).toContain("tray-interface-off-on-light");
    await flip(page, "Connection to condor wow");
    await heading(page, "Off");
    await expect.poll(icon).toContain("tray-disconnected-on-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await helper.stop();
    await heading(page, "Stopped");
    await expect.poll(() => page.locator("link[rel=icon]").getAttribute("href")).toContain("tray-attention-on-dark");
  });

  it("keeps the last picture when the helper stops, and goes on by itself when it runs again", async () => {
    const page = await open((await serve()).url);
    await heading(page, "Connected");
    await helper.stop();
    await heading(page, "Stopped");
    await page.getByText("The network helper stopped").waitFor();
    await page.getByRole("link", { name: "Peers" }).click();
    await page.getByRole("grid", { name: "Peers" }).waitFor();
    await page.getByRole("link", { name: "Overview" }).click();
    await helper.start();
    await heading(page, "Connected");
  });

  it("waits for a helper that does not run yet", async () => {
    await helper.stop();
    const page = await open((await serve()).url);
    await heading(page, "The network helper is not running");
    await helper.start();
    await heading(page, "Connected");
  });

  it("says that the server is gone, and that its link has expired when another has taken its place", async () => {
    const { url, port } = await serve();
    const page = await open(url);
    await heading(page, "Connected");
    await server?.close();
    await page.getByText(/^No answer from .* Trying again\.$/).waitFor();
    await serve({ port });
    await heading(page, "This link has expired");
  });
});
