/**
 * The only thing that the window gets from Electron: one function for each call that it may make, a stream of events,
 * and `retry`. It is bundled to one CommonJS file, since a sandboxed preload can load no other.
 */

import { contextBridge, ipcRenderer } from "electron";
import { appCallNames } from "#contract/app-bridge.ts";
import { windowCalls } from "#contract/window-calls.ts";
import { channels } from "./channels.ts";

const calls = Object.fromEntries(
  windowCalls.map((call) => [call, (args: unknown) => ipcRenderer.invoke(channels.call(call), args)]),
);
const appCalls = Object.fromEntries(
  appCallNames.map((call) => [call, (args: unknown) => ipcRenderer.invoke(channels.app(call), args)]),
);

/** Events of one channel, after the page has asked for them by another. */
const watching = (asking: string, channel: string) => (listener: (event: unknown) => void) => {
  // The IPC event itself stays here: through it a page could reach the sender.
  const hear = (_event: unknown, message: unknown) => listener(message);
  ipcRenderer.on(channel, hear);
  ipcRenderer.send(asking);
  return () => {
    ipcRenderer.off(channel, hear);
  };
};

contextBridge.exposeInMainWorld("ringway", {
  ...calls,
  ...appCalls,
  watch: watching(channels.watch, channels.event),
  watchApp: watching(channels.watchApp, channels.appEvent),
  retry: () => ipcRenderer.send(channels.retry),
});
