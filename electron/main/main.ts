/** Electron's main process: one window over its own protocol, and the line to the helper. It has no tray yet. */

import path from "node:path";
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, ipcMain, net, protocol, session } from "electron";
import { connectHelper, defaultSocketPath } from "../../native-helper/control/client.ts";
import { HelperLink } from "./helper-link.ts";
import { serveBridge } from "./ipc.ts";
import { registerScheme, serveWindowFiles } from "./window-files.ts";
import { guardContents, guardSession, openWindow } from "./windows.ts";

const here = path.dirname(fileURLToPath(import.meta.url));
const rendererFolder = path.join(here, "..", "renderer");
const preload = path.join(here, "preload.cjs");

registerScheme(protocol);
// One window a user: a second start shows the first one.
if (!app.requestSingleInstanceLock()) app.quit();
else void start();

async function start(): Promise<void> {
  let window: BrowserWindow | undefined;
  app.on("web-contents-created", (_event, contents) => guardContents(contents));
  app.on("window-all-closed", () => app.quit());
  app.on("second-instance", () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  await app.whenReady();
  guardSession(session.defaultSession);
  serveWindowFiles({ protocol, net, folder: rendererFolder });
  const socketPath = defaultSocketPath();
  const link = new HelperLink({ connect: () => connectHelper(socketPath) });
  app.on("will-quit", () => link.close());
  serveBridge({ ipcMain, link, windows: () => BrowserWindow.getAllWindows().map(({ webContents }) => webContents) });
  window = openWindow({ BrowserWindow, preload });
}
