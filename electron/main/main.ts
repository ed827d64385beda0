/** Entry of Electron's main process: the real Electron, and the places of this installation. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, ipcMain, net, protocol, session } from "electron";
import { defaultSocketPath } from "../../native-helper/control/client.ts";
import { startApp } from "./app.ts";

const here = path.dirname(fileURLToPath(import.meta.url));

startApp(
  { app, BrowserWindow, ipcMain, net, protocol, session },
  {
    rendererFolder: path.join(here, "..", "renderer"),
    preload: path.join(here, "preload.cjs"),
    socketPath: defaultSocketPath(),
  },
).catch((error: unknown) => {
  console.error(error);
  app.exit(1);
});
