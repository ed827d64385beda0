/**
 * Stands in for the `electron` module where its binary is not: windows are Chromium pages that run the real preload, and
 * whose requests go to the protocol handler that the app registered. A custom scheme cannot be had in Chromium from
 * outside, so pages see `http://app.ringway-window.test/…` where the app sees `ringway-window://app/…`.
 */
import { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BrowserWindowConstructorOptions, MenuItemConstructorOptions, Rectangle } from "electron";
import type { BrowserContext, Page } from "playwright-core";
import type { Electron } from "../../electron/main/app.ts";

const PAGE_ORIGIN = "http://app.ringway-window.test";
const APP_ORIGIN = "ringway-window://app";

type IpcListener = (event: unknown, ...args: unknown[]) => unknown;
type ProtocolHandler = (request: Request) => Promise<Response> | Response;

export class ElectronStandIn {
  readonly module: Electron;
  readonly windows: StandInWindow[] = [];
  readonly session = new StandInSession();
  readonly ipcHandlers = new Map<string, IpcListener>();
  readonly ipcListeners = new Map<string, IpcListener>();
  readonly schemes: string[] = [];
  /** Whether the app has asked to quit. */
  quit = false;
  readonly trays: StandInTray[] = [];
  readonly notes: StandInNotification[] = [];
  readonly copied: string[] = [];
  /** Dialogues of the system that stand open; a test answers with the place of a button. */
  readonly dialogs: { readonly message: string; readonly detail: string; readonly answer: (button: number) => void }[] =
    [];
  readonly linkSchemes: string[] = [];
  readonly powerMonitor = new EventEmitter();
  readonly nativeTheme = Object.assign(new EventEmitter(), {
    shouldUseDarkColors: true,
    shouldUseDarkColorsForSystemIntegratedUI: true,
  });
  /** The screens of this computer, the first is the one with the pointer; a test may take one away. */
  readonly displays: StandInDisplay[] = [displayAt(0, 0, 1920, 1080)];
  /** Whether the Dock shows the app, as macOS does from the start. */
  dockShown = true;
  protocolHandler: ProtocolHandler | undefined;
  readonly app = new EventEmitter();

  constructor(context: BrowserContext, { firstInstance = true } = {}) {
    const standIn = this;
    class BrowserWindow extends StandInWindow {
      constructor(options: BrowserWindowConstructorOptions) {
        super(standIn, context, options);
        standIn.windows.push(this);
        standIn.app.emit("web-contents-created", {}, this.webContents);
      }
      static getAllWindows(): StandInWindow[] {
        return standIn.windows.filter((window) => !window.isDestroyed());
      }
    }
    class Tray extends StandInTray {
      constructor(image: string) {
        super(image);
        standIn.trays.push(this);
      }
    }
    class Notification extends StandInNotification {
      static isSupported(): boolean {
        return true;
      }
      override show(): void {
        standIn.notes.push(this);
      }
    }
    Object.assign(this.app, {
      whenReady: async () => {},
      requestSingleInstanceLock: () => firstInstance,
      quit: () => {
        if (this.quit) return;
        this.app.emit("before-quit");
        this.quit = true;
        this.app.emit("will-quit");
      },
      getVersion: () => "0.1.0",
      getPreferredSystemLanguages: () => ["en-GB"],
      setAsDefaultProtocolClient: (scheme: string) => this.linkSchemes.push(scheme),
      setLoginItemSettings: () => {},
      dock: {
        show: async () => {
          this.dockShown = true;
        },
        hide: () => {
          this.dockShown = false;
        },
      },
    });
    this.module = {
      app: this.app,
      BrowserWindow,
      ipcMain: {
        handle: (channel: string, listener: IpcListener) => this.ipcHandlers.set(channel, listener),
        on: (channel: string, listener: IpcListener) => this.ipcListeners.set(channel, listener),
      },
      net: { fetch: async (url: string) => new Response(await readFile(fileURLToPath(url)), { headers: typeOf(url) }) },
      protocol: {
        registerSchemesAsPrivileged: (schemes: { scheme: string }[]) =>
          this.schemes.push(...schemes.map(({ scheme }) => scheme)),
        handle: (_scheme: string, handler: ProtocolHandler) => {
          this.protocolHandler = handler;
        },
      },
      session: { defaultSession: this.session },
      Tray,
      Notification,
      Menu: { buildFromTemplate: (template: readonly MenuItemConstructorOptions[]) => template },
      nativeTheme: this.nativeTheme,
      nativeImage: { createFromPath: (file: string) => ({ file }) },
      powerMonitor: this.powerMonitor,
      dialog: {
        showMessageBox: (_window: unknown, { message, detail }: { message: string; detail: string }) =>
          new Promise((resolve) =>
            this.dialogs.push({ message, detail, answer: (response) => resolve({ response, checkboxChecked: false }) }),
          ),
      },
      clipboard: { writeText: (text: string) => this.copied.push(text) },
      screen: {
        getPrimaryDisplay: () => this.displays[0],
        getDisplayMatching: (place: Rectangle) =>
          this.displays.find(({ bounds }) => overlap(place, bounds)) ?? this.displays[0],
        getDisplayNearestPoint: () => this.displays[0],
        getCursorScreenPoint: () => ({ x: 0, y: 0 }),
      },
    } as unknown as Electron;
  }
}

interface StandInDisplay {
  readonly bounds: Rectangle;
  readonly workArea: Rectangle;
}

/** A screen with a panel of 24 pixels at its top. */
export function displayAt(x: number, y: number, width: number, height: number): StandInDisplay {
  return { bounds: { x, y, width, height }, workArea: { x, y: y + 24, width, height: height - 24 } };
}

function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** A tray icon that remembers what it shows; `menu` is the template that the app gave. */
export class StandInTray extends EventEmitter {
  image: string;
  toolTip = "";
  menu: readonly MenuItemConstructorOptions[] = [];
  destroyed = false;
  /** How often each was set. */
  readonly set = { image: 0, toolTip: 0, menu: 0 };

  constructor(image: string) {
    super();
    this.image = image;
  }
  setImage(image: string): void {
    this.image = image;
    this.set.image += 1;
  }
  setToolTip(text: string): void {
    this.toolTip = text;
    this.set.toolTip += 1;
  }
  setContextMenu(menu: readonly MenuItemConstructorOptions[]): void {
    this.menu = menu;
    this.set.menu += 1;
  }
  destroy(): void {
    this.destroyed = true;
  }
  labels(): (string | undefined)[] {
    return this.menu.map(({ label }) => label);
  }
  /** Chooses the entry of that label, as a hand would. */
  choose(label: string | RegExp): void {
    const found = this.menu.find((entry) =>
      typeof label === "string" ? entry.label === label : label.test(entry.label ?? ""),
    );
    if (found?.click === undefined) throw new Error(`The tray has no entry ${label}: ${this.labels().join(", ")}`);
    (found.click as () => void)();
  }
}

export class StandInNotification extends EventEmitter {
  readonly title: string;
  readonly body: string;
  readonly silent: boolean;
  closed = false;
  constructor({ title, body, silent }: { title: string; body: string; silent: boolean }) {
    super();
    this.title = title;
    this.body = body;
    this.silent = silent;
  }
  show(): void {}
  close(): void {
    this.closed = true;
    this.emit("close");
  }
}

class StandInSession extends EventEmitter {
  requestHandler: ((contents: unknown, permission: string, callback: (granted: boolean) => void) => void) | undefined;
  checkHandler: ((contents: unknown, permission: string) => boolean) | undefined;
  deviceHandler: (() => boolean) | undefined;
  setPermissionRequestHandler(handler: typeof this.requestHandler): void {
    this.requestHandler = handler;
  }
  setPermissionCheckHandler(handler: typeof this.checkHandler): void {
    this.checkHandler = handler;
  }
  setDevicePermissionHandler(handler: typeof this.deviceHandler): void {
    this.deviceHandler = handler;
  }
}

class StandInContents extends EventEmitter {
  page: Page | undefined;
  openHandler: ((details: { url: string }) => { action: string }) | undefined;
  url = "";
  loading = true;
  reloads = 0;
  setWindowOpenHandler(handler: typeof this.openHandler): void {
    this.openHandler = handler;
  }
  getURL(): string {
    return this.url;
  }
  isDestroyed(): boolean {
    return this.page?.isClosed() ?? true;
  }
  isLoading(): boolean {
    return this.loading;
  }
  reload(): void {
    this.reloads++;
    this.page?.reload().catch(() => {}); // The test may close it meanwhile.
  }
  /** Electron drops what comes while a page is not there, and so does this. */
  send(channel: string, message: unknown): void {
    this.page
      ?.evaluate(([name, value]) => window.standIn?.hear(name, value), [channel, message] as const)
      .catch(() => {});
  }
  /** Emits an event that can be prevented; true where it was. */
  prevented(event: string, ...args: unknown[]): boolean {
    let prevented = false;
    this.emit(event, { preventDefault: () => (prevented = true) }, ...args);
    return prevented;
  }
}

declare global {
  interface Window {
    standIn?: { hear(channel: string, message: unknown): void };
    standInInvoke(channel: string, args: unknown[]): Promise<unknown>;
    standInSend(channel: string, args: unknown[]): Promise<void>;
  }
}

export class StandInWindow extends EventEmitter {
  readonly webContents = new StandInContents();
  readonly options: BrowserWindowConstructorOptions;
  readonly #standIn: ElectronStandIn;
  readonly #context: BrowserContext;
  shown = false;
  focused = false;
  destroyed = false;
  /** What lies over the button in the taskbar of Windows. */
  overlay: { readonly file: string } | null = null;
  bounds = { x: 40, y: 50, width: 1180, height: 780 };

  constructor(standIn: ElectronStandIn, context: BrowserContext, options: BrowserWindowConstructorOptions) {
    super();
    this.#standIn = standIn;
    this.#context = context;
    this.options = options;
    const { x, y, width, height } = options;
    if (x !== undefined && y !== undefined) this.bounds = { x, y, width: width ?? 0, height: height ?? 0 };
  }

  show(): void {
    this.shown = true;
    this.emit("show");
  }
  hide(): void {
    this.shown = false;
    this.focused = false;
    this.emit("hide");
  }
  setOverlayIcon(overlay: { readonly file: string } | null): void {
    this.overlay = overlay;
  }
  setBounds(bounds: Rectangle): void {
    this.bounds = { ...bounds };
  }
  focus(): void {
    this.focused = true;
  }
  restore(): void {}
  isMinimized(): boolean {
    return false;
  }
  isMaximized(): boolean {
    return false;
  }
  isFullScreen(): boolean {
    return false;
  }
  isVisible(): boolean {
    return this.shown;
  }
  isFocused(): boolean {
    return this.focused;
  }
  isDestroyed(): boolean {
    return this.destroyed;
  }
  getBounds() {
    return this.bounds;
  }
  destroy(): void {
    this.destroyed = true;
    void this.webContents.page?.close();
    this.emit("closed");
    if (this.#standIn.windows.every((window) => window.destroyed)) this.#standIn.app.emit("window-all-closed");
  }
  /** Presses the close button; true where the window went. */
  close(): boolean {
    let prevented = false;
    this.emit("close", { preventDefault: () => (prevented = true) });
    if (!prevented) this.destroy();
    return !prevented;
  }

  /** The page that shows this window. */
  get page(): Page {
    if (this.webContents.page === undefined) throw new Error("The window has not loaded a page.");
    return this.webContents.page;
  }

  async loadURL(url: string): Promise<void> {
    const page = await this.#context.newPage();
    this.webContents.page = page;
    this.webContents.url = url;
    page.on("popup", (popup) => {
      if (this.webContents.openHandler?.({ url: popup.url() }).action === "deny") void popup.close();
    });
    await page.route(/.*/, async (route) => {
      const request = route.request();
      const isPage = request.url().startsWith(`${PAGE_ORIGIN}/`);
      if (request.isNavigationRequest() && request.frame() === page.mainFrame() && page.url() !== "about:blank") {
        // An answer without content leaves the page where it is, as a prevented navigation does.
        if (this.webContents.prevented("will-navigate", request.url())) return route.fulfill({ status: 204 });
      }
      if (!isPage || this.#standIn.protocolHandler === undefined) return route.abort();
      const answer = await this.#standIn.protocolHandler(
        new Request(request.url().replace(PAGE_ORIGIN, APP_ORIGIN), { method: request.method() }),
      );
      const body = Buffer.from(await answer.arrayBuffer());
      await route.fulfill({ status: answer.status, headers: Object.fromEntries(answer.headers), body });
    });
    const event = () => ({
      sender: this.webContents,
      senderFrame: { url: page.url().replace(PAGE_ORIGIN, APP_ORIGIN), parent: null },
    });
    await page.exposeFunction("standInInvoke", (channel: string, args: unknown[]) => {
      const handler = this.#standIn.ipcHandlers.get(channel);
      if (handler === undefined) throw new Error(`No handler registered for '${channel}'`);
      return handler(event(), ...args);
    });
    await page.exposeFunction("standInSend", (channel: string, args: unknown[]) => {
      this.#standIn.ipcListeners.get(channel)?.(event(), ...args);
    });
    const preload = await readFile(this.options.webPreferences?.preload ?? "", "utf8");
    await page.addInitScript({ content: sandboxed(preload) });
    await page.goto(url.replace(APP_ORIGIN, PAGE_ORIGIN));
    this.webContents.loading = false;
    this.emit("ready-to-show");
  }
}

/** The preload as a sandboxed one runs: `require` knows `electron` alone, and of that two objects. */
function sandboxed(preload: string): string {
  return `(() => {
  const listeners = new Map();
  window.standIn = { hear: (channel, message) => { for (const each of listeners.get(channel) ?? []) each({}, message); } };
  const ipcRenderer = {
    invoke: (channel, ...args) => window.standInInvoke(channel, args),
    send: (channel, ...args) => void window.standInSend(channel, args),
    on: (channel, listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
    off: (channel, listener) => listeners.set(channel, (listeners.get(channel) ?? []).filter((each) => each !== listener)),
  };
  const contextBridge = { exposeInMainWorld: (key, value) => Object.defineProperty(window, key, { value: Object.freeze(value) }) };
  const require = (name) => { if (name !== "electron") throw new Error("module not found: " + name); return { contextBridge, ipcRenderer }; };
  ${preload}
})();`;
}

function typeOf(url: string): Record<string, string> {
  const types: Record<string, string> = {
    html: "text/html",
    js: "text/javascript",
    css: "text/css",
    json: "application/json",
    svg: "image/svg+xml",
  };
  return { "content-type": types[url.split(".").at(-1) ?? ""] ?? "application/octet-stream" };
}
