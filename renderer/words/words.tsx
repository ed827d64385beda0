/** The message catalogue, and the one way for a view to read it. Views hold no words of their own. */
import type { ReactNode } from "react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { IntlProvider, useIntl } from "react-intl";
import type { Language } from "#contract/app-bridge.ts";
import english from "./en.json";

export type MessageId = keyof typeof english;
export function isMessage(id: string): id is MessageId {
  return Object.hasOwn(english, id);
}

export type Values = Readonly<Record<string, string | number | Date>>;

const messages = Object.fromEntries(Object.entries(english).map(([id, { defaultMessage }]) => [id, defaultMessage]));

/** Where the other languages lie: data beside the page, each fetched when it is first spoken. */
const places: Readonly<Record<Exclude<Language, "en">, URL>> = {
  de: new URL("./de.json", import.meta.url),
  fr: new URL("./fr.json", import.meta.url),
  es: new URL("./es.json", import.meta.url),
  pt: new URL("./pt.json", import.meta.url),
  it: new URL("./it.json", import.meta.url),
  pl: new URL("./pl.json", import.meta.url),
  zh: new URL("./zh.json", import.meta.url),
  ja: new URL("./ja.json", import.meta.url),
  ko: new URL("./ko.json", import.meta.url),
};

async function load(language: Exclude<Language, "en">): Promise<Record<string, string>> {
  const answer = await fetch(places[language]);
  if (!answer.ok) throw new Error(`The words of ${language} did not come (${answer.status}).`);
  return answer.json();
}

/** Until a language has come, and where it lacks a message, English is shown. */
export function Words({ language, children }: { readonly language: Language; readonly children: ReactNode }) {
  const [loaded, setLoaded] = useState<{ language: Language; words: Record<string, string> }>();
  useEffect(() => {
    document.documentElement.lang = language;
    let over = false;
    if (language !== "en") {
      load(language).then((words) => {
        if (!over) setLoaded({ language, words });
      }, refuse);
    }
    return () => {
      over = true;
    };
  }, [language]);
  const words = useMemo(
    () => (loaded?.language === language ? { ...messages, ...loaded.words } : messages),
    [loaded, language],
  );
  return (
    <IntlProvider locale={language} defaultLocale="en" messages={words} onError={refuse}>
      {children}
    </IntlProvider>
  );
}

// A missing or broken message is a fault in the program: tests fail on it, a person sees the id instead of nothing.
function refuse(error: Error): void {
  console.error(error);
}

export type Text = (id: MessageId, values?: Values) => string;

/** `t("peers.empty")`: the message with its values filled in. */
export function useText(): Text {
  const intl = useIntl();
  return useCallback((id, values) => intl.formatMessage({ id }, values as Record<string, string>), [intl]);
}

/** Like `useText`, for messages in which some value is shown as an element (in bold, as a button). */
export function useRichText(): (id: MessageId, values: Readonly<Record<string, ReactNode>>) => ReactNode {
  const intl = useIntl();
  return useCallback((id, values) => intl.formatMessage({ id }, values as Record<string, ReactNode>), [intl]);
}

/** `14:15` today, `9 March` else, by the reader's own habits. */
export function useTime(): (at: Date, now: Date) => string {
  const intl = useIntl();
  return useCallback(
    (at, now) =>
      at.toDateString() === now.toDateString()
        ? intl.formatTime(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" })
        : intl.formatDate(at, { day: "numeric", month: "long" }),
    [intl],
  );
}

/** `14:15` by the reader's own clock, for seconds since 1970. */
export function useClockTime(): (seconds: number) => string {
  const intl = useIntl();
  return useCallback((seconds) => intl.formatTime(seconds * 1000, { hour: "2-digit", minute: "2-digit" }), [intl]);
}

export function useCount(): (count: number) => string {
  const intl = useIntl();
  return useCallback((count) => intl.formatNumber(count), [intl]);
}
