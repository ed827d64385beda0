/**
 * What a window needs of the helper, and how it travels: through Electron's main process, through the WebSocket of
 * `ringway ui`, or from a script in tests. A bridge offers the calls below under their own names, a stream of snapshots,
 * and the truth about how far the window reaches.
 */
import * as z from "zod";
import type { HelperCalls } from "./client.ts";
import { ErrorView, HelperError, HelperSnapshot } from "./contract.ts";
import { SnapshotDelta } from "./delta.ts";
import { type WindowCall, windowCalls } from "./window-calls.ts";

export { type WindowCall, windowCalls };
export type WindowCalls = Pick<HelperCalls, WindowCall>;

/** How far a window reaches. `host` is the computer that the helper runs on; null where it is this one. */
export const Reach = z.discriminatedUnion("kind", [
  /** Asking; nothing is known yet. */
  z.object({ kind: z.literal("opening") }),
  /** Snapshots arrive. `readOnly`: calls that change something are refused, because the page was opened so. */
  z.object({
    kind: z.literal("open"),
    host: z.string().nullable(),
    readOnly: z.boolean(),
    /** The IP address of the helper's computer by which this page comes, where that is known. */
    through: z.string().exactOptional(),
  }),
  /** No helper answers, or it refuses: `error` says which. The bridge goes on trying. */
  z.object({ kind: z.literal("noHelper"), host: z.string().nullable(), error: ErrorView }),
  /** The page's own server does not answer. The bridge goes on trying. */
  z.object({ kind: z.literal("noServer"), host: z.string().nullable() }),
  /** The page has no right to be here: its one-time token was used, or its server was started anew. */
  z.object({ kind: z.literal("expired"), host: z.string().nullable() }),
]);
export type Reach = z.infer<typeof Reach>;

export const BridgeEvent = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("reach"), reach: Reach }),
  z.object({ kind: z.literal("snapshot"), snapshot: HelperSnapshot }),
]);
export type BridgeEvent = z.infer<typeof BridgeEvent>;

export interface Bridge extends WindowCalls {
  /** Tells the present reach and every later event; the returned function ends it. */
  watch(listener: (event: BridgeEvent) => void): () => void;
  /** Tries again now instead of at the next turn. */
  retry(): void;
}

/** The answer to one call where no exception can cross (IPC, WebSocket). */
export const Outcome = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), reply: z.unknown() }),
  z.object({ ok: z.literal(false), error: ErrorView }),
]);
export type Outcome = z.infer<typeof Outcome>;

/** The reply in an outcome, or its error thrown. */
export function unwrap(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.reply;
  const { code, text, remedy, values } = outcome.error;
  throw new HelperError(code, text, remedy, { values });
}

/** The longest message that a page may send over its WebSocket: what the helper would accept. */
export const PAGE_MESSAGE_LIMIT_BYTES = 256 * 1024;

/** Page to server: one call. */
export const PageRequest = z.strictObject({
  id: z.int().nonnegative(),
  call: z.enum(windowCalls),
  args: z.unknown(),
});
export type PageRequest = z.infer<typeof PageRequest>;

/** Server to page. */
export const PageMessage = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("reach"), reach: Reach }),
  z.object({ kind: z.literal("snapshot"), snapshot: HelperSnapshot }),
  /** What changed since the last snapshot or delta that this page was sent. */
  z.object({ kind: z.literal("delta"), delta: SnapshotDelta }),
  z.object({ kind: z.literal("reply"), id: z.int(), outcome: Outcome }),
]);
export type PageMessage = z.infer<typeof PageMessage>;

/** What `GET /session` answers to a page that has the cookie. */
export const PageSession = z.object({
  host: z.string(),
  readOnly: z.boolean(),
  /** As in Reach. */
  through: z.string().exactOptional(),
});
export type PageSession = z.infer<typeof PageSession>;
