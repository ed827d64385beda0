/** Which screen is shown: the hash of the address, so that a link, a notification and the back button all lead there. */
import { useSyncExternalStore } from "react";

export const screenIds = ["overview", "ring", "peers", "diagnostics", "affiliations", "settings"] as const;
export type ScreenId = (typeof screenIds)[number];

/** The screen that an address names; the first where it names none. */
export function screenOf(hash: string): ScreenId {
  const name = /^#\/([a-z]+)/.exec(hash)?.[1];
  return screenIds.find((id) => id === name) ?? "overview";
}

export function hashOf(screen: ScreenId): string {
  return `#/${screen}`;
}

/** Where focus goes after the next change of screen, in place of its title. */
let focusAfter: string | undefined;

/** Shows a screen; `focus` selects the element in it that takes the keyboard. */
export function go(screen: ScreenId, focus?: string): void {
  if (screenOf(location.hash) === screen) {
    if (focus !== undefined) focusOn(focus);
    return;
  }
  focusAfter = focus;
  location.hash = hashOf(screen);
}

/** For the frame, and for what comes later on the new screen: true where somebody asked for another focus than the title, and it stands. */
export function tookFocus(): boolean {
  if (focusAfter === undefined || !focusOn(focusAfter)) return false;
  focusAfter = undefined;
  return true;
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.focus();
  return element !== null;
}

export function useRoute(): ScreenId {
  return screenOf(useSyncExternalStore(watch, () => location.hash));
}

function watch(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}
