/** The app around the window: the user's settings, what was opened or dropped, and whether the join dialogue stands. */
import { createContext, type ReactNode, useContext, useEffect } from "react";
import { useStore } from "zustand";
import { createStore, type StoreApi } from "zustand/vanilla";
import { errorView } from "#contract";
import {
  type AppBridge,
  type AppSettings,
  type AppState,
  defaultSettings,
  type HelperOutcome,
  type Language,
  languageOf,
  type Opened,
} from "#contract/app-bridge.ts";
import { go } from "../shell/route.ts";
import { showNumbersIn, showRatesIn } from "../ui/format.ts";

export interface AppWindowState {
  readonly app: AppState;
  /** The join dialogue, and the file or link that it was opened with. */
  readonly joining: { readonly opened: Opened | undefined } | undefined;
  /** An order that needs an administrator is under way, or how the last one ended. */
  readonly order: "asking" | HelperOutcome | undefined;
  /** When the helper that ended starts again by itself, by performance.now(). */
  readonly restartAt: number | undefined;
}

export interface AppModel {
  readonly store: StoreApi<AppWindowState>;
  change(change: Partial<AppSettings>): Promise<void>;
  join(opened?: Opened): void;
  closeJoin(): void;
  order(call: "installHelper" | "startHelper" | "removeHelper"): Promise<HelperOutcome>;
  stayOnHelper(): Promise<void>;
  dismissNotices(): Promise<void>;
}

export function createAppModel(bridge: AppBridge): AppModel {
  const store = createStore<AppWindowState>(() => ({
    app: { version: null, settings: defaultSettings, tray: null, helper: null, notices: [] },
    joining: undefined,
    order: undefined,
    restartAt: undefined,
  }));
  const take = (app: AppState) => {
    const wait = app.helper?.restartsInMs ?? null;
    store.setState({ app, restartAt: wait === null ? undefined : performance.now() + wait });
  };
  bridge.watchApp((event) => {
    if (event.kind === "state") take(event.state);
    else if (event.kind === "show") go(event.screen);
    else store.setState({ joining: { opened: event.opened } });
  });
  return {
    store,
    change: async (change) => take(await bridge.changeSettings(change as Parameters<AppBridge["changeSettings"]>[0])),
    join: (opened) => store.setState({ joining: { opened } }),
    closeJoin: () => store.setState({ joining: undefined }),
    async order(call) {
      store.setState({ order: "asking" });
      const outcome = await bridge[call]({}).catch((error: unknown): HelperOutcome => {
        const { text, remedy } = errorView(error);
        return { result: "failed", detail: `${text} ${remedy}` };
      });
      store.setState({ order: outcome });
      return outcome;
    },
    stayOnHelper: async () => take(await bridge.stayOnHelper({})),
    dismissNotices: async () => take(await bridge.dismissNotices({})),
  };
}

const Context = createContext<AppModel | undefined>(undefined);

export function AppProvider({ model, children }: { readonly model: AppModel; readonly children: ReactNode }) {
  return <Context value={model}>{children}</Context>;
}

export function useAppModel(): AppModel {
  const model = useContext(Context);
  if (model === undefined) throw new Error("A view of the window stands outside AppProvider.");
  return model;
}

export function useApp<T>(selector: (state: AppWindowState) => T): T {
  return useStore(useAppModel().store, selector);
}

export function useLanguage(): Language {
  return languageOf(
    useApp((state) => state.app.settings.language),
    navigator.languages,
  );
}

/** Puts the settings that are the page's own onto the page. */
export function useAppearance(): void {
  const theme = useApp((state) => state.app.settings.theme);
  const textSize = useApp((state) => state.app.settings.textSize);
  const reduceMotion = useApp((state) => state.app.settings.reduceMotion);
  const rates = useApp((state) => state.app.settings.rates);
  useEffect(() => {
    const { dataset } = document.documentElement;
    if (theme === "system") delete dataset.theme;
    else dataset.theme = theme;
    dataset.text = textSize;
    if (reduceMotion) dataset.motion = "reduced";
    else delete dataset.motion;
  }, [theme, textSize, reduceMotion]);
  showRatesIn(rates);
  showNumbersIn(useLanguage());
}
