/** Bytes per second of each session, from the totals that the data path tells once a second where they moved. */
import type { Instant, Slot, SlotCounters } from "../overlay/boundary.ts";

export interface Rates {
  readonly txBytesPerS: number;
  readonly rxBytesPerS: number;
}

const NONE: Rates = { txBytesPerS: 0, rxBytesPerS: 0 };
/** After this long without news the totals stand still. */
const FRESH_MS = 1_900;
const PERIOD_MS = 1_000;

export class SessionRates {
  readonly #last = new Map<Slot, { at: Instant; counters: SlotCounters; rates: Rates }>();

  take(now: Instant, slot: Slot, counters: SlotCounters): void {
    const last = this.#last.get(slot);
    // Whatever moved since an older report moved within the last period, or it would have been told before.
    const ms = last && now - last.at < FRESH_MS ? Math.max(PERIOD_MS / 2, now - last.at) : PERIOD_MS;
    const perS = (total: number, before: number | undefined) =>
      Math.max(0, Math.round(((total - (before ?? 0)) * 1_000) / ms));
    this.#last.set(slot, {
      at: now,
      counters,
      rates: {
        txBytesPerS: perS(counters.txBytes, last?.counters.txBytes),
        rxBytesPerS: perS(counters.rxBytes, last?.counters.rxBytes),
      },
    });
  }

  of(now: Instant, slot: Slot | undefined): Rates {
    const last = slot === undefined ? undefined : this.#last.get(slot);
    return last && now - last.at < FRESH_MS ? last.rates : NONE;
  }

  forget(slot: Slot): void {
    this.#last.delete(slot);
  }
}
