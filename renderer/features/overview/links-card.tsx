import { useMemo } from "react";
import { Button } from "react-aria-components/Button";
import { focusOf } from "../../shell/keys.ts";
import { go } from "../../shell/route.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { linkSummaries } from "../../store/peers.ts";
import { formatRtt } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useCount, useText } from "../../words/words.tsx";
import styles from "./links-card.module.css";

/** Own links by kind with their median round trip; a row leads to the peers of that kind. */
export function LinksCard() {
  const t = useText();
  const count = useCount();
  const model = useModel();
  const peers = useWindow((state) => state.peers);
  const rows = useMemo(() => linkSummaries(peers), [peers]);
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  return (
    <section className={styles.card} aria-labelledby="links-title">
      <header className={styles.head}>
        <h2 id="links-title">{t("links.title")}</h2>
        <span>{t("links.open", { count: total })}</span>
      </header>
      <div className={styles.mix} aria-hidden="true">
        {rows.map(
          ({ kind, count: links }) => links > 0 && <i key={kind} data-kind={kind} style={{ flexGrow: links }} />,
        )}
      </div>
      <ul className={styles.rows}>
        {rows.map(({ kind, count: links, rttMs, transport }) => (
          <li key={kind}>
            <Button
              className={styles.row ?? ""}
              onPress={() => {
                model.setFilter({ kind, query: "" });
                go("peers", focusOf.table);
              }}
            >
              <LinkGlyph kind={kind} transport={transport} />
              <span className={styles.name}>{t(`link.${kind}`)}</span>
              <span className={styles.count}>{count(links)}</span>
              <span className={styles.rtt}>{formatRtt(rttMs)}</span>
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
