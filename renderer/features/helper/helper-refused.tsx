/** Why an order to an administrator came to nothing, and the way for those who may not be asked. */
import { useState } from "react";
import type { HelperOutcome } from "#contract/app-bridge.ts";
import { useApp } from "../../store/app-store.tsx";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./helper.module.css";

export function HelperRefused({ outcome }: { readonly outcome: HelperOutcome }) {
  const t = useText();
  if (outcome.result !== "denied") return <div>{outcome.detail}</div>;
  return (
    <div>
      <strong>{t("helper.denied.title")}.</strong> {t("helper.denied.text")}
      <NoAdministrator />
    </div>
  );
}

/** What to hand to somebody who has the rights: one line, the same that the prompt would have run. */
export function NoAdministrator() {
  const t = useText();
  const command = useApp((state) => state.app.helper?.command ?? null);
  const [isAsked, setAsked] = useState(false);
  if (command === null) return null;
  if (!isAsked) return <Button onPress={() => setAsked(true)}>{t("helper.denied.noAdmin")}</Button>;
  return (
    <div role="status">
      <p>{t("helper.denied.noAdminText")}</p>
      <p className={styles.command}>
        <code className="mono">{command}</code>
        <CopyButton value={command} label={t("copy.command")} />
      </p>
    </div>
  );
}
