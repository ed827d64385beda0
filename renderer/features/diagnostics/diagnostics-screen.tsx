/** What is wrong on this computer and in its network, with what mends it, and a report for whoever helps. */

import { CircleAlert, CircleCheck, CircleMinus, RefreshCw, TriangleAlert } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { type Check, type CheckAction, type ErrorView, errorView } from "#contract";
import { useApp, useAppModel } from "../../store/app-store.tsx";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { fixed } from "../../ui/format.ts";
import { Notice } from "../../ui/notice.tsx";
import { Switch } from "../../ui/switch.tsx";
import { Told, useCheckWords } from "../../words/told.tsx";
import { useText, useTime } from "../../words/words.tsx";
import styles from "./diagnostics-screen.module.css";
import { inOrder, reportOf } from "./report.ts";

interface Run {
  readonly checks: readonly Check[];
  readonly tookMs: number;
  readonly at: Date;
}

export function DiagnosticsScreen() {
  const t = useText();
  const time = useTime();
  const model = useModel();
  const name = useWindow((state) => state.affiliation?.name);
  const isOpen = useWindow((state) => state.reach.kind === "open");
  const [run, setRun] = useState<Run>();
  const [fault, setFault] = useState<ErrorView>();
  const [isRunning, setRunning] = useState(false);

  const again = useCallback(async () => {
    setRunning(true);
    setFault(undefined);
    const begun = model.clock();
    try {
      const { checks } = await model.calls.doctor(name === undefined ? {} : { affiliation: name });
      setRun({ checks, tookMs: model.clock() - begun, at: new Date() });
    } catch (error) {
      setFault(errorView(error));
    } finally {
      setRunning(false);
    }
  }, [model, name]);
  useEffect(() => {
    if (isOpen) void again();
  }, [isOpen, again]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "F5" || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      void again();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [again]);

  const count = (result: Check["result"]) => run?.checks.filter((check) => check.result === result).length ?? 0;
  const [fail, warn] = [count("fail"), count("warn")];
  return (
    <div className={styles.page}>
      <div className={styles.checks}>
        <div className={styles.head}>
          <div>
            <h2>
              {run === undefined
                ? t(isOpen ? "diag.running" : "helper.notRunning.title")
                : fail + warn === 0
                  ? t("diag.allGood")
                  : t("diag.summary", { fail, warn, sep: fail > 0 && warn > 0 ? ", " : "" })}
            </h2>
            {run && (
              <p>
                {t("diag.ran", {
                  count: run.checks.length,
                  duration: seconds(run.tookMs),
                  time: time(run.at, new Date()),
                })}
              </p>
            )}
          </div>
          <Button isDisabled={isRunning || !isOpen} onPress={() => void again()}>
            <RefreshCw size={14} aria-hidden />
            {t("diag.again")}
          </Button>
        </div>
        {fault && (
          <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
            <div>
              <Told of={fault} />
            </div>
          </Notice>
        )}
        {run && (
          <ul className={styles.list}>
            {inOrder(run.checks).map((check) => (
              <CheckRow key={check.id} check={check} onMended={again} />
            ))}
          </ul>
        )}
      </div>
      {run && <Report run={run} />}
    </div>
  );
}

const icons = { pass: CircleCheck, warn: TriangleAlert, fail: CircleAlert, skip: CircleMinus } as const;

function CheckRow({ check, onMended }: { readonly check: Check; readonly onMended: () => Promise<void> }) {
  const t = useText();
  const { id, result, cause, evidence, remedy, action } = check;
  const own = useCheckWords()(check);
  const Icon = icons[result];
  const isOpen = result === "fail" || result === "warn";
  return (
    <li>
      <details className={styles.check} data-result={result} open={isOpen}>
        <summary>
          <Icon size={16} aria-hidden />
          <span className={styles.name}>{t(`diag.t.${id}`)}</span>
          <span className={styles.short}>{isOpen ? "" : (own.cause ?? evidence ?? cause ?? "")}</span>
          <span className={styles.result}>{t(`diag.${result}`)}</span>
        </summary>
        <dl className={styles.more}>
          {cause !== null && (
            <div>
              <dt>{t("diag.cause")}</dt>
              <dd>
                {own.cause !== undefined && `${own.cause} `}
                <span {...(own.cause !== undefined && { lang: "en" })}>{cause}</span>
              </dd>
            </div>
          )}
          {evidence !== null && (
            <div>
              <dt>{t("diag.evidence")}</dt>
              <dd className="mono" lang="en">
                {evidence}
              </dd>
            </div>
          )}
          {remedy !== null && (
            <div>
              <dt>{t("diag.fix")}</dt>
              <dd>
                {own.fix ?? remedy}
                {action !== null && <Mend action={action} onMended={onMended} />}
              </dd>
            </div>
          )}
        </dl>
      </details>
    </li>
  );
}

function Mend({ action, onMended }: { readonly action: CheckAction; readonly onMended: () => Promise<void> }) {
  const t = useText();
  const model = useModel();
  const app = useAppModel();
  const affiliation = useWindow((state) => state.affiliation?.name);
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const hasApp = useApp((state) => state.app.helper !== null);
  const [fault, setFault] = useState<ErrorView>();
  // Only the app can ask an administrator; a page in a browser shows the remedy's words alone.
  if (readOnly || (action === "restart" && !hasApp)) return null;
  const mend = async () => {
    setFault(undefined);
    try {
      if (action === "restart") await app.order("installHelper");
      else await model.calls[action](affiliation === undefined ? {} : { affiliation });
      await onMended();
    } catch (error) {
      setFault(errorView(error));
    }
  };
  return (
    <span className={styles.mend}>
      <Button look="primary" onPress={() => void mend()}>
        {t(`diag.action.${action}`)}
      </Button>
      {fault && (
        <span role="alert">
          <Told of={fault} plain />
        </span>
      )}
    </span>
  );
}

function Report({ run }: { readonly run: Run }) {
  const t = useText();
  const affiliation = useWindow((state) => state.affiliation);
  const version = useWindow((state) => state.snapshot?.status.version) ?? "";
  const [hideAddresses, setHide] = useState(true);
  const text = reportOf({ version, at: run.at, affiliation, checks: run.checks, hideAddresses });
  return (
    <section className={styles.report} aria-label={t("diag.report")}>
      <h2>{t("diag.report")}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <pre tabIndex={0}>{text}</pre>
      <div className={styles.tools}>
        <span className={styles.hide}>
          <Switch label={t("diag.hideAddresses")} isOn={hideAddresses} onChange={setHide} />
          <span aria-hidden="true">{t("diag.hideAddresses")}</span>
        </span>
        <CopyButton value={text} label={t("diag.copy")} />
      </div>
    </section>
  );
}

function seconds(ms: number): string {
  return ms < 50 ? `<\u00a0${fixed(0.1, 1)}\u00a0s` : `${fixed(ms / 1000, 1)}\u00a0s`;
}
