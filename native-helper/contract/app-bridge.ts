/**
 * What the app around a window offers beside the helper: settings of this user, the helper's life cycle, what was opened.
 * Electron's main process answers it; in a plain browser only the settings exist, and the browser keeps them.
 */
import * as z from "zod";
import { CONFIG_LIMIT_BYTES } from "./contract.ts";

/** Languages that the window speaks; `system` takes the first of the user's own that is among them, else English. */
export const languages = ["en", "de", "fr", "es", "pt", "it", "pl", "zh", "ja", "ko"] as const;
export const Language = z.enum(languages);
export type Language = z.infer<typeof Language>;

/** Settings of this user for all windows. The file of the app holds them with a version; see electron/main/settings.ts. */
const settingFields = {
  startAtLogin: z.boolean(),
  closeToTray: z.boolean(),
  theme: z.enum(["system", "light", "dark", "contrast"]),
  language: z.enum(["system", ...languages]),
  rates: z.enum(["bytes", "bits"]),
  textSize: z.enum(["normal", "large", "larger"]),
  reduceMotion: z.boolean(),
  notifyLost: z.boolean(),
  notifyProblem: z.boolean(),
};
export const AppSettings = z.strictObject(settingFields);
export type AppSettings = z.infer<typeof AppSettings>;

/** The settings to change; those left out stay. */
export const AppSettingsChange = z.strictObject(
  Object.fromEntries(Object.entries(settingFields).map(([name, field]) => [name, field.exactOptional()])) as {
    [N in keyof typeof settingFields]: z.ZodExactOptional<(typeof settingFields)[N]>;
  },
);

export const defaultSettings: AppSettings = {
  startAtLogin: false,
  closeToTray: true,
  theme: "system",
  language: "system",
  rates: "bytes",
  textSize: "normal",
  reduceMotion: false,
  notifyLost: true,
  notifyProblem: true,
};

export const screenNames = ["overview", "ring", "peers", "diagnostics", "affiliations", "settings"] as const;
export const ScreenName = z.enum(screenNames);
export type ScreenName = z.infer<typeof ScreenName>;

/** A helper that failed is started again after this long, by the system's services or by the shell that started it. */
export const HELPER_RESTART_S = 5;

export const AppState = z.object({
  /** Of the app; null in a browser, whose page is of the version that serves it. */
  version: z.string().nullable(),
  settings: AppSettings,
  /** Whether the system shows an icon of the app; null where there can be none. */
  tray: z.boolean().nullable(),
  /** What the app can do about the helper; null where it cannot (a browser). */
  helper: z
    .object({
      /** Whether the system starts it as a service. */
      installed: z.boolean(),
      /** Whether it could be made a service here; else it can only be started once. */
      canInstall: z.boolean(),
      /** What somebody with administrator's rights can type in place of the prompt; null where it could not run. */
      command: z.string().nullable(),
      /** The helper that answers is of another version, and the user has not said that it may stay so. */
      mismatch: z.object({ version: z.string(), newer: z.boolean() }).nullable(),
      /** It ended, and what watches over it starts it again in so many ms from when this is told; else null. */
      restartsInMs: z.number().nonnegative().nullable(),
    })
    .nullable(),
  /** What the user should know: settings set aside, a window that had to be made anew. */
  notices: z.array(z.object({ code: z.enum(["settingsSetAside", "windowRestarted"]), detail: z.string() })),
});
export type AppState = z.infer<typeof AppState>;

/** How an order that needs an administrator ended. */
export const HelperOutcome = z.object({
  result: z.enum(["done", "denied", "failed"]),
  /** What the system said; empty where nothing went wrong. */
  detail: z.string(),
});
export type HelperOutcome = z.infer<typeof HelperOutcome>;

/** A file or a link that the system gave to the app. Of a link only that it came: what it carries may be secret. */
export const Opened = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("link") }),
  z.object({ kind: z.literal("file"), name: z.string(), text: z.string().max(CONFIG_LIMIT_BYTES) }),
  z.object({
    kind: z.literal("unreadable"),
    name: z.string(),
    why: z.enum(["folder", "large", "missing", "binary"]),
  }),
]);
export type Opened = z.infer<typeof Opened>;

export const AppEvent = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("state"), state: AppState }),
  z.object({ kind: z.literal("show"), screen: ScreenName }),
  z.object({ kind: z.literal("opened"), opened: Opened }),
]);
export type AppEvent = z.infer<typeof AppEvent>;

/** The calls of a page to the app: one method each in the preload. */
export const appCalls = {
  changeSettings: { args: AppSettingsChange, reply: AppState },
  installHelper: { args: z.strictObject({}), reply: HelperOutcome },
  startHelper: { args: z.strictObject({}), reply: HelperOutcome },
  removeHelper: { args: z.strictObject({}), reply: HelperOutcome },
  /** Goes on with the helper of another version that runs now, and says no more of it. */
  stayOnHelper: { args: z.strictObject({}), reply: AppState },
  dismissNotices: { args: z.strictObject({}), reply: AppState },
} as const;
export type AppCall = keyof typeof appCalls;
export const appCallNames = Object.keys(appCalls) as AppCall[];
export type AppReply<N extends AppCall> = z.infer<(typeof appCalls)[N]["reply"]>;
export type AppArgs<N extends AppCall> = z.infer<(typeof appCalls)[N]["args"]>;

export type AppBridge = { [N in AppCall]: (args: AppArgs<N>) => Promise<AppReply<N>> } & {
  /** Tells the present state and every later event; the returned function ends it. */
  watchApp(listener: (event: AppEvent) => void): () => void;
};

/** The language for a setting and the user's own list, such as `["de-AT", "en"]`. */
export function languageOf(setting: AppSettings["language"], preferred: readonly string[]): Language {
  if (setting !== "system") return setting;
  for (const tag of preferred) {
    const found = languages.find((language) => language === tag.toLowerCase().split(/[-_]/)[0]);
    if (found !== undefined) return found;
  }
  return "en";
}

/** Whether version `a` comes after `b`; each a number of three parts, and perhaps more that does not count. */
export function isNewer(a: string, b: string): boolean {
  const parts = (version: string) => version.split(/[.+-]/, 3).map(Number);
  const [x, y] = [parts(a), parts(b)];
  const index = [0, 1, 2].find((each) => x[each] !== y[each]);
  return index !== undefined && (x[index] ?? 0) > (y[index] ?? 0);
}
