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

/** Those of the screens of administration. */
export const administrationCalls = ["preview", "join", "leave", "configure"] as const satisfies readonly CallName[];
export type AdministrationCall = (typeof administrationCalls)[number];

export const windowCalls = [
  ...switchCalls,
  ...lookingCalls,
  "speed",
  "tryDirect",
  "shortcut",
  ...administrationCalls,
] as const satisfies readonly CallName[];
export type WindowCall = (typeof windowCalls)[number];
/** Those that ask for a measurement or a record. */
export type MeasureCall = Exclude<WindowCall, SwitchCall | AdministrationCall>;

/** Whether a page that was opened for looking only may make this call. */
export function isLooking(call: WindowCall): boolean {
  return (lookingCalls as readonly WindowCall[]).includes(call);
}
