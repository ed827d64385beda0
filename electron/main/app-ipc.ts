/** What a page asks of the app itself; every sender is checked and every payload parsed, as for the calls of the helper. */
import type { IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebContents } from "electron";
import { HelperError } from "#contract";
import {
  type AppArgs,
  type AppCall,
  type AppEvent,
  type AppReply,
  appCallNames,
  appCalls,
} from "#contract/app-bridge.ts";
import type { Outcome } from "#contract/bridge.ts";
import { channels } from "../channels.ts";

export type AppHandlers = { [N in AppCall]: (args: AppArgs<N>) => AppReply<N> | Promise<AppReply<N>> };

export interface AppIpcOptions {
  readonly ipcMain: Pick<IpcMain, "handle" | "on">;
  readonly handlers: AppHandlers;
  /** What a page that has just come is told. */
  readonly present: () => readonly AppEvent[];
  readonly isOurs: (event: IpcMainEvent | IpcMainInvokeEvent) => boolean;
}

export function serveApp({ ipcMain, handlers, present, isOurs }: AppIpcOptions): void {
  for (const call of appCallNames) {
    ipcMain.handle(channels.app(call), async (event, args: unknown): Promise<Outcome> => {
      if (!isOurs(event)) return failed("NOT_ALLOWED", "This page may not call the app.", "Use the window of Ringway.");
      const parsed = appCalls[call].args.safeParse(args);
      if (!parsed.success)
        return failed("BAD_ARGUMENT", `${call}: the arguments are not understood.`, "Install Ringway again.");
      try {
        return { ok: true, reply: await (handlers[call] as (args: unknown) => unknown)(parsed.data) };
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        return failed("INTERNAL", `${call} failed: ${detail}.`, "Try again; if it stays so, report it.");
      }
    });
  }
  ipcMain.on(channels.watchApp, (event) => {
    if (!isOurs(event)) return;
    for (const known of present()) event.sender.send(channels.appEvent, known);
  });
}

export function tellPages(windows: readonly WebContents[], event: AppEvent): void {
  for (const contents of windows) if (!contents.isDestroyed()) contents.send(channels.appEvent, event);
}

function failed(code: "NOT_ALLOWED" | "BAD_ARGUMENT" | "INTERNAL", text: string, remedy: string): Outcome {
  return { ok: false, error: new HelperError(code, text, remedy).view() };
}
