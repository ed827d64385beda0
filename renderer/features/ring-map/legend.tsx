import { useMemo } from "react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { useModel, useWindow } from "../../store/context.tsx";
import { linkSummaries } from "../../store/peers.ts";
import { ringShown } from "../../store/window-store.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useCount, useText } from "../../words/words.tsx";
import styles from "./legend.module.css";

/** The legend of the ring: how each kind of link looks, how many there are, and a button a kind that hides it. */
export function Legend({ isFlat }: { readonly isFlat: boolean }) {
  const t = useText();
  const count = useCount();
  const model = useModel();
  const peers = useWindow(ringShown);
  const hidden = useWindow((state) => state.look.hidden);
  const rows = useMemo(() => linkSummaries(peers), [peers]);
  return (
    <div className={styles.legend} data-flat={isFlat || undefined}>
      <ul className={styles.rows} aria-label={t("ring.kinds")}>
        {rows.map(({ kind, count: links, transport }) => (
          <li key={kind}>
            <ToggleButton
              className={styles.row ?? ""}
              isSelected={!hidden.has(kind)}
              onChange={(shown) => {
                const next = new Set(hidden);
                if (shown) next.delete(kind);
                else next.add(kind);
                model.setLook({ hidden: next });
              }}
            >
              <LinkGlyph kind={kind} transport={transport} />
              <span className={styles.name}>{t(`link.${kind}`)}</span>
              <span className={styles.count}>{count(links)}</span>
              <span className="spoken">{t("links.show")}</span>
            </ToggleButton>
          </li>
        ))}
      </ul>
      <p className={styles.caps} aria-hidden="true">
        <span>
          <i data-form="circle" /> {t("ring.capUdp")}
        </span>
        <span>
          <i data-form="square" /> {t("ring.capOther")}
        </span>
        <span>{t("ring.bars")}</span>
      </p>
    </div>
  );
}
