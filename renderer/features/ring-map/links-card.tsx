import { useMemo } from "react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { useWindow } from "../../store/context.tsx";
import { median, type Peer } from "../../store/peers.ts";
import { formatRtt } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./links-card.module.css";
import type { LinkKind } from "./scene.ts";

const kinds = ["shortcut", "near", "far", "relay", "leaf"] as const satisfies readonly LinkKind[];

export interface LinksCardProps {
  readonly hidden: ReadonlySet<string>;
  readonly onToggle: (kind: LinkKind) => void;
}

/** Own links by kind with their median round trip; the legend of the ring, whose rows hide and show a kind there. */
export function LinksCard({ hidden, onToggle }: LinksCardProps) {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  const rows = useMemo(() => kinds.map((kind) => summary(kind, peers)), [peers]);
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  return (
    <section className={styles.card} aria-labelledby="links-title">
      <header className={styles.head}>
        <h2 id="links-title">{t("links.title")}</h2>
        <span>{t("links.open", { count: total })}</span>
      </header>
      <div className={styles.mix} aria-hidden="true">
        {rows.map(({ kind, count }) => count > 0 && <i key={kind} data-kind={kind} style={{ flexGrow: count }} />)}
      </div>
      <ul className={styles.rows}>
        {rows.map(({ kind, count, rtt, transport }) => (
          <li key={kind}>
            <ToggleButton className={styles.row ?? ""} isSelected={!hidden.has(kind)} onChange={() => onToggle(kind)}>
              <LinkGlyph kind={kind} transport={transport} />
              <span className={styles.name}>{t(`link.${kind}`)}</span>
              <span className={styles.count}>{count}</span>
              <span className={styles.rtt}>{formatRtt(rtt)}</span>
              <span className="spoken">{t("links.show")}</span>
            </ToggleButton>
          </li>
        ))}
      </ul>
    </section>
  );
}

function summary(kind: LinkKind, peers: ReadonlyMap<string, Peer>) {
  const of = [...peers.values()].filter((peer) => peer.kind === kind);
  return {
    kind,
    count: of.length,
    rtt: median(of.map((peer) => peer.rttMs)),
    transport: of[0]?.row.transport ?? "udp",
  };
}
