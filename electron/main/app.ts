/**
 * The app: one window over its own protocol, an icon in the tray where there is a tray, notifications, the user's settings,
 * and the line to the helper. The connection lives in the helper and survives all of it.
 */
import path from "node:path";
import { HelperError, type HelperSnapshot } from "#contract";
import {
  type AppEvent,
  type AppState,
  HELPER_RESTART_S,
  isNewer,
  languageOf,
  type Opened,
  type ScreenName,
} from "#contract/app-bridge.ts";
import type { BridgeEvent, Reach } from "#contract/bridge.ts";
import { connectHelper } from "../../native-helper/control/client.ts";
import { serveApp, tellPages } from "./app-ipc.ts";
import { type AutostartOptions, HIDDEN_FLAG, setAutostart } from "./autostart.ts";
import type { HelperLife } from "./helper-life.ts";
import { HelperLink } from "./helper-link.ts";
import { isOurs, serveBridge } from "./ipc.ts";
import { type Note, Notifier } from "./notifications.ts";
import { isLink, LINK_SCHEME, openedBy, openedFile, orderedBy, type RingOrder } from "./opened.ts";
import type { SettingsFile } from "./settings.ts";
import { TrayIconView } from "./tray.ts";
import { BusiestPeers, type TrayAction, type TrayPicture, trayPicture } from "./tray-menu.ts";
import { registerScheme, serveWindowFiles } from "./window-files.ts";
import { WindowKeeper } from "./window-keeper.ts";
import { guardContents, guardSession, openWindow } from "./windows.ts";
import { type Text, textIn } from "./words.ts";

/** What the app uses of Electron; handed in, so that tests can stand in for it. */
export type Electron = Pick<
  typeof import("electron"),
  | "app"
  | "BrowserWindow"
  | "clipboard"
  | "dialog"
  | "ipcMain"
  | "Menu"
  | "nativeImage"
  | "nativeTheme"
  | "net"
  | "Notification"
  | "powerMonitor"
  | "protocol"
  | "screen"
  | "session"
  | "Tray"
>;

export interface AppPlaces {
  /** Folder of the built window. */
  readonly rendererFolder: string;
  /** The bundled preload script. */
  readonly preload: string;
  /** The helper's socket. */
  readonly socketPath: string;
  /** Folder of the tray's pictures. */
  readonly iconFolder: string;
}

export interface AppSurroundings {
  readonly platform: NodeJS.Platform;
  readonly env: AutostartOptions["env"];
  /** Arguments of this start, the program left out. */
  readonly args: readonly string[];
  readonly folder: string;
  /** The program to start at login. */
  readonly program: string;
  readonly settings: () => SettingsFile;
  readonly life: HelperLife;
  readonly hasTrayHost: () => Promise<boolean>;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
}

const NOTICES_LIMIT = 8;
/** A helper that is not back so long after it should be is not coming by itself. */
const RESTART_GRACE_MS = 5_000;

/** Starts the app; to be called before Electron is ready. Resolves when it runs, or has left the field to the first one. */
export async function startApp(electron: Electron, places: AppPlaces, around: AppSurroundings): Promise<void> {
  const { app, protocol, session, net } = electron;
  registerScheme(protocol);
  // One app a user: a second start hands over what it was given and shows the first one's window.
  if (!app.requestSingleInstanceLock()) return app.quit();
  app.on("web-contents-created", (_event, contents) => guardContents(contents));
  const early: Opened[] = [];
  const earlyOrders: RingOrder[] = [];
  // macOS gives files and links as events, the first ones before the app is ready.
  app.on("open-url", (event, url) => {
    event.preventDefault();
    if (isLink(url)) take({ kind: "link" });
  });
  app.on("open-file", (event, file) => {
    event.preventDefault();
    take(openedFile(file));
  });
  let running: RunningApp | undefined;
  const take = (opened: Opened) => {
    if (running) running.open(opened);
    else early.push(opened);
  };
  app.on("second-instance", (_event, argv, folder) => {
    const order = orderedBy(argv);
    if (order) return running ? running.order(order) : earlyOrders.push(order);
    const opened = openedBy(argv.slice(1), folder);
    if (opened) take(opened);
    else running?.show();
  });
  await app.whenReady();
  guardSession(session.defaultSession);
  serveWindowFiles({ protocol, net, folder: places.rendererFolder });
  app.setAsDefaultProtocolClient(LINK_SCHEME);
  const opened = openedBy(around.args, around.folder);
  if (opened) early.push(opened);
  running = new RunningApp(electron, places, around, await around.hasTrayHost());
  running.start(early, orderedBy(around.args) ?? earlyOrders.at(-1));
}

class RunningApp {
  readonly #electron: Electron;
  readonly #places: AppPlaces;
  readonly #around: AppSurroundings;
  readonly #settings: SettingsFile;
  readonly #link: HelperLink;
  readonly #keeper: WindowKeeper;
  readonly #notifier = new Notifier();
  readonly #clock: () => number;
  readonly #hasTray: boolean;
  readonly #notices: AppState["notices"] = [];
  /** What pages have not been told yet, because there is none. */
  #waiting: AppEvent[] = [];
  #tray: TrayIconView | undefined;
  #shownIcon: TrayPicture["icon"] | undefined;
  #text: Text;
  #reach: Reach = { kind: "opening" };
  #snapshot: HelperSnapshot | undefined;
  #isQuitting = false;
  readonly #busiest = new BusiestPeers();
  /** What is to be done once it is known what there is. */
  #ordered: RingOrder | undefined;
  /** When the helper ended that is to start again by itself, by our clock. */
  #endedAt: number | undefined;
  #graceTimer: ReturnType<typeof setTimeout> | undefined;
  /** The mark of what pages were last told of the helper. */
  #toldHelper = "";
  /** Notifications shown, so that they live until they are clicked; one a tag. */
  readonly #shownNotes = new Map<string, Electron.Notification>();

  constructor(electron: Electron, places: AppPlaces, around: AppSurroundings, hasTray: boolean) {
    const { app, BrowserWindow, screen } = electron;
    this.#electron = electron;
    this.#places = places;
    this.#around = around;
    this.#hasTray = hasTray;
    this.#clock = around.clock ?? (() => performance.now());
    this.#settings = around.settings();
    if (this.#settings.setAside !== undefined) this.#note("settingsSetAside", this.#settings.setAside);
    this.#text = this.#readWords();
    this.#link = new HelperLink({ connect: () => connectHelper(places.socketPath) });
    this.#keeper = new WindowKeeper({
      open: (place) => openWindow({ BrowserWindow, preload: places.preload, place }),
      screen,
      placeOn: (display) => this.#settings.placeOn(display),
      savePlace: (display, place) => this.#settings.savePlace(display, place),
      hides: () => this.#hasTray && this.#settings.app.closeToTray,
      onOpen: (window) => this.#dress(window),
      onCrash: (reason) => this.#note("windowRestarted", reason),
      onCrashLoop: (window, reason, again) => void this.#askAfterCrashes(window, reason, again),
      clock: this.#clock,
    });
    app.on("before-quit", () => {
      this.#isQuitting = true;
      this.#keeper.quitting();
    });
    app.on("window-all-closed", () => this.#allClosed());
    app.on("activate", () => this.show());
    app.on("will-quit", () => {
      this.#link.close();
      clearTimeout(this.#graceTimer);
      this.#tray?.destroy();
    });
  }

  start(opened: readonly Opened[], order: RingOrder | undefined): void {
    const { ipcMain, powerMonitor } = this.#electron;
    const windows = () => this.#pages();
    serveBridge({ ipcMain, link: this.#link, windows });
    serveApp({
      ipcMain,
      handlers: {
        changeSettings: (change) => this.#changeSettings(change),
        installHelper: () => this.#order(() => this.#around.life.install()),
        startHelper: () => this.#order(() => this.#around.life.start()),
        removeHelper: () => this.#order(() => this.#around.life.remove()),
        stayOnHelper: () => {
          const version = this.#snapshot?.status.version;
          if (version !== undefined) this.#settings.stayOn(version);
          return this.#tellState();
        },
        dismissNotices: () => {
          this.#notices.length = 0;
          return this.#tellState();
        },
      },
      present: () => {
        const events: AppEvent[] = [{ kind: "state", state: this.#state() }, ...this.#waiting];
        this.#waiting = [];
        return events;
      },
      isOurs: (event) => isOurs(event, windows),
    });
    powerMonitor.on("resume", () => {
      // Without a helper there is nobody to tell; it looks at its own clock too.
      this.#link.call("wake", {}).catch(() => {});
    });
    this.#link.watch((event) => this.#hear(event));
    if (this.#hasTray) this.#makeTray();
    for (const each of opened) this.#tell({ kind: "opened", opened: each });
    const isQuiet = order !== undefined || this.#around.args.includes(HIDDEN_FLAG);
    const staysHidden = this.#hasTray && isQuiet && opened.length === 0;
    if (staysHidden) this.#electron.app.dock?.hide();
    else this.show();
    if (order !== undefined) this.order(order);
  }

  /** Connects all affiliations or disconnects them, now or as soon as the helper has said which there are. */
  order(order: RingOrder): void {
    this.#ordered = order;
    this.#carryOut();
  }

  #carryOut(): void {
    const order = this.#ordered;
    const reach = this.#reach;
    if (order === undefined || reach.kind === "opening") return;
    if (reach.kind === "open" && this.#snapshot === undefined) return;
    this.#ordered = undefined;
    if (reach.kind !== "open") {
      // The window says what is wrong and what can be done.
      return this.show("overview");
    }
    for (const { name, state } of this.#snapshot?.status.affiliations ?? []) {
      if ((state === "off") === (order === "connect")) this.#act({ kind: "call", call: order, affiliation: name });
    }
  }

  show(screen?: ScreenName): void {
    this.#keeper.show();
    if (screen !== undefined) this.#tell({ kind: "show", screen });
  }

  open(opened: Opened): void {
    this.show();
    this.#tell({ kind: "opened", opened });
  }

  #makeTray(): void {
    const { Tray, Menu, nativeTheme } = this.#electron;
    this.#tray = new TrayIconView(
      {
        Tray,
        Menu,
        nativeTheme,
        platform: this.#around.platform,
        desktop: this.#around.env.XDG_CURRENT_DESKTOP ?? "",
        folder: this.#places.iconFolder,
        onAction: (action) => this.#act(action),
        // On Windows a click opens; a click again brings to the front what lies behind.
        onClick: () => (this.#around.platform === "win32" ? this.show() : this.#keeper.toggle()),
      },
      this.#picture(),
    );
  }

  #picture(): TrayPicture {
    return trayPicture(this.#reach, this.#snapshot, this.#text, (affiliation, peers) =>
      this.#busiest.of(this.#clock(), affiliation, peers),
    );
  }

  /** What a new window needs beside its page: the Dock's icon on macOS, the badge and a hint about the tray on Windows. */
  #dress(window: Electron.BrowserWindow): void {
    const { platform } = this.#around;
    if (platform === "darwin") {
      // The notch can hide the menu bar's icons, so an open window has one in the Dock; a hidden one needs none.
      const { dock } = this.#electron.app;
      window.on("show", () => void dock?.show());
      window.on("hide", () => dock?.hide());
      window.on("closed", () => dock?.hide());
    }
    if (platform !== "win32") return;
    this.#badge(window, this.#picture());
    window.on("hide", () => {
      if (this.#settings.saidTrayHidden) return;
      this.#settings.noteTrayHidden();
      this.#notify({ tag: "tray", title: "Ringway", body: this.#text("tray.hidden"), opens: "overview" });
    });
  }

  #badge(window: Electron.BrowserWindow | undefined, { icon, tooltip }: TrayPicture): void {
    if (this.#around.platform !== "win32" || window === undefined) return;
    const wanted = icon === "attention";
    const file = path.join(this.#places.iconFolder, "badge-attention.png");
    window.setOverlayIcon(wanted ? this.#electron.nativeImage.createFromPath(file) : null, wanted ? tooltip : "");
  }

  #hear(event: BridgeEvent): void {
    if (event.kind === "reach") this.#reached(event.reach);
    else this.#snapshot = event.snapshot;
    if (this.#helperMark() !== this.#toldHelper) this.#tellState();
    const picture = this.#picture();
    this.#tray?.show(picture);
    if (picture.icon !== this.#shownIcon) this.#badge(this.#keeper.window, picture);
    this.#shownIcon = picture.icon;
    if (event.kind === "snapshot" || event.reach.kind !== "open") this.#carryOut();
    const notes = this.#notifier.step(this.#clock(), this.#reach, this.#snapshot, this.#settings.app, this.#text);
    if (this.#keeper.window?.isFocused() !== true) for (const note of notes) this.#notify(note);
  }

  /** Notes when a helper ended that comes back by itself; each failed attempt to reach it is told here too. */
  #reached(reach: Reach): void {
    const ended = reach.kind === "noHelper" && reach.error.code === "HELPER_NOT_RUNNING";
    if (ended && this.#reach.kind === "open" && this.#around.life.isWatched()) {
      this.#endedAt = this.#clock();
      clearTimeout(this.#graceTimer);
      this.#graceTimer = setTimeout(
        () => {
          this.#endedAt = undefined;
          this.#tellState();
        },
        HELPER_RESTART_S * 1_000 + RESTART_GRACE_MS,
      );
    } else if (!ended) {
      this.#endedAt = undefined;
      clearTimeout(this.#graceTimer);
    }
    this.#reach = reach;
  }

  #notify({ tag, title, body, opens }: Note): void {
    const { Notification } = this.#electron;
    if (!Notification.isSupported()) return;
    this.#shownNotes.get(tag)?.close();
    const note = new Notification({ title, body, silent: true });
    this.#shownNotes.set(tag, note);
    note.on("click", () => this.show(opens));
    note.on("close", () => {
      if (this.#shownNotes.get(tag) === note) this.#shownNotes.delete(tag);
    });
    note.show();
  }

  #act(action: TrayAction): void {
    switch (action.kind) {
      case "call":
        this.#link.call(action.call, { affiliation: action.affiliation }).catch((error: unknown) => {
          const said = error instanceof HelperError ? error : undefined;
          this.#notify({
            tag: "order",
            title: said?.text ?? String(error),
            body: said?.remedy ?? "",
            opens: "overview",
          });
        });
        return;
      case "copy":
        void this.#electron.clipboard.writeText(action.text);
        return;
      case "open":
        return this.show(action.screen);
      case "quit":
        void this.#quit(action.disconnect);
    }
  }

  /** The page cannot say it, so the system's own dialogue does. */
  async #askAfterCrashes(window: Electron.BrowserWindow, reason: string, again: () => void): Promise<void> {
    const { response } = await this.#electron.dialog.showMessageBox(window, {
      type: "error",
      title: "Ringway",
      message: this.#text("crash.title"),
      detail: this.#text("crash.text", { reason }),
      buttons: [this.#text("crash.again"), this.#text("tray.quitKeep")],
      defaultId: 0,
      cancelId: 1,
      noLink: true,
    });
    if (response === 0) again();
    else this.#electron.app.quit();
  }

  async #quit(disconnect: boolean): Promise<void> {
    if (disconnect) {
      const on = (this.#snapshot?.status.affiliations ?? []).filter(({ state }) => state !== "off");
      await Promise.allSettled(on.map(({ name }) => this.#link.call("disconnect", { affiliation: name })));
    }
    this.#electron.app.quit();
  }

  /** Without a tray to stay in the app ends with its window, and says once that the connection does not. */
  #allClosed(): void {
    if (this.#hasTray && this.#settings.app.closeToTray && !this.#isQuitting) return;
    if (!this.#hasTray && !this.#settings.saidNoTray && !this.#isQuitting) {
      this.#settings.noteNoTray();
      this.#notify({ tag: "tray", title: "Ringway", body: this.#text("tray.none"), opens: "overview" });
    }
    this.#electron.app.quit();
  }

  #changeSettings(change: Partial<AppState["settings"]>): AppState {
    const settings = this.#settings.change(change);
    if (change.startAtLogin !== undefined) {
      const { app } = this.#electron;
      const { platform, env, program } = this.#around;
      setAutostart(settings.startAtLogin, { app, platform, env, program });
    }
    if (change.language !== undefined) {
      this.#text = this.#readWords();
      this.#tray?.show(this.#picture());
    }
    return this.#tellState();
  }

  async #order<T>(run: () => Promise<T>): Promise<T> {
    const outcome = await run();
    this.#link.retry();
    this.#tellState();
    return outcome;
  }

  #readWords(): Text {
    const language = languageOf(this.#settings.app.language, this.#electron.app.getPreferredSystemLanguages());
    return textIn(language, this.#places.rendererFolder);
  }

  #note(code: AppState["notices"][number]["code"], detail: string): void {
    if (this.#notices.length < NOTICES_LIMIT) this.#notices.push({ code, detail });
  }

  #helper(): NonNullable<AppState["helper"]> {
    return { ...this.#around.life.state(), mismatch: this.#mismatch(), restartsInMs: this.#restartsInMs() };
  }

  /** What pages must hear of when it changes, without what runs by itself. */
  #helperMark(): string {
    return `${this.#mismatch()?.version} ${this.#endedAt}`;
  }

  /** A helper of another version that speaks the same calls works, so the user may keep it. */
  #mismatch(): { version: string; newer: boolean } | null {
    const version = this.#snapshot?.status.version;
    const ours = this.#electron.app.getVersion();
    if (this.#reach.kind !== "open" || version === undefined || version === ours) return null;
    return version === this.#settings.stayOnHelper ? null : { version, newer: isNewer(version, ours) };
  }

  #restartsInMs(): number | null {
    if (this.#endedAt === undefined) return null;
    return Math.max(0, this.#endedAt + HELPER_RESTART_S * 1_000 - this.#clock());
  }

  #state(): AppState {
    return {
      version: this.#electron.app.getVersion(),
      settings: this.#settings.app,
      tray: this.#hasTray,
      helper: this.#helper(),
      notices: [...this.#notices],
    };
  }

  #tellState(): AppState {
    const state = this.#state();
    this.#toldHelper = this.#helperMark();
    tellPages(this.#pages(), { kind: "state", state });
    return state;
  }

  /** To the page if there is one that listens, else when it comes. */
  #tell(event: AppEvent): void {
    const page = this.#keeper.window?.webContents;
    if (page === undefined || page.isDestroyed() || page.isLoading()) this.#waiting.push(event);
    else tellPages([page], event);
  }

  #pages() {
    return this.#electron.BrowserWindow.getAllWindows().map(({ webContents }) => webContents);
  }
}
