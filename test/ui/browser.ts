/** Chromium for the tests of the window: found or the tests are skipped with the reason, started once a file. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { SceneName } from "../../renderer/bridge/scripted.ts";
import type { ScreenId } from "../../renderer/shell/route.ts";

const require = createRequire(import.meta.url);
/** The built window, as seen from this file or from a bundle of it in dist/. */
export const rendererFolder = fileURLToPath(
  new URL(
    /[\\/]dist[\\/][^\\/]+$/.test(fileURLToPath(import.meta.url)) ? "renderer/" : "../../dist/renderer/",
    import.meta.url,
  ),
);

const CHROMIUM_PLACES = [
  process.env.RINGWAY_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export const executablePath = CHROMIUM_PLACES.find((place) => place !== undefined && existsSync(place));

/** Why the tests of the window cannot run here; undefined where they can. */
export const missing: string | undefined =
  executablePath === undefined
    ? "needs Chromium (Debian: apt-get install chromium; elsewhere set RINGWAY_CHROMIUM)"
    : undefined;

if (missing !== undefined) console.warn(`The window is not tried in a browser: ${missing}`);

/** A fresh browser with a profile of its own; without sandbox because tests run as root in containers too. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export const themes = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  contrast: { colorScheme: "dark", contrast: "more" },
  forced: { colorScheme: "dark", forcedColors: "active" },
} as const satisfies Record<string, BrowserContextOptions>;
export type Theme = keyof typeof themes;

/** The policy of `ringway ui`, so that the scripted page proves that the window keeps it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export interface FileServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves dist/renderer on this computer. */
export async function serveRenderer(): Promise<FileServer> {
  if (!existsSync(path.join(rendererFolder, "dev.html"))) {
    throw new Error("dist/renderer/dev.html is missing; make it with: npm run build -- window");
  }
  const server: Server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const file = path.join(rendererFolder, path.normalize(pathname));
    try {
      const content = await readFile(file);
      response.writeHead(200, {
        "content-type": TYPES[path.extname(file)] ?? "application/octet-stream",
        "content-security-policy": POLICY,
      });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a page wrote to its console as an error, or threw; the browser's words about refused connections left out. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  return complaints;
}

export interface SceneOptions {
  readonly scene?: SceneName;
  readonly peers?: 11 | 118 | 1000;
  readonly screen?: ScreenId;
}

/** Opens the scripted page. Its helper's time stands still; `tick` sends the next snapshot. */
export async function openScene(
  context: BrowserContext,
  origin: string,
  { scene = "connected", peers = 11, screen = "overview" }: SceneOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${origin}/dev.html?menu=0&still=1&scene=${scene}&peers=${peers}#/${screen}`);
  await page.locator("#main").waitFor({ state: "attached" });
  return page;
}

export async function tick(page: Page): Promise<void> {
  await page.evaluate(() => window.scripted?.tick());
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

type Axe = { axe?: { run: (context: Document, options: object) => Promise<AxeResult> } };

const ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/** `all`, what a theme can break, or the same with the ratio of 7 to 1 for text (WCAG 1.4.6). */
type Rules = "all" | "colours" | "enhancedColours";

/** What is tried in a theme: everything in one, in the others what colours can break; in high contrast text has AAA. */
export function rulesIn(theme: Theme): Rules {
  if (theme === "light") return "all";
  return theme === "contrast" ? "enhancedColours" : "colours";
}

/** What axe-core has against the page as it is now, a line a rule and element. */
export async function violationsOf(page: Page, rules: Rules = "all"): Promise<string[]> {
  // Evaluated rather than added as a script element, which the page's policy refuses.
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.evaluate(await readFile(require.resolve("axe-core/axe.min.js"), "utf8"));
  }
  const runOnly =
    rules === "all"
      ? { type: "tag", values: ALL_RULES }
      : { type: "rule", values: rules === "colours" ? COLOUR_RULES : [...COLOUR_RULES, "color-contrast-enhanced"] };
  const found = await page.evaluate(
    (only) => (window as unknown as Axe).axe?.run(document, { runOnly: only }),
    runOnly,
  );
  if (found === undefined) throw new Error("axe-core did not load into the page.");
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 160)} ${failureSummary ?? ""}`),
  );
}
