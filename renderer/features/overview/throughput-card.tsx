import { Download } from "lucide-react";
import { useCallback, useState } from "react";
import { useAsked } from "../../store/asking.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { Card } from "../../ui/card.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatRate } from "../../ui/format.ts";
import { useText } from "../../words/words.tsx";
import { throughputRanges } from "../charts/ranges.ts";
import { ThroughputChart } from "../charts/throughput-chart.tsx";
import { Chart, Ranges, ratesCsv } from "../inspector/chart-sections.tsx";
import styles from "./throughput-card.module.css";

const HEIGHT = 200;

/** What all peers together receive and send. */
export function ThroughputCard() {
  const t = useText();
  const model = useModel();
  const affiliation = useWindow((state) => state.affiliation?.name);
  const [range, setRange] = useState<keyof typeof throughputRanges>("2m");
  const { asks, everyMs, lengthS } = throughputRanges[range];
  const ask = useCallback(
    () => model.calls.throughput({ ...(affiliation === undefined ? {} : { affiliation }), range: asks }),
    [model, affiliation, asks],
  );
  const asked = useAsked(ask, everyMs);
  const last = asked.value?.points.at(-1);
  return (
    <Card
      title={t("overview.throughput")}
      aside={
        <>
          <span className={styles.now} data-way="rx">
            <i aria-hidden="true" /> {t("chart.received")} <strong>{formatRate(last?.rxBytesPerS)}</strong>
          </span>
          <span className={styles.now} data-way="tx">
            <i aria-hidden="true" /> {t("chart.sent")} <strong>{formatRate(last?.txBytesPerS)}</strong>
          </span>
          <Ranges ranges={throughputRanges} chosen={range} onChoose={setRange} />
          <CopyButton
            icon={Download}
            value={() => ratesCsv(asked.value?.points ?? [])}
            label={t("chart.csvOf", { what: t("overview.throughput") })}
          />
        </>
      }
    >
      <div className={styles.chart}>
        <Chart asked={asked} height={HEIGHT}>
          {({ points, stepS }) => <ThroughputChart points={points} stepS={stepS} lengthS={lengthS} height={HEIGHT} />}
        </Chart>
      </div>
    </Card>
  );
}
