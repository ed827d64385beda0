import { useMemo } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { focusOf } from "../../shell/keys.ts";
import { go } from "../../shell/route.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { formatRate, formatRttOf, UNKNOWN } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { SparkLine } from "../../ui/spark-line.tsx";
import { useText } from "../../words/words.tsx";
import { seriesOf } from "../charts/series.ts";
import { useHistory } from "../inspector/chart-sections.tsx";
import styles from "./busiest-card.module.css";

const SHOWN = 5;

/** The peers with most traffic now. */
export function BusiestCard() {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  const busiest = useMemo(
    () =>
      [...peers.values()]
        .filter(({ row }) => row.rxBytesPerS + row.txBytesPerS > 0)
        .sort((a, b) => load(b) - load(a))
        .slice(0, SHOWN),
    [peers],
  );
  return (
    <Card
      title={t("overview.busiest")}
      aside={
        <Button look="quiet" onPress={() => go("peers", focusOf.table)}>
          {t("overview.allPeers")}
        </Button>
      }
    >
      {busiest.length === 0 ? (
        <p className={styles.nothing}>{t("overview.nobodyBusy")}</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("col.name")}</th>
              <th scope="col" data-from="wide">
                {t("fact.virtualIp")}
              </th>
              <th scope="col">{t("col.link")}</th>
              <th scope="col" data-end>
                {t("col.rtt")}
              </th>
              <th scope="col" data-end>
                {t("col.received")}
              </th>
              <th scope="col" data-end>
                {t("col.sent")}
              </th>
              <th scope="col" data-end data-from="wide">
                {t("overview.last5")}
              </th>
            </tr>
          </thead>
          <tbody>
            {busiest.map((peer) => (
              <Row key={peer.row.ringAddress} peer={peer} />
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function Row({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const model = useModel();
  const { row, kind } = peer;
  return (
    <tr>
      <th scope="row">
        <AriaButton
          className={styles.name ?? ""}
          onPress={() => {
            model.select(row.ringAddress);
            go("peers");
          }}
        >
          <bdi>{peer.name}</bdi>
        </AriaButton>
      </th>
      <td className="mono" data-from="wide">
        {row.virtualIp ?? UNKNOWN}
      </td>
      <td>
        <span className={styles.link}>
          <LinkGlyph kind={kind} transport={row.transport} />
          {t(`link.${kind}`)}
          {row.transport !== null && row.transport !== "relay" && <span>{row.transport}</span>}
        </span>
      </td>
      <td data-end>{formatRttOf(row.rttMs, row.rttEstimateMs)}</td>
      <td data-end>{formatRate(row.rxBytesPerS)}</td>
      <td data-end>{formatRate(row.txBytesPerS)}</td>
      <td data-end data-from="wide">
        <Spark address={row.ringAddress} />
      </td>
    </tr>
  );
}

const SPARK_POINTS = 42;

/** Means of equal parts, as many as the line has room for; a part with a gap is a gap. */
function thinned(values: readonly (number | null)[]): readonly (number | null)[] {
  const each = Math.ceil(values.length / SPARK_POINTS);
  if (each <= 1) return values;
  return Array.from({ length: Math.ceil(values.length / each) }, (_, index) => {
    const part = values.slice(index * each, (index + 1) * each);
    return part.includes(null) ? null : part.reduce<number>((sum, value) => sum + (value ?? 0), 0) / part.length;
  });
}

const SPARK = { asks: "5m", everyMs: 10_000 } as const;

function Spark({ address }: { readonly address: string }) {
  const { value } = useHistory(address, SPARK);
  const values = useMemo(
    () =>
      value
        ? thinned(
            seriesOf(value.points, value.stepS).points.map((point) =>
              point === null ? null : point.rxBytesPerS + point.txBytesPerS,
            ),
          )
        : [],
    [value],
  );
  return <SparkLine values={values} />;
}

const load = ({ row }: Peer) => row.rxBytesPerS + row.txBytesPerS;
