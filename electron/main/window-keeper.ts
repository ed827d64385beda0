/** The one window: opened, hidden, brought back, with its place on each display; its renderer ends after a while unseen. */
import type { BrowserWindow, Display, Screen } from "electron";
import type { Place } from "./settings.ts";

/** A hidden window keeps its renderer this long, so that a quick look is quick. */
export const HIDDEN_LIMIT_MS = 10 * 60_000;
const SAVE_AFTER_MS = 500;
/** A page whose process ends more often than so within a minute is not loaded again by itself. */
const RELOADS_LIMIT = 3;
const RELOADS_WITHIN_MS = 60_000;

export interface KeeperOptions {
  readonly open: (place: Place | undefined) => BrowserWindow;
  readonly screen: Pick<
    Screen,
    "getPrimaryDisplay" | "getDisplayMatching" | "getCursorScreenPoint" | "getDisplayNearestPoint"
  >;
  readonly placeOn: (display: string) => Place | undefined;
  readonly savePlace: (display: string, place: Place) => void;
  /** Whether closing hides: there is a tray that brings the window back, and the user wants it so. */
  readonly hides: () => boolean;
  /** A window has been made; it is not shown yet. */
  readonly onOpen: (window: BrowserWindow) => void;
  /** The page's process ended by itself. */
  readonly onCrash: (reason: string) => void;
  /** It has ended too often to be loaded again unasked; `again` loads it. */
  readonly onCrashLoop: (window: BrowserWindow, reason: string, again: () => void) => void;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

export class WindowKeeper {
  readonly #options: KeeperOptions;
  #window: BrowserWindow | undefined;
  #isQuitting = false;
  /** When pages were loaded again after their process had ended, of the last minute. */
  #reloads: number[] = [];
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get window(): BrowserWindow | undefined {
    return this.#window;
  }

  /** Closing the window closes it from now on. */
  quitting(): void {
    this.#isQuitting = true;
    clearTimeout(this.#hiddenTimer);
  }

  /** Brings the window to the front; makes it where there is none. */
  show(): BrowserWindow {
    clearTimeout(this.#hiddenTimer);
    const window = this.#window;
    if (window === undefined) return this.#open();
    if (window.isMinimized()) window.restore();
    this.#bringBack(window);
    window.show();
    window.focus();
    return window;
  }

  toggle(): void {
    if (this.#window?.isVisible() && this.#window.isFocused()) this.#hide(this.#window);
    else this.show();
  }

  /** A window whose display has gone meanwhile stands where nobody sees it. */
  #bringBack(window: BrowserWindow): void {
    const place = window.getBounds();
    const display = this.#options.screen.getDisplayMatching(place);
    if (fits(place, display)) return;
    const { x, y, width, height } = display.workArea;
    const size = { width: Math.min(place.width, width), height: Math.min(place.height, height) };
    window.setBounds({
      ...size,
      x: x + Math.round((width - size.width) / 2),
      y: y + Math.round((height - size.height) / 2),
    });
  }

  #open(): BrowserWindow {
    const { screen, open, placeOn, hides } = this.#options;
    const display = screen.getDisplayNearestPoint(screen.getCursorScreenPoint());
    const place = placeOn(nameOf(display));
    const window = open(place && fits(place, display) ? place : undefined);
    this.#window = window;
    this.#options.onOpen(window);
    window.on("close", (event) => {
      if (this.#isQuitting || !hides()) return;
      event.preventDefault();
      this.#hide(window);
    });
    window.on("closed", () => {
      if (this.#window === window) this.#window = undefined;
    });
    for (const moved of ["move", "resize"] as const) {
      window.on(moved as "move", () => {
        clearTimeout(this.#saveTimer);
        this.#saveTimer = setTimeout(() => this.#savePlace(window), SAVE_AFTER_MS);
      });
    }
    window.webContents.on("render-process-gone", (_event, { reason }) => {
      if (reason !== "clean-exit") this.#crashed(window, reason);
    });
    return window;
  }

  #crashed(window: BrowserWindow, reason: string): void {
    const { clock, onCrash, onCrashLoop } = this.#options;
    const now = clock();
    this.#reloads = this.#reloads.filter((at) => now - at < RELOADS_WITHIN_MS);
    if (this.#reloads.length < RELOADS_LIMIT) {
      this.#reloads.push(now);
      onCrash(reason);
      window.webContents.reload();
      return;
    }
    onCrashLoop(window, reason, () => {
      this.#reloads = [];
      if (!window.isDestroyed()) window.webContents.reload();
    });
  }

  #hide(window: BrowserWindow): void {
    window.hide();
    clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = setTimeout(() => {
      if (this.#window === window && !window.isVisible()) window.destroy();
    }, HIDDEN_LIMIT_MS);
    this.#hiddenTimer.unref?.();
  }

  #savePlace(window: BrowserWindow): void {
    if (window.isDestroyed() || window.isMinimized() || window.isMaximized() || window.isFullScreen()) return;
    const place = window.getBounds();
    this.#options.savePlace(nameOf(this.#options.screen.getDisplayMatching(place)), place);
  }
}

/** A display is known again by its size and place; its number is another after each start of some systems. */
function nameOf({ bounds: { x, y, width, height } }: Display): string {
  return `${width}x${height}${x < 0 ? "" : "+"}${x}${y < 0 ? "" : "+"}${y}`;
}

/** At least a hand's breadth of the title must be on the display, or nobody could move the window. */
function fits(place: Place, { workArea }: Display): boolean {
  const shownX = Math.min(place.x + place.width, workArea.x + workArea.width) - Math.max(place.x, workArea.x);
  return shownX >= 100 && place.y >= workArea.y && place.y <= workArea.y + workArea.height - 40;
}
