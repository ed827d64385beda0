/** The records that this node holds for others, within its limits (docs/protocol.md, "Records"). */
import type { Instant } from "../boundary.ts";
import { RECORDS_PER_HOLDER, RECORDS_PER_REPLICA } from "../constants.ts";
import { addressFromBytes, type RingAddress } from "../ring/address.ts";
import type { DhtRecord } from "../wire/types.ts";
import type { Claim } from "./rules.ts";

export interface Held extends Claim {
  /** Its key as a place on the ring. */
  readonly place: RingAddress;
  readonly until: Instant;
  /** The operation that put it here while this holder had none; undone with it. */
  readonly madeBy?: { readonly owner: RingAddress; readonly op: number } | undefined;
}

export class RecordStore {
  /** By `type:key`. */
  readonly #held = new Map<string, Held>();
  readonly #ofHolder = new Map<RingAddress, number>();

  get size(): number {
    return this.#held.size;
  }

  all(): IterableIterator<[string, Held]> {
    return this.#held.entries();
  }

  live(name: string, now: Instant): Held | undefined {
    const held = this.#held.get(name);
    return held && held.until > now ? held : undefined;
  }

  /** Replaces what is held under that name; false where a limit forbids it, and then nothing changes. */
  put(claim: Claim, until: Instant, madeBy?: Held["madeBy"]): boolean {
    const name = nameOf(claim.record);
    const before = this.#held.get(name);
    const ofHolder = this.#ofHolder.get(claim.holder) ?? 0;
    if (!before && this.#held.size >= RECORDS_PER_REPLICA) return false;
    if (before?.holder !== claim.holder && ofHolder >= RECORDS_PER_HOLDER) return false;
    this.remove(name);
    const { record, holder } = claim;
    this.#held.set(name, { record, holder, until, place: addressFromBytes(record.key), madeBy });
    this.#ofHolder.set(holder, (this.#ofHolder.get(holder) ?? 0) + 1);
    return true;
  }

  remove(name: string): void {
    const held = this.#held.get(name);
    if (!held) return;
    this.#held.delete(name);
    const left = (this.#ofHolder.get(held.holder) ?? 1) - 1;
    if (left > 0) this.#ofHolder.set(held.holder, left);
    else this.#ofHolder.delete(held.holder);
  }

  /** Forgets what ran out. */
  sweep(now: Instant): void {
    for (const [name, held] of this.#held) if (held.until <= now) this.remove(name);
  }

  clear(): void {
    this.#held.clear();
    this.#ofHolder.clear();
  }
}

export function nameOf(record: Pick<DhtRecord, "type" | "key">): string {
  return `${record.type}:${addressFromBytes(record.key)}`;
}

/** Seconds left, rounded up so that nobody ends a life before its holder does. */
export function remainingS(until: Instant, now: Instant): number {
  return Math.max(0, Math.ceil((until - now) / 1_000));
}
