/** The app: one window over its own protocol, and the line to the helper. It has no tray yet. */
import { connectHelper } from "../../native-helper/control/client.ts";
import { HelperLink } from "./helper-link.ts";
import { serveBridge } from "./ipc.ts";
import { registerScheme, serveWindowFiles } from "./window-files.ts";
import { guardContents, guardSession, openWindow } from "./windows.ts";

/** What the app uses of Electron; handed in, so that tests can stand in for it. */
export type Electron = Pick<
  typeof import("electron"),
  "app" | "BrowserWindow" | "ipcMain" | "net" | "protocol" | "session"
>;

export interface AppPlaces {
  /** Folder of the built window. */
  readonly rendererFolder: string;
  /** The bundled preload script. */
  readonly preload: string;
  /** The helper's socket. */
  readonly socketPath: string;
}

/** Starts the app; to be called before Electron is ready. Resolves when the window has been asked for. */
export async function startApp(electron: Electron, { rendererFolder, preload, socketPath }: AppPlaces): Promise<void> {
  const { app, BrowserWindow, ipcMain, net, protocol, session } = electron;
  registerScheme(protocol);
  // One window a user: a second start shows the first one.
  if (!app.requestSingleInstanceLock()) return app.quit();
  let window: Electron.BrowserWindow | undefined;
  app.on("web-contents-created", (_event, contents) => guardContents(contents));
  app.on("window-all-closed", () => app.quit());
  app.on("second-instance", () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  await app.whenReady();
  guardSession(session.defaultSession);
  serveWindowFiles({ protocol, net, folder: rendererFolder });
  const link = new HelperLink({ connect: () => connectHelper(socketPath) });
  app.on("will-quit", () => link.close());
  serveBridge({ ipcMain, link, windows: () => BrowserWindow.getAllWindows().map(({ webContents }) => webContents) });
  window = openWindow({ BrowserWindow, preload });
}
