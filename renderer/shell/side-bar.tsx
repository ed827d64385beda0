import { ChevronsUpDown } from "lucide-react";
import { Button } from "react-aria-components/Button";
import { Menu, MenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import type { AffiliationView } from "#contract";
import { InterfaceCard } from "../features/interface-switch/interface-card.tsx";
import { word } from "../features/state/state-panel.tsx";
import { stateOf } from "../store/condition.ts";
import { useDerived, useModel, useWindow } from "../store/context.tsx";
import { monogram } from "../ui/format.ts";
import { useText } from "../words/words.tsx";
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
  const isMember = useWindow((state) => state.affiliation !== undefined);
  return (
    <aside className={styles.side} data-region aria-label={t("app.name")}>
      <div className={styles.brand}>
        <RingIcon size={22} />
        <span className={styles.wide}>{t("app.name")}</span>
      </div>
      {isMember && <AffiliationSwitch stopped={stopped} />}
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
      {isMember && (
        <div className={styles.foot}>
          <InterfaceCard />
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

function AffiliationSwitch({ stopped }: { readonly stopped: boolean }) {
  const t = useText();
  const model = useModel();
  const { here, affiliations } = useDerived(({ affiliation, snapshot }) => ({
    here: affiliation && entryOf(affiliation),
    affiliations: snapshot?.status.affiliations.map(entryOf) ?? [],
  }));
  if (here === undefined) return null;
  const state = stopped ? t("state.stopped") : word(t, here.state, here.iface);
  const face = (
    <>
      <span className={styles.monogram} aria-hidden="true">
        {monogram(here.name)}
      </span>
      <span className={styles.names}>
        <span className={styles.name} title={here.name}>
          {here.name}
        </span>
        <span className={styles.state} data-state={stopped ? "stopped" : here.state}>
          {state}
        </span>
      </span>
    </>
  );
  if (affiliations.length < 2) return <div className={styles.affiliation}>{face}</div>;
  return (
    <MenuTrigger>
      <Button className={styles.affiliation ?? ""} aria-label={t("nav.switchAffiliation", { name: here.name, state })}>
        {face}
        <ChevronsUpDown size={14} aria-hidden />
      </Button>
      <Popover className={styles.popover ?? ""} placement="bottom start">
        <Menu
          aria-label={t("nav.affiliations")}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[here.name]}
          onAction={(name) => model.showAffiliation(String(name))}
        >
          {affiliations.map((each) => (
            <MenuItem key={each.name} id={each.name} textValue={each.name} className={styles.item ?? ""}>
              <span className={styles.monogram} aria-hidden="true">
                {monogram(each.name)}
              </span>
              <span className={styles.names}>
                <span className={styles.name}>{each.name}</span>
                <span className={styles.state} data-state={each.state}>
                  {word(t, each.state, each.iface)}
                </span>
              </span>
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

/** As much of an affiliation as the sidebar shows. */
function entryOf(affiliation: AffiliationView) {
  return { name: affiliation.name, state: stateOf(affiliation), iface: affiliation.interface.name };
}
