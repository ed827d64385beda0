/**
 * Whether somebody shows tray icons. On Linux that is whoever owns `org.kde.StatusNotifierWatcher` on the session bus;
 * GNOME has none without an extension, and an icon made there would be seen by nobody.
 */
import { execFile } from "node:child_process";

const WATCHER = "org.kde.StatusNotifierWatcher";
const ASK_WITHIN_MS = 3_000;

/** Runs a program of the system and gives what it wrote; rejects where it is missing or fails. */
export type Ask = (program: string, args: readonly string[]) => Promise<string>;

const ask: Ask = (program, args) =>
  new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: ASK_WITHIN_MS }, (error, output) =>
      error ? reject(error) : resolve(output),
    );
  });

/** The same question to whichever of the usual programs is there. */
const questions: readonly (readonly [string, readonly string[]])[] = [
  [
    "gdbus",
    [
      ...["call", "--session", "--dest", "org.freedesktop.DBus", "--object-path", "/org/freedesktop/DBus"],
      ...["--method", "org.freedesktop.DBus.NameHasOwner", WATCHER],
    ],
  ],
  [
    "busctl",
    [
      ...["--user", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner"],
      ...["s", WATCHER],
    ],
  ],
  [
    "dbus-send",
    [
      ...["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"],
      ...["org.freedesktop.DBus.NameHasOwner", `string:${WATCHER}`],
    ],
  ],
];

/** False also where nobody can be asked: then the window is never hidden where only a tray could bring it back. */
export async function hasTrayHost(platform: NodeJS.Platform = process.platform, asking: Ask = ask): Promise<boolean> {
  if (platform !== "linux") return true;
  for (const [program, args] of questions) {
    try {
      return /\btrue\b/.test(await asking(program, args));
    } catch {
      // That program is not here, or the bus does not answer it; the next one may do.
    }
  }
  return false;
}
