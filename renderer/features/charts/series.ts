/** Recorded points made ready for a chart: times in seconds, and a gap where steps are missing. */

export interface Timed {
  readonly at: string;
}

export interface Series<P extends Timed> {
  readonly times: readonly number[];
  /** The point at each time; null in a gap. */
  readonly points: readonly (P | null)[];
}

/** More than this many steps without a point are a gap. */
const GAP_STEPS = 1.6;

export function seriesOf<P extends Timed>(points: readonly P[], stepS: number): Series<P> {
  const times: number[] = [];
  const out: (P | null)[] = [];
  let before: number | undefined;
  for (const point of points) {
    const at = Date.parse(point.at) / 1_000;
    if (Number.isNaN(at) || (before !== undefined && at <= before)) continue;
    if (before !== undefined && at - before > stepS * GAP_STEPS) {
      times.push(before + stepS);
      out.push(null);
    }
    times.push(at);
    out.push(point);
    before = at;
  }
  return { times, points: out };
}

/** Rows as comma-separated values with CRLF, as RFC 4180 wants them. */
export function csvOf(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const cell = (value: string | number | null) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
