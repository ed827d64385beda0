/** Names of the IPC channels between preload and main process. */
import type { AppCall } from "#contract/app-bridge.ts";
import type { WindowCall } from "#contract/window-calls.ts";

export const channels = {
  call: <N extends WindowCall>(call: N) => `ringway:call:${call}` as const,
  /** Page to main: tell me what is known. */
  watch: "ringway:watch",
  /** Page to main: try the helper again now. */
  retry: "ringway:retry",
  /** Main to page: one BridgeEvent. */
  event: "ringway:event",
  app: <N extends AppCall>(call: N) => `ringway:app:${call}` as const,
  /** Page to main: tell me about the app. */
  watchApp: "ringway:watch-app",
  /** Main to page: one AppEvent. */
  appEvent: "ringway:app-event",
} as const;
