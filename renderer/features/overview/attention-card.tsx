import { CircleAlert, TriangleAlert, X } from "lucide-react";
import { useMemo, useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { focusOf } from "../../shell/keys.ts";
import { go } from "../../shell/route.ts";
import { useHasScreen } from "../../shell/screen.tsx";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { formatRtt } from "../../ui/format.ts";
import { useOwnWords } from "../../words/told.tsx";
import { type Text, useText } from "../../words/words.tsx";
import { type Finding, findingsOf, readAside, writeAside } from "./attention.ts";
import styles from "./attention-card.module.css";

/** Up to five things that deserve a look; each leads to where it can be mended, and can be put aside. */
export function AttentionCard() {
  const t = useText();
  const affiliation = useWindow((state) => state.affiliation);
  const peers = useWindow((state) => state.peers);
  const [aside, setAside] = useState(readAside);
  const findings = useMemo(
    () => (affiliation ? findingsOf(affiliation, peers, aside) : []),
    [affiliation, peers, aside],
  );
  const putAside = (cause: string) => {
    const next = new Set([...aside, cause]);
    setAside(next);
    writeAside(next);
  };
  return (
    <Card title={t("overview.attention")}>
      {findings.length === 0 ? (
        <p className={styles.nothing}>{t("overview.nothing")}</p>
      ) : (
        <ul className={styles.list}>
          {findings.map((finding) => (
            <Row key={finding.cause} finding={finding} onAside={() => putAside(finding.cause)} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Row({ finding, onAside }: { readonly finding: Finding; readonly onAside: () => void }) {
  const t = useText();
  const lead = useLead(finding);
  const own = useOwnWords();
  const { title, text } = wordsOf(t, own, finding);
  const bad = finding.kind === "silent" || finding.kind === "warning";
  return (
    <li className={styles.row}>
      <span className={styles.icon} data-bad={bad || undefined}>
        {bad ? <CircleAlert size={16} aria-hidden /> : <TriangleAlert size={16} aria-hidden />}
      </span>
      <div className={styles.text}>
        {lead === undefined ? (
          <strong>{title}</strong>
        ) : (
          <AriaButton className={styles.lead ?? ""} onPress={lead}>
            {title}
          </AriaButton>
        )}
        <span>{text}</span>
      </div>
      <Button look="icon" label={t("overview.putAside", { what: title })} onPress={onAside}>
        <X size={13} aria-hidden />
      </Button>
    </li>
  );
}

/** Where a finding leads; undefined where there is no such screen. */
function useLead(finding: Finding): (() => void) | undefined {
  const model = useModel();
  const hasDiagnostics = useHasScreen("diagnostics");
  switch (finding.kind) {
    case "warning":
      return hasDiagnostics ? () => go("diagnostics") : undefined;
    case "relayed":
      return () => {
        model.setFilter({ kind: "relay", query: "" });
        go("peers", focusOf.table);
      };
    case "detour":
      return () => {
        model.select(finding.peer.row.ringAddress);
        go("ring");
      };
    case "silent":
    case "old":
      return () => {
        model.setFilter({ kind: "all", query: "" });
        go("peers", focusOf.table);
      };
  }
}

const NAMES_SHOWN = 4;

function wordsOf(
  t: Text,
  own: (id: string) => string | undefined,
  finding: Finding,
): { readonly title: string; readonly text: string } {
  switch (finding.kind) {
    case "silent":
      return { title: t("overview.silent", { count: finding.count }), text: listed(finding.names) };
    case "warning":
      return { title: own(`told.${finding.code}`) ?? finding.text, text: finding.remedy };
    case "relayed":
      return { title: t("overview.relayed", { count: finding.count }), text: listed(finding.names) };
    case "detour":
      return {
        title: t("overview.detour", { name: finding.peer.label }),
        text:
          finding.rttMs === null
            ? t("peer.hops", { count: finding.hops })
            : t("overview.detourLength", { rtt: formatRtt(finding.rttMs), hops: finding.hops }),
      };
    case "old":
      return {
        title: t("overview.old", { count: finding.count }),
        text: t("overview.oldText", { version: finding.newest }),
      };
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(", ");
  return names.length > NAMES_SHOWN ? `${shown} …` : shown;
}
