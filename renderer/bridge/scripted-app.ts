/** The app of the scripted page: as in Electron or as in a browser; what it was asked is remembered for tests. */
import { type AppBridge, type AppEvent, type AppState, defaultSettings, type Opened } from "#contract/app-bridge.ts";

declare global {
  interface Window {
    scriptedApp?: ScriptedApp;
  }
}

export class ScriptedApp implements AppBridge {
  readonly asked: string[] = [];
  /** How the next order to an administrator ends. */
  outcome: "done" | "denied" | "failed" = "done";
  readonly #listeners = new Set<(event: AppEvent) => void>();
  #state: AppState;

  constructor({ electron = false, installed = false, notice = false } = {}) {
    this.#state = {
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
          }
        : null,
      notices: notice ? [{ code: "settingsSetAside", detail: "config.json.set-aside-2026-03-12T14-15-00Z" }] : [],
    };
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
