/** Answers of the helper that a view shows and asks for again while it is shown. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type ErrorView, errorView } from "#contract";

export interface Asked<T> {
  /** The newest answer; it stays while later questions fail. */
  readonly value: T | undefined;
  readonly error: ErrorView | undefined;
}

/**
 * Asks at once and then every `everyMs` while the page is visible; a question waits for the answer to the one before.
 * `ask` must stay the same function while the question is the same: a new one drops the old answer.
 */
export function useAsked<T>(ask: (() => Promise<T>) | undefined, everyMs: number): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ value: undefined, error: undefined });
  useEffect(() => {
    setAsked({ value: undefined, error: undefined });
    if (ask === undefined) return;
    let over = false;
    let waiting = false;
    const turn = async () => {
      if (waiting || document.hidden) return;
      waiting = true;
      try {
        const value = await ask();
        if (!over) setAsked({ value, error: undefined });
      } catch (error) {
        if (!over) setAsked((before) => ({ value: before.value, error: errorView(error) }));
      } finally {
        waiting = false;
      }
    };
    void turn();
    const timer = setInterval(turn, everyMs);
    document.addEventListener("visibilitychange", turn);
    return () => {
      over = true;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", turn);
    };
  }, [ask, everyMs]);
  return asked;
}

/** One question at a time, asked when the user wants it. */
export type Order<T> =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting" }
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly error: ErrorView };

/** `key` names what the order is about: with another one an old answer is no longer shown. */
export function useOrder<T>(ask: () => Promise<T>, key: string): readonly [Order<T>, () => void] {
  const [order, setOrder] = useState<Order<T>>({ kind: "idle" });
  const current = useRef(key);
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    current.current = key;
    setOrder({ kind: "idle" });
  }, [key]);
  const give = useCallback(() => {
    setOrder({ kind: "waiting" });
    const tell = (next: Order<T>) => current.current === key && setOrder(next);
    latest.current().then(
      (value) => tell({ kind: "done", value }),
      (error) => tell({ kind: "failed", error: errorView(error) }),
    );
  }, [key]);
  return [order, give];
}
