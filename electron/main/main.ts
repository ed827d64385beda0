/** Entry of Electron's main process: the real Electron, and the places of this installation. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import sudo from "@vscode/sudo-prompt";
import * as electron from "electron";
import Store from "electron-store";
import { defaultSocketPath } from "../../native-helper/control/client.ts";
import { startApp } from "./app.ts";
import { HelperLife } from "./helper-life.ts";
import { SettingsFile, type Stored } from "./settings.ts";
import { hasTrayHost } from "./tray-host.ts";

const { app } = electron;
const here = path.dirname(fileURLToPath(import.meta.url));
/** In a package the command lies beside the archive; in a clone it is in dist/. */
const command = app.isPackaged ? path.join(process.resourcesPath, "ringway.js") : path.join(here, "..", "ringway.js");

startApp(
  electron,
  {
    rendererFolder: path.join(here, "..", "renderer"),
    preload: path.join(here, "preload.cjs"),
    socketPath: defaultSocketPath(),
    iconFolder: path.join(here, "icons"),
  },
  {
    platform: process.platform,
    env: process.env,
    args: process.argv.slice(app.isPackaged ? 1 : 2),
    folder: process.cwd(),
    program: process.env.APPIMAGE ?? process.execPath,
    settings: () => new SettingsFile(app.getPath("userData"), (options) => new Store<Stored>(options)),
    life: new HelperLife({
      platform: process.platform,
      command,
      uid: process.getuid?.() ?? 0,
      searchPath: (process.env.PATH ?? "/usr/local/bin:/usr/bin").split(path.delimiter).filter(path.isAbsolute),
      asAdministrator: (line) =>
        new Promise((resolve, reject) => {
          sudo.exec(line, { name: "Ringway" }, (error) => (error ? reject(error) : resolve()));
        }),
    }),
    hasTrayHost: () => hasTrayHost(),
  },
).catch((error: unknown) => {
  console.error(error);
  app.exit(1);
});
