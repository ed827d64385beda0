/** What the app around the page offers: Electron's main process, or a plain browser, which keeps the settings itself. */
import { HelperError } from "#contract";
import {
  type AppArgs,
  type AppBridge,
  type AppCall,
  AppEvent,
  type AppReply,
  AppSettings,
  type AppState,
  appCallNames,
  appCalls,
  defaultSettings,
} from "#contract/app-bridge.ts";
import { Outcome, unwrap } from "#contract/bridge.ts";

/** The part of `window.ringway` that is about the app. */
export type ExposedApp = Readonly<Record<AppCall, (args: unknown) => Promise<unknown>>> & {
  readonly watchApp: (listener: (event: unknown) => void) => () => void;
};

/** Undefined in a plain browser. */
export function electronApp(
  exposed: ExposedApp | undefined = (window as { ringway?: unknown }).ringway as ExposedApp | undefined,
): AppBridge | undefined {
  if (exposed === undefined) return undefined;
  const methods = Object.fromEntries(
    appCallNames.map((call) => [call, async (args: unknown) => replyOf(call, await exposed[call](args))]),
  ) as unknown as Omit<AppBridge, "watchApp">;
  return {
    ...methods,
    watchApp: (listener) =>
      exposed.watchApp((event) => {
        const parsed = AppEvent.safeParse(event);
        if (parsed.success) listener(parsed.data);
      }),
  };
}

function replyOf<N extends AppCall>(call: N, outcome: unknown): AppReply<N> {
  const parsed = Outcome.safeParse(outcome);
  const reply = parsed.success ? appCalls[call].reply.safeParse(unwrap(parsed.data)) : undefined;
  if (reply?.success) return reply.data as AppReply<N>;
  throw new HelperError("VERSION_MISMATCH", `The answer to ${call} is not understood.`, "Install Ringway again.");
}

const KEY = "ringway.settings";

/** Settings in the browser's own store; all windows of one browser share them. */
export function browserApp(storage: Pick<Storage, "getItem" | "setItem"> | undefined = localStorage): AppBridge {
  const listeners = new Set<(event: AppEvent) => void>();
  let settings = readSettings(storage);
  const state = (): AppState => ({ version: null, settings, tray: null, helper: null, notices: [] });
  const none = async (): Promise<never> => {
    throw new HelperError(
      "NOT_ALLOWED",
      "A page in a browser cannot do this.",
      "Use the command line: ringway helper.",
    );
  };
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    settings = readSettings(storage);
    for (const listener of listeners) listener({ kind: "state", state: state() });
  });
  return {
    changeSettings: async (change: AppArgs<"changeSettings">) => {
      settings = AppSettings.parse({ ...settings, ...change });
      try {
        storage?.setItem(KEY, JSON.stringify(settings));
      } catch {
        // A browser that keeps nothing: the settings hold until the page goes.
      }
      return state();
    },
    installHelper: none,
    startHelper: none,
    removeHelper: none,
    stayOnHelper: none,
    dismissNotices: async () => state(),
    watchApp: (listener) => {
      listeners.add(listener);
      listener({ kind: "state", state: state() });
      return () => listeners.delete(listener);
    },
  };
}

/** What is not understood (another version's, or torn) gives way to the defaults, value by value. */
function readSettings(storage: Pick<Storage, "getItem"> | undefined): AppSettings {
  let stored: unknown;
  try {
    stored = JSON.parse(storage?.getItem(KEY) ?? "{}");
  } catch {
    return defaultSettings;
  }
  if (typeof stored !== "object" || stored === null) return defaultSettings;
  const kept = Object.entries(AppSettings.shape).flatMap(([name, field]) => {
    const value = field.safeParse((stored as Record<string, unknown>)[name]);
    return value.success ? [[name, value.data]] : [];
  });
  return { ...defaultSettings, ...Object.fromEntries(kept) };
}
