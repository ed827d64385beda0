/** The one word that the window shows, derived from what is known (docs/ui.md, "States"). */
import type { AffiliationView, ErrorView, HelperSnapshot } from "#contract";
import type { Reach } from "#contract/bridge.ts";
import { type Noise, QUIET } from "../bridge/intake.ts";

export type Condition =
  /** Nothing known yet, and nobody has said that something is wrong. */
  | { readonly kind: "opening" }
  /** The page may not ask at all. */
  | { readonly kind: "expired"; readonly host: string | null }
  /** No picture at all, because no helper answers or it refuses. */
  | { readonly kind: "noHelper"; readonly host: string | null; readonly error: ErrorView }
  | { readonly kind: "noServer"; readonly host: string | null }
  /** What comes in is not understood. */
  | { readonly kind: "garbled" }
  | { readonly kind: "noAffiliation" }
  | { readonly kind: "affiliation"; readonly state: State };

export type State = "off" | "connecting" | "connected" | "interfaceOff" | "failed";

/**
 * An affiliation that was seen keeps its last picture while helper or server are away; `troubleOf` says what to add to
 * it. An expired page shows nothing, since nothing that it shows could be refreshed.
 */
export function conditionOf(
  reach: Reach,
  snapshot: HelperSnapshot | undefined,
  affiliation: AffiliationView | undefined,
  noise: Noise = QUIET,
): Condition {
  if (reach.kind === "expired") return { kind: "expired", host: reach.host };
  if (snapshot === undefined) {
    if (reach.kind === "noHelper") return { kind: "noHelper", host: reach.host, error: reach.error };
    if (reach.kind === "noServer") return { kind: "noServer", host: reach.host };
    return { kind: noise.garbled > 0 ? "garbled" : "opening" };
  }
  if (affiliation === undefined) return { kind: "noAffiliation" };
  return { kind: "affiliation", state: stateOf(affiliation) };
}

export function stateOf(affiliation: AffiliationView): State {
  if (affiliation.state !== "connected") return affiliation.state;
  return affiliation.interface.state === "up" ? "connected" : "interfaceOff";
}

export type Trouble =
  | { readonly kind: "noHelper"; readonly host: string | null; readonly error: ErrorView }
  | { readonly kind: "noServer"; readonly host: string | null; readonly silentMs: number }
  | { readonly kind: "garbled" }
  | { readonly kind: "flood" }
  | { readonly kind: "stale"; readonly silentMs: number };

/** Values are old after this long without news. */
export const STALE_AFTER_MS = 5_000;

/** What is wrong with the picture shown, if anything: then its values are dimmed. Times are those of the window's clock. */
export function troubleOf(
  reach: Reach,
  newsAt: number | undefined,
  now: number,
  noise: Noise = QUIET,
): Trouble | undefined {
  if (newsAt === undefined) return undefined;
  const silentMs = now - newsAt;
  if (reach.kind === "noHelper") return { kind: "noHelper", host: reach.host, error: reach.error };
  if (reach.kind === "noServer") return { kind: "noServer", host: reach.host, silentMs };
  if (noise.garbled > 0) return { kind: "garbled" };
  if (silentMs > STALE_AFTER_MS) return { kind: "stale", silentMs };
  return noise.unread > 0 ? { kind: "flood" } : undefined;
}

export const connectSteps = ["helper", "neighbours", "confirm", "interface"] as const;
export type ConnectStep = (typeof connectSteps)[number];

/** Which steps of connecting are done, and the first that is not. */
export function connectProgress(affiliation: AffiliationView): {
  readonly done: ReadonlySet<ConnectStep>;
  readonly now: ConnectStep;
} {
  const { near, far, shortcut, relay, leaf, anchor } = affiliation.links;
  const done = new Set<ConnectStep>(["helper"]);
  if (near + far + shortcut + relay + leaf + anchor > 0) done.add("neighbours");
  if (affiliation.state === "connected") done.add("confirm");
  if (affiliation.interface.state === "up") done.add("interface");
  return { done, now: connectSteps.find((step) => !done.has(step)) ?? "interface" };
}

/** Connecting is called slow after this long. */
export const SLOW_AFTER_MS = 8_000;
