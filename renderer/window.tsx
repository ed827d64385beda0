/** The one page of the window: state and switches, the ring, the peers. */
import { Crosshair, List, TriangleAlert } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { InterfaceCard } from "./features/interface-switch/interface-card.tsx";
import { PeersPanel } from "./features/peers/peers-panel.tsx";
import { LinksCard } from "./features/ring-map/links-card.tsx";
import { RingMap } from "./features/ring-map/ring-map.tsx";
import type { LinkKind } from "./features/ring-map/scene.ts";
import { ConnectSteps } from "./features/state/connect-steps.tsx";
import { StatePanel, word } from "./features/state/state-panel.tsx";
import { TroubleBar } from "./features/state/trouble-bar.tsx";
import { WholePage } from "./features/state/whole-page.tsx";
import { conditionOf, type State, stateOf, troubleOf } from "./store/condition.ts";
import { useModel, useNow, useWindow } from "./store/context.tsx";
import { Button } from "./ui/button.tsx";
import { monogram } from "./ui/format.ts";
import { Notice } from "./ui/notice.tsx";
import styles from "./window.module.css";
import { useText } from "./words/words.tsx";

const MAIN = "main";
const RING = "ring";
const TABLE = "peers";
const FILTER = "peers-filter";

export function Window() {
  const t = useText();
  const now = useNow();
  const reach = useWindow((state) => state.reach);
  const snapshot = useWindow((state) => state.snapshot);
  const affiliation = useWindow((state) => state.affiliation);
  const newsAt = useWindow((state) => state.newsAt);
  const condition = conditionOf(reach, snapshot, affiliation);
  const trouble = condition.kind === "affiliation" ? troubleOf(reach, newsAt, now) : undefined;
  const spoken =
    affiliation && condition.kind === "affiliation"
      ? trouble?.kind === "noHelper"
        ? t("state.stopped")
        : word(t, condition.state, affiliation)
      : "";
  useKeys();
  useTitle(spoken);
  return (
    <div className={styles.window}>
      <TopBar />
      <main id={MAIN} tabIndex={-1}>
        <p className="spoken" role="status">
          {spoken}
        </p>
        {trouble && <TroubleBar trouble={trouble} />}
        <div className={styles.main} data-dim={trouble !== undefined || undefined}>
          {condition.kind === "affiliation" ? (
            <Whole stopped={trouble?.kind === "noHelper"} />
          ) : (
            <WholePage condition={condition} />
          )}
        </div>
      </main>
    </div>
  );
}

/** `stopped`: no helper runs, so that what was connected is so no longer. */
function Whole({ stopped }: { readonly stopped: boolean }) {
  const t = useText();
  const affiliation = useWindow((state) => state.affiliation);
  const helperWarnings = useWindow((state) => state.snapshot?.status.warnings);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback(
    (kind: LinkKind) =>
      setHidden(
        (before) => new Set(before.has(kind) ? [...before].filter((each) => each !== kind) : [...before, kind]),
      ),
    [],
  );
  if (affiliation === undefined) return null;
  const state = stateOf(affiliation);
  const isOnRing = state === "connected" || state === "interfaceOff";
  const warnings = [...affiliation.warnings, ...(helperWarnings ?? [])];
  return (
    <>
      {warnings.length > 0 && (
        <div className={styles.warnings}>
          {warnings.map(({ code, text, remedy }) => (
            <Notice key={`${code} ${text}`} tone="warn" icon={<TriangleAlert size={16} aria-hidden />}>
              <div>
                <strong>{text}</strong> {remedy}
              </div>
            </Notice>
          ))}
        </div>
      )}
      <div className={styles.upper}>
        <div className={styles.side}>
          <StatePanel affiliation={affiliation} stopped={stopped} />
          <InterfaceCard affiliation={affiliation} />
          {isOnRing && <LinksCard hidden={hidden} onToggle={toggle} />}
        </div>
        {isOnRing ? <RingPane hidden={hidden} /> : <Waiting state={state} />}
      </div>
      {isOnRing && <PeersPanel tableId={TABLE} filterId={FILTER} />}
      {!isOnRing && <span className="spoken">{t("state.noRing")}</span>}
    </>
  );
}

function RingPane({ hidden }: { readonly hidden: ReadonlySet<string> }) {
  const t = useText();
  const [widened, setWidened] = useState(true);
  return (
    <section className={styles.ring} aria-label={t("nav.ring")}>
      <div className={styles.ringTools}>
        <ToggleButton className={styles.tool ?? ""} isSelected={widened} onChange={setWidened}>
          <Crosshair size={14} aria-hidden />
          {t("ring.widen")}
        </ToggleButton>
        <Button onPress={() => focusTable()}>
          <List size={14} aria-hidden />
          {t("ring.asTable")}
          <span className={styles.key} aria-hidden="true">
            T
          </span>
        </Button>
      </div>
      <RingMap id={RING} hidden={hidden} widened={widened} />
      <p className={styles.caps} aria-hidden="true">
        <span>
          <i data-form="circle" /> {t("ring.capUdp")}
        </span>
        <span>
          <i data-form="square" /> {t("ring.capOther")}
        </span>
        <span>{t("ring.bars")}</span>
      </p>
    </section>
  );
}

/** In place of the ring while there is none: the steps of connecting, or a ring of empty places. */
function Waiting({ state }: { readonly state: State }) {
  const affiliation = useWindow((window) => window.affiliation);
  return (
    <div className={styles.waiting}>
      {state === "connecting" && affiliation ? (
        <ConnectSteps affiliation={affiliation} />
      ) : (
        <svg viewBox="0 0 300 300" className={styles.empty} aria-hidden="true">
          <circle
            cx="150"
            cy="150"
            r="120"
            fill="none"
            stroke="currentColor"
            strokeWidth="7"
            strokeLinecap="round"
            strokeDasharray="0 31.416"
          />
          <circle cx="150" cy="30" r="10" className={styles.self} />
        </svg>
      )}
    </div>
  );
}

function TopBar() {
  const t = useText();
  const model = useModel();
  const affiliations = useWindow((state) => state.snapshot?.status.affiliations);
  const affiliation = useWindow((state) => state.affiliation);
  const reach = useWindow((state) => state.reach);
  const host = "host" in reach ? reach.host : null;
  const readOnly = reach.kind === "open" && reach.readOnly;
  return (
    <header className={styles.top}>
      <a className={styles.skip} href={`#${MAIN}`}>
        {t("skip.content")}
      </a>
      <svg viewBox="0 0 32 32" className={styles.mark} aria-hidden="true">
        <circle cx="16" cy="16" r="11" className={styles.markRing} />
        <path d="M16 5c.8 8.6 3.6 14.600 9.200 17.200" className={styles.markLink} />
        <circle cx="16" cy="5" r="4.200" className={styles.markSelf} />
        <circle cx="25.500" cy="21.800" r="3" className={styles.markPeer} />
      </svg>
      <span className={styles.brand}>{t("app.name")}</span>
      {affiliation && affiliations?.length === 1 && (
        <span className={styles.affiliation}>
          <span className={styles.monogram} aria-hidden="true">
            {monogram(affiliation.name)}
          </span>
          {affiliation.name}
        </span>
      )}
      {affiliation && affiliations && affiliations.length > 1 && (
        <fieldset className={styles.choice}>
          <legend className="spoken">{t("nav.affiliations")}</legend>
          {affiliations.map(({ name }) => (
            <ToggleButton
              key={name}
              className={styles.chosen ?? ""}
              isSelected={name === affiliation.name}
              onChange={() => model.showAffiliation(name)}
            >
              {name}
            </ToggleButton>
          ))}
        </fieldset>
      )}
      <span className={styles.facts}>
        {readOnly && <span className={styles.readOnly}>{t("browser.readOnly")}</span>}
        {host !== null && <span>{host}</span>}
      </span>
    </header>
  );
}

function focusTable(): void {
  const table = document.getElementById(TABLE);
  table?.scrollIntoView({ block: "nearest" });
  (table?.querySelector('[role="grid"]') as HTMLElement | null)?.focus();
}

function useTitle(spoken: string): void {
  const t = useText();
  useEffect(() => {
    document.title = spoken === "" ? t("app.name") : t("window.title", { state: spoken });
  }, [spoken, t]);
}

/** `T` goes between ring and table, `/` to the filter; never while somebody writes. */
function useKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, [contenteditable]")) return;
      if (event.key === "/") {
        const filter = document.getElementById(FILTER);
        if (filter === null) return;
        event.preventDefault();
        filter.focus();
      } else if (event.key.toLowerCase() === "t") {
        event.preventDefault();
        if (target.closest(`#${TABLE}`)) document.getElementById(RING)?.focus();
        else focusTable();
      }
    };
    // In the capture phase: the table takes letters for its own search by name.
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, []);
}
