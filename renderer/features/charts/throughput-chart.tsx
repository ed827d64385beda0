import { useMemo, useRef } from "react";
import { median } from "../../store/peers.ts";
import { formatDuration, formatRate, withoutZeros } from "../../ui/format.ts";
import { TimeChart } from "../../ui/time-chart.tsx";
import { useClockTime, useText } from "../../words/words.tsx";
import { SteadyTop, stepFor } from "./scale.ts";
import { seriesOf, type Timed } from "./series.ts";

export interface RatePoint extends Timed {
  readonly rxBytesPerS: number;
  readonly txBytesPerS: number;
}

export interface ThroughputChartProps {
  readonly points: readonly RatePoint[];
  readonly stepS: number;
  readonly lengthS: number;
  readonly height: number;
}

const MARKS = 4;
const LEAST_TOP = 1_000;

/** Received upwards and sent downwards, on one scale. */
export function ThroughputChart({ points, stepS, lengthS, height }: ThroughputChartProps) {
  const t = useText();
  const clock = useClockTime();
  const tops = useRef({ rx: new SteadyTop(), tx: new SteadyTop() });
  const made = useMemo(() => {
    const until = points.length === 0 ? Date.now() / 1000 : Date.parse(points.at(-1)?.at ?? "") / 1000;
    const shown = points.filter(({ at }) => Date.parse(at) / 1000 >= until - lengthS);
    const series = seriesOf(shown, stepS);
    const rx = series.points.map((point) => point?.rxBytesPerS ?? null);
    const tx = series.points.map((point) => (point === null ? null : -point.txBytesPerS));
    return { until, series, data: [[...series.times], rx, tx] as [number[], (number | null)[], (number | null)[]] };
  }, [points, stepS, lengthS]);
  const { data, until } = made;
  const highest = (values: readonly (number | null)[]) =>
    values.reduce<number>((top, each) => Math.max(top, Math.abs(each ?? 0)), 0);
  const now = performance.now();
  const up = tops.current.rx.next(Math.max(LEAST_TOP, highest(data[1])), now);
  const down = tops.current.tx.next(highest(data[2]), now);
  const step = stepFor(up + down, MARKS);
  const [above, below] = [Math.ceil(up / step), Math.ceil(down / step)];
  const marks = Array.from({ length: above + below + 1 }, (_, index) => (index - below) * step);
  const figures = (name: "chart.received" | "chart.sent", values: readonly (number | null)[]) =>
    t("chart.summary", {
      what: t(name),
      duration: formatDuration(lengthS),
      now: formatRate(Math.abs(values.at(-1) ?? 0)),
      median: formatRate(median(values.map((each) => each && Math.abs(each)))),
      max: formatRate(highest(values)),
    });
  return (
    <TimeChart
      summary={`${figures("chart.received", data[1])}. ${figures("chart.sent", data[2])}.`}
      height={height}
      series={[
        { colour: "data-rx", filled: true },
        { colour: "data-tx", filled: true },
      ]}
      data={data}
      from={until - lengthS}
      until={until}
      range={[-below * step, above * step]}
      marks={marks}
      value={(rate) => withoutZeros(formatRate(rate))}
      time={clock}
      readOut={(index) =>
        t("chart.rates", {
          time: clock(data[0][index] ?? 0),
          rx: formatRate(data[1][index] ?? null),
          tx: formatRate(Math.abs(data[2][index] ?? 0)),
        })
      }
    />
  );
}
