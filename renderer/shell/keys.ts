/** The keys of the window (docs/ui.md, "Keyboard"). Single letters never fire where somebody writes. */
import { useEffect } from "react";
import { useModel } from "../store/context.tsx";
import type { WindowModel } from "../store/window-store.ts";
import { go, screenOf } from "./route.ts";
import type { ScreenSpec } from "./screen.tsx";

/** Ids of what keys lead to. */
export const places = { ring: "ring", table: "peers", filter: "peers-filter" } as const;
export const focusOf = {
  ring: `#${places.ring}`,
  table: `#${places.table} [role="grid"]`,
  filter: `#${places.filter}`,
};

/** The second key of `g` then a letter is waited for this long. */
const GO_MS = 1_500;

export function useKeys(screens: readonly ScreenSpec[]): void {
  const model = useModel();
  useEffect(() => {
    let goUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const waited = goUntil > event.timeStamp;
      goUntil = 0;
      const taken = event.ctrlKey || event.metaKey ? withControl(event, screens, model) : plain(event, waited);
      if (!taken) return;
      event.preventDefault();
      event.stopPropagation();
    };
    const plain = (event: KeyboardEvent, waited: boolean): boolean => {
      if (event.altKey || isWriting(event.target)) return false;
      if (waited) {
        const screen = screens.find(({ letter }) => letter === event.key.toLowerCase());
        if (screen === undefined) return false;
        go(screen.id);
        return true;
      }
      switch (event.key) {
        case "g":
          goUntil = event.timeStamp + GO_MS;
          return true;
        case "/":
          go(screenOf(location.hash) === "ring" ? "ring" : "peers", focusOf.filter);
          return true;
        case "t":
        case "T":
          swap();
          return true;
        default:
          return false;
      }
    };
    // In the capture phase: the table takes letters for its own search by name.
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, [model, screens]);
}

function withControl(event: KeyboardEvent, screens: readonly ScreenSpec[], model: WindowModel): boolean {
  if (event.altKey) return false;
  if (event.shiftKey) {
    const name = ({ c: "ring", i: "interface" } as const)[event.key.toLowerCase()];
    if (name === undefined) return false;
    model.toggleSwitch(name);
    return true;
  }
  const number = Number(event.key);
  const screen = Number.isInteger(number) ? screens[number - 1] : undefined;
  if (screen === undefined) return false;
  go(screen.id);
  return true;
}

/** Gives the keyboard to what the screen is about: the row or member that was selected, else its title. */
export function focusScreen(): void {
  // The row or the list takes it where it still has it.
  if (document.activeElement?.closest("main")) return;
  const place =
    document.querySelector<HTMLElement>(`${focusOf.table}, ${focusOf.ring}`) ?? document.querySelector("h1");
  place?.focus();
}

/** Ring and table are the same data twice; from any other screen the table opens. */
function swap(): void {
  if (screenOf(location.hash) === "peers") go("ring", focusOf.ring);
  else go("peers", focusOf.table);
}

/** Whether keys go into a field. */
export function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
