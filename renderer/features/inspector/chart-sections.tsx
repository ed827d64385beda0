import { Download } from "lucide-react";
import { memo, useCallback, useEffect, useState } from "react";
import type { HistoryView } from "#contract";
import { type Asked, useAsked } from "../../store/asking.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Segments } from "../../ui/segments.tsx";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";
import { type Range, rttRanges, throughputRanges } from "../charts/ranges.ts";
import { RttChart } from "../charts/rtt-chart.tsx";
import { csvOf } from "../charts/series.ts";
import { ThroughputChart } from "../charts/throughput-chart.tsx";
import styles from "./inspector.module.css";

export function useHistory(address: string, range: Pick<Range, "asks" | "everyMs">): Asked<HistoryView> {
  const model = useModel();
  const affiliation = useWindow((state) => state.affiliation?.name);
  const { asks, everyMs } = range;
  const ask = useCallback(
    () => model.calls.history({ ...(affiliation === undefined ? {} : { affiliation }), peer: address, range: asks }),
    [model, affiliation, address, asks],
  );
  return useAsked(affiliation === undefined ? undefined : ask, everyMs);
}

export const RttSection = memo(function RttSection({ address }: { readonly address: string }) {
  const t = useText();
  const model = useModel();
  const [range, setRange] = useState<keyof typeof rttRanges>("5m");
  const { value, error } = useHistory(address, rttRanges[range]);
  useEffect(() => {
    if (value) model.record(value);
  }, [model, value]);
  return (
    <section className={styles.section} aria-label={t("insp.rttChart")}>
      <div className={styles.chartHead}>
        <h3>{t("insp.rttChart")}</h3>
        <Ranges ranges={rttRanges} chosen={range} onChoose={setRange} />
        {value && (
          <CopyButton
            icon={Download}
            value={() => rttCsv(value)}
            label={t("chart.csvOf", { what: t("insp.rttChart") })}
          />
        )}
      </div>
      <Chart asked={{ value, error }} height={146}>
        {(history) => <RttChart history={history} lengthS={rttRanges[range].lengthS} height={146} />}
      </Chart>
    </section>
  );
});

export const ThroughputSection = memo(function ThroughputSection({ address }: { readonly address: string }) {
  const t = useText();
  const [range, setRange] = useState<keyof typeof throughputRanges>("2m");
  const { value, error } = useHistory(address, throughputRanges[range]);
  return (
    <section className={styles.section} aria-label={t("insp.throughput")}>
      <div className={styles.chartHead}>
        <h3>{t("insp.throughput")}</h3>
        <Ranges ranges={throughputRanges} chosen={range} onChoose={setRange} />
        {value && (
          <CopyButton
            icon={Download}
            value={() => ratesCsv(value.points)}
            label={t("chart.csvOf", { what: t("insp.throughput") })}
          />
        )}
      </div>
      <Chart asked={{ value, error }} height={132}>
        {(history) => (
          <ThroughputChart
            points={history.points}
            stepS={history.stepS}
            lengthS={throughputRanges[range].lengthS}
            height={132}
          />
        )}
      </Chart>
    </section>
  );
});

export function Ranges<T extends string>({
  ranges,
  chosen,
  onChoose,
}: {
  readonly ranges: Readonly<Record<T, { readonly text: "range.2m" | "range.5m" | "range.1h" | "range.1d" }>>;
  readonly chosen: T;
  readonly onChoose: (range: T) => void;
}) {
  const t = useText();
  return (
    <Segments
      label={t("chart.range")}
      options={(Object.keys(ranges) as T[]).map((id) => ({ id, text: t(ranges[id].text) }))}
      chosen={chosen}
      onChoose={onChoose}
    />
  );
}

/** The chart once there is something to draw; its place is kept until then. */
export function Chart<T extends { readonly points: readonly unknown[] }>({
  asked: { value, error },
  height,
  children,
}: {
  readonly asked: Asked<T>;
  readonly height: number;
  readonly children: (value: T) => React.ReactNode;
}) {
  const t = useText();
  if (value !== undefined && value.points.length > 0) return children(value);
  return (
    <p className={styles.noChart} style={{ minHeight: height }}>
      {error ? <Told of={error} plain /> : value ? t("chart.empty") : ""}
    </p>
  );
}

function rttCsv({ points }: HistoryView): string {
  return csvOf(
    ["at", "rttMs", "rttP5Ms", "rttP95Ms", "lossPct", "kind"],
    points.map(({ at, rttMs, rttP5Ms, rttP95Ms, lossPct, kind }) => [at, rttMs, rttP5Ms, rttP95Ms, lossPct, kind]),
  );
}

export function ratesCsv(
  points: readonly { readonly at: string; readonly rxBytesPerS: number; readonly txBytesPerS: number }[],
): string {
  return csvOf(
    ["at", "rxBytesPerS", "txBytesPerS"],
    points.map(({ at, rxBytesPerS, txBytesPerS }) => [at, rxBytesPerS, txBytesPerS]),
  );
}
