/** The bridge of Electron: what the preload exposes, with every event and reply parsed again on this side. */
import { calls, HelperError } from "#contract";
import { type Bridge, Outcome, unwrap, type WindowCall, windowCalls } from "#contract/bridge.ts";

import { Intake, type WindowBridge } from "./intake.ts";

/** `window.ringway`, made by electron/preload.ts: one function a call, and nothing else. */
export type Exposed = Readonly<Record<WindowCall, (args: unknown) => Promise<unknown>>> & {
  readonly watch: (listener: (event: unknown) => void) => () => void;
  readonly retry: () => void;
};

declare global {
  interface Window {
    readonly ringway?: Exposed;
  }
}

/** Undefined in a plain browser. */
export function electronBridge(exposed: Exposed | undefined = window.ringway): WindowBridge | undefined {
  if (exposed === undefined) return undefined;
  const methods = Object.fromEntries(
    windowCalls.map((call) => [call, async (args: unknown) => replyOf(call, await exposed[call](args))]),
  ) as unknown as Pick<Bridge, WindowCall>;
  return {
    ...methods,
    retry: () => exposed.retry(),
    watch: (listener) => {
      const intake = new Intake({
        hear: listener,
        other: (message) => message.kind === "reach" && listener(message),
        lost: () => exposed.retry(),
      });
      const stop = exposed.watch((event) => intake.take(event));
      return () => {
        intake.close();
        stop();
      };
    },
  };
}

/** The reply in an outcome, parsed by the contract; throws the helper's error, or that the two do not match. */
export function replyOf(call: WindowCall, outcome: unknown): unknown {
  const parsed = Outcome.safeParse(outcome);
  const reply = parsed.success ? calls[call].reply.safeParse(unwrap(parsed.data)) : undefined;
  if (reply?.success) return reply.data;
  throw new HelperError(
    "VERSION_MISMATCH",
    `The answer to ${call} is not understood.`,
    "Install the same version of Ringway on both sides and restart the helper.",
  );
}
