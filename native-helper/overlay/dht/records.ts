/**
 * Signed soft-state records, kept by the member nearest to their key and its ring neighbours
 * (docs/protocol.md, "Records").
 */
import { CLOCK_TOLERANCE_MS, RECORDS_PER_HOLDER, RECORDS_PER_REPLICA, REPLICAS_PER_SIDE } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import { addressFromBytes, addressToBytes, compareDistance, type RingAddress } from "../ring/address.ts";
import type { RoutedRequest, Router } from "../ring/router.ts";
import type { Timer } from "../timers.ts";
import { equalBytes } from "../wire/bytes.ts";
import { parseIpv4 } from "../wire/ip.ts";
import {
  decodeAddressInfo,
  decodeLease,
  encodeRecordUnsigned,
  RECORD_ADDRESS,
  RECORD_LEASE,
  recordWithSignature,
} from "../wire/record.ts";
import { signedPart, signInput } from "../wire/sign-input.ts";
import { ascii } from "../wire/text.ts";
import type { DhtCode, DhtRecord, MessageOf } from "../wire/types.ts";

interface Held {
  readonly record: DhtRecord;
  readonly holder: RingAddress;
  readonly until: number;
  /** Members that have it from us. */
  readonly copiedTo: Set<RingAddress>;
}

const COPIES_AT_ONCE = 16;
const COPY_REST_MS = 2_000;
const COPY_LATEST_MS = 6_000;
const PUT_TIMEOUT_MS = 3_000;
const SWEEP_MS = 60_000;

export class Records {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #router: Router;
  /** By `type:key`; a register has one holder. */
  readonly #held = new Map<string, Held>();
  #copyTimer: Timer | undefined;
  #copyFrom: number | undefined;

  constructor(core: Core, peers: Peers, control: Control, router: Router) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#router = router;
  }

  start(): void {
    this.#core.after(SWEEP_MS, "expired records", () => this.#sweep());
  }

  leaseKey(ip: string): Uint8Array {
    const bytes = parseIpv4(ip);
    if (!bytes) throw new RangeError(`${ip} is no IPv4 address`);
    return this.#core.hash160(ascii("ip4"), this.#core.netId, bytes);
  }

  addressKey(address: Uint8Array): Uint8Array {
    return this.#core.hash160(ascii("rev"), address);
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
      seq: core.nextStamp(),
      lifeS,
      value,
    });
    return recordWithSignature(unsigned, identity.sign(signInput("rec", core.netId, unsigned)));
  }

  /** Stores a record at the owner of its key; the answer's code, or undefined where nobody answered. */
  put(record: DhtRecord, done: (code: DhtCode | undefined) => void): void {
    this.#router.request({
      dst: addressFromBytes(record.key),
      mode: "nearest",
      message: { type: "dhtPut", record },
      timeoutMs: PUT_TIMEOUT_MS,
      onAnswer: (answer) => done(answer.type === "dhtAck" ? answer.code : undefined),
      onTimeout: () => done(undefined),
    });
  }

  /** The live records of that type and key whose signatures hold; undefined where nobody answered. */
  get(
    type: number,
    key: Uint8Array,
    done: (records: { record: DhtRecord; holder: RingAddress }[] | undefined) => void,
  ): void {
    this.#router.request({
      dst: addressFromBytes(key),
      mode: "nearest",
      message: { type: "dhtGet", recordType: type, key },
      timeoutMs: PUT_TIMEOUT_MS,
      onAnswer: (answer) => {
        if (answer.type !== "dhtValue") return done(undefined);
        const found: { record: DhtRecord; holder: RingAddress }[] = [];
        for (const { record } of answer.values) {
          if (record.type !== type || !equalBytes(record.key, key)) continue;
          const holder = this.verify(record);
          if (holder) found.push({ record, holder });
        }
        done(found);
      },
      onTimeout: () => done(undefined),
    });
  }

  /** The ring address of the holder, where signature, key, value and time are right. */
  verify(record: DhtRecord): RingAddress | undefined {
    const core = this.#core;
    if (
      record.seq > core.wall + CLOCK_TOLERANCE_MS ||
      record.seq + record.lifeS * 1_000 + CLOCK_TOLERANCE_MS < core.wall
    )
      return undefined;
    if (!equalBytes(record.chainHash, core.chainHash)) return undefined;
    const holder = core.addressOf(record.edPublic, record.salt);
    if (!this.#isKeyRight(record, holder)) return undefined;
    const { crypto, netId } = core;
    return crypto.verify(record.edPublic, signInput("rec", netId, signedPart(record.bytes)), record.signature)
      ? holder
      : undefined;
  }

  onPut(request: RoutedRequest, put: MessageOf<"dhtPut">): void {
    const { code, held } = this.#store(put.record, undefined);
    request.answer({
      type: "dhtAck",
      code,
      heldSeq: held?.record.seq ?? 0,
      replicas: this.#replicasFor(put.record.key).length + 1,
      wait: false,
    });
    if (code === "ok") this.#copySoon();
  }

  onGet(request: RoutedRequest, get: MessageOf<"dhtGet">): void {
    const own = this.#live(get.recordType, get.key);
    if (own) return this.#answerGet(request, own);
    // A new owner may not have the record yet; its neighbours do.
    const others = this.#replicasFor(get.key).slice(0, 2);
    const isOwner = addressFromBytes(get.key) === request.dst;
    if (others.length === 0 || !isOwner) return this.#answerGet(request, undefined);
    let waiting = others.length;
    let answered = false;
    for (const replica of others) {
      this.#router.request({
        dst: replica,
        mode: "exact",
        message: get,
        timeoutMs: 1_000,
        onAnswer: (answer) => {
          waiting--;
          const first = answer.type === "dhtValue" ? answer.values[0] : undefined;
          if (answered || (!first && waiting > 0)) return;
          answered = true;
          if (first) this.#store(first.record, first.remainingS);
          this.#answerGet(request, this.#live(get.recordType, get.key));
        },
        onTimeout: () => {
          if (--waiting > 0 || answered) return;
          answered = true;
          this.#answerGet(request, undefined);
        },
      });
    }
  }

  onCopy(copy: MessageOf<"dhtCopy">, from: Peer): void {
    for (const { record, remainingS } of copy.items) {
      const { held } = this.#store(record, remainingS);
      held?.copiedTo.add(from.address);
    }
  }

  /** Our near set changed: records go to members that now belong to their replicas. */
  nearChanged(): void {
    this.#copySoon();
  }

  count(): number {
    return this.#held.size;
  }

  clear(): void {
    this.#held.clear();
    this.#copyTimer?.cancel();
    this.#copyFrom = undefined;
  }

  /** Once the near set rests, or after 3 s of changes. */
  #copySoon(): void {
    if (this.#held.size === 0) return;
    const { now } = this.#core;
    this.#copyFrom ??= now;
    this.#copyTimer?.cancel();
    const wait = Math.max(0, Math.min(COPY_REST_MS, this.#copyFrom + COPY_LATEST_MS - now));
    this.#copyTimer = this.#core.after(wait, "record copies", () => {
      this.#copyFrom = undefined;
      this.#copyToReplicas();
    });
  }

  #copyToReplicas(): void {
    const core = this.#core;
    if (!core.member) return;
    const batches = new Map<RingAddress, { remainingS: number; record: DhtRecord }[]>();
    for (const held of this.#held.values()) {
      const remainingS = Math.ceil((held.until - core.now) / 1_000);
      if (remainingS <= 0) continue;
      for (const replica of this.#replicasFor(held.record.key)) {
        if (held.copiedTo.has(replica) || replica === held.holder) continue;
        held.copiedTo.add(replica);
        const batch = batches.get(replica) ?? [];
        batch.push({ remainingS, record: held.record });
        batches.set(replica, batch);
      }
    }
    for (const [replica, items] of batches) {
      const peer = this.#peers.get(replica);
      if (!peer?.live) continue;
      for (let i = 0; i < items.length; i += COPIES_AT_ONCE) {
        const part = items.slice(i, i + COPIES_AT_ONCE);
        this.#control.sendAcked(peer, { type: "dhtCopy", items: part }, 3, () => {
          for (const { record } of part) this.#held.get(nameOf(record.type, record.key))?.copiedTo.delete(replica);
        });
      }
    }
  }

  /** The members nearest to the key beside ourselves, within reach of our near set. */
  #replicasFor(key: Uint8Array): RingAddress[] {
    const target = addressFromBytes(key);
    return this.#peers
      .aroundOf(target, REPLICAS_PER_SIDE)
      .filter((address) => this.#peers.get(address)?.live)
      .sort((a, b) => compareDistance(target, a, b));
  }

  #store(record: DhtRecord, remainingS: number | undefined): { code: DhtCode; held: Held | undefined } {
    const core = this.#core;
    const name = nameOf(record.type, record.key);
    const before = this.#held.get(name);
    const live = before && before.until > core.now ? before : undefined;
    if (live && equalBytes(live.record.bytes, record.bytes)) return { code: "ok", held: live };
    const holder = this.verify(record);
    if (!holder) {
      core.drop("record refused");
      return { code: "refused", held: undefined };
    }
    if (live && live.holder !== holder) return { code: "taken", held: live };
    if (live && live.record.seq > record.seq) return { code: "stale", held: live };
    if (!before) {
      if (this.#held.size >= RECORDS_PER_REPLICA) return { code: "refused", held: undefined };
      let ofHolder = 0;
      for (const held of this.#held.values()) if (held.holder === holder) ofHolder++;
      if (ofHolder >= RECORDS_PER_HOLDER) return { code: "refused", held: undefined };
    }
    const lifeS = Math.min(record.lifeS, remainingS ?? record.lifeS);
    const held: Held = { record, holder, until: core.now + lifeS * 1_000, copiedTo: new Set() };
    this.#held.set(name, held);
    return { code: "ok", held };
  }

  #live(type: number, key: Uint8Array): Held | undefined {
    const held = this.#held.get(nameOf(type, key));
    return held && held.until > this.#core.now && held.record.value.length > 0 ? held : undefined;
  }

  #answerGet(request: RoutedRequest, held: Held | undefined): void {
    const values = held
      ? [{ namedBy: 1, remainingS: Math.max(0, Math.ceil((held.until - this.#core.now) / 1_000)), record: held.record }]
      : [];
    request.answer({ type: "dhtValue", values });
  }

  #isKeyRight(record: DhtRecord, holder: RingAddress): boolean {
    const { value } = record;
    if (record.type === RECORD_LEASE) {
      const lease = decodeLease(value);
      return value.length === 0 || (lease !== undefined && equalBytes(record.key, this.leaseKey(lease.ip)));
    }
    if (record.type === RECORD_ADDRESS) {
      const own = this.addressKey(addressToBytes(holder));
      return equalBytes(record.key, own) && (value.length === 0 || decodeAddressInfo(value) !== undefined);
    }
    return false;
  }

  #sweep(): void {
    for (const [name, held] of this.#held) if (held.until <= this.#core.now) this.#held.delete(name);
    this.#core.after(SWEEP_MS, "expired records", () => this.#sweep());
  }
}

function nameOf(type: number, key: Uint8Array): string {
  return `${type}:${addressFromBytes(key)}`;
}
