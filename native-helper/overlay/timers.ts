/** The engine's timers: a heap on the caller's clock, so that the engine owns none and stays deterministic. */
import type { Instant, Wake } from "./boundary.ts";

export class Timer {
  readonly at: Instant;
  readonly reason: string;
  /** Order of making, which decides between equal times. */
  readonly order: number;
  run: (() => void) | undefined;
  /** It may run that much later; such timers wait for each other, so that the computer is woken once for several. */
  slackMs: number;

  constructor(at: Instant, reason: string, order: number, run: () => void, slackMs: number) {
    this.at = at;
    this.reason = reason;
    this.order = order;
    this.run = run;
    this.slackMs = slackMs;
  }

  cancel(): void {
    this.run = undefined;
  }
}

export class Timers {
  #heap: Timer[] = [];
  #made = 0;

  at(at: Instant, reason: string, run: () => void, slackMs = 0): Timer {
    const timer = new Timer(at, reason, this.#made++, run, slackMs);
    const heap = this.#heap;
    let place = heap.push(timer) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(timer, heap[parent] as Timer)) break;
      heap[place] = heap[parent] as Timer;
      place = parent;
    }
    heap[place] = timer;
    return timer;
  }

  next(): Wake | undefined {
    this.#dropCancelled();
    const first = this.#heap[0];
    return first && { at: first.at, reason: first.reason };
  }

  /** The time that no timer may be run after. */
  latest(): Wake | undefined {
    this.#dropCancelled();
    let wake: Wake | undefined;
    const look = (place: number) => {
      const timer = this.#heap[place];
      if (!timer || (wake && timer.at >= wake.at)) return; // What lies below it is due no earlier.
      const at = timer.at + timer.slackMs;
      if (timer.run && (!wake || at < wake.at)) wake = { at, reason: timer.reason };
      look(2 * place + 1);
      look(2 * place + 2);
    };
    look(0);
    return wake;
  }

  /** Runs what is due at `now`, in order of time; what these start for a time not after `now` runs too. */
  runDue(now: Instant): void {
    for (;;) {
      this.#dropCancelled();
      const first = this.#heap[0];
      if (!first || first.at > now) return;
      this.#removeFirst();
      const run = first.run;
      first.run = undefined;
      run?.();
    }
  }

  clear(): void {
    this.#heap = [];
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) this.#removeFirst();
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    const size = heap.length;
    if (size === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!isBefore(heap[child] as Timer, last)) break;
      heap[place] = heap[child] as Timer;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
