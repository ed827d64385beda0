import { useMemo } from "react";
import type { HistoryView } from "#contract";
import { median } from "../../store/peers.ts";
import { formatDuration, formatRtt, withoutZeros } from "../../ui/format.ts";
import { TimeChart } from "../../ui/time-chart.tsx";
import { useClockTime, useText } from "../../words/words.tsx";
import { stepFor } from "./scale.ts";
import { seriesOf } from "./series.ts";

export interface RttChartProps {
  readonly history: HistoryView;
  readonly lengthS: number;
  readonly height: number;
}

const MARKS = 3;
/** From this step on a point is the median of many values, so the chart also shows where most of them lay. */
const BAND_FROM_STEP_S = 60;

/** Round-trip time with the kind of link below it; over a day the median in a band of the 5th to the 95th percentile. */
export function RttChart({ history, lengthS, height }: RttChartProps) {
  const t = useText();
  const clock = useClockTime();
  const { data, kinds, until, top, step } = useMemo(() => {
    const { times, points } = seriesOf(history.points, history.stepS);
    const rtt = points.map((point) => point?.rttMs ?? null);
    const high = points.map((point) => point?.rttP95Ms ?? null);
    const low = points.map((point) => point?.rttP5Ms ?? null);
    const banded = history.stepS >= BAND_FROM_STEP_S;
    const highest = Math.max(1, ...(banded ? high : rtt).map((each) => each ?? 0));
    const between = stepFor(highest, MARKS);
    return {
      data: (banded ? [times, high, low, rtt] : [times, rtt]) as [number[], (number | null)[]],
      kinds: points.map((point) => point?.kind ?? null),
      until: times.at(-1) ?? Date.now() / 1000,
      top: Math.ceil(highest / between) * between,
      step: between,
    };
  }, [history]);
  const rtt = (data.at(-1) ?? []) as (number | null)[];
  const banded = data.length > 2;
  return (
    <TimeChart
      key={banded ? "band" : "line"}
      summary={t("chart.summary", {
        what: t("insp.rttChart"),
        duration: formatDuration(lengthS),
        now: formatRtt(rtt.at(-1)),
        median: formatRtt(median(rtt)),
        max: formatRtt(
          rtt.reduce<number | null>((most, each) => (each !== null && each > (most ?? -1) ? each : most), null),
        ),
      })}
      height={height}
      series={
        banded
          ? [
              { colour: "text-primary", lineless: true, bandWithNext: true },
              { colour: "text-primary", lineless: true },
              { colour: "text-primary" },
            ]
          : [{ colour: "text-primary" }]
      }
      data={data}
      from={until - lengthS}
      until={until}
      range={[0, top]}
      marks={Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step)}
      value={(ms) => (ms === 0 ? "0" : withoutZeros(formatRtt(ms)))}
      time={clock}
      readOut={(index) => {
        const kind = kinds[index];
        return t("chart.rttAt", {
          time: clock((data[0] as number[])[index] ?? 0),
          rtt: formatRtt(rtt[index]),
          link: kind ? t(`link.${kind}`) : "",
        });
      }}
      kinds={kinds}
    />
  );
}
