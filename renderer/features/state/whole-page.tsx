import { type ReactNode, useState } from "react";
import type { ErrorView } from "#contract";
import { isNewer } from "#contract/app-bridge.ts";
import { useApp, useAppModel } from "../../store/app-store.tsx";
import type { Condition } from "../../store/condition.ts";
import { useModel, useNow, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatDuration } from "../../ui/format.ts";
import { pageVersion } from "../../version.ts";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";
import { NoAdministrator } from "../helper/helper-refused.tsx";
import styles from "./whole-page.module.css";

/** The states in which there is no picture to show: one title, one sentence, one thing to do. */
export function WholePage({ condition }: { readonly condition: Exclude<Condition, { kind: "affiliation" }> }) {
  const t = useText();
  const model = useModel();
  const tryNow = <Button onPress={() => model.retry()}>{t("common.tryNow")}</Button>;
  switch (condition.kind) {
    case "opening":
      return <Opening action={tryNow} />;
    case "garbled":
      return (
        <Page title={t("noise.garbled.title")}>
          <p>{t("noise.garbled.text")}</p>
          {tryNow}
        </Page>
      );
    case "expired":
      return (
        <Page title={t("browser.expiredTitle")}>
          <p>{t("browser.tokenExpired", { host: condition.host ?? t("ring.thisComputer") })}</p>
          <Command line="ringway ui" />
        </Page>
      );
    case "noServer":
      return (
        <Page title={t("browser.lostTitle", { host: condition.host ?? t("ring.thisComputer") })}>
          <p>{t("browser.lostText")}</p>
          {tryNow}
        </Page>
      );
    case "noAffiliation":
      return <First />;
    case "noHelper":
      return <NoHelper error={condition.error} action={tryNow} />;
  }
}

const LONG_MS = 5_000;

/** Nothing is known yet; after a while it says for how long. */
function Opening({ action }: { readonly action: ReactNode }) {
  const t = useText();
  const now = useNow();
  const [since] = useState(now);
  const waited = now - since;
  return (
    <Page title={t("state.opening")} late>
      {waited >= LONG_MS && (
        <>
          <p role="status">{t("state.openingLong", { duration: formatDuration(waited / 1_000) })}</p>
          {action}
        </>
      )}
    </Page>
  );
}

/** No affiliation yet: the ways to join the first one. A page for looking only shows the commands. */
function First() {
  const t = useText();
  const app = useAppModel();
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  if (readOnly) {
    return (
      <Page title={t("first.title")}>
        <p>{t("first.command")}</p>
        <Command line={'ringway join --open "condor wow" --via ringway.udp://HOST:15000'} />
        <Command line="ringway join --config FILE" />
      </Page>
    );
  }
  return (
    <Page title={t("first.title")}>
      <p>{t("first.openText")}</p>
      <Button look="primary" onPress={() => app.join()}>
        {t("first.join")}
      </Button>
      <p>{t("first.drop")}</p>
    </Page>
  );
}

/** No helper answers, or not as it should. The app can do something about that; a page in a browser says what to do. */
function NoHelper({ error, action }: { readonly error: ErrorView; readonly action: ReactNode }) {
  const t = useText();
  const app = useAppModel();
  const helper = useApp((state) => state.app.helper);
  const order = useApp((state) => state.order);
  const ask = (call: "installHelper" | "startHelper", label: string) => (
    <Button look="primary" isDisabled={order === "asking"} onPress={() => void app.order(call)}>
      {label}
    </Button>
  );
  if (helper !== null && order !== undefined && order !== "asking" && order.result === "denied") {
    return (
      <Page title={t("helper.denied.title")}>
        <p>{t("helper.denied.text")}</p>
        {ask(helper.installed ? "startHelper" : "installHelper", t("helper.denied.action"))}
        <NoAdministrator />
      </Page>
    );
  }
  const failure = order !== undefined && order !== "asking" && order.result === "failed" && (
    <p role="alert">{order.detail}</p>
  );
  if (error.code === "HELPER_NOT_RUNNING") {
    if (helper === null) {
      return (
        <Page title={t("helper.notRunning.title")}>
          <p>{t("helper.notRunning.text")}</p>
          <Command line="sudo ringway helper" />
          {action}
        </Page>
      );
    }
    if (helper.installed) {
      return (
        <Page title={t("helper.notRunning.title")}>
          <p>{t("helper.notRunning.app")}</p>
          {ask("startHelper", t("helper.startNow"))}
          {failure}
        </Page>
      );
    }
    return (
      <Page title={t("helper.missing.title")}>
        <p>{t("helper.missing.text", { iface: "tap0" })}</p>
        {ask("installHelper", t(helper.canInstall ? "helper.missing.action" : "helper.startNow"))}
        {failure}
        <p>{t("helper.missing.fine", { iface: "tap0" })}</p>
      </Page>
    );
  }
  if (error.code === "NOT_ALLOWED") {
    return (
      <Page title={t("helper.notAllowed.title")}>
        <p>{t("helper.notAllowed.text")}</p>
      </Page>
    );
  }
  const theirs = error.code === "VERSION_MISMATCH" ? error.values?.helper : undefined;
  if (theirs !== undefined) return <Mismatch theirs={theirs} failure={failure} action={action} />;
  return (
    <Page title={t(error.code === "VERSION_MISMATCH" ? "helper.mismatch.title" : "helper.fault.title")}>
      <p>
        <Told of={error} plain />
      </p>
      {failure}
      {action}
    </Page>
  );
}

/** The helper speaks other calls than this program, so nothing can be done with it; both are told by their versions. */
function Mismatch({
  theirs,
  failure,
  action,
}: {
  readonly theirs: string;
  readonly failure: ReactNode;
  readonly action: ReactNode;
}) {
  const t = useText();
  const app = useAppModel();
  const { version, helper } = useApp((state) => state.app);
  const order = useApp((state) => state.order);
  const versions = { app: version ?? pageVersion, helper: theirs };
  const newer = isNewer(theirs, versions.app);
  return (
    <Page title={t("helper.mismatch.title")}>
      <p>{t(newer ? "helper.newer.text" : "helper.mismatch.text", versions)}</p>
      {helper?.installed && (
        <Button look="primary" isDisabled={order === "asking"} onPress={() => void app.order("installHelper")}>
          {newer ? t("helper.newer.action", versions) : t("helper.mismatch.action")}
        </Button>
      )}
      {!helper?.installed && <Command line="sudo ringway helper" />}
      {failure}
      {action}
    </Page>
  );
}

/** `late`: shown only after a moment, so that a quick start does not flash a page. */
function Page({
  title,
  children,
  late = false,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly late?: boolean;
}) {
  return (
    <div className={styles.page} data-late={late || undefined}>
      <svg className={styles.art} viewBox="0 0 132 132" aria-hidden="true">
        <circle
          cx="66"
          cy="66"
          r="50"
          fill="none"
          stroke="currentColor"
          strokeWidth="5"
          strokeLinecap="round"
          strokeDasharray="0 19.635"
        />
        <circle cx="66" cy="16" r="9" className={styles.self} />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

function Command({ line }: { readonly line: string }) {
  const t = useText();
  return (
    <div className={styles.command}>
      <code className="mono">{line}</code>
      <CopyButton value={line} label={t("copy.command")} />
    </div>
  );
}
