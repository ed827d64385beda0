/** What a speed test came to, as its caller gets it. */
import { HelperError, type SpeedView } from "#contract";
import type { SpeedOutcome } from "../overlay/boundary.ts";

export type SpeedResult = Pick<SpeedView, "seconds" | "upBitsPerS" | "downBitsPerS" | "lossPct">;

/** Throws PEER_REFUSED, LIMIT or TIMED_OUT where nothing was measured. */
export function speedResult(outcome: SpeedOutcome): SpeedResult {
  switch (outcome.kind) {
    case "measured": {
      const { seconds, upBitsPerS, downBitsPerS, lossPct } = outcome;
      return {
        seconds,
        upBitsPerS: Math.round(upBitsPerS),
        downBitsPerS: Math.round(downBitsPerS),
        lossPct: lossPct === undefined ? null : Math.round(100 * lossPct) / 100,
      };
    }
    case "refused":
      throw new HelperError(
        "PEER_REFUSED",
        "The peer takes no speed tests.",
        "Ask its owner to write speed = true into its configuration.",
      );
    case "busy":
      throw new HelperError(
        "PEER_REFUSED",
        "The peer takes part in another speed test, or took part in several just now.",
        "Try again in some seconds.",
      );
    case "busyHere":
      throw new HelperError("LIMIT", "A speed test runs already on this computer.", "Wait until it is through.");
    case "silent":
      throw new HelperError(
        "TIMED_OUT",
        "The peer did not answer.",
        "See ringway peer for its path; an older version of Ringway knows no speed tests.",
      );
  }
}
