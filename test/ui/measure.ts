/**
 * The suite `ui` of `npm run bench`, a program of its own because it is about a browser: prints what it measured as JSON.
 *
 * How the window keeps up with 1,000 peers, in Chromium without a graphics processor at 1440×900: frames while the ring is
 * moved and the table is scrolled, script a second while values move, heap after ten minutes, time to a live picture,
 * and the size of its scripts. The page is the real one, served by `ringway ui` from a helper with a scripted world.
 *
 * Frames are drawn as fast as they can be (no vertical sync), so a frame's time is what it costs.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import type { Bar, Measured } from "../../bench/report.ts";
import { startUiServer, type UiServer } from "../../native-helper/cli/ui-server.ts";
import { executablePath, missing, openScene, rendererFolder, serveRenderer, tick } from "./browser.ts";
import { startFakeHelper } from "./fake-helper.ts";

const PEERS = 1_000;
const SIZE = { width: 1440, height: 900 };
const FRAME_MS = 16.7;
const FRAME_P95_MS = 33;

interface Frames {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly count: number;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  process.stdout.write(`${JSON.stringify(await measure(process.argv.includes("--quick")))}\n`);
} catch (error) {
  say(`The window was not measured: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function measure(quick: boolean): Promise<Measured> {
  if (missing !== undefined) throw new Error(`the window cannot be measured here: ${missing}`);
  if (!existsSync(path.join(rendererFolder, "index.html"))) {
    throw new Error("dist/renderer is missing; make it with: npm run build -- window");
  }
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ["--no-sandbox", "--disable-gpu", "--disable-gpu-vsync", "--disable-frame-rate-limit", "--no-first-run"],
  });
  const helper = await startFakeHelper(PEERS);
  const serve = () =>
    startUiServer({ socketPath: helper.socketPath, port: 0, readOnly: false, folder: rendererFolder });
  let server: UiServer | undefined;
  try {
    const starts: number[] = [];
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      await server?.close();
      server = await serve();
      starts.push(await startTime(browser, server.url));
    }
    const startMs = median(starts);
    say(`start ${startMs.toFixed(0)} ms`);
    await server?.close();
    server = await serve();
    const context = await browser.newContext({ viewport: SIZE, reducedMotion: "no-preference" });
    const page = await context.newPage();
    await page.goto(server.url);
    await page.getByRole("link", { name: "Ring" }).click();
    await page.getByRole("listbox").waitFor();
    const frames = quick ? 120 : 400;
    const pan = await ringFrames(page, "pan", frames);
    const zoom = await ringFrames(page, "zoom", frames);
    await page.getByRole("radio", { name: "All links" }).click();
    const meshPan = await ringFrames(page, "pan", frames);
    say(`ring: pan ${text(pan)}, zoom ${text(zoom)}, pan with all links ${text(meshPan)}`);
    await page.getByRole("link", { name: "Peers" }).click();
    await page.getByRole("grid").waitFor();
    const scroll = await scrollFrames(page, frames);
    say(`table: scroll ${text(scroll)}`);
    const cdp = await context.newCDPSession(page);
    const ticks = await scriptPerSecond(cdp, page, quick ? 8 : 30);
    say(`script a second: median ${median(ticks).toFixed(2)} ms`);
    await context.close();
    const heapBytes = await heapAfter(browser, quick ? 60 : 600);
    say(`heap ${(heapBytes / 1e6).toFixed(1)} MB`);
    const scriptBytes = scriptSize();
    return {
      versions: { chromium: browser.version() },
      figures: {
        peers: PEERS,
        startMs: starts.map(Math.round),
        frames: { pan, zoom, meshPan, scroll },
        scriptMsASecond: { median: round(median(ticks)), p95: round(quantile(ticks, 0.95)), seconds: ticks.length },
        heapMb: round(heapBytes / 1e6),
        heapAfterSeconds: quick ? 60 : 600,
        scriptKb: round(scriptBytes / 1e3),
      },
      bars: [
        ...bars("ring, pan", pan),
        ...bars("ring, zoom", zoom),
        ...bars("ring, pan with all links", meshPan),
        ...bars("table, scroll", scroll),
        { name: "script a tick, median", value: round(median(ticks)), unit: "ms", bar: 4, is: "below" },
        { name: "JS heap", value: round(heapBytes / 1e6), unit: "MB", bar: 120, is: "below" },
        { name: "live state on screen", value: round(startMs), unit: "ms", bar: 1_200, is: "below" },
        { name: "script, gzip", value: round(scriptBytes / 1e3), unit: "kB", bar: 350, is: "below" },
      ],
    };
  } finally {
    await browser.close();
    await server?.close();
    await helper.close();
  }
}

/** From the navigation to the state and the count of peers on screen, with an empty cache. */
async function startTime(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext({ viewport: SIZE });
  const page = await context.newPage();
  const start = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  await page.getByText("1,000 peers").first().waitFor();
  const took = performance.now() - start;
  await context.close();
  return took;
}

/** Frames while the ring is dragged in circles, or zoomed in and out, a step a frame. */
function ringFrames(page: Page, how: "pan" | "zoom", count: number): Promise<Frames> {
  return page.evaluate(
    async ({ how, count }) => {
      const list = document.querySelector('[role="listbox"]') as HTMLElement;
      const box = list.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 3];
      const wheel = (deltaY: number) =>
        list.dispatchEvent(
          new WheelEvent("wheel", { clientX: x, clientY: y, deltaY, bubbles: true, cancelable: true }),
        );
      const pointer = (type: string, dx: number, dy: number) =>
        list.dispatchEvent(
          new PointerEvent(type, { clientX: x + dx, clientY: y + dy, button: 0, buttons: 1, bubbles: true }),
        );
      const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
      wheel(-600);
      pointer("pointerdown", 0, 0);
      await frame();
      const times: number[] = [];
      let before = await frame();
      for (let step = 0; step < count; step++) {
        if (how === "zoom") wheel(step % 80 < 40 ? -30 : 30);
        else pointer("pointermove", 160 * Math.sin(step / 20), 120 * Math.cos(step / 20));
        const now = await frame();
        times.push(now - before);
        before = now;
      }
      pointer("pointerup", 0, 0);
      for (let step = 0; step < 40; step++) wheel(120);
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.floor((times.length - 1) * share)] as number;
      return { medianMs: at(0.5), p95Ms: at(0.95), count: times.length };
    },
    { how, count },
  );
}

function scrollFrames(page: Page, count: number): Promise<Frames> {
  return page.evaluate(async (count) => {
    const grid = document.querySelector('[role="grid"]') as HTMLElement;
    const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
    const times: number[] = [];
    let before = await frame();
    for (let step = 0; step < count; step++) {
      grid.scrollTop += 44;
      const now = await frame();
      times.push(now - before);
      before = now;
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor((times.length - 1) * share)] as number;
    return { medianMs: at(0.5), p95Ms: at(0.95), count: times.length };
  }, count);
}

/** Milliseconds of script in each of some seconds, by the clock of the page's thread: the helper sends one picture a second. */
async function scriptPerSecond(cdp: CDPSession, page: Page, seconds: number): Promise<number[]> {
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const script = async () => {
    const { metrics } = await cdp.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "ScriptDuration")?.value ?? 0) * 1_000;
  };
  // The opened table settles first.
  await page.waitForTimeout(2_000);
  const spent: number[] = [];
  let before = await script();
  for (let second = 0; second < seconds; second++) {
    await page.waitForTimeout(1_000);
    const now = await script();
    spent.push(now - before);
    before = now;
  }
  return spent;
}

/** Bytes of live objects after so many seconds of 1,000 moving peers, the page's clock moved by hand. */
async function heapAfter(browser: Browser, seconds: number): Promise<number> {
  const files = await serveRenderer();
  const context = await browser.newContext({ viewport: SIZE });
  try {
    await context.clock.install();
    const page = await openScene(context, files.origin, { peers: PEERS, screen: "ring" });
    await page.getByRole("listbox").waitFor();
    for (let second = 0; second < seconds; second++) {
      await page.clock.fastForward(1_000);
      await tick(page);
    }
    const cdp = await context.newCDPSession(page);
    await cdp.send("HeapProfiler.collectGarbage");
    await cdp.send("Performance.enable");
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? Number.NaN;
  } finally {
    await context.close();
    await files.close();
  }
}

/** All scripts of the real page, compressed; those of the scripted page left out. */
function scriptSize(): number {
  const assets = path.join(rendererFolder, "assets");
  return readdirSync(assets)
    .filter((file) => file.endsWith(".js") && !file.startsWith("dev-"))
    .reduce((sum, file) => sum + gzipSync(readFileSync(path.join(assets, file))).length, 0);
}

function bars(name: string, { medianMs, p95Ms }: Frames): Bar[] {
  return [
    { name: `${name}: frame, median`, value: round(medianMs), unit: "ms", bar: FRAME_MS, is: "below" },
    { name: `${name}: frame, p95`, value: round(p95Ms), unit: "ms", bar: FRAME_P95_MS, is: "below" },
  ];
}

function text({ medianMs, p95Ms }: Frames): string {
  return `${medianMs.toFixed(1)} ms (p95 ${p95Ms.toFixed(1)})`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}
