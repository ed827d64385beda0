/** The keys of the window (docs/ui.md, "Keyboard"). Single letters never fire where somebody writes. */
import { useLayoutEffect } from "react";
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
  // Before the window is painted: what can be seen answers to keys.
  useLayoutEffect(() => {
    let goUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      // What lies over the window has the keyboard.
      if (document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]')) return;
      const waited = goUntil > event.timeStamp;
      goUntil = 0;
      const taken = event.ctrlKey || event.metaKey ? withControl(event, screens, model) : plain(event, waited);
      if (!taken) return;
      event.preventDefault();
      event.stopPropagation();
    };
    const plain = (event: KeyboardEvent, waited: boolean): boolean => {
      if (event.altKey) return false;
      if (event.key === "F6") return nextRegion(event.shiftKey ? -1 : 1);
      if (event.key === "F1") {
        model.showOverlay("keys");
        return true;
      }
      if (isWriting(event.target) || !model.store.getState().letterKeys) return false;
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
        case ".":
          model.showOverlay("command");
          return true;
        case "?":
          model.showOverlay("keys");
          return true;
        case "c":
          return copyIp(model);
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
  if (event.key.toLowerCase() === "k") {
    model.showOverlay("command");
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

/** Copies the virtual IP of the selected peer; false where none is selected or it has none. */
function copyIp(model: WindowModel): boolean {
  const { selected, peers } = model.store.getState();
  const ip = selected === undefined ? null : (peers.get(selected)?.row.virtualIp ?? null);
  if (ip === null) return false;
  navigator.clipboard.writeText(ip).then(
    () => model.announce({ id: "peer.copied", values: { value: ip } }),
    () => model.announce({ id: "copy.refused" }),
  );
  return true;
}

/** Goes round sidebar, top bar, content and inspector. */
function nextRegion(by: 1 | -1): true {
  const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")];
  const here = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[(here + by + regions.length) % regions.length];
  const first = next?.matches("[tabindex]") ? next : next?.querySelector<HTMLElement>(FOCUSABLE);
  first?.focus();
  return true;
}

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), [tabindex="0"], [tabindex="-1"]';

/** Whether keys go into a field. */
export function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
