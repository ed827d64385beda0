/** The message catalogue, and the one way for a view to read it. Views hold no words of their own. */
import type { ReactNode } from "react";
import { useCallback } from "react";
import { IntlProvider, useIntl } from "react-intl";
import english from "./en.json";

export type MessageId = keyof typeof english;
export type Values = Readonly<Record<string, string | number | Date>>;

const messages = Object.fromEntries(Object.entries(english).map(([id, { defaultMessage }]) => [id, defaultMessage]));

export function Words({ children }: { readonly children: ReactNode }) {
  return (
    <IntlProvider locale="en" defaultLocale="en" messages={messages} onError={refuse}>
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
