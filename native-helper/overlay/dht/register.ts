/**
 * A replica's part of a register, the record that has one holder at a time: notes who claims it, and stores
 * (docs/protocol.md, "Registers").
 */
import type { Instant } from "../boundary.ts";
import { CLAIM_NOTE_MS, CLOCK_TOLERANCE_MS, RECORDS_PER_REPLICA } from "../constants.ts";
import { addressFromBytes, type RingAddress } from "../ring/address.ts";
import type { MessageOf } from "../wire/types.ts";
import { type Claim, type LiveClaim, REGISTER_TYPES, ruleOf, sinceOf } from "./rules.ts";
import { nameOf, type RecordStore, remainingS } from "./store.ts";

export interface RegisterHooks {
  /** Whether the key lies where this node keeps records. */
  isMine(key: RingAddress): boolean;
  /** This node's own lease of that name while it runs: its holder's word counts as a held record. */
  ownLive(name: string): LiveClaim | undefined;
  /** Whether the first of two holders of one key keeps it. */
  outranks(a: Claim, b: Claim): boolean;
  /** Two live records of one key were seen. */
  conflict(winner: Claim, loser: Claim): void;
  /** A planted fault for the checkers: another holder's record may be replaced. */
  readonly replacesOthers: boolean;
}

interface Note {
  readonly holder: RingAddress;
  readonly owner: RingAddress;
  readonly op: number;
  readonly until: Instant;
}

const UNDONE_MS = 10_000;
const UNDONE_LIMIT = 1_024;

export class Register {
  readonly #store: RecordStore;
  readonly #hooks: RegisterHooks;
  readonly #notes = new Map<string, Note>();
  /** Operations that ended without effect: what of them is still under way has none either. */
  readonly #undone = new Map<string, Instant>();

  constructor(store: RecordStore, hooks: RegisterHooks) {
    this.#store = store;
    this.#hooks = hooks;
  }

  /** Notes the claim for 3 s unless another holder's note runs; always says what is held. */
  claim(
    now: Instant,
    owner: RingAddress,
    op: number,
    claim: Claim,
  ): { code: MessageOf<"claimed">["code"]; held: LiveClaim | undefined } {
    const name = nameOf(claim.record);
    const held = this.held(now, name);
    if (!this.#hooks.isMine(addressFromBytes(claim.record.key))) return { code: "notMyKey", held };
    if (this.#isNotedForAnother(now, name, claim.holder) || this.#isUndone(now, owner, op))
      return { code: "otherClaim", held };
    if (!this.#notes.has(name) && this.#notes.size >= RECORDS_PER_REPLICA) this.#sweepNotes(now);
    if (!this.#notes.has(name) && this.#notes.size >= RECORDS_PER_REPLICA) return { code: "otherClaim", held };
    this.#notes.set(name, { holder: claim.holder, owner, op, until: now + CLAIM_NOTE_MS });
    return { code: "ok", held };
  }

  /**
   * Stores for the full life. `known`: replicas hold a record of this holder already, so this is a renewal, whose
   * `since` stays; a first record's is about now.
   */
  store(
    now: Instant,
    wall: number,
    owner: RingAddress,
    op: number,
    known: boolean,
    claim: Claim,
  ): MessageOf<"stored">["code"] {
    const { record, holder } = claim;
    const name = nameOf(record);
    if (!this.#hooks.isMine(addressFromBytes(record.key))) return "notMyKey";
    if (this.#isNotedForAnother(now, name, holder) || this.#isUndone(now, owner, op)) return "otherClaim";
    const held = this.held(now, name);
    if (held && held.holder !== holder && !this.#hooks.replacesOthers) {
      if (!known) return "taken";
      if (!this.#hooks.outranks(claim, held)) {
        this.#hooks.conflict(held, claim);
        return "taken";
      }
      this.#hooks.conflict(claim, held);
    }
    const own = held?.holder === holder ? held : undefined;
    if (!isSinceRight(wall, known, record, own)) return "sinceRefused";
    // A newer one of the same holder stays; it lives longer.
    if (own && own.record.seq > record.seq) return "ok";
    const lifeS = Math.min(record.lifeS, ruleOf(record.type)?.longestLifeS ?? 0);
    const before = this.#store.live(name, now);
    const madeBy = before?.holder === holder ? before.madeBy : { owner, op };
    return this.#store.put(claim, now + lifeS * 1_000, madeBy) ? "ok" : "otherClaim";
  }

  /** Ends an operation of `owner`: its note, and the record that it made for a holder that had none. */
  undo(now: Instant, owner: RingAddress, op: number, key: Uint8Array): void {
    for (const type of REGISTER_TYPES) {
      const name = nameOf({ type, key });
      const note = this.#notes.get(name);
      if (note && note.owner === owner && note.op === op) this.#notes.delete(name);
      const madeBy = this.#store.live(name, now)?.madeBy;
      if (madeBy && madeBy.owner === owner && madeBy.op === op) this.#store.remove(name);
    }
    for (const [undone, until] of this.#undone) {
      if (until > now && this.#undone.size < UNDONE_LIMIT) break;
      this.#undone.delete(undone);
    }
    this.#undone.set(`${owner} ${op}`, now + UNDONE_MS);
  }

  /** What this node answers for a key: the record that it keeps, or the lease that it uses itself. */
  held(now: Instant, name: string): LiveClaim | undefined {
    const own = this.#hooks.ownLive(name);
    if (own) return own;
    const held = this.#store.live(name, now);
    return held && { record: held.record, holder: held.holder, remainingS: remainingS(held.until, now) };
  }

  sweep(now: Instant): void {
    this.#sweepNotes(now);
  }

  clear(): void {
    this.#notes.clear();
    this.#undone.clear();
  }

  #isNotedForAnother(now: Instant, name: string, holder: RingAddress): boolean {
    const note = this.#notes.get(name);
    return note !== undefined && note.until > now && note.holder !== holder;
  }

  #isUndone(now: Instant, owner: RingAddress, op: number): boolean {
    return (this.#undone.get(`${owner} ${op}`) ?? 0) > now;
  }

  #sweepNotes(now: Instant): void {
    for (const [name, note] of this.#notes) if (note.until <= now) this.#notes.delete(name);
  }
}

/** A renewal keeps its `since`; whoever starts anew says about now, which ranks it behind all that held before. */
function isSinceRight(wall: number, known: boolean, record: Claim["record"], own: Claim | undefined): boolean {
  const since = sinceOf(record);
  if (since === undefined) return true;
  const before = own && sinceOf(own.record);
  if (before !== undefined && since === before) return true;
  if (before === undefined && known) return true;
  return Math.abs(since - wall) <= CLOCK_TOLERANCE_MS && (before === undefined || since > before);
}
