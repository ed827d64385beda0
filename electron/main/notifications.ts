/** When to tell the user something while no window is looked at. It knows nothing of Electron. */
import type { HelperSnapshot } from "#contract";
import type { AppSettings, ScreenName } from "#contract/app-bridge.ts";
import type { Reach } from "#contract/bridge.ts";
import type { Text } from "./words.ts";

export interface Note {
  /** A note of the same tag replaces this one. */
  readonly tag: string;
  readonly title: string;
  readonly body: string;
  readonly opens: ScreenName;
}

/** A connection that comes back sooner was not lost for anybody. */
export const LOST_AFTER_MS = 10_000;

interface Known {
  /** Whether it was connected without anybody asking for the contrary since. */
  wasConnected: boolean;
  lostAt: number | undefined;
  told: boolean;
}

export class Notifier {
  readonly #known = new Map<string, Known>();
  #problems: ReadonlySet<string> | undefined;

  /**
   * The notes that are due now. Nothing is due for what the user did: who disconnects knows it. `now` is monotonic.
   */
  step(now: number, reach: Reach, snapshot: HelperSnapshot | undefined, settings: AppSettings, t: Text): Note[] {
    const notes: Note[] = [];
    const affiliations = snapshot?.status.affiliations ?? [];
    for (const { name, state } of affiliations) {
      const known = this.#known.get(name) ?? { wasConnected: false, lostAt: undefined, told: false };
      this.#known.set(name, known);
      if (reach.kind === "open" && state === "off") {
        Object.assign(known, { wasConnected: false, lostAt: undefined, told: false });
      } else if (reach.kind === "open" && state === "connected") {
        if (known.told && settings.notifyLost) {
          notes.push({
            tag: `link ${name}`,
            title: t("notify.back", { affiliation: name }),
            body: "",
            opens: "overview",
          });
        }
        Object.assign(known, { wasConnected: true, lostAt: undefined, told: false });
      } else if (known.wasConnected) {
        known.lostAt ??= now;
        if (!known.told && now - known.lostAt > LOST_AFTER_MS) {
          known.told = true;
          if (settings.notifyLost) {
            notes.push({
              tag: `link ${name}`,
              title: t("notify.lost", { affiliation: name }),
              body: t("notify.lostText"),
              opens: "diagnostics",
            });
          }
        }
      }
    }
    for (const name of this.#known.keys()) {
      if (snapshot !== undefined && !affiliations.some((each) => each.name === name)) this.#known.delete(name);
    }
    if (snapshot !== undefined) notes.push(...this.#newProblems(snapshot, settings));
    return notes;
  }

  /** Problems that were there when the app came are no news. */
  #newProblems(snapshot: HelperSnapshot, settings: AppSettings): Note[] {
    const warnings = [
      ...snapshot.status.warnings,
      ...snapshot.status.affiliations.flatMap((affiliation) => affiliation.warnings),
    ];
    const before = this.#problems;
    this.#problems = new Set(warnings.map(({ text }) => text));
    if (before === undefined || !settings.notifyProblem) return [];
    return warnings
      .filter(({ text }) => !before.has(text))
      .map(({ code, text, remedy }) => ({ tag: `problem ${code}`, title: text, body: remedy, opens: "diagnostics" }));
  }
}
