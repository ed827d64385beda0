/** The settings of this user, those of the affiliation that is looked at, and what this program is. */
import { type ReactNode, useState } from "react";
import { type AppSettings, type Language, languages } from "#contract/app-bridge.ts";
import { useApp, useAppModel } from "../../store/app-store.tsx";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Choice, Row } from "../../ui/field.tsx";
import { Switch } from "../../ui/switch.tsx";
import { useText } from "../../words/words.tsx";
import { LicencesDialog } from "./licences-dialog.tsx";
import { NetworkSettings } from "./network-settings.tsx";
import styles from "./settings-screen.module.css";

export function SettingsScreen() {
  const t = useText();
  const affiliation = useWindow((state) => state.affiliation?.name);
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  return (
    <div className={styles.page}>
      <Group title={t("set.general")}>
        <General />
      </Group>
      {affiliation !== undefined && !readOnly && (
        <Group title={t("set.network", { affiliation })}>
          <NetworkSettings key={affiliation} affiliation={affiliation} />
        </Group>
      )}
      <Group title={t("set.about")}>
        <About />
      </Group>
    </div>
  );
}

function Group({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <div className={styles.card}>{children}</div>
    </section>
  );
}

/** Each language by its own name, so that its speakers find it whatever the window speaks. */
const languageNames: Record<Language, string> = {
  en: "English",
  de: "Deutsch",
  fr: "Français",
  es: "Español",
  pt: "Português",
  it: "Italiano",
  pl: "Polski",
  zh: "中文",
  ja: "日本語",
  ko: "한국어",
};

function General() {
  const t = useText();
  const model = useAppModel();
  const window = useModel();
  const letterKeys = useWindow((state) => state.letterKeys);
  const settings = useApp((state) => state.app.settings);
  const hasTray = useApp((state) => state.app.tray);
  const hasApp = useApp((state) => state.app.helper !== null);
  const change = (next: Partial<AppSettings>) => void model.change(next);
  const flag = (name: BooleanSetting, title: string, text?: string) => (
    <Row title={title} {...(text === undefined ? {} : { text })}>
      <Switch label={title} isOn={settings[name]} onChange={(on) => change({ [name]: on })} />
    </Row>
  );
  return (
    <>
      {hasApp && flag("startAtLogin", t("set.login"), t("set.loginText"))}
      {hasTray === true && flag("closeToTray", t("set.tray"), t("set.trayText"))}
      {hasTray === false && <p className={styles.note}>{t("tray.none")}</p>}
      <Row title={t("set.theme")}>
        <Choice
          label={t("set.theme")}
          value={settings.theme}
          onChange={(theme) => change({ theme })}
          options={[
            { id: "system", text: t("set.themeSystem") },
            { id: "light", text: t("set.themeLight") },
            { id: "dark", text: t("set.themeDark") },
            { id: "contrast", text: t("set.themeContrast") },
          ]}
        />
      </Row>
      <Row title={t("set.language")}>
        <Choice
          label={t("set.language")}
          value={settings.language}
          onChange={(language) => change({ language })}
          options={[
            { id: "system", text: t("set.themeSystem") },
            ...languages.map((id) => ({ id, text: languageNames[id] })),
          ]}
        />
      </Row>
      <Row title={t("set.rates")}>
        <Choice
          label={t("set.rates")}
          value={settings.rates}
          onChange={(rates) => change({ rates })}
          options={[
            { id: "bytes", text: t("set.ratesBytes") },
            { id: "bits", text: t("set.ratesBits") },
          ]}
        />
      </Row>
      <Row title={t("set.textSize")}>
        <Choice
          label={t("set.textSize")}
          value={settings.textSize}
          onChange={(textSize) => change({ textSize })}
          options={[
            { id: "normal", text: "100 %" },
            { id: "large", text: "115 %" },
            { id: "larger", text: "130 %" },
          ]}
        />
      </Row>
      {flag("reduceMotion", t("set.motion"))}
      <Row title={t("set.keys")} text={t("set.keysText")}>
        <Switch label={t("set.keys")} isOn={letterKeys} onChange={(on) => window.setLetterKeys(on)} />
      </Row>
      {hasApp && flag("notifyLost", t("set.notifyLost"))}
      {hasApp && flag("notifyProblem", t("set.notifyProblem"))}
    </>
  );
}

type BooleanSetting = { [N in keyof AppSettings]: AppSettings[N] extends boolean ? N : never }[keyof AppSettings];

function About() {
  const t = useText();
  const model = useAppModel();
  const version = useApp((state) => state.app.version);
  const helper = useApp((state) => state.app.helper);
  const order = useApp((state) => state.order);
  const [showsLicences, setShowsLicences] = useState(false);
  const helperVersion = useWindow((state) => state.snapshot?.status.version);
  return (
    <>
      <Row
        title={version === null ? t("app.name") : t("set.version", { version })}
        text={helperVersion === undefined ? t("set.noHelper") : t("set.helperVersion", { version: helperVersion })}
      >
        {helper?.installed && (
          <Button isDisabled={order === "asking"} onPress={() => void model.order("removeHelper")}>
            {t("set.removeHelper")}
          </Button>
        )}
      </Row>
      <Row title={t("set.licences")} text={t("set.licencesText")}>
        <Button onPress={() => setShowsLicences(true)}>{t("set.licencesShow")}</Button>
      </Row>
      {showsLicences && <LicencesDialog onClose={() => setShowsLicences(false)} />}
      {order !== undefined && order !== "asking" && order.result !== "done" && (
        <p className={styles.note} role="alert">
          {order.result === "denied" ? t("helper.denied.text") : order.detail}
        </p>
      )}
    </>
  );
}
