/** One field for everything: peers by name or IP, screens, and what can be ordered from anywhere. */
import { ArrowRight, Copy, Power, Search } from "lucide-react";
import { type ComponentType, useMemo, useState } from "react";
import { Autocomplete } from "react-aria-components/Autocomplete";
import { Input } from "react-aria-components/Input";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { SearchField } from "react-aria-components/SearchField";
import { useModel, useWindow } from "../store/context.tsx";
import { matches, type Peer } from "../store/peers.ts";
import { isOn, type WindowModel } from "../store/window-store.ts";
import { LinkGlyph } from "../ui/link-glyph.tsx";
import { Overlay } from "../ui/overlay.tsx";
import { type Text, useText } from "../words/words.tsx";
import styles from "./command-field.module.css";
import { go, screenOf } from "./route.ts";
import { type ScreenSpec, useScreens } from "./screen.tsx";

const PEERS_SHOWN = 12;

interface Command {
  readonly id: string;
  readonly text: string;
  /** Other words by which it is found. */
  readonly also: string;
  readonly icon: ComponentType<{ readonly size?: number; readonly "aria-hidden"?: boolean }>;
  readonly run: () => void;
}

export function CommandField({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const t = useText();
  return (
    <Overlay title={t("command.title")} isOpen={isOpen} onClose={onClose} look="field">
      <Field onClose={onClose} />
    </Overlay>
  );
}

function Field({ onClose }: { readonly onClose: () => void }) {
  const t = useText();
  const model = useModel();
  const screens = useScreens();
  const [query, setQuery] = useState("");
  const affiliation = useWindow((state) => state.affiliation);
  // As it was when the field was opened: rows that move under the keyboard would be chosen by mistake.
  const [peers] = useState(() => model.store.getState().peers);
  const commands = useMemo(() => commandsOf(t, model, screens, affiliation), [t, model, screens, affiliation]);
  const wanted = query.trim().toLocaleLowerCase();
  const found = commands.filter(({ text, also }) => `${text} ${also}`.toLocaleLowerCase().includes(wanted));
  const foundPeers = useMemo(() => peersFor(peers, wanted), [peers, wanted]);
  const choose = (id: string) => {
    onClose();
    const command = commands.find((each) => each.id === id);
    if (command) return command.run();
    model.select(id);
    const here = screenOf(location.hash);
    if (here !== "ring" && here !== "peers") go("peers");
  };
  return (
    <Autocomplete inputValue={query} onInputChange={setQuery}>
      <SearchField className={styles.field ?? ""} aria-label={t("command.title")} autoFocus>
        <Search size={16} aria-hidden />
        <Input placeholder={t("command.placeholder")} />
      </SearchField>
      <ListBox
        className={styles.list ?? ""}
        aria-label={t("command.results")}
        onAction={(id) => choose(String(id))}
        renderEmptyState={() => <p className={styles.nothing}>{t("peers.noMatch", { query })}</p>}
      >
        {[
          ...found.map(({ id, text, icon: Icon }) => (
            <ListBoxItem key={id} id={id} textValue={text} className={styles.item ?? ""}>
              <Icon size={15} aria-hidden />
              <span>{text}</span>
            </ListBoxItem>
          )),
          ...foundPeers.map(({ row, label, name, kind }) => (
            <ListBoxItem
              key={row.ringAddress}
              id={row.ringAddress}
              textValue={`${label} ${row.virtualIp ?? ""}`}
              className={styles.item ?? ""}
            >
              <LinkGlyph kind={kind} transport={row.transport} />
              <bdi>{name}</bdi>
              <span className={styles.more}>{row.virtualIp}</span>
              <span className={styles.more}>{t(`link.${kind}`)}</span>
            </ListBoxItem>
          )),
        ]}
      </ListBox>
    </Autocomplete>
  );
}

function peersFor(peers: ReadonlyMap<string, Peer>, wanted: string): readonly Peer[] {
  if (wanted === "") return [];
  const filter = { kind: "all", query: wanted } as const;
  const begins = (peer: Peer) => (peer.name.toLocaleLowerCase().startsWith(wanted) ? 0 : 1);
  return [...peers.values()]
    .filter((peer) => matches(peer, filter))
    .sort((a, b) => begins(a) - begins(b) || (a.kind === "routed" ? 1 : 0) - (b.kind === "routed" ? 1 : 0))
    .slice(0, PEERS_SHOWN);
}

function commandsOf(
  t: Text,
  model: WindowModel,
  screens: readonly ScreenSpec[],
  affiliation: ReturnType<WindowModel["store"]["getState"]>["affiliation"],
): readonly Command[] {
  const commands: Command[] = screens.map((screen) => ({
    id: `go ${screen.id}`,
    text: t(screen.title),
    also: screen.id,
    icon: screen.icon,
    run: () => go(screen.id),
  }));
  for (const screen of screens) {
    for (const { id, title, run } of screen.actions ?? []) {
      commands.push({ id: `do ${id}`, text: t(title), also: t(screen.title), icon: ArrowRight, run });
    }
  }
  const { reach } = model.store.getState();
  if (affiliation === undefined || reach.kind !== "open") return commands;
  const { name, interface: iface, virtualIp } = affiliation;
  if (!reach.readOnly) {
    const ring = isOn(affiliation, "ring");
    commands.push({
      id: "ring",
      text: t(ring ? "tray.disconnect" : "tray.connect", { affiliation: name }),
      also: "connect disconnect",
      icon: Power,
      run: () => model.toggleSwitch("ring"),
    });
    if (ring) {
      commands.push({
        id: "interface",
        text: t(isOn(affiliation, "interface") ? "command.interfaceOff" : "command.interfaceOn", { iface: iface.name }),
        also: "interface up down",
        icon: Power,
        run: () => model.toggleSwitch("interface"),
      });
    }
  }
  if (virtualIp !== null) {
    commands.push({
      id: "copy ip",
      text: t("tray.copyIp", { ip: virtualIp }),
      also: "ip copy",
      icon: Copy,
      run: () => void navigator.clipboard.writeText(virtualIp),
    });
  }
  return commands;
}
