/** The document of a benchmark. */
export interface Bar {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  /** What the value must reach, or stay under where `is` is "below". */
  readonly bar: number;
  readonly is: "below" | "atLeast";
}

export interface Measured {
  readonly figures: Readonly<Record<string, unknown>>;
  readonly bars: readonly Bar[];
}

export interface BenchReport {
  readonly suite: string;
  readonly pass: boolean;
  readonly cores: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: Readonly<Record<string, unknown>>;
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
  return { suite, pass, cores, versions, figures: measured.figures, bars };
}

/** What was not measured passes no bar. */
function passes({ value, bar, is }: Bar): boolean {
  return value !== null && (is === "below" ? value < bar : value >= bar);
}

export function textOf(report: BenchReport): string {
  const lines = [
    `Suite ${report.suite} on ${report.cores} cores`,
    ...Object.entries(report.versions).map(([name, version]) => `  ${name} ${version}`),
    ...Object.entries(report.figures).map(([name, figure]) => `${name}: ${JSON.stringify(figure)}`),
    ...report.bars.map((bar) => {
      const words = bar.is === "below" ? "under" : "at least";
      return `${bar.pass ? "pass" : "FAIL"}  ${bar.name}: ${bar.value ?? "not measured"} ${bar.unit} (${words} ${bar.bar})`;
    }),
  ];
  return `${lines.join("\n")}\n`;
}
