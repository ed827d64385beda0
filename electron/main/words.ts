/** The words of tray and notifications: the window's own catalogue, read from its files. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { createIntl, createIntlCache } from "@formatjs/intl";
import type { Language } from "#contract/app-bridge.ts";

export type Text = (id: string, values?: Readonly<Record<string, string | number>>) => string;

/** `folder` is that of the built window, which carries `words/LANGUAGE.json`. An id that is missing is shown as itself. */
export function textIn(language: Language, folder: string): Text {
  const messages = { ...read("en", folder), ...(language === "en" ? {} : read(language, folder)) };
  const intl = createIntl({ locale: language, messages, onError: () => {} }, createIntlCache());
  return (id, values) => String(intl.formatMessage({ id, defaultMessage: id }, values));
}

function read(language: Language, folder: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path.join(folder, "words", `${language}.json`), "utf8"));
  } catch {
    return {};
  }
}
