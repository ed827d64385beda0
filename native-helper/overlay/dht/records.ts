/**
 * Signed soft-state records: what this node keeps for others, as owner and as replica, and how it writes and reads its own
 * (docs/protocol.md, "Records"). Composes the machines of this folder.
 */
import type { Instant } from "../boundary.ts";
import {
  CLOCK_TOLERANCE_MS,
  CONFLICT_TOLD_MS,
  FRESH_OWNER_MS,
  PUT_LATEST_MS,
  RECORDS_PER_REPLICA,
  REGISTER_OPS_LIMIT,
  WRITES_PER_HOLDER_PER_S,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import { addressFromBytes, type RingAddress } from "../ring/address.ts";
import type { RoutedRequest, Router } from "../ring/router.ts";
import type { Timer } from "../timers.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeRecordUnsigned, recordWithSignature } from "../wire/record.ts";
import { signedPart, signInput } from "../wire/sign-input.ts";
import type { DhtCode, DhtRecord, Message, MessageOf } from "../wire/types.ts";
import { Lookup } from "./lookup.ts";
import { type OperationInput, RegisterOperation } from "./operation.ts";
import { Register } from "./register.ts";
import { Replicas } from "./replicas.ts";
import { type Claim, type LiveClaim, outranks, ruleOf } from "./rules.ts";
import { nameOf, RecordStore } from "./store.ts";

export interface RecordsHooks {
  near(): readonly RingAddress[];
  /** This node's own lease of that name while it uses it. */
  ownLease(name: string): LiveClaim | undefined;
  /** Another holder ranks before this node's own claim, or behind it. */
  conflict(winner: Claim, loser: Claim): void;
}

interface Running {
  readonly name: string;
  readonly operation: RegisterOperation;
  readonly waiting: RoutedRequest[];
  timer: Timer | undefined;
}

export interface PutAnswer {
  readonly code: DhtCode;
  readonly heldSeq: number;
  readonly wait: boolean;
}

const SWEEP_MS = 60_000;
/** The loser of a conflict is told more than once, for the ring may not lead to it yet. */
const CONFLICT_AGAIN_MS = [1_000, 3_000] as const;
const CONFLICTS_LIMIT = 256;

export class Records {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #router: Router;
  readonly #hooks: RecordsHooks;
  readonly #store = new RecordStore();
  readonly #register: Register;
  readonly #replicas: Replicas;
  readonly #lookup: Lookup;
  /** By operation number. */
  readonly #running = new Map<number, Running>();
  readonly #runningOf = new Map<string, Running>();
  /** Writes of each holder: tokens left, and when they were counted. */
  readonly #writes = new Map<RingAddress, { tokens: number; at: Instant }>();
  readonly #conflictsTold = new Map<string, Instant>();
  #freshAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(core: Core, peers: Peers, control: Control, router: Router, hooks: RecordsHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#router = router;
    this.#hooks = hooks;
    this.#register = new Register(this.#store, {
      isMine: (key) => this.#replicas.isMine(key),
      ownLive: (name) => hooks.ownLease(name),
      outranks: (a, b) => outranks(core, a, b),
      conflict: (winner, loser) => this.#tellConflict(winner, loser),
      replacesOthers: core.isBroken("lease-quorum"),
    });
    this.#replicas = new Replicas(core, peers, control, this.#store, {
      near: () => hooks.near(),
      admit: (copy) => this.#admit(copy.record, copy.remainingS),
    });
    this.#lookup = new Lookup(core, peers, router, {
      replicasOf: (key) => this.#replicas.ofKey(key),
      held: (type, key) => this.#heldFor(type, key),
      isFresh: () => this.#isFresh,
      verify: (record) => this.#claimOf(record),
    });
  }

  start(): void {
    this.#replicas.start();
    this.#sweepPeriodically();
  }

  /** This node is new to all of its keys, because it has just become a member or was asleep. */
  fresh(): void {
    this.#freshAt = this.#core.now;
    this.#replicas.syncAll();
  }

  /** Our near set changed: records go to members that now belong to their replicas. */
  nearChanged(): void {
    this.#replicas.nearChanged();
  }

  /** A record of our own, signed. */
  make(type: number, key: Uint8Array, value: Uint8Array, lifeS: number): DhtRecord {
    const core = this.#core;
    const { identity, salt } = core.options;
    const unsigned = encodeRecordUnsigned({
      type,
      key,
      edPublic: identity.edPublic,
      salt,
      chainHash: core.chainHash,
      seq: core.nextSeq(),
      lifeS,
      value,
    });
    return recordWithSignature(unsigned, identity.sign(signInput("rec", core.netId, unsigned)));
  }

  /** Sends a record to the owner of its key, once; the answer, or undefined where none came. */
  put(record: DhtRecord, done: (answer: PutAnswer | undefined) => void): void {
    this.#router.request({
      dst: addressFromBytes(record.key),
      mode: "nearest",
      message: { type: "dhtPut", record },
      timeoutMs: PUT_LATEST_MS,
      onAnswer: (answer) => done(answer.type === "dhtAck" ? answer : undefined),
      onTimeout: () => done(undefined),
    });
  }

  /** The live records of that type and key, the one that counts first; undefined where nobody answered. */
  get(type: number, key: Uint8Array, done: (claims: readonly LiveClaim[] | undefined) => void): void {
    this.#lookup.get(type, key, done);
  }

  /** The ring address of the holder, where signature, key and value are right. */
  verify(record: DhtRecord): RingAddress | undefined {
    const core = this.#core;
    const rule = ruleOf(record.type);
    if (!rule || record.lifeS > rule.longestLifeS || !equalBytes(record.chainHash, core.chainHash)) return undefined;
    const holder = core.addressOf(record.edPublic, record.salt);
    if (!rule.isRight(core, record, holder)) return undefined;
    const { crypto, netId } = core;
    return crypto.verify(record.edPublic, signInput("rec", netId, signedPart(record.bytes)), record.signature)
      ? holder
      : undefined;
  }

  onPut(request: RoutedRequest, { record }: MessageOf<"dhtPut">): void {
    const claim = this.#isInTime(record) ? this.#claimOf(record) : undefined;
    if (!claim) return this.#refuse(request, "record refused");
    const name = nameOf(record);
    const running = this.#runningOf.get(name);
    if (running) {
      // The same write, sent again: it gets the same answer.
      if (equalBytes(running.operation.claim.record.bytes, record.bytes)) {
        if (running.waiting.length < REGISTER_OPS_LIMIT) running.waiting.push(request);
        return;
      }
      return this.#acknowledge(request, "later", 0, 0);
    }
    if (!this.#mayWrite(claim.holder)) return this.#acknowledge(request, "later", 0, 0);
    if (ruleOf(record.type)?.isRegister) return this.#run(request, name, claim);
    this.#putPlain(request, name, claim);
  }

  onGet(request: RoutedRequest, get: MessageOf<"dhtGet">): void {
    this.#lookup.onGet(request, get);
  }

  /** What replicas say to each other; `id` is that of the message, for its answer. */
  onMessage(
    peer: Peer,
    id: number,
    message: MessageOf<
      "claim" | "claimed" | "store" | "stored" | "undo" | "dhtSync" | "dhtCopy" | "dhtOffer" | "dhtWant"
    >,
  ): void {
    switch (message.type) {
      case "claim":
      case "store": {
        const answer = this.#answerAsReplica(peer.address, message);
        if (answer) this.#control.send(peer, answer, { answer: true, id });
        return;
      }
      case "undo":
        return this.#register.undo(this.#core.now, peer.address, message.op, message.key);
      case "claimed":
      case "stored":
        return this.#onAnswer(peer.address, message);
      case "dhtSync":
        return this.#replicas.onSync(peer, message);
      case "dhtCopy":
        return this.#replicas.onCopy(peer, message);
      case "dhtOffer":
        return this.#replicas.onOffer(peer, id, message);
      case "dhtWant":
        return this.#replicas.onWant(peer, id, message);
    }
  }

  /** Records kept here for others. */
  count(): number {
    return this.#store.size;
  }

  clear(): void {
    this.#store.clear();
    this.#register.clear();
    this.#replicas.clear();
    for (const { timer } of this.#running.values()) timer?.cancel();
    this.#running.clear();
    this.#runningOf.clear();
    this.#writes.clear();
    this.#conflictsTold.clear();
  }

  #run(request: RoutedRequest, name: string, claim: Claim): void {
    const core = this.#core;
    if (this.#running.size >= REGISTER_OPS_LIMIT) {
      core.drop("too many writes at once");
      return this.#acknowledge(request, "later", 0, 0);
    }
    let op = core.entropy.u32();
    while (this.#running.has(op)) op = core.entropy.u32();
    const operation = new RegisterOperation({
      op,
      claim,
      replicas: this.#replicas.ofKey(addressFromBytes(claim.record.key)),
      outranks: (a, b) => outranks(core, a, b),
      chance: () => core.entropy.fraction(),
      oneIsEnough: core.isBroken("lease-quorum"),
    });
    const running: Running = { name, operation, waiting: [request], timer: undefined };
    this.#running.set(op, running);
    this.#runningOf.set(name, running);
    this.#step(op, running, { kind: "timeout" });
  }

  #step(op: number, running: Running, input: OperationInput): void {
    const core = this.#core;
    const inputs = [input];
    for (let next = inputs.shift(); next; next = inputs.shift()) {
      for (const effect of running.operation.step(core.now, next)) {
        switch (effect.kind) {
          case "send": {
            const own = this.#toReplica(effect.to, effect.message);
            if (own) inputs.push(own);
            break;
          }
          case "answer":
            for (const request of running.waiting.splice(0))
              this.#acknowledge(request, effect.code, effect.heldSeq, effect.replicas);
            break;
          case "conflict":
            this.#tellConflict(effect.winner, effect.loser);
            break;
          case "end":
            this.#running.delete(op);
            break;
        }
        // Once it is answered another write may begin; this one only repeats itself to the silent.
        if (effect.kind === "answer" || effect.kind === "end")
          if (this.#runningOf.get(running.name) === running) this.#runningOf.delete(running.name);
      }
    }
    running.timer?.cancel();
    const wake = running.operation.wakeAt();
    running.timer = wake && core.timers.at(wake.at, wake.reason, () => this.#step(op, running, { kind: "timeout" }));
  }

  /** To this node itself without a message: what it answers. */
  #toReplica(to: RingAddress, message: Message): OperationInput | undefined {
    const core = this.#core;
    if (to !== core.address) {
      const peer = this.#peers.get(to);
      if (peer?.live) this.#control.send(peer, message);
      return undefined;
    }
    if (message.type === "undo") this.#register.undo(core.now, to, message.op, message.key);
    if (message.type !== "claim" && message.type !== "store") return undefined;
    const answer = this.#answerAsReplica(to, message);
    if (answer?.type === "stored") return { kind: "stored", from: to, code: answer.code };
    if (answer?.type !== "claimed") return undefined;
    return { kind: "claimed", from: to, code: answer.code, held: this.#liveOf(answer) };
  }

  #answerAsReplica(
    owner: RingAddress,
    message: MessageOf<"claim" | "store">,
  ): MessageOf<"claimed" | "stored"> | undefined {
    const core = this.#core;
    const { op, record } = message;
    const claim = ruleOf(record.type)?.isRegister ? this.#claimOf(record) : undefined;
    if (!claim) {
      core.drop("record refused");
      return undefined;
    }
    if (message.type === "claim") {
      const { code, held } = this.#register.claim(core.now, owner, op, claim);
      return { type: "claimed", op, code, remainingS: held?.remainingS ?? 0, held: held?.record };
    }
    const code = this.#register.store(core.now, core.wall, owner, op, message.known, claim);
    return { type: "stored", op, code };
  }

  #onAnswer(from: RingAddress, answer: MessageOf<"claimed" | "stored">): void {
    const running = this.#running.get(answer.op);
    if (!running) return; // It ended meanwhile.
    if (answer.type === "stored") this.#step(answer.op, running, { kind: "stored", from, code: answer.code });
    else this.#step(answer.op, running, { kind: "claimed", from, code: answer.code, held: this.#liveOf(answer) });
  }

  #liveOf({ held, remainingS }: MessageOf<"claimed">): LiveClaim | undefined {
    const claim = held && remainingS > 0 ? this.#claimOf(held) : undefined;
    return claim && { ...claim, remainingS };
  }

  /** A record with one owner and copies, whoever wrote it last. */
  #putPlain(request: RoutedRequest, name: string, claim: Claim): void {
    const core = this.#core;
    const held = this.#store.live(name, core.now);
    const replicas = this.#replicas.ofKey(addressFromBytes(claim.record.key)).length;
    if (held && held.record.seq > claim.record.seq)
      return this.#acknowledge(request, "stale", held.record.seq, replicas);
    const until = core.now + claim.record.lifeS * 1_000;
    if (!this.#store.put(claim, until)) return this.#refuse(request, "records over their limit");
    this.#acknowledge(request, "ok", claim.record.seq, replicas);
    this.#replicas.copyToReplicas(claim.record, addressFromBytes(claim.record.key), until);
  }

  /**
   * A copy that another replica gave. While a crowd joins, whoever hands a record on may not know its place yet: a member
   * that is no replica of it keeps it until it has handed it on itself, to nodes nearer to the key.
   */
  #admit(record: DhtRecord, remainingS: number): void {
    const core = this.#core;
    const claim = this.#claimOf(record);
    if (!claim || remainingS === 0) return core.drop("record refused");
    if (!core.member) return core.drop("record of another's key");
    const name = nameOf(record);
    const isRegister = ruleOf(record.type)?.isRegister === true;
    const held = isRegister ? this.#register.held(core.now, name) : this.#store.live(name, core.now);
    if (held?.holder === claim.holder && held.record.seq >= record.seq) return;
    if (held && held.holder !== claim.holder) {
      const isBetter = outranks(core, claim, held);
      this.#tellConflict(isBetter ? claim : held, isBetter ? held : claim);
      if (!isBetter) return;
    }
    const until = core.now + Math.min(remainingS, record.lifeS) * 1_000;
    if (!this.#store.put(claim, until)) core.drop("records over their limit");
  }

  /** Tells the loser of a key who keeps it. */
  #tellConflict(winner: Claim, loser: Claim): void {
    const core = this.#core;
    if (winner.holder === core.address || loser.holder === core.address) this.#hooks.conflict(winner, loser);
    if (loser.holder === core.address) return;
    const name = `${nameOf(winner.record)} ${loser.holder}`;
    const told = this.#conflictsTold.get(name);
    if (told !== undefined && core.now - told < CONFLICT_TOLD_MS) return;
    if (this.#conflictsTold.size >= CONFLICTS_LIMIT) this.#conflictsTold.clear();
    this.#conflictsTold.set(name, core.now);
    const tell = () => this.#router.send(loser.holder, { type: "lease", conflict: true, records: [winner.record] });
    tell();
    for (const later of CONFLICT_AGAIN_MS) core.after(later, "conflict", tell);
  }

  #heldFor(type: number, key: Uint8Array): LiveClaim | undefined {
    const held = this.#register.held(this.#core.now, nameOf({ type, key }));
    return held && held.record.value.length > 0 ? held : undefined;
  }

  /** Checked once: what is held here, or is being written, is known to be right. */
  #claimOf(record: DhtRecord): Claim | undefined {
    const name = nameOf(record);
    const known = [this.#store.live(name, this.#core.now), this.#runningOf.get(name)?.operation.claim];
    for (const claim of known) if (claim && equalBytes(claim.record.bytes, record.bytes)) return claim;
    const holder = this.verify(record);
    return holder && { record, holder };
  }

  /** Neither from a time to come nor run out, by the wall clock: so an old record cannot be written anew. */
  #isInTime({ seq, lifeS }: DhtRecord): boolean {
    const { wall } = this.#core;
    return seq <= wall + CLOCK_TOLERANCE_MS && seq + lifeS * 1_000 + CLOCK_TOLERANCE_MS >= wall;
  }

  #mayWrite(holder: RingAddress): boolean {
    const core = this.#core;
    const bucket = this.#writes.get(holder) ?? { tokens: WRITES_PER_HOLDER_PER_S, at: core.now };
    const refilled = bucket.tokens + ((core.now - bucket.at) / 1_000) * WRITES_PER_HOLDER_PER_S;
    bucket.tokens = Math.min(WRITES_PER_HOLDER_PER_S, refilled);
    bucket.at = core.now;
    if (bucket.tokens < 1) {
      core.drop("writes of one holder");
      return false;
    }
    bucket.tokens--;
    if (this.#writes.size >= RECORDS_PER_REPLICA) this.#writes.clear();
    this.#writes.set(holder, bucket);
    return true;
  }

  get #isFresh(): boolean {
    return this.#core.now - this.#freshAt < FRESH_OWNER_MS;
  }

  #refuse(request: RoutedRequest, reason: string): void {
    this.#core.drop(reason);
    this.#acknowledge(request, "refused", 0, 0);
  }

  #acknowledge(request: RoutedRequest, code: DhtCode, heldSeq: number, replicas: number): void {
    const wait = replicas > 1 && this.#isFresh;
    request.answer({ type: "dhtAck", code, heldSeq, replicas, wait });
  }

  #sweepPeriodically(): void {
    const core = this.#core;
    this.#store.sweep(core.now);
    this.#register.sweep(core.now);
    this.#writes.clear();
    core.roughlyAfter(SWEEP_MS, "expired records", () => this.#sweepPeriodically());
  }
}
