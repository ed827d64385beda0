import { CircleCheck } from "lucide-react";
import type { AffiliationView } from "#contract";
import { type ConnectStep, connectProgress, connectSteps } from "../../store/condition.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { UNKNOWN } from "../../ui/format.ts";
import { type Text, useText } from "../../words/words.tsx";
import styles from "./connect-steps.module.css";

/** How far connecting has come, in the place where the ring will be. */
export function ConnectSteps({ affiliation }: { readonly affiliation: AffiliationView }) {
  const t = useText();
  const model = useModel();
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const { done, now } = connectProgress(affiliation);
  const number = connectSteps.indexOf(now) + 1;
  const starts = affiliation.startTransportAddresses.map((address) => address.replace(/^[a-z.]+:\/\//, ""));
  return (
    <section className={styles.steps} aria-labelledby="steps-title">
      <h2 id="steps-title">
        {t("overview.connectingStep", {
          step: number,
          total: connectSteps.length,
          what: stepWords(t, now, affiliation),
        })}
      </h2>
      <ol>
        {connectSteps.map((step, index) => (
          <li key={step} data-done={done.has(step) || undefined} aria-current={step === now ? "step" : undefined}>
            {done.has(step) ? (
              <CircleCheck size={18} aria-label={t("diag.pass")} />
            ) : (
              <span className={styles.number}>{index + 1}</span>
            )}
            <div>
              <span className={styles.what}>{stepWords(t, step, affiliation)}</span>
              {step === "neighbours" && !done.has(step) && starts.length > 0 && (
                <span className={styles.more}>{t("connect.asking", { list: starts.slice(0, 3).join(", ") })}</span>
              )}
            </div>
          </li>
        ))}
      </ol>
      {!readOnly && <Button onPress={() => void model.setSwitch("ring", false)}>{t("common.cancel")}</Button>}
    </section>
  );
}

function stepWords(t: Text, step: ConnectStep, affiliation: AffiliationView): string {
  if (step !== "interface") return t(`connect.step.${step}`);
  return t("connect.step.interface", { iface: affiliation.interface.name, ip: affiliation.virtualIp ?? UNKNOWN });
}
