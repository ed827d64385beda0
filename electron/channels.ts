/** Names of the IPC channels between preload and main process. */
import type { WindowCall } from "#contract/window-calls.ts";

export const channels = {
  call: <N extends WindowCall>(call: N) => `ringway:call:${call}` as const,
  /** Page to main: tell me what is known. */
  watch: "ringway:watch",
  /** Page to main: try the helper again now. */
  retry: "ringway:retry",
  /** Main to page: one BridgeEvent. */
  event: "ringway:event",
} as const;
