/** The window in Chromium over `ringway ui`: real server, real control socket, scripted helper behind it. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startUiServer, type UiServer } from "../../native-helper/cli/ui-server.ts";
import { switchCalls } from "../../native-helper/contract/window-calls.ts";
import { complaintsOf, launch, missing, rendererFolder, themes } from "./browser.ts";
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

  const serve = async (more: { readOnly?: boolean; port?: number } = {}) => {
    server = await startUiServer({
      socketPath: helper.socketPath,
      port: more.port ?? 0,
      readOnly: more.readOnly ?? false,
      folder: rendererFolder,
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
    expect(await page.getByRole("switch", { name: "Interface tap0" }).isDisabled()).toBe(true);
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
