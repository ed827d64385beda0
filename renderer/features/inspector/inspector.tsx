/** All that is known of one peer: its link and why it is as it is, its round trips, its way, its addresses. */

import { X } from "lucide-react";
import { memo, useEffect, useMemo, useRef } from "react";
import type { HistoryView } from "#contract";
import { useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatDuration, formatRate, formatRttOf, formatWholeRingAddress, UNKNOWN } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useOwnWords } from "../../words/told.tsx";
import { useClockTime, useText } from "../../words/words.tsx";
import { natWords } from "../state/nat-words.ts";
import { RttSection, ThroughputSection } from "./chart-sections.tsx";
import styles from "./inspector.module.css";
import { Measures } from "./measures.tsx";
import { PathSection } from "./path-section.tsx";
import { useReport } from "./report.ts";
import { WhyBox } from "./why-box.tsx";

export const INSPECTOR = "inspector";

/** Beside the ring and the table while a peer is selected there. */
export function Inspector() {
  const t = useText();
  const model = useModel();
  const peer = useWindow((state) => (state.selected === undefined ? undefined : state.peers.get(state.selected)));
  const scrolled = useRef<HTMLElement>(null);
  const address = peer?.row.ringAddress;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another peer is read from the top.
  useEffect(() => {
    scrolled.current?.scrollTo({ top: 0 });
  }, [address]);
  if (peer === undefined) return null;
  return (
    <aside
      id={INSPECTOR}
      data-region
      ref={scrolled}
      tabIndex={-1}
      className={styles.inspector}
      aria-label={t("peer.selected", { name: peer.label })}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        model.closeInspector();
      }}
    >
      <Head peer={peer} />
      <Figures peer={peer} />
      <WhyBox peer={peer} />
      <RttSection address={peer.row.ringAddress} />
      <ThroughputSection address={peer.row.ringAddress} />
      <PathSection peer={peer} />
      <Measures peer={peer} />
      <Changes address={peer.row.ringAddress} />
      <Addresses peer={peer} />
    </aside>
  );
}

function Head({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const model = useModel();
  const report = useReport(peer);
  const { row } = peer;
  return (
    <header className={styles.head}>
      <div className={styles.title}>
        <h2>
          <bdi>{peer.name}</bdi>
        </h2>
        <p className={styles.sub}>
          {row.virtualIp !== null && <span className="mono">{row.virtualIp}</span>}
          {row.site !== null && <bdi>{row.site}</bdi>}
          {peer.silent && <span>{t("peer.silent")}</span>}
        </p>
      </div>
      <CopyButton value={report} label={t("insp.copy")} />
      <Button look="icon" label={t("common.close")} onPress={() => model.closeInspector()}>
        <X size={16} aria-hidden />
      </Button>
    </header>
  );
}

function Figures({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const { row, kind } = peer;
  return (
    <dl className={styles.figures}>
      <div>
        <dt>{t("insp.link")}</dt>
        <dd className={styles.kind}>
          <LinkGlyph kind={kind} transport={row.transport} />
          {t(`link.${kind}`)}
        </dd>
      </div>
      <div>
        <dt>{t("insp.roundTrip")}</dt>
        <dd className={styles.big}>{formatRttOf(row.rttMs, row.rttEstimateMs)}</dd>
      </div>
      <div>
        <dt>{t("insp.throughput")}</dt>
        <dd>
          <span>
            ↓ <span className="spoken">{t("chart.received")}</span> {formatRate(row.rxBytesPerS)}
          </span>
          <span>
            ↑ <span className="spoken">{t("chart.sent")}</span> {formatRate(row.txBytesPerS)}
          </span>
        </dd>
      </div>
    </dl>
  );
}

/** How packets reached this peer, newest first. */
const Changes = memo(function Changes({ address }: { readonly address: string }) {
  const t = useText();
  const clock = useClockTime();
  const own = useOwnWords();
  const events = useWindow((state) => (state.recorded?.peer === address ? state.recorded.events : undefined));
  const newestFirst = useMemo(() => (events ? shown(events) : []), [events]);
  return (
    <section className={styles.section} aria-label={t("insp.history")}>
      <h3>{t("insp.history")}</h3>
      {newestFirst.length === 0 ? (
        <p className={styles.quiet}>{t("insp.noChanges")}</p>
      ) : (
        <ol className={styles.changes}>
          {newestFirst.map(({ at, event, text }) => (
            <li key={`${at} ${text}`}>
              <time dateTime={at}>{clock(Date.parse(at) / 1000)}</time>
              <Change own={own(`event.${event}`)} event={event} text={text} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
});

/** Changes whose own sentence names addresses or members. */
const DETAILED: ReadonlySet<string> = new Set(["path", "pathLost", "directFailed", "closed"]);

function Change({
  own,
  event,
  text,
}: {
  readonly own: string | undefined;
  readonly event: string;
  readonly text: string;
}) {
  if (own === undefined) return <bdi>{text}</bdi>;
  if (!DETAILED.has(event)) return <bdi>{own}</bdi>;
  return (
    <span>
      {own}{" "}
      <bdi lang="en" className={styles.quiet}>
        {text}
      </bdi>
    </span>
  );
}

const CHANGES_SHOWN = 12;

function shown(events: HistoryView["events"]): HistoryView["events"] {
  return [...events].reverse().slice(0, CHANGES_SHOWN);
}

function Addresses({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const { row } = peer;
  const linkedFor = row.since === null ? UNKNOWN : formatDuration((Date.now() - Date.parse(row.since)) / 1000);
  const facts: readonly (readonly [name: string, value: string | null, copied: string | null])[] = [
    [t("fact.virtualIp"), row.virtualIp, row.virtualIp],
    [t("insp.virtualIp6"), row.virtualIp6, row.virtualIp6],
    [t("fact.ringAddress"), formatWholeRingAddress(row.ringAddress), row.ringAddress],
    [t("insp.publicAddress"), row.remote, row.remote],
  ];
  return (
    <section className={styles.section} aria-label={t("insp.addresses")}>
      <h3>{t("insp.addresses")}</h3>
      <dl className={styles.facts}>
        {facts.map(
          ([name, value, copied]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <span className="mono">{value}</span>
                  {copied !== null && <CopyButton value={copied} label={t("copy.fact", { name })} />}
                </dd>
              </div>
            ),
        )}
        <div>
          <dt>{t("insp.natKind")}</dt>
          <dd>{t(natWords[row.natKind])}</dd>
        </div>
        <div>
          <dt>{t("insp.pathMtu")}</dt>
          <dd>{row.pathMtuBytes === null ? UNKNOWN : t("insp.bytes", { bytes: String(row.pathMtuBytes) })}</dd>
        </div>
        <div>
          <dt>{t("insp.jitter")}</dt>
          <dd>{formatRttOf(row.jitterMs, null)}</dd>
        </div>
        <div>
          <dt>{t("insp.loss")}</dt>
          <dd>{row.lossPct === null ? UNKNOWN : t("insp.percent", { share: row.lossPct / 100 })}</dd>
        </div>
        <div>
          <dt>{t("insp.version")}</dt>
          <dd>{row.version ?? UNKNOWN}</dd>
        </div>
        <div>
          <dt>{t("insp.linkedFor")}</dt>
          <dd>{linkedFor}</dd>
        </div>
      </dl>
    </section>
  );
}
