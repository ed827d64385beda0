/** Starting with the user's session: an entry of the system's own, or a desktop file on Linux. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { App } from "electron";

export const HIDDEN_FLAG = "--hidden";

export interface AutostartOptions {
  readonly app: Pick<App, "setLoginItemSettings">;
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program to start. */
  readonly program: string;
}

export function setAutostart(on: boolean, { app, platform, env, program }: AutostartOptions): void {
  if (platform !== "linux") {
    app.setLoginItemSettings({ openAtLogin: on, args: [HIDDEN_FLAG] });
    return;
  }
  const config = env.XDG_CONFIG_HOME || (env.HOME && path.join(env.HOME, ".config"));
  if (!config) return;
  const file = path.join(config, "autostart", "ringway.desktop");
  if (!on) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, desktopEntry(program));
}

function desktopEntry(program: string): string {
  const quoted = `"${program.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
  return `[Desktop Entry]\nType=Application\nName=Ringway\nExec=${quoted} ${HIDDEN_FLAG}\nTerminal=false\n`;
}
