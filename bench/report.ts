/** The document of a benchmark. */
export interface Bar {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  /** What the value must reach ("atLeast"), may reach ("atMost") or must stay under ("below"). */
  readonly bar: number;
  readonly is: "below" | "atMost" | "atLeast";
}

export interface SuiteOptions {
  readonly quick: boolean;
  /** Names of the ways to measure; all of the suite where absent. */
  readonly only?: readonly string[];
  readonly rounds?: number;
  readonly say: (text: string) => void;
}

/** Ours through theirs; above 1 means more. */
export type Ratios = Readonly<Record<"tcp1" | "tcp4" | "udp" | "rtt" | "cpuPerGb", number | null>>;

export interface Measured {
  readonly versions?: Readonly<Record<string, string>>;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly bars: readonly Bar[];
  /** By product: the ratios, or why it is missing. */
  readonly ratios?: Readonly<Record<string, Ratios | string>>;
}

export interface BenchReport extends Measured {
  readonly suite: string;
  readonly pass: boolean;
  readonly cores: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly bars: readonly (Bar & { readonly pass: boolean })[];
}

export function benchReport(
  suite: string,
  cores: number,
  versions: Readonly<Record<string, string>>,
  measured: Measured,
): BenchReport {
  const bars = measured.bars.map((bar) => ({ ...bar, pass: passes(bar) }));
  const pass = bars.length > 0 && bars.every((bar) => bar.pass);
  const { figures, ratios } = measured;
  return {
    suite,
    pass,
    cores,
    versions: { ...versions, ...measured.versions },
    figures,
    bars,
    ...(ratios && { ratios }),
  };
}

/** What was not measured passes no bar. */
function passes({ value, bar, is }: Bar): boolean {
  if (value === null) return false;
  return is === "below" ? value < bar : is === "atMost" ? value <= bar : value >= bar;
}

const WORDS = { below: "under", atMost: "at most", atLeast: "at least" } as const;

export function textOf(report: BenchReport): string {
  const lines = [
    `Suite ${report.suite} on ${report.cores} cores`,
    ...Object.entries(report.versions).map(([name, version]) => `  ${name} ${version}`),
    ...Object.entries(report.figures).flatMap(([name, figure]) => figureLines(name, figure)),
    ...Object.entries(report.ratios ?? {}).map(([name, ratio]) =>
      typeof ratio === "string" ? `without ${name}: ${ratio}` : `ratio to ${name}: ${JSON.stringify(ratio)}`,
    ),
    ...report.bars.map((bar) => {
      const value = bar.value ?? "not measured";
      return `${bar.pass ? "pass" : "FAIL"}  ${bar.name}: ${value} ${bar.unit} (${WORDS[bar.is]} ${bar.bar})`;
    }),
  ];
  return `${lines.join("\n")}\n`;
}

/** An object of objects takes a line for each of them. */
function figureLines(name: string, figure: unknown): string[] {
  const inner = typeof figure === "object" && figure !== null ? Object.entries(figure) : [];
  if (inner.length === 0 || inner.some(([, value]) => typeof value !== "object"))
    return [`${name}: ${JSON.stringify(figure)}`];
  return inner.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
}
