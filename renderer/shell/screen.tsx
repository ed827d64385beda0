/** What a screen tells the window about itself. The table of all of them is screens.tsx. */
import { type ComponentType, createContext, useContext } from "react";
import type { MessageId } from "../words/words.tsx";
import type { ScreenId } from "./route.ts";

export interface ScreenSpec {
  readonly id: ScreenId;
  readonly title: MessageId;
  readonly icon: ComponentType<{ readonly size?: number; readonly "aria-hidden"?: boolean }>;
  /** Goes there when pressed after `g`. */
  readonly letter: string;
  /** The first group shows the ring that this computer is on, the second what is kept beside it. */
  readonly group: 1 | 2;
  /** Shown even while there is no affiliation or no helper. */
  readonly always?: true;
  /** The selected peer is explained on the right of it. */
  readonly inspector?: true;
  /** Takes the whole height and scrolls within itself. */
  readonly fills?: true;
  readonly Screen: ComponentType;
  /** One line of facts beside the title. */
  readonly Facts?: ComponentType;
  /** What can be ordered there, for the command field. */
  readonly actions?: readonly ScreenAction[];
  /** A figure at the end of its entry in the sidebar. */
  readonly Badge?: ComponentType;
}

export interface ScreenAction {
  readonly id: string;
  readonly title: MessageId;
  readonly run: () => void;
}

const Screens = createContext<readonly ScreenSpec[]>([]);
export const ScreensProvider = Screens.Provider;

export function useScreens(): readonly ScreenSpec[] {
  return useContext(Screens);
}

/** Whether a way to a screen may be offered. */
export function useHasScreen(id: ScreenId): boolean {
  return useScreens().some((screen) => screen.id === id);
}
