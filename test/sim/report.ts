/** What a run of the simulator says: the JSON document of `npm run sim`, and the same for people. */
import type { Breakable } from "../../native-helper/overlay/debug.ts";
import type { MixName } from "./crowd.ts";

export interface RunOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly mix: MixName;
  readonly trace?: (line: string) => void;
  readonly broken?: ReadonlySet<Breakable>;
}

/** A figure that could not be had is null. */
export type Figures = Readonly<Record<string, number | null>>;

export interface Bar {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly bar: number;
  readonly pass: boolean;
}

/** Holds no time of the real clock, so that equal seeds give equal bytes. */
export interface Report {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly mix: MixName;
  readonly pass: boolean;
  readonly ring: { readonly consistent: boolean };
  readonly figures: Figures;
  readonly bars: readonly Bar[];
}

export function reportText(report: Report): string {
  const width = Math.max(...Object.keys(report.figures).map((name) => name.length));
  const lines = [
    `${report.scenario}: ${report.nodes} nodes, mix ${report.mix}, seed ${report.seed}: ring ${report.ring.consistent ? "whole" : "NOT whole"}`,
    ...Object.entries(report.figures).map(([name, value]) => `  ${name.padEnd(width)}  ${value ?? "-"}`),
    "",
    ...report.bars.map(
      (bar) =>
        `  ${bar.pass ? "pass" : "FAIL"}  ${bar.name.padEnd(width)}  ${bar.value ?? "-"} of ${bar.bar} ${bar.unit}`,
    ),
    report.pass ? "all bars met" : "some bars missed",
  ];
  return `${lines.join("\n")}\n`;
}

/** A figure that must not exceed its bar; one that could not be had fails. */
export function atMost(name: string, unit: string, bar: number, value: number | null): Bar {
  return { name, value, unit, bar, pass: value !== null && value <= bar };
}

/** A figure that must reach its bar. */
export function atLeast(name: string, unit: string, bar: number, value: number | null): Bar {
  return { name, value, unit, bar, pass: value !== null && value >= bar };
}
