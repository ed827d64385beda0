/** The virtual clock: what happens next, and when. Events of one instant happen in the order in which they were put in. */
import type { Instant } from "../../native-helper/overlay/boundary.ts";

export class EventQueue {
  /** A binary heap over (time, order). */
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];
  #nextOrder = 0;
  #now: Instant = 0;

  get now(): Instant {
    return this.#now;
  }

  /** When the next event is due; Infinity where there is none. */
  get nextAt(): Instant {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** A time in the past means now. */
  at(time: Instant, action: () => void): void {
    const due = Math.max(time, this.#now);
    const order = this.#nextOrder++;
    let hole = this.#times.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(due, order, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#place(hole, due, order, action);
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.#now + delayMs, action);
  }

  /** Moves the clock to the next event and lets it happen; false, and nothing moves, where none is due by `until`. */
  step(until: Instant): boolean {
    const due = this.#times[0];
    const action = this.#actions[0];
    if (due === undefined || action === undefined || due > until) return false;
    this.#now = due;
    this.#removeFirst();
    action();
    return true;
  }

  /** Moves the clock on where nothing is due before `time`. */
  advance(time: Instant): void {
    if (time > this.#now && this.nextAt >= time) this.#now = time;
  }

  #removeFirst(): void {
    const time = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const action = this.#actions.pop() as () => void;
    const size = this.#times.length;
    if (size === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (
        child + 1 < size &&
        this.#isBefore(this.#times[child + 1] as number, this.#orders[child + 1] as number, child)
      )
        child++;
      if (this.#isBefore(time, order, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#place(hole, time, order, action);
  }

  #isBefore(time: number, order: number, place: number): boolean {
    const other = this.#times[place] as number;
    return time < other || (time === other && order < (this.#orders[place] as number));
  }

  #move(from: number, to: number): void {
    this.#place(to, this.#times[from] as number, this.#orders[from] as number, this.#actions[from] as () => void);
  }

  #place(at: number, time: number, order: number, action: () => void): void {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#actions[at] = action;
  }
}
