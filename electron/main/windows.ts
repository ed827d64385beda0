/** Windows and what their contents may do: show our page, and nothing else. */
import type { BrowserWindow, BrowserWindowConstructorOptions, Rectangle, Session, WebContents } from "electron";
import { START_URL } from "./window-files.ts";
import { windowSize } from "./window-size.ts";

export interface OpenWindowOptions {
  readonly BrowserWindow: new (options: BrowserWindowConstructorOptions) => BrowserWindow;
  /** The bundled preload script. */
  readonly preload: string;
  /** Where it stood last on this display; else in the middle, in the usual size. */
  readonly place?: Rectangle | undefined;
}

export function openWindow({ BrowserWindow, preload, place }: OpenWindowOptions): BrowserWindow {
  const window = new BrowserWindow({
    ...windowSize,
    ...place,
    show: false,
    autoHideMenuBar: true,
    title: "Ringway",
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      spellcheck: false,
      navigateOnDragDrop: false,
    },
  });
  window.once("ready-to-show", () => window.show());
  window.loadURL(START_URL).catch((error: unknown) => {
    // One that was closed meanwhile needs no page.
    if (!window.isDestroyed()) console.error(error);
  });
  return window;
}

/** No navigation, no new window, no webview: for every contents that this app ever makes. */
export function guardContents(contents: WebContents): void {
  contents.on("will-navigate", (event) => event.preventDefault());
  contents.on("will-redirect", (event) => event.preventDefault());
  contents.on("will-frame-navigate", (event) => event.preventDefault());
  contents.on("will-attach-webview", (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: "deny" }));
}

/** No permission; writing to the clipboard, which the copy buttons do after a click, is the exception. */
export function guardSession(session: Session): void {
  const allowed = (permission: string, url: string) =>
    permission === "clipboard-sanitized-write" && url.startsWith(START_URL);
  session.setPermissionRequestHandler((contents, permission, callback) =>
    callback(allowed(permission, contents.getURL())),
  );
  session.setPermissionCheckHandler((contents, permission) => allowed(permission, contents?.getURL() ?? ""));
  session.setDevicePermissionHandler(() => false);
  session.on("will-download", (event) => event.preventDefault());
}
