/** The calls that a window may make; every other one is refused to it, whatever the user may do elsewhere. */
import type { CallName } from "./contract.ts";

/** The two switches: on and off the ring, interface up and down. */
export const switchCalls = ["connect", "disconnect", "up", "down"] as const satisfies readonly CallName[];
export type SwitchCall = (typeof switchCalls)[number];

/** Those that change nothing and that a page opened for looking only may make too. */
export const lookingCalls = [
  "peer",
  "ping",
  "trace",
  "doctor",
  "history",
  "throughput",
  "export",
  "walk",
] as const satisfies readonly CallName[];

export const windowCalls = [
  ...switchCalls,
  ...lookingCalls,
  "speed",
  "tryDirect",
  "shortcut",
] as const satisfies readonly CallName[];
export type WindowCall = (typeof windowCalls)[number];

/** Whether a page that was opened for looking only may make this call. */
export function isLooking(call: WindowCall): boolean {
  return (lookingCalls as readonly WindowCall[]).includes(call);
}
