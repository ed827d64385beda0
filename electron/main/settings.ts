/**
 * The user's settings on disk. A file that is torn, not ours or of a newer version is set aside under a dated name and
 * said; the app goes on with defaults. Files of older versions are brought up to this one.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { AppSettings, defaultSettings } from "#contract/app-bridge.ts";

export const SETTINGS_VERSION = 2;
const FILE = "config.json";
/** Displays whose window places are kept. */
const PLACES_LIMIT = 16;

const Place = z.strictObject({ x: z.int(), y: z.int(), width: z.int().positive(), height: z.int().positive() });
export type Place = z.infer<typeof Place>;

const Stored = z.strictObject({
  version: z.literal(SETTINGS_VERSION),
  app: AppSettings,
  /** Place of the window on each display, by a name of the display. */
  places: z.record(z.string(), Place),
  /** Whether the user has been told that there is no tray. */
  saidNoTray: z.boolean(),
  /** Whether the user has been told where Windows hides the icon. */
  saidTrayHidden: z.boolean(),
  /** Version of a helper that the user wants to keep beside an app of another one. */
  stayOnHelper: z.string().nullable(),
});
export type Stored = z.infer<typeof Stored>;

type JsonType = "integer" | "object" | "boolean" | "string" | "null";

/** As much of electron-store as is used; tests give another one. */
export interface StoreLike {
  store: Stored;
}
export type MakeStore = (options: {
  cwd: string;
  name: string;
  defaults: Stored;
  schema: { [K in keyof Stored]: { type: JsonType | readonly JsonType[] } };
  clearInvalidConfig: boolean;
}) => StoreLike;

const defaults: Stored = {
  version: SETTINGS_VERSION,
  app: defaultSettings,
  places: {},
  saidNoTray: false,
  saidTrayHidden: false,
  stayOnHelper: null,
};

/** From version N to N + 1; what comes out is still checked as a whole. */
const migrations: Readonly<Record<number, (old: Record<string, unknown>) => Record<string, unknown>>> = {
  // Files of the first builds had no version and only the settings themselves.
  0: (old) => ({ version: 1, app: { ...defaultSettings, ...old }, places: {}, saidNoTray: false }),
  1: (old) => ({ ...old, version: 2, saidTrayHidden: false, stayOnHelper: null }),
};

/** The JSON schema that the store checks every write with: shape only, the values are checked above. */
const schema = {
  version: { type: "integer" },
  app: { type: "object" },
  places: { type: "object" },
  saidNoTray: { type: "boolean" },
  saidTrayHidden: { type: "boolean" },
  stayOnHelper: { type: ["string", "null"] },
} as const;

export class SettingsFile {
  /** Name of the file that was set aside; undefined where none was. */
  readonly setAside: string | undefined;
  readonly #store: StoreLike;

  constructor(folder: string, makeStore: MakeStore, wall: () => number = Date.now) {
    this.setAside = prepare(path.join(folder, FILE), wall());
    this.#store = makeStore({ cwd: folder, name: "config", defaults, schema, clearInvalidConfig: false });
  }

  get app(): AppSettings {
    return this.#store.store.app;
  }

  change(change: Partial<AppSettings>): AppSettings {
    const app = AppSettings.parse({ ...this.app, ...change });
    this.#store.store = { ...this.#store.store, app };
    return app;
  }

  placeOn(display: string): Place | undefined {
    return this.#store.store.places[display];
  }

  savePlace(display: string, place: Place): void {
    const { [display]: _former, ...others } = this.#store.store.places;
    const kept = Object.entries(others).slice(-(PLACES_LIMIT - 1));
    this.#store.store = { ...this.#store.store, places: { ...Object.fromEntries(kept), [display]: place } };
  }

  get saidNoTray(): boolean {
    return this.#store.store.saidNoTray;
  }

  noteNoTray(): void {
    this.#store.store = { ...this.#store.store, saidNoTray: true };
  }

  get saidTrayHidden(): boolean {
    return this.#store.store.saidTrayHidden;
  }

  noteTrayHidden(): void {
    this.#store.store = { ...this.#store.store, saidTrayHidden: true };
  }

  get stayOnHelper(): string | null {
    return this.#store.store.stayOnHelper;
  }

  stayOn(version: string): void {
    this.#store.store = { ...this.#store.store, stayOnHelper: version };
  }
}

/** Makes the file one of this version, or takes it out of the way; gives the name that it then has. */
function prepare(file: string, wall: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const brought = migrated(text);
  if (brought === undefined) {
    const date = new Date(wall)
      .toISOString()
      .replaceAll(":", "-")
      .replace(/\.\d+Z$/, "Z");
    const aside = `${file}.set-aside-${date}`;
    renameSync(file, aside);
    return path.basename(aside);
  }
  if (brought.changed) writeFileSync(file, JSON.stringify(brought.value), { mode: 0o600 });
  return undefined;
}

function migrated(text: string): { value: Stored; changed: boolean } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  let record = value as Record<string, unknown>;
  let changed = false;
  for (let version: unknown = record.version ?? 0; version !== SETTINGS_VERSION; version = record.version) {
    const step = typeof version === "number" ? migrations[version] : undefined;
    if (step === undefined) return undefined; // Of a newer version, or of none that ever was.
    record = step(record);
    changed = true;
  }
  const parsed = Stored.safeParse(record);
  return parsed.success ? { value: parsed.data, changed } : undefined;
}
