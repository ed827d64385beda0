/** The calls that a window may make; every other one is refused to it, whatever the user may do elsewhere. */
import type { CallName } from "./contract.ts";

export const windowCalls = ["connect", "disconnect", "up", "down"] as const satisfies readonly CallName[];
export type WindowCall = (typeof windowCalls)[number];
