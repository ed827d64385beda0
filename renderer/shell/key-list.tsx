import { useModel, useWindow } from "../store/context.tsx";
import { Overlay } from "../ui/overlay.tsx";
import { Switch } from "../ui/switch.tsx";
import { type MessageId, useText } from "../words/words.tsx";
import styles from "./key-list.module.css";

const isMac = typeof navigator !== "undefined" && /Mac/.test(navigator.platform);
const CONTROL = isMac ? "⌘" : "Ctrl";

const keys: readonly (readonly [MessageId, readonly string[]])[] = [
  ["command.title", [`${CONTROL} K`, "."]],
  ["keys.screens", [`${CONTROL} 1 … 6`, "G O", "G R", "G P"]],
  ["keys.ring", [`${CONTROL} Shift C`]],
  ["keys.interface", [`${CONTROL} Shift I`]],
  ["peers.filter", ["/"]],
  ["keys.swap", ["T"]],
  ["keys.next", ["↑", "↓", "←", "→"]],
  ["keys.ends", ["Home", "End", "Page Up", "Page Down"]],
  ["keys.inspect", ["Enter", "Esc"]],
  ["keys.copyIp", ["C"]],
  ["keys.zoom", ["+", "−", "0"]],
  ["keys.region", ["F6", "Shift F6"]],
  ["keys.list", ["F1", "?"]],
];

/** All keys of the window, and the way to turn single letters off. */
export function KeyList({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const t = useText();
  const model = useModel();
  const letters = useWindow((state) => state.letterKeys);
  return (
    <Overlay title={t("keys.title")} isOpen={isOpen} onClose={onClose}>
      <dl className={styles.keys}>
        {keys.map(([id, list]) => (
          <div key={id}>
            <dt>{t(id)}</dt>
            <dd>
              {list.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <div className={styles.letters}>
        <span>{t("keys.letters")}</span>
        <Switch label={t("keys.letters")} isOn={letters} onChange={(on) => model.setLetterKeys(on)} />
      </div>
    </Overlay>
  );
}
