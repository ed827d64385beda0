import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { useModel, useWindow } from "../store/context.tsx";
import { useText } from "../words/words.tsx";
import { Button } from "./button.tsx";
import styles from "./toast.module.css";

const SHOWN_MS = 6_000;

/** The newest short word, for 6 s; the pointer or the keyboard on it keeps it. */
export function Toast() {
  const t = useText();
  const model = useModel();
  const said = useWindow((state) => state.said);
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (said === undefined || isHeld) return;
    const timer = setTimeout(() => model.announce(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said, isHeld, model]);
  return (
    <div className={styles.place} role="status">
      {said && (
        // biome-ignore lint/a11y/noStaticElementInteractions: holding the word longer is no action of its own.
        <div
          className={styles.toast}
          onPointerEnter={() => setHeld(true)}
          onPointerLeave={() => setHeld(false)}
          onFocus={() => setHeld(true)}
          onBlur={() => setHeld(false)}
        >
          <span>{t(said.id, said.values)}</span>
          <Button look="icon" label={t("common.close")} onPress={() => model.announce(undefined)}>
            <X size={14} aria-hidden />
          </Button>
        </div>
      )}
    </div>
  );
}
