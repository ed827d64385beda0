import type { HistoryRange } from "#contract";
import type { MessageId } from "../../words/words.tsx";

/** How far back a chart looks, what it asks the helper for, and how often. */
export interface Range {
  readonly asks: HistoryRange;
  readonly lengthS: number;
  readonly everyMs: number;
  readonly text: MessageId;
}

export const rttRanges = {
  "5m": { asks: "5m", lengthS: 300, everyMs: 2_000, text: "range.5m" },
  "1h": { asks: "1h", lengthS: 3_600, everyMs: 10_000, text: "range.1h" },
  "1d": { asks: "1d", lengthS: 86_400, everyMs: 60_000, text: "range.1d" },
} as const satisfies Record<string, Range>;

export const throughputRanges = {
  "2m": { asks: "5m", lengthS: 120, everyMs: 1_000, text: "range.2m" },
  "1h": { asks: "1h", lengthS: 3_600, everyMs: 10_000, text: "range.1h" },
  "1d": { asks: "1d", lengthS: 86_400, everyMs: 60_000, text: "range.1d" },
} as const satisfies Record<string, Range>;
