import { Search } from "lucide-react";
import { useEffect, useRef } from "react";
import { Button } from "react-aria-components/Button";
import { useModel, useWindow } from "../store/context.tsx";
import { useText } from "../words/words.tsx";
import { tookFocus } from "./route.ts";
import type { ScreenSpec } from "./screen.tsx";
import styles from "./top-bar.module.css";

const isMac = typeof navigator !== "undefined" && /Mac/.test(navigator.platform);

export interface TopBarProps {
  readonly screen: ScreenSpec;
  /** The screen is drawn below: what focus goes to is there. */
  readonly stands: boolean;
  readonly withFacts: boolean;
}

/** The title of the screen, one line of facts about it, and where the page comes from in a browser. */
export function TopBar({ screen, stands, withFacts }: TopBarProps) {
  const t = useText();
  const title = useRef<HTMLHeadingElement>(null);
  const model = useModel();
  const reach = useWindow((state) => state.reach);
  const host = "host" in reach ? reach.host : null;
  const readOnly = reach.kind === "open" && reach.readOnly;
  const { Facts } = screen;
  const before = useRef(screen.id);
  useEffect(() => {
    // After a change of screen, not at the start.
    if (!stands) return;
    if (before.current !== screen.id && !tookFocus()) title.current?.focus();
    before.current = screen.id;
  }, [screen.id, stands]);
  return (
    <header className={styles.top} data-region>
      <h1 ref={title} tabIndex={-1} className={styles.title}>
        {t(screen.title)}
      </h1>
      <p className={styles.facts}>{withFacts && Facts && <Facts />}</p>
      <Button className={styles.command ?? ""} onPress={() => model.showOverlay("command")}>
        <Search size={14} aria-hidden />
        <span className={styles.commandText}>{t("command.placeholder")}</span>
        <kbd>{isMac ? "⌘ K" : "Ctrl K"}</kbd>
      </Button>
      {readOnly && <span className={styles.readOnly}>{t("browser.readOnly")}</span>}
      {host !== null && <span className={styles.host}>{host}</span>}
    </header>
  );
}
