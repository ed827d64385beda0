/**
 * The owner's side of one write to a register: claim at all replicas, then store, each by a majority; what fails is
 * undone (docs/protocol.md, "Registers").
 */
import type { Instant, Wake } from "../boundary.ts";
import {
  REGISTER_DECIDE_MS,
  REGISTER_KEEP_MS,
  REGISTER_KEEPS,
  REGISTER_RESEND_MS,
  REGISTER_STEP_MS,
  REGISTER_UNDOS,
} from "../constants.ts";
import type { RingAddress } from "../ring/address.ts";
import type { DhtCode, Message, MessageOf } from "../wire/types.ts";
import type { Claim, LiveClaim } from "./rules.ts";

export type OperationInput =
  | { readonly kind: "timeout" }
  | {
      readonly kind: "claimed";
      readonly from: RingAddress;
      readonly code: MessageOf<"claimed">["code"];
      readonly held: LiveClaim | undefined;
    }
  | { readonly kind: "stored"; readonly from: RingAddress; readonly code: MessageOf<"stored">["code"] };

export type OperationEffect =
  | { readonly kind: "send"; readonly to: RingAddress; readonly message: Message }
  /** The answer for who asked; once. */
  | { readonly kind: "answer"; readonly code: DhtCode; readonly heldSeq: number; readonly replicas: number }
  | { readonly kind: "conflict"; readonly winner: Claim; readonly loser: Claim }
  /** Nothing more comes; the key is free. */
  | { readonly kind: "end" };

export interface OperationOptions {
  readonly op: number;
  readonly claim: Claim;
  /** All replicas, the owner itself among them. */
  readonly replicas: readonly RingAddress[];
  outranks(a: Claim, b: Claim): boolean;
  /** 0 to 1, for the pauses between repetitions of UNDO. */
  chance(): number;
  /** A planted fault for the checkers: one consent counts as a majority, whatever is held. */
  readonly oneIsEnough: boolean;
}

type Step = "new" | "claim" | "store" | "keep" | "undo" | "ended";

export class RegisterOperation {
  readonly #options: OperationOptions;
  readonly #majority: number;
  readonly #claimed = new Map<RingAddress, { code: MessageOf<"claimed">["code"]; held: LiveClaim | undefined }>();
  readonly #stored = new Map<RingAddress, MessageOf<"stored">["code"]>();
  #step: Step = "new";
  #stepAt: Instant = 0;
  #nextSendAt: Instant = 0;
  /** Repetitions left of the step that goes on by count. */
  #left = 0;
  #known = false;
  #failure: DhtCode = "later";

  constructor(options: OperationOptions) {
    this.#options = options;
    this.#majority = options.oneIsEnough ? 1 : Math.floor(options.replicas.length / 2) + 1;
  }

  get claim(): Claim {
    return this.#options.claim;
  }

  /** Begins with the first input; late and doubled answers change nothing. */
  step(now: Instant, input: OperationInput): OperationEffect[] {
    const effects: OperationEffect[] = [];
    if (this.#step === "new") this.#enter("claim", now, effects);
    if (input.kind === "claimed") {
      if (this.#step === "claim") this.#claimed.set(input.from, { code: input.code, held: input.held });
    } else if (input.kind === "stored") {
      if (this.#step === "store" || this.#step === "keep") this.#stored.set(input.from, input.code);
    }
    this.#advance(now, effects);
    return effects;
  }

  wakeAt(): Wake | undefined {
    switch (this.#step) {
      case "new":
      case "ended":
        return undefined;
      case "claim": {
        const next = Math.min(this.#nextSendAt, this.#stepAt + REGISTER_STEP_MS);
        return { at: this.#isClaimed() ? Math.min(this.#decideAt(), next) : next, reason: "claims" };
      }
      case "store":
        return { at: Math.min(this.#nextSendAt, this.#stepAt + REGISTER_STEP_MS), reason: "stores" };
      case "keep":
      case "undo":
        return { at: this.#nextSendAt, reason: this.#step === "keep" ? "stores" : "undo" };
    }
  }

  #advance(now: Instant, effects: OperationEffect[]): void {
    switch (this.#step) {
      case "claim":
        if (this.#isAllIn(this.#claimed) || (this.#isClaimed() && now >= this.#decideAt()))
          return this.#decide(now, effects);
        if (now >= this.#stepAt + REGISTER_STEP_MS) return this.#decide(now, effects);
        if (now >= this.#nextSendAt) this.#send(now, effects);
        return;
      case "store":
        if (this.#oksOf(this.#stored) >= this.#majority) {
          this.#answer("ok", 0, effects);
          this.#enter("keep", now, effects);
          return;
        }
        if (this.#isAllIn(this.#stored) || now >= this.#stepAt + REGISTER_STEP_MS)
          return this.#storeFailed(now, effects);
        if (now >= this.#nextSendAt) this.#send(now, effects);
        return;
      case "keep":
        if (this.#isAllIn(this.#stored) || (this.#left === 0 && now >= this.#nextSendAt)) return this.#end(effects);
        if (now >= this.#nextSendAt) this.#send(now, effects);
        return;
      case "undo":
        if (now < this.#nextSendAt) return;
        if (this.#left > 0) return this.#send(now, effects);
        this.#answer(this.#failure, 0, effects);
        return this.#end(effects);
      default:
        return;
    }
  }

  /** All have answered, or enough did in time, or the time of the claims is over. */
  #decide(now: Instant, effects: OperationEffect[]): void {
    const { claim, outranks } = this.#options;
    const foreign = new Map<RingAddress, LiveClaim>();
    let own: LiveClaim | undefined;
    for (const { held } of this.#claimed.values()) {
      if (!held || held.remainingS <= 0) continue;
      if (held.holder === claim.holder) own = !own || held.record.seq > own.record.seq ? held : own;
      else if ((foreign.get(held.holder)?.record.seq ?? -1) < held.record.seq) foreign.set(held.holder, held);
    }
    this.#known = own !== undefined;
    if (own && own.record.seq > claim.record.seq) {
      this.#answer("stale", own.record.seq, effects);
      return this.#giveBack(effects);
    }
    if (foreign.size > 0 && !this.#options.oneIsEnough) {
      const contenders: Claim[] = own ? [claim, ...foreign.values()] : [...foreign.values()];
      const winner = contenders.reduce((best, other) => (outranks(other, best) ? other : best));
      for (const loser of contenders) if (loser !== winner) effects.push({ kind: "conflict", winner, loser });
      if (winner !== claim) {
        this.#answer("taken", winner.record.seq, effects);
        return this.#giveBack(effects);
      }
    }
    if (this.#isClaimed()) this.#enter("store", now, effects);
    else this.#fail("later", now, effects);
  }

  #storeFailed(now: Instant, effects: OperationEffect[]): void {
    const isSince = [...this.#stored.values()].includes("sinceRefused");
    this.#fail(isSince ? "sinceRefused" : "later", now, effects);
  }

  #fail(code: DhtCode, now: Instant, effects: OperationEffect[]): void {
    this.#failure = code;
    this.#enter("undo", now, effects);
  }

  /** Nothing was stored: the notes may go at once; where that is lost they run out. */
  #giveBack(effects: OperationEffect[]): void {
    const { op, claim, replicas } = this.#options;
    for (const to of replicas) effects.push({ kind: "send", to, message: { type: "undo", op, key: claim.record.key } });
    this.#end(effects);
  }

  #enter(step: Step, now: Instant, effects: OperationEffect[]): void {
    this.#step = step;
    this.#stepAt = now;
    this.#left = step === "undo" ? REGISTER_UNDOS : REGISTER_KEEPS;
    if (step === "keep") this.#nextSendAt = now + REGISTER_KEEP_MS;
    else this.#send(now, effects);
  }

  #send(now: Instant, effects: OperationEffect[]): void {
    const { op, claim, replicas, chance } = this.#options;
    const { record } = claim;
    for (const to of replicas) {
      if (this.#step === "claim") {
        if (!this.#claimed.has(to)) effects.push({ kind: "send", to, message: { type: "claim", op, record } });
      } else if (this.#step === "undo") {
        effects.push({ kind: "send", to, message: { type: "undo", op, key: record.key } });
      } else if (!this.#stored.has(to)) {
        effects.push({ kind: "send", to, message: { type: "store", op, known: this.#known, record } });
      }
    }
    if (this.#step === "keep" || this.#step === "undo") this.#left--;
    if (this.#step === "keep") this.#nextSendAt = now + REGISTER_KEEP_MS;
    else if (this.#step === "undo") this.#nextSendAt = now + 100 + 200 * chance();
    else this.#nextSendAt = now + REGISTER_RESEND_MS;
  }

  #answer(code: DhtCode, heldSeq: number, effects: OperationEffect[]): void {
    effects.push({ kind: "answer", code, heldSeq, replicas: this.#options.replicas.length });
  }

  #end(effects: OperationEffect[]): void {
    this.#step = "ended";
    effects.push({ kind: "end" });
  }

  /** With a majority: when the silent ones are waited for no longer. */
  #decideAt(): Instant {
    return this.#options.oneIsEnough ? this.#stepAt : this.#stepAt + REGISTER_DECIDE_MS;
  }

  #isClaimed(): boolean {
    let oks = 0;
    for (const { code } of this.#claimed.values()) if (code === "ok") oks++;
    return oks >= this.#majority;
  }

  #oksOf(answers: ReadonlyMap<RingAddress, string>): number {
    let oks = 0;
    for (const code of answers.values()) if (code === "ok") oks++;
    return oks;
  }

  #isAllIn(answers: ReadonlyMap<RingAddress, unknown>): boolean {
    return answers.size >= this.#options.replicas.length;
  }
}
