/** The app of the scripted page: as in Electron or as in a browser; what it was asked is remembered for tests. */
import { type AppBridge, type AppEvent, type AppState, defaultSettings, type Opened } from "#contract/app-bridge.ts";

declare global {
  interface Window {
    scriptedApp?: ScriptedApp;
  }
}

interface Made {
  readonly electron?: boolean;
  readonly installed?: boolean;
  readonly notice?: boolean;
  readonly helper?: Partial<NonNullable<AppState["helper"]>>;
}

interface AppScene {
  readonly is: Made;
  readonly outcome?: "denied" | "failed";
}

/** What a person can choose on the development page beside a state of the window; `outcome` is how orders end in it. */
export const appScenes = {
  app: { is: {} },
  installed: { is: { installed: true } },
  notice: { is: { notice: true } },
  denied: { is: {}, outcome: "denied" },
  failed: { is: { installed: true }, outcome: "failed" },
  olderHelper: { is: { installed: true, helper: { mismatch: { version: "0.0.9", newer: false } } } },
  newerHelper: { is: { installed: true, helper: { mismatch: { version: "0.2.0", newer: true } } } },
  restarts: { is: { installed: true, helper: { restartsInMs: 5_000 } } },
} as const satisfies Record<string, AppScene>;
export type AppSceneName = keyof typeof appScenes;
export const appSceneNames = Object.keys(appScenes) as AppSceneName[];

function makeState({ electron = false, installed = false, notice = false, helper }: Made): AppState {
  return {
    version: electron ? "0.1.0" : null,
    settings: defaultSettings,
    tray: electron ? true : null,
    helper: electron
      ? {
          installed,
          canInstall: true,
          command: "sudo /usr/bin/node /opt/ringway/ringway.js helper install --owner 1000",
          mismatch: null,
          restartsInMs: null,
          ...helper,
        }
      : null,
    notices: notice ? [{ code: "settingsSetAside", detail: "config.json.set-aside-2026-03-12T14-15-00Z" }] : [],
  };
}

export class ScriptedApp implements AppBridge {
  readonly asked: string[] = [];
  /** How the next order to an administrator ends. */
  outcome: "done" | "denied" | "failed" = "done";
  readonly #listeners = new Set<(event: AppEvent) => void>();
  #state: AppState;

  constructor(made: Made = {}) {
    this.#state = makeState(made);
  }

  /** Changes to another state of the app around the window; to a browser, where there is none. */
  play(name: AppSceneName | undefined): void {
    const scene: AppScene | undefined = name && appScenes[name];
    this.#state = { ...makeState(scene ? { electron: true, ...scene.is } : {}), settings: this.#state.settings };
    this.outcome = scene?.outcome ?? "done";
    this.#tell({ kind: "state", state: this.#state });
  }

  open(opened: Opened): void {
    this.#tell({ kind: "opened", opened });
  }

  /** Changes what the app says of the helper. */
  sayOfHelper(change: Partial<NonNullable<AppState["helper"]>>): void {
    if (this.#state.helper === null) return;
    this.#state = { ...this.#state, helper: { ...this.#state.helper, ...change } };
    this.#tell({ kind: "state", state: this.#state });
  }

  changeSettings: AppBridge["changeSettings"] = async (change) => {
    this.asked.push(`changeSettings ${JSON.stringify(change)}`);
    this.#state = { ...this.#state, settings: { ...this.#state.settings, ...change } };
    return this.#state;
  };
  installHelper = () => this.#order("installHelper");
  startHelper = () => this.#order("startHelper");
  removeHelper = () => this.#order("removeHelper");
  stayOnHelper = async () => {
    this.asked.push("stayOnHelper");
    this.sayOfHelper({ mismatch: null });
    return this.#state;
  };
  dismissNotices = async () => {
    this.asked.push("dismissNotices");
    this.#state = { ...this.#state, notices: [] };
    return this.#state;
  };

  watchApp(listener: (event: AppEvent) => void): () => void {
    this.#listeners.add(listener);
    listener({ kind: "state", state: this.#state });
    return () => this.#listeners.delete(listener);
  }

  async #order(name: string) {
    this.asked.push(name);
    const detail = this.outcome === "failed" ? "systemctl restart ringway-helper.service failed (1)." : "";
    return { result: this.outcome, detail };
  }

  #tell(event: AppEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
