import { ChevronsUpDown } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { Menu, MenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import type { AffiliationView } from "#contract";
import { InterfaceCard } from "../features/interface-switch/interface-card.tsx";
import { word } from "../features/state/state-panel.tsx";
import { stateOf } from "../store/condition.ts";
import { useModel, useWindow } from "../store/context.tsx";
import { monogram } from "../ui/format.ts";
import { type Text, useText } from "../words/words.tsx";
import { RingIcon } from "./ring-icon.tsx";
import { hashOf, type ScreenId } from "./route.ts";
import { type ScreenSpec, useScreens } from "./screen.tsx";
import styles from "./side-bar.module.css";

export interface SideBarProps {
  readonly route: ScreenId;
  /** No helper runs, so that what was connected is so no longer. */
  readonly stopped: boolean;
}

/** Which affiliation, which screen, and the switch of the interface; a rail of icons where the window is narrow. */
export function SideBar({ route, stopped }: SideBarProps) {
  const t = useText();
  const screens = useScreens();
  const affiliation = useWindow((state) => state.affiliation);
  return (
    <aside className={styles.side} data-region aria-label={t("app.name")}>
      <div className={styles.brand}>
        <RingIcon size={22} />
        <span className={styles.wide}>{t("app.name")}</span>
      </div>
      {affiliation && <AffiliationSwitch affiliation={affiliation} stopped={stopped} />}
      <nav aria-label={t("nav.label")} className={styles.nav}>
        {([1, 2] as const).map((group) => (
          <ul key={group}>
            {screens
              .filter((screen) => screen.group === group)
              .map((screen) => (
                <li key={screen.id}>
                  <Destination screen={screen} isHere={screen.id === route} />
                </li>
              ))}
          </ul>
        ))}
      </nav>
      {affiliation && (
        <div className={styles.foot}>
          <InterfaceCard affiliation={affiliation} />
        </div>
      )}
    </aside>
  );
}

function Destination({ screen, isHere }: { readonly screen: ScreenSpec; readonly isHere: boolean }) {
  const t = useText();
  const { icon: Icon, Badge } = screen;
  return (
    <a
      className={styles.destination}
      href={hashOf(screen.id)}
      aria-current={isHere ? "page" : undefined}
      title={t(screen.title)}
    >
      <Icon size={16} aria-hidden />
      <span className={styles.label}>{t(screen.title)}</span>
      {Badge && (
        <span className={styles.badge}>
          <Badge />
        </span>
      )}
    </a>
  );
}

function AffiliationSwitch({
  affiliation,
  stopped,
}: {
  readonly affiliation: AffiliationView;
  readonly stopped: boolean;
}) {
  const t = useText();
  const model = useModel();
  const affiliations = useWindow((state) => state.snapshot?.status.affiliations) ?? [];
  const state = stopped ? t("state.stopped") : stateWords(t, affiliation);
  const face = (
    <>
      <span className={styles.monogram} aria-hidden="true">
        {monogram(affiliation.name)}
      </span>
      <span className={styles.names}>
        <span className={styles.name} title={affiliation.name}>
          {affiliation.name}
        </span>
        <span className={styles.state} data-state={stopped ? "stopped" : stateOf(affiliation)}>
          {state}
        </span>
      </span>
    </>
  );
  if (affiliations.length < 2) return <div className={styles.affiliation}>{face}</div>;
  return (
    <MenuTrigger>
      <Button
        className={styles.affiliation ?? ""}
        aria-label={t("nav.switchAffiliation", { name: affiliation.name, state })}
      >
        {face}
        <ChevronsUpDown size={14} aria-hidden />
      </Button>
      <Popover className={styles.popover ?? ""} placement="bottom start">
        <Menu
          aria-label={t("nav.affiliations")}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[affiliation.name]}
          onAction={(name) => model.showAffiliation(String(name))}
        >
          {affiliations.map((each) => (
            <MenuItem key={each.name} id={each.name} textValue={each.name} className={styles.item ?? ""}>
              <span className={styles.monogram} aria-hidden="true">
                {monogram(each.name)}
              </span>
              <span className={styles.names}>
                <span className={styles.name}>{each.name}</span>
                <span className={styles.state} data-state={stateOf(each)}>
                  {stateWords(t, each)}
                </span>
              </span>
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function stateWords(t: Text, affiliation: AffiliationView): string {
  return word(t, stateOf(affiliation), affiliation);
}
