/** Members that others told of, newest last: where they stand in time, and who stands around a place of the ring. */
import type { Core } from "../core.ts";
import type { Brief, Coord } from "../wire/types.ts";
import type { RingAddress } from "./address.ts";

const HEARD_LIMIT = 192;

interface Entry {
  readonly brief: Brief;
  readonly at: number;
}

export class Heard {
  readonly #core: Core;
  readonly #members = new Map<RingAddress, Entry>();

  constructor(core: Core) {
    this.#core = core;
  }

  note(brief: Brief): void {
    if (!brief.flags.member || brief.address === this.#core.address) return;
    this.#members.delete(brief.address);
    this.#members.set(brief.address, { brief, at: this.#core.now });
    if (this.#members.size <= HEARD_LIMIT) return;
    const oldest = this.#members.keys().next().value;
    if (oldest !== undefined) this.#members.delete(oldest);
  }

  coordOf(address: RingAddress): Coord | undefined {
    return this.#members.get(address)?.brief.coord;
  }

  get(address: RingAddress): Brief | undefined {
    return this.#members.get(address)?.brief;
  }

  /** Whether somebody told of it after that time. */
  isToldAfter(address: RingAddress, at: number): boolean {
    return (this.#members.get(address)?.at ?? Number.NEGATIVE_INFINITY) > at;
  }

  /** Those told of within that time, in no order. */
  since(ageMs: number): RingAddress[] {
    const oldest = this.#core.now - ageMs;
    const addresses: RingAddress[] = [];
    for (const [address, { at }] of this.#members) if (at >= oldest) addresses.push(address);
    return addresses;
  }

  forget(address: RingAddress): void {
    this.#members.delete(address);
  }

  clear(): void {
    this.#members.clear();
  }
}
