/** What the preload's functions reach: one channel a call. Every sender is checked, every payload parsed. */

import type { IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebContents } from "electron";
import { errorView, HelperError, parseArgs } from "#contract";
import { type Outcome, windowCalls } from "#contract/bridge.ts";
import { channels } from "../channels.ts";
import type { HelperLink } from "./helper-link.ts";
import { START_URL } from "./window-files.ts";

export interface BridgeOptions {
  readonly ipcMain: Pick<IpcMain, "handle" | "on">;
  readonly link: Pick<HelperLink, "watch" | "call" | "retry">;
  /** The contents of all windows, which get the events. */
  readonly windows: () => readonly WebContents[];
}

export function serveBridge({ ipcMain, link, windows }: BridgeOptions): void {
  for (const call of windowCalls) {
    ipcMain.handle(channels.call(call), async (event, args: unknown): Promise<Outcome> => {
      if (!isOurs(event, windows)) return refused("This page may not call the helper.");
      const parsed = parseArgs(call, args);
      if (!parsed.ok) return { ok: false, error: badArgument(parsed.text).view() };
      try {
        return { ok: true, reply: await link.call(call, parsed.args) };
      } catch (error) {
        return { ok: false, error: errorView(error) };
      }
    });
  }
  ipcMain.on(channels.retry, (event) => {
    if (isOurs(event, windows)) link.retry();
  });
  ipcMain.on(channels.watch, (event) => {
    if (!isOurs(event, windows)) return;
    // A page that has just come asks for what is known; later events go to all pages below.
    const stop = link.watch((known) => event.sender.send(channels.event, known));
    stop();
  });
  let first = true;
  link.watch((event) => {
    if (first) return;
    for (const contents of windows()) if (!contents.isDestroyed()) contents.send(channels.event, event);
  });
  first = false;
}

/** Only the top frame of one of our windows that shows our page; a frame in it, or another page, is nobody. */
export function isOurs(event: IpcMainEvent | IpcMainInvokeEvent, windows: () => readonly WebContents[]): boolean {
  const frame = event.senderFrame;
  return (
    frame !== null &&
    frame.parent === null &&
    frame.url.split(/[?#]/)[0] === START_URL &&
    windows().includes(event.sender)
  );
}

function refused(text: string): Outcome {
  return { ok: false, error: new HelperError("NOT_ALLOWED", text, "Use the window of Ringway.").view() };
}

function badArgument(text: string): HelperError {
  return new HelperError("BAD_ARGUMENT", `${text}.`, "Update Ringway: its window and its main process do not match.");
}
