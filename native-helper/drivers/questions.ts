/** Questions to the engine that it answers later, or never: each has a number, a time, and what stands for no answer. */
import { HelperError } from "#contract";

const AT_ONCE = 64;

export class Questions<T> {
  readonly #what: string;
  readonly #open = new Map<number, { readonly done: (answer: T) => void; readonly none: T }>();
  #next = 1;

  /** `what` names them in the error of one too many. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Sends a question by its number; gives the answer, or `none` after the time. Throws LIMIT. */
  ask(withinMs: number, none: T, send: (id: number) => void): Promise<T> {
    if (this.#open.size >= AT_ONCE) {
      throw new HelperError(
        "LIMIT",
        `More than ${AT_ONCE} ${this.#what} are under way.`,
        "Wait until some are answered.",
      );
    }
    const id = this.#next;
    this.#next = (this.#next % 0xffff_ffff) + 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.answer(id, none), withinMs);
      const done = (answer: T) => {
        clearTimeout(timer);
        this.#open.delete(id);
        resolve(answer);
      };
      this.#open.set(id, { done, none });
      send(id);
    });
  }

  /** An answer to a question that nobody waits for any more changes nothing. */
  answer(id: number, answer: T): void {
    this.#open.get(id)?.done(answer);
  }

  /** No answer will come. */
  giveUp(): void {
    for (const { done, none } of [...this.#open.values()]) done(none);
  }
}
