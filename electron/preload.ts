/**
 * The only thing that the window gets from Electron: one function for each call that it may make, a stream of events,
 * and `retry`. It is bundled to one CommonJS file, since a sandboxed preload can load no other.
 */

import { contextBridge, ipcRenderer } from "electron";
import { windowCalls } from "#contract/window-calls.ts";
import { channels } from "./channels.ts";

const calls = Object.fromEntries(
  windowCalls.map((call) => [call, (args: unknown) => ipcRenderer.invoke(channels.call(call), args)]),
);

contextBridge.exposeInMainWorld("ringway", {
  ...calls,
  watch: (listener: (event: unknown) => void) => {
    // The IPC event itself stays here: through it a page could reach the sender.
    const hear = (_event: unknown, message: unknown) => listener(message);
    ipcRenderer.on(channels.event, hear);
    ipcRenderer.send(channels.watch);
    return () => {
      ipcRenderer.off(channels.event, hear);
    };
  },
  retry: () => ipcRenderer.send(channels.retry),
});
