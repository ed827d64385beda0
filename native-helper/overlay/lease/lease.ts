/**
 * The holder's side of a lease: which virtual IP this node asks for, from when until when it uses it, and what it does when
 * it loses it (docs/protocol.md, "Leases"). Pure: time and answers come in, writes and changes of use go out.
 */
import type { Instant, Wake } from "../boundary.ts";
import {
  LEASE_BARRED_MS,
  LEASE_GUARD_MS,
  LEASE_RENEW_MS,
  LEASE_WAIT_MS,
  PUT_AGAIN_MS,
  PUTS_BEFORE_GIVING_UP,
} from "../constants.ts";
import type { Claim } from "../dht/rules.ts";
import type { DhtCode, DhtRecord } from "../wire/types.ts";
import { CANDIDATES } from "./candidates.ts";

/** An address with what its record says of it: `i` is the candidate, 255 for a static claim; `since` the first grant, Unix ms. */
export interface LeasedIp {
  readonly ip: string;
  readonly i: number;
  readonly since: number;
}

export type LeaseInput =
  | { readonly kind: "timeout" }
  /** This node is a member of the ring, and can ask. */
  | { readonly kind: "member" }
  | {
      readonly kind: "answer";
      /** Of the write that is answered. */
      readonly seq: number;
      readonly code: DhtCode;
      readonly wait: boolean;
    }
  /** Of two holders of one key the first keeps it; one of them may be this node. */
  | { readonly kind: "conflict"; readonly rival: Claim; readonly ip: string }
  /** The computer slept: the lease may have run out, and its replicas forgotten it. */
  | { readonly kind: "wake" }
  /** Replicas of the lease may be gone. */
  | { readonly kind: "neighboursDied" };

export type LeaseEffect =
  | { readonly kind: "put"; readonly record: DhtRecord }
  | { readonly kind: "use"; readonly lease: LeasedIp }
  | { readonly kind: "stop"; readonly lease: LeasedIp; readonly because: "taken" | "expired" | "replaced" }
  /** The lease goes on, with a new record. */
  | { readonly kind: "renewed" };

export interface LeaseOptions {
  readonly staticIp?: string | undefined;
  /** The address of last time. */
  readonly last?: LeasedIp | undefined;
  readonly lifeMs: number;
  candidate(i: number): string | undefined;
  /** A signed record of this node's for that address. */
  make(lease: LeasedIp): DhtRecord;
  /** Whether this node's record wins against a rival's for the same address. */
  wins(own: DhtRecord, rival: Claim): boolean;
  /** 0 to 1. */
  chance(): number;
}

interface Attempt {
  readonly lease: LeasedIp;
  readonly record: DhtRecord;
  readonly firstSentAt: Instant;
  /** When it is sent next, or given up. */
  nextAt: Instant;
  sends: number;
  /** The owner said *later*: so often, so far. */
  laters: number;
}

interface Grant {
  readonly lease: LeasedIp;
  readonly record: DhtRecord;
  /** End of its life, counted from before its record was sent first. */
  readonly endsAt: Instant;
  /** A first grant may have to wait for a conflict. */
  readonly usedFrom: Instant;
  isUsed: boolean;
  renewAt: Instant;
}

const STATIC = 255;
const STATIC_AGAIN_MS = 60_000;
const LATERS = 6;
/** Rounds of writes without success after which even the static and the last address are left for the next one. */
const ROUNDS_FOR_OWN = 3;
const BARRED_LIMIT = 256;

export class Lease {
  readonly #options: LeaseOptions;
  /** Addresses to ask for, in this order, and which of them is asked for now. */
  #list: LeasedIp[] = [];
  #at = 0;
  #rounds = 0;
  #attempt: Attempt | undefined;
  #grant: Grant | undefined;
  /** Without a grant: when the next of the list is asked for. */
  #nextAt: Instant | undefined;
  #staticAt: Instant = Number.POSITIVE_INFINITY;
  readonly #barred = new Map<string, Instant>();
  #last: LeasedIp | undefined;
  /** A static address that another member holds. */
  staticTaken = false;
  /** Every address of the list is taken. */
  isNoneFree = false;
  /** The address that was lost to another member, and when. */
  lost: { readonly ip: string; readonly at: Instant } | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#last = options.last;
  }

  /** The address in use. */
  get used(): LeasedIp | undefined {
    return this.#grant?.isUsed ? this.#grant.lease : undefined;
  }

  /** The address that was granted, in use or about to be. */
  get held(): LeasedIp | undefined {
    return this.#grant?.lease;
  }

  /** The end of the life of the address in use, which is left a little earlier. */
  get endsAt(): Instant | undefined {
    return this.#grant?.isUsed ? this.#grant.endsAt : undefined;
  }

  /** To be kept on disk, so that the next start asks for it again. */
  get last(): LeasedIp | undefined {
    return this.#last;
  }

  /** The record by which this node holds that address now, used already or about to be. */
  recordOf(ip: string, now: Instant): { readonly record: DhtRecord; readonly endsAt: Instant } | undefined {
    const grant = this.#grant;
    return grant && grant.lease.ip === ip && now < grant.endsAt ? grant : undefined;
  }

  get ownRecord(): DhtRecord | undefined {
    return this.#grant?.isUsed ? this.#grant.record : undefined;
  }

  step(now: Instant, wall: number, input: LeaseInput): LeaseEffect[] {
    const effects: LeaseEffect[] = [];
    switch (input.kind) {
      case "timeout":
        break;
      case "member":
        if (this.#attempt || this.#grant) break;
        this.#makeList(wall);
        this.#nextAt = now;
        break;
      case "answer":
        this.#onAnswer(now, wall, input, effects);
        break;
      case "conflict":
        this.#onConflict(now, wall, input, effects);
        break;
      case "wake":
      case "neighboursDied":
        this.#renewBy(now + 3_000 * this.#options.chance());
        break;
    }
    this.#advance(now, wall, effects);
    return effects;
  }

  wakeAt(): Wake | undefined {
    const times: Instant[] = [];
    const grant = this.#grant;
    if (grant) times.push(grant.isUsed ? grant.endsAt - LEASE_GUARD_MS : grant.usedFrom);
    if (this.#attempt) times.push(this.#attempt.nextAt);
    else if (grant) times.push(Math.min(grant.renewAt, this.#staticAt));
    else if (this.#nextAt !== undefined) times.push(this.#nextAt);
    return times.length > 0 ? { at: Math.min(...times), reason: "lease" } : undefined;
  }

  /** Leaves the ring: nothing is used, and the address is asked for first when it comes back. */
  clear(): void {
    this.#attempt = undefined;
    this.#grant = undefined;
    this.#nextAt = undefined;
    this.#staticAt = Number.POSITIVE_INFINITY;
    this.staticTaken = false;
    this.isNoneFree = false;
    this.lost = undefined;
  }

  #advance(now: Instant, wall: number, effects: LeaseEffect[]): void {
    const grant = this.#grant;
    if (grant?.isUsed && now >= grant.endsAt - LEASE_GUARD_MS) {
      // It is asked for again at once, and used again when granted.
      this.#grant = undefined;
      effects.push({ kind: "stop", lease: grant.lease, because: "expired" });
      this.#makeList(wall);
      this.#nextAt = now;
    } else if (grant && !grant.isUsed && now >= grant.usedFrom) this.#use(grant, effects);
    if (this.#attempt) {
      if (now >= this.#attempt.nextAt) this.#again(this.#attempt, now, wall, effects);
      return;
    }
    const { staticIp } = this.#options;
    if (!this.#grant) {
      const next = this.#list[this.#at];
      if (next && this.#nextAt !== undefined && now >= this.#nextAt) this.#begin(next, now, effects);
    } else if (now >= this.#grant.renewAt) {
      this.#begin(this.#grant.lease, now, effects);
    } else if (now >= this.#staticAt && staticIp !== undefined) {
      this.#staticAt = now + STATIC_AGAIN_MS;
      this.#begin({ ip: staticIp, i: STATIC, since: Math.floor(wall) }, now, effects);
    }
  }

  #begin(lease: LeasedIp, now: Instant, effects: LeaseEffect[], laters = 0): void {
    const record = this.#options.make(lease);
    this.#attempt = { lease, record, firstSentAt: now, nextAt: now + PUT_AGAIN_MS, sends: 1, laters };
    this.#nextAt = undefined;
    effects.push({ kind: "put", record });
  }

  /** No answer came in time, or the pause after *later* is over: the same record goes out again. */
  #again(attempt: Attempt, now: Instant, wall: number, effects: LeaseEffect[]): void {
    if (attempt.sends >= PUTS_BEFORE_GIVING_UP || attempt.laters > LATERS)
      return this.#giveUp(attempt, now, wall, effects);
    attempt.sends++;
    attempt.nextAt = now + PUT_AGAIN_MS;
    effects.push({ kind: "put", record: attempt.record });
  }

  #onAnswer(now: Instant, wall: number, answer: LeaseInput & { kind: "answer" }, effects: LeaseEffect[]): void {
    const attempt = this.#attempt;
    if (attempt?.record.seq !== answer.seq) return; // Late: something else is asked for by now.
    switch (answer.code) {
      case "ok":
        this.#attempt = undefined;
        return this.#granted(attempt, answer.wait, now, effects);
      case "later":
        attempt.laters++;
        attempt.sends = 1;
        attempt.nextAt = now + 300 + 400 * this.#options.chance();
        return;
      case "sinceRefused":
      case "stale": {
        // A record of now, numbered above the one held; how often is counted, for the owner may be wrong again and again.
        const laters = attempt.laters + 1;
        if (laters > LATERS) return this.#giveUp(attempt, now, wall, effects);
        const since = answer.code === "stale" ? attempt.lease.since : Math.floor(wall);
        return this.#begin({ ...attempt.lease, since }, now, effects, laters);
      }
      case "taken":
        return this.#lose(attempt.lease, now, wall, effects);
      case "refused":
        return this.#giveUp(attempt, now, wall, effects);
    }
  }

  #granted(attempt: Attempt, wait: boolean, now: Instant, effects: LeaseEffect[]): void {
    const { lease, record, firstSentAt } = attempt;
    const before = this.#grant;
    const endsAt = firstSentAt + this.#options.lifeMs;
    this.#last = lease;
    this.#rounds = 0;
    this.isNoneFree = false;
    if (lease.i === STATIC) this.staticTaken = false;
    const renewAt = now + LEASE_RENEW_MS * (0.95 + 0.1 * this.#options.chance());
    this.#staticAt = this.staticTaken ? now + STATIC_AGAIN_MS : Number.POSITIVE_INFINITY;
    if (before?.lease.ip === lease.ip) {
      this.#grant = { ...before, lease, record, endsAt, renewAt };
      if (before.isUsed) effects.push({ kind: "renewed" });
      return;
    }
    if (before?.isUsed) effects.push({ kind: "stop", lease: before.lease, because: "replaced" });
    this.#grant = { lease, record, endsAt, usedFrom: wait ? now + LEASE_WAIT_MS : now, isUsed: false, renewAt };
    if (!wait) this.#use(this.#grant, effects);
  }

  #use(grant: Grant, effects: LeaseEffect[]): void {
    grant.isUsed = true;
    effects.push({ kind: "use", lease: grant.lease });
  }

  /** Another member keeps that address. */
  #lose(lease: LeasedIp, now: Instant, wall: number, effects: LeaseEffect[]): void {
    if (this.#attempt?.lease.ip === lease.ip) this.#attempt = undefined;
    if (this.#barred.size >= BARRED_LIMIT) this.#barred.clear();
    if (lease.i === STATIC) this.staticTaken = true;
    const grant = this.#grant;
    if (grant && grant.lease.ip !== lease.ip) return; // A static one, asked for beside the one in use.
    if (grant) {
      this.#grant = undefined;
      this.#barred.set(lease.ip, now + LEASE_BARRED_MS);
      if (this.#last?.ip === lease.ip) this.#last = undefined;
      if (grant.isUsed) {
        this.lost = { ip: lease.ip, at: now };
        effects.push({ kind: "stop", lease: grant.lease, because: "taken" });
      }
      this.#makeList(wall);
      this.#skipBarred(now);
      this.#nextAt = now;
      return;
    }
    if (this.#attempt) return;
    this.#next(now, wall);
  }

  #giveUp(attempt: Attempt, now: Instant, wall: number, effects: LeaseEffect[]): void {
    this.#attempt = undefined;
    if (this.#grant) {
      // Whoever holds one keeps it through everything but *taken*, and tries again.
      if (this.#grant.lease.ip === attempt.lease.ip)
        this.#grant.renewAt = now + 5_000 + 10_000 * this.#options.chance();
      return;
    }
    this.#rounds++;
    // No answer says nothing about the address: the one that others know this node by is not left at once.
    const isOwn = attempt.lease.i === STATIC || attempt.lease.ip === this.#last?.ip;
    if (isOwn && this.#rounds < ROUNDS_FOR_OWN) {
      this.#nextAt = now + 500 + 1_000 * this.#options.chance();
      return;
    }
    this.#next(now, wall);
    this.#advance(now, wall, effects);
  }

  /** On to the next address of the list; after its end a pause, and again from its begin. */
  #next(now: Instant, wall: number): void {
    this.#rounds = 0;
    this.#at++;
    this.#skipBarred(now);
    if (this.#at < this.#list.length) {
      this.#nextAt = now;
      return;
    }
    this.isNoneFree = true;
    this.#makeList(wall);
    this.#nextAt = now + 5_000 + 10_000 * this.#options.chance();
  }

  #onConflict(
    now: Instant,
    wall: number,
    { rival, ip }: LeaseInput & { kind: "conflict" },
    effects: LeaseEffect[],
  ): void {
    const grant = this.#grant?.lease.ip === ip ? this.#grant : undefined;
    if (!grant) return; // What is only asked for is answered by its owner.
    if (this.#options.wins(grant.record, rival)) this.#renewBy(now);
    else this.#lose(grant.lease, now, wall, effects);
  }

  #renewBy(at: Instant): void {
    if (this.#grant) this.#grant.renewAt = Math.min(this.#grant.renewAt, at);
  }

  #makeList(wall: number): void {
    const { staticIp, candidate } = this.#options;
    const since = Math.floor(wall);
    const list: LeasedIp[] = [];
    const add = (lease: LeasedIp | undefined) => {
      if (lease && !list.some(({ ip }) => ip === lease.ip)) list.push(lease);
    };
    const { i: lastI, ip: lastIp } = this.#last ?? {};
    if (staticIp !== undefined)
      add(lastIp === staticIp && lastI === STATIC ? this.#last : { ip: staticIp, i: STATIC, since });
    // A static address that is configured no more is given up.
    if (lastI !== STATIC) add(this.#last);
    for (let i = 0; i < CANDIDATES; i++) {
      const ip = candidate(i);
      if (ip !== undefined) add({ ip, i, since });
    }
    this.#list = list;
    this.#at = 0;
    this.#rounds = 0;
  }

  #skipBarred(now: Instant): void {
    for (;;) {
      const lease = this.#list[this.#at];
      const barredUntil = lease && this.#barred.get(lease.ip);
      if (!lease || barredUntil === undefined || barredUntil <= now) return;
      this.#at++;
    }
  }
}
