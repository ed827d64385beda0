/**
 * Numbers as people read them (docs/ui.md, "Numbers"): a no-break space before each unit, powers of 1000, nothing
 * rounded up to a duration that has not passed. Unknown is an em dash, a prediction has a tilde.
 */
const SPACE = "\u00a0";
export const UNKNOWN = "—";

let decimalMark = ".";

/** Numbers of the whole window have the decimal mark of this language; what is shown already follows with its next value. */
export function showNumbersIn(language: string): void {
  const parts = new Intl.NumberFormat(language).formatToParts(0.5);
  decimalMark = parts.find(({ type }) => type === "decimal")?.value ?? ".";
}

export function fixed(value: number, digits: number): string {
  return value.toFixed(digits).replace(".", decimalMark);
}

/** `2.3 ms`, `41 ms`, `1.62 s`; never `0 ms`. */
export function formatRtt(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  if (ms < 0.1) return `<${SPACE}${fixed(0.1, 1)}${SPACE}ms`;
  if (ms < 9.95) return `${fixed(ms, 1)}${SPACE}ms`;
  if (ms < 999.5) return `${Math.round(ms)}${SPACE}ms`;
  return `${fixed(ms / 1000, 2)}${SPACE}s`;
}

/** A measured round trip as it is, a predicted one with a tilde, else unknown. */
export function formatRttOf(measured: number | null, predicted: number | null): string {
  if (measured !== null) return formatRtt(measured);
  return predicted === null ? UNKNOWN : `~${formatRtt(predicted)}`;
}

/** `0`, `640 B/s`, `5.6 kB/s`, `314 kB/s`, `1.74 MB/s`. */
export function formatRate(bytesPerS: number | null | undefined): string {
  if (bytesPerS === null || bytesPerS === undefined) return UNKNOWN;
  if (bytesPerS < 0.5) return "0";
  return rateUnit === "bytes" ? `${scaled(bytesPerS)}/s` : scaled(bytesPerS * 8).replace(/B$/, "bit/s");
}

let rateUnit: "bytes" | "bits" = "bytes";

/** A setting of the user for the whole window; what is shown already follows with its next value. */
export function showRatesIn(unit: "bytes" | "bits"): void {
  rateUnit = unit;
}

/** `640 kbit/s`, `240 Mbit/s`: what a speed test found. */
export function formatBits(bitsPerS: number): string {
  const step = [
    [1e9, "Gbit/s"],
    [1e6, "Mbit/s"],
    [1e3, "kbit/s"],
  ].find(([size]) => bitsPerS >= Number(size) * 0.9995) ?? [1, "bit/s"];
  const value = bitsPerS / Number(step[0]);
  return `${fixed(value, value < 9.95 && step[0] !== 1 ? 1 : 0)}${SPACE}${step[1]}`;
}

/** `0`, `640 B`, `1.72 GB`. */
export function formatVolume(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return UNKNOWN;
  return bytes < 0.5 ? "0" : scaled(bytes);
}

const STEPS = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

function scaled(bytes: number): string {
  // 999.5 kB must not read `1000 kB`, so each step begins where the one below would round up to 1000.
  const step = STEPS.find(([size]) => bytes >= size * 0.9995);
  if (step === undefined) return `${Math.round(bytes)}${SPACE}B`;
  const value = bytes / step[0];
  const digits = step[0] === 1e3 ? (value < 9.95 ? 1 : 0) : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${fixed(value, digits)}${SPACE}${step[1]}`;
}

/** `2 MB/s` for `2.00 MB/s`: for the marks of a scale, which are round. */
export function withoutZeros(text: string): string {
  return text.replace(/([.,])(\d*?)0+(?=\D)/, (_, mark: string, rest: string) => (rest === "" ? "" : mark + rest));
}

/** `45 s`, `12 min`, `2 h 14 min`, `3 d`; rounded down. */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}${SPACE}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${SPACE}min`;
  if (s < 86_400) {
    const minutes = Math.floor((s % 3600) / 60);
    return `${Math.floor(s / 3600)}${SPACE}h${minutes === 0 ? "" : `${SPACE}${minutes}${SPACE}min`}`;
  }
  return `${Math.floor(s / 86_400)}${SPACE}d`;
}

/** `2c71 00fb … af9e`, with no-break spaces. */
export function formatRingAddress(address: string): string {
  return `${address.slice(0, 4)}${SPACE}${address.slice(4, 8)}${SPACE}…${SPACE}${address.slice(-4)}`;
}

/** All 40 digits in groups of eight. */
export function formatWholeRingAddress(address: string): string {
  return address.replace(/(.{8})(?=.)/g, "$1 ");
}

/** Two letters for the square beside the name of an affiliation. */
export function monogram(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter((word) => word !== "");
  const letters =
    words.length > 1
      ? words.slice(0, 2).map((word) => Array.from(word)[0] ?? "")
      : Array.from(words[0] ?? "").slice(0, 2);
  return letters.join("").toLowerCase();
}
