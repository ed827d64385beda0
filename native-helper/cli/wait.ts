/** Waits, after a command that only begins something, until the helper's state says that it is done. */
import { type AffiliationView, HelperError, type HelperSnapshot } from "#contract";
import type { HelperConnection } from "../control/client.ts";
import type { Terminal } from "./command.ts";

const CONNECTED_WITHIN_MS = 30_000;
/** What takes no longer needs no line of progress. */
const QUIET_MS = 1_000;

export interface WaitOptions {
  readonly terminal: Terminal;
  /** Progress is for people. */
  readonly showProgress: boolean;
  readonly withinMs?: number;
}

/** The affiliation once it is connected. Throws TIMED_OUT with the reason; the helper keeps trying. */
export async function untilConnected(
  helper: HelperConnection,
  name: string,
  { terminal, showProgress, withinMs = CONNECTED_WITHIN_MS }: WaitOptions,
): Promise<AffiliationView> {
  const begun = performance.now();
  const deadline = begun + withinMs;
  let last: AffiliationView | undefined;
  let shown = "";
  for await (const snapshot of snapshots(helper, deadline)) {
    const view = snapshot.status.affiliations.find((affiliation) => affiliation.name === name);
    if (!view)
      throw new HelperError(
        "UNKNOWN_AFFILIATION",
        `This computer left "${name}" meanwhile.`,
        "Join it again with: ringway join.",
      );
    if (view.state === "connected") return view;
    if (view.state === "off")
      throw new HelperError(
        "NOT_CONNECTED",
        `"${name}" was disconnected meanwhile.`,
        `Connect it with: ringway connect "${name}".`,
      );
    if (view.state === "failed")
      throw new HelperError(
        "INTERNAL",
        `"${name}" cannot connect: ${view.reason ?? "the reason is not known."}`,
        "See the log of the helper.",
      );
    last = view;
    const line = `connecting to "${name}": ${view.reason ?? "looking for the ring."}`;
    if (showProgress && line !== shown && performance.now() - begun > QUIET_MS) {
      shown = line;
      terminal.err(`${line}\n`);
    }
  }
  throw new HelperError(
    "TIMED_OUT",
    `"${name}" is not connected after ${Math.round(withinMs / 1_000)} s: ${last?.reason ?? "no start address has answered."}`,
    "The helper keeps trying; ringway status tells when it is connected.",
  );
}

/** The present snapshot and each later one, until the deadline. */
async function* snapshots(helper: HelperConnection, deadline: number): AsyncGenerator<HelperSnapshot> {
  let newest: HelperSnapshot | undefined;
  let wake: () => void = () => {};
  helper.onSnapshot((snapshot) => {
    newest = snapshot;
    wake();
  });
  yield await helper.subscribe({});
  while (performance.now() < deadline) {
    if (!newest) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - performance.now());
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (newest) yield newest;
    newest = undefined;
  }
}
