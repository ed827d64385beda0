/**
 * What the helper says, in the language of the window where it has words for the code; the helper's own sentences, which are
 * English and have the details, stand beside it. In English they stand alone.
 */
import { useCallback } from "react";
import { useIntl } from "react-intl";
import type { Check } from "#contract";
import { isMessage } from "./words.tsx";

/** The words of a message that may exist, in every language but English. */
export function useOwnWords(): (id: string) => string | undefined {
  const intl = useIntl();
  return useCallback((id) => (intl.locale === "en" || !isMessage(id) ? undefined : intl.formatMessage({ id })), [intl]);
}

export interface ToldProps {
  /** An error, a warning, or anything else that has a code and two sentences. */
  readonly of: { readonly code: string; readonly text: string; readonly remedy: string };
  /** The first sentence stands out unless it is in a line of its own. */
  readonly plain?: boolean;
}

export function Told({ of: { code, text, remedy }, plain = false }: ToldProps) {
  const own = useOwnWords()(`told.${code}`);
  const first = own ?? text;
  return (
    <>
      {plain ? first : <strong>{first}</strong>}{" "}
      {own === undefined ? (
        remedy
      ) : (
        <span lang="en">
          {text} {remedy}
        </span>
      )}
    </>
  );
}

/** Of a check: its cause and its remedy, where the window has words for them. */
export function useCheckWords(): (check: Check) => {
  readonly cause?: string | undefined;
  readonly fix?: string | undefined;
} {
  const own = useOwnWords();
  return useCallback(
    ({ id, result, code }) => {
      if (result === "skip") return { cause: own("check.skip") };
      if (code === "slow") return { cause: own("check.slow"), fix: own("check.slow.fix") };
      if (result === "pass") return { cause: own(`check.${id}.pass`) };
      // What warns the helper has a remedy of its own, and a network without UDP the one of UDP.
      const fix = id === "nat" && result === "fail" ? "udp" : id;
      return { cause: own(`check.${id}.${id === "clock" ? "bad" : result}`), fix: own(`check.${fix}.fix`) };
    },
    [own],
  );
}
