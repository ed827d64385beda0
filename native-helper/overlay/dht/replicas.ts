/**
 * Keeps the replicas of each key alike: asks new neighbours what this node lacks, and hands on what has left its part of
 * the ring (docs/protocol.md, "Replicas").
 */
import type { Instant } from "../boundary.ts";
import {
  D_NEAR,
  HAND_ON_ENOUGH,
  HAND_ON_MS,
  HAND_ON_TIMES,
  REPLICAS_PER_SIDE,
  SYNC_AGAIN_MS,
  SYNC_GIVE_UP_MS,
  SYNC_NEW_NEIGHBOUR_MS,
  SYNC_PERIOD_MS,
  SYNC_SOON_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Peer } from "../link/peer.ts";
import { around, type Peers } from "../link/peers.ts";
import { addressFromBytes, nearestOf, type RingAddress } from "../ring/address.ts";
import type { Timer } from "../timers.ts";
import { MAX_COPIES, MAX_SYNC_HASHES } from "../wire/record-messages.ts";
import type { DhtRecord, MessageOf } from "../wire/types.ts";
import { type RecordStore, remainingS } from "./store.ts";

export interface ReplicasHooks {
  near(): readonly RingAddress[];
  /** A copy that came from a member, to be checked and held. */
  admit(copy: { readonly record: DhtRecord; readonly remainingS: number }, from: Peer): void;
}

interface Asked {
  readonly since: Instant;
  nextAt: Instant;
  /** On its way, and not silent yet. */
  isSent: boolean;
}

interface HandOn {
  tries: number;
  readonly has: Set<RingAddress>;
}

/** Records named to a member that may lack them, in the order of the message. */
interface Offer {
  readonly peer: Peer;
  readonly names: readonly string[];
  readonly at: Instant;
}

const COPY_BYTES = 7_600;
const COPY_TRIES = 3;
/** More questions at once would bring the same records twice. */
const ASKED_AT_ONCE = 2;
const OFFER_LIFE_MS = 5_000;
const HAND_ON_LATEST_MS = 3_000;

export class Replicas {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #store: RecordStore;
  readonly #hooks: ReplicasHooks;
  #near: readonly RingAddress[] = [];
  /** Neighbours that have not answered DHT_SYNC. */
  readonly #asked = new Map<RingAddress, Asked>();
  readonly #handOns = new Map<string, HandOn>();
  /** By slot and id of the message. */
  readonly #offers = new Map<string, Offer>();
  readonly #hashes = new WeakMap<DhtRecord, { readonly bytes: Uint8Array; readonly text: string }>();
  /** Nothing was asked for yet: each side is asked for its half. */
  #isEmpty = true;
  #askTimer: Timer | undefined;
  #handOnTimer: Timer | undefined;
  #handOnLatest = 0;

  constructor(core: Core, peers: Peers, control: Control, store: RecordStore, hooks: ReplicasHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#store = store;
    this.#hooks = hooks;
  }

  start(): void {
    this.#syncPeriodically();
  }

  clear(): void {
    this.#near = [];
    this.#asked.clear();
    this.#handOns.clear();
    this.#offers.clear();
    this.#isEmpty = true;
    this.#askTimer?.cancel();
    this.#askTimer = undefined;
    this.#handOnTimer?.cancel();
    this.#handOnTimer = undefined;
  }

  /** All replicas of a key as this node sees them: the owner first, then those around it. */
  ofKey(key: RingAddress, members = this.#members()): RingAddress[] {
    const owner = nearestOf(members, key);
    return owner === undefined ? [] : [owner, ...around(members, owner, REPLICAS_PER_SIDE)];
  }

  /** Whether the key lies within the reach of the near set, so that this node may be one of its replicas. */
  isMine(key: RingAddress): boolean {
    if (!this.#core.member) return false;
    const arc = this.#span();
    return arc === undefined || isWithin(key, arc.from, arc.to);
  }

  /** The near set changed: new neighbours, and after a loss all of them, are asked for what is missing here. */
  nearChanged(): void {
    const { member, now } = this.#core;
    if (!member) return;
    const before = new Set(this.#near);
    this.#near = this.#hooks.near();
    const lost = [...before].some((address) => !this.#near.includes(address) && !this.#peers.get(address)?.live);
    if (lost || before.size === 0) this.#askAll();
    for (const address of this.#near) {
      if (before.has(address) || this.#asked.has(address)) continue;
      const wait = SYNC_NEW_NEIGHBOUR_MS * this.#core.entropy.fraction();
      this.#asked.set(address, { since: now, nextAt: now + wait, isSent: false });
    }
    this.#askLater();
    this.#considerHandOn();
  }

  /** This node slept, or became a member: what it holds may be far from what the others hold. */
  syncAll(): void {
    if (!this.#core.member) return;
    this.#near = this.#hooks.near();
    this.#askAll();
    this.#askLater();
  }

  /** A member asks for what it lacks in an arc, and gets that of it for which it is a replica; an answer in any case. */
  onSync(peer: Peer, sync: MessageOf<"dhtSync">): void {
    const core = this.#core;
    if (!core.member) return;
    const known = new Set(sync.hashes.map(hashText));
    const lacking: Copy[] = [];
    const members = this.#members();
    for (const [, held] of this.#store.all()) {
      const remaining = remainingS(held.until, core.now);
      if (remaining <= 0 || !isWithin(held.place, sync.from, sync.to)) continue;
      if (known.has(this.#hashOf(held.record).text)) continue;
      if (this.ofKey(held.place, members).includes(peer.address))
        lacking.push({ remainingS: remaining, record: held.record });
    }
    for (const part of batches(lacking)) this.#sendCopies(peer, part, undefined);
    if (lacking.length === 0) this.#sendCopies(peer, [], undefined);
  }

  onCopy(peer: Peer, copy: MessageOf<"dhtCopy">): void {
    for (const item of copy.items) this.#hooks.admit(item, peer);
    if (this.#asked.delete(peer.address)) this.#ask();
    if (copy.items.some(({ record }) => !this.isMine(addressFromBytes(record.key)))) this.#considerHandOn();
  }

  /** Passes records on to the other replicas of their keys. */
  copyToReplicas(record: DhtRecord, place: RingAddress, until: Instant): void {
    for (const address of this.ofKey(place)) {
      const peer = this.#peers.get(address);
      if (peer?.live) this.#sendCopies(peer, [{ record, remainingS: remainingS(until, this.#core.now) }], undefined);
    }
  }

  /** A member would hand records on: it is told which of them are not here. */
  onOffer(peer: Peer, id: number, offer: MessageOf<"dhtOffer">): void {
    if (!this.#core.member) return;
    const held = new Set<string>();
    for (const [, { record }] of this.#store.all()) held.add(this.#hashOf(record).text);
    const hashes = offer.hashes.filter((hash) => !held.has(hashText(hash)));
    this.#control.send(peer, { type: "dhtWant", hashes }, { answer: true, id });
  }

  onWant(peer: Peer, id: number, want: MessageOf<"dhtWant">): void {
    const name = `${peer.slot}:${id}`;
    const offer = this.#offers.get(name);
    if (offer?.peer !== peer) return this.#core.drop("answer unexpected");
    this.#offers.delete(name);
    const { now } = this.#core;
    const wanted = new Set(want.hashes.map(hashText));
    const copies: { name: string; copy: Copy }[] = [];
    for (const each of offer.names) {
      const held = this.#store.live(each, now);
      if (held && wanted.has(this.#hashOf(held.record).text))
        copies.push({ name: each, copy: { record: held.record, remainingS: remainingS(held.until, now) } });
      else this.#handOns.get(each)?.has.add(peer.address);
    }
    for (const part of batches(copies.map(({ copy }) => copy))) {
      const names = copies.splice(0, part.length).map((each) => each.name);
      this.#sendCopies(peer, part, () => {
        for (const each of names) this.#handOns.get(each)?.has.add(peer.address);
      });
    }
  }

  /** From the next on each side outwards, two at a time: what one gave is named to the next, and is not sent again. */
  #askAll(): void {
    const { now, entropy } = this.#core;
    for (const address of bySides(this.#near)) {
      this.#asked.delete(address);
      this.#asked.set(address, { since: now, nextAt: now + SYNC_SOON_MS * entropy.fraction(), isSent: false });
    }
  }

  /** Records that this node has no place for any more go to those that have one. */
  #considerHandOn(): void {
    if (this.#store.size === 0) return;
    const { address } = this.#core;
    const members = this.#members();
    for (const [name, held] of this.#store.all()) {
      if (this.ofKey(held.place, members).includes(address)) this.#handOns.delete(name);
      else if (!this.#handOns.has(name)) this.#handOns.set(name, { tries: 0, has: new Set() });
    }
    if (this.#handOns.size === 0) return;
    this.#handOnSoon();
  }

  /** When their place has rested: while a crowd joins it changes by the moment. */
  #handOnSoon(): void {
    const { now } = this.#core;
    if (!this.#handOnTimer?.run) this.#handOnLatest = now + HAND_ON_LATEST_MS;
    this.#handOnTimer?.cancel();
    const due = Math.min(now + HAND_ON_MS, this.#handOnLatest);
    this.#handOnTimer = this.#core.timers.at(due, "records handed on", () => this.#handOn());
  }

  #handOn(): void {
    const core = this.#core;
    for (const [id, { at }] of this.#offers) if (core.now - at >= OFFER_LIFE_MS) this.#offers.delete(id);
    const offers = new Map<Peer, string[]>();
    const members = this.#members();
    for (const [name, handOn] of this.#handOns) {
      const held = this.#store.live(name, core.now);
      const set = held ? this.ofKey(held.place, members) : [];
      if (!held || set.includes(core.address)) {
        this.#handOns.delete(name);
        continue;
      }
      const has = set.filter((address) => handOn.has.has(address)).length;
      if (has >= Math.min(HAND_ON_ENOUGH, set.length) || handOn.tries >= HAND_ON_TIMES) {
        this.#handOns.delete(name);
        if (has > 0) this.#store.remove(name);
        continue;
      }
      // Enough of them first; all others where these do not answer.
      const silent = set.filter((address) => !handOn.has.has(address) && this.#peers.get(address)?.live);
      const asked = handOn.tries++ === 0 ? silent.slice(0, HAND_ON_ENOUGH) : silent;
      for (const address of asked) {
        const peer = this.#peers.get(address) as Peer;
        const names = offers.get(peer) ?? [];
        names.push(name);
        offers.set(peer, names);
      }
    }
    for (const [peer, names] of offers) {
      for (let i = 0; i < names.length; i += MAX_SYNC_HASHES) this.#offer(peer, names.slice(i, i + MAX_SYNC_HASHES));
    }
    if (this.#handOns.size > 0) this.#handOnSoon();
  }

  #offer(peer: Peer, names: readonly string[]): void {
    const hashes: Uint8Array[] = [];
    for (const name of names) {
      const held = this.#store.live(name, this.#core.now);
      if (held) hashes.push(this.#hashOf(held.record).bytes);
    }
    const id = this.#control.send(peer, { type: "dhtOffer", hashes });
    this.#offers.set(`${peer.slot}:${id}`, { peer, names, at: this.#core.now });
  }

  /** Made once for each record held. */
  #hashOf(record: DhtRecord): { readonly bytes: Uint8Array; readonly text: string } {
    let hash = this.#hashes.get(record);
    if (!hash) {
      const bytes = this.#core.hash160(record.bytes);
      hash = { bytes, text: hashText(bytes) };
      this.#hashes.set(record, hash);
    }
    return hash;
  }

  #sendCopies(peer: Peer, items: readonly Copy[], onAck: (() => void) | undefined): void {
    this.#control.sendAcked(peer, { type: "dhtCopy", items }, COPY_TRIES, onAck ? { onAck } : {});
  }

  #askLater(): void {
    this.#askTimer?.cancel();
    this.#askTimer = undefined;
    const { now } = this.#core;
    let sent = 0;
    let nextSent = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const { nextAt, isSent } of this.#asked.values()) {
      if (isSent) {
        sent++;
        nextSent = Math.min(nextSent, nextAt);
      } else next = Math.min(next, nextAt);
    }
    if (sent >= ASKED_AT_ONCE) next = nextSent;
    next = Math.min(next, nextSent);
    if (next !== Number.POSITIVE_INFINITY)
      this.#askTimer = this.#core.timers.at(Math.max(next, now), "record sync", () => this.#ask());
  }

  #ask(): void {
    const { now } = this.#core;
    let sent = 0;
    for (const [address, asked] of [...this.#asked]) {
      if (!this.#peers.get(address)?.live || now - asked.since >= SYNC_GIVE_UP_MS) this.#asked.delete(address);
      else if (asked.isSent && asked.nextAt > now) sent++;
      else if (asked.isSent) {
        // Silent: the others come first.
        asked.isSent = false;
        this.#asked.delete(address);
        this.#asked.set(address, asked);
      }
    }
    const isEmpty = this.#isEmpty;
    for (const [address, asked] of this.#asked) {
      if (sent >= ASKED_AT_ONCE) break;
      if (asked.isSent || asked.nextAt > now) continue;
      asked.nextAt = now + SYNC_AGAIN_MS;
      asked.isSent = true;
      sent++;
      this.#isEmpty = false;
      this.#sync(this.#peers.get(address) as Peer, isEmpty);
    }
    this.#askLater();
  }

  /** Names what is held, of the peer's side alone or of both; a long list goes in parts, each with its own arc. */
  #sync(peer: Peer, isHalf: boolean): void {
    const core = this.#core;
    const span = this.#span();
    const self = core.address;
    let { from, to } = span ?? { from: self, to: self };
    if (span && isHalf) {
      if (this.#hooks.near().indexOf(peer.address) < D_NEAR) from = self;
      else to = self;
    }
    const held: { place: RingAddress; hash: Uint8Array }[] = [];
    for (const [, { place, record, until }] of this.#store.all()) {
      if (until > core.now && isWithin(place, from, to)) held.push({ place, hash: this.#hashOf(record).bytes });
    }
    if (held.length <= MAX_SYNC_HASHES) {
      this.#control.send(peer, { type: "dhtSync", from, to, hashes: held.map(({ hash }) => hash) });
      return;
    }
    // Clockwise from `from`: addresses below it come after those above it.
    held.sort((a, b) => Number(a.place < from) - Number(b.place < from) || (a.place < b.place ? -1 : 1));
    let start = from;
    for (let i = 0; i < held.length; i += MAX_SYNC_HASHES) {
      const part = held.slice(i, i + MAX_SYNC_HASHES);
      const isLast = i + MAX_SYNC_HASHES >= held.length;
      const end = isLast ? to : (part.at(-1)?.place ?? to);
      this.#control.send(peer, { type: "dhtSync", from: start, to: end, hashes: part.map(({ hash }) => hash) });
      start = end;
    }
  }

  #syncPeriodically(): void {
    const core = this.#core;
    core.after(core.vary(SYNC_PERIOD_MS, 0.1), "record sync", () => {
      this.syncAll();
      this.#considerHandOn();
      this.#syncPeriodically();
    });
  }

  /** From the farthest near member on one side to that on the other; undefined: the whole ring. */
  #span(): { readonly from: RingAddress; readonly to: RingAddress } | undefined {
    const near = this.#hooks.near();
    if (near.length < 2 * D_NEAR) return undefined;
    return { from: near[2 * D_NEAR - 1] as RingAddress, to: near[D_NEAR - 1] as RingAddress };
  }

  /** Live members and this node, in ring order. */
  #members(): RingAddress[] {
    const { member, address } = this.#core;
    const members = [...this.#peers.liveMembers()];
    if (member) members.splice(lowest(members, address), 0, address);
    return members;
  }
}

/** The near set with its sides taking turns, next ones first. */
function bySides(near: readonly RingAddress[]): RingAddress[] {
  const clockwise = near.slice(0, D_NEAR);
  const others = near.slice(D_NEAR);
  return Array.from({ length: D_NEAR }, (_, i) => [clockwise[i], others[i]])
    .flat()
    .filter((address) => address !== undefined);
}

interface Copy {
  readonly remainingS: number;
  readonly record: DhtRecord;
}

/** Parts that fit one message each. */
function batches(copies: readonly Copy[]): Copy[][] {
  const parts: Copy[][] = [];
  let bytes = 0;
  for (const copy of copies) {
    const last = parts.at(-1);
    const size = copy.record.bytes.length + 4;
    if (!last || last.length >= MAX_COPIES || bytes + size > COPY_BYTES) {
      parts.push([copy]);
      bytes = size;
    } else {
      last.push(copy);
      bytes += size;
    }
  }
  return parts;
}

/** Whether `place` lies on the clockwise arc from `from` to `to`, both included; equal ends mean the whole ring. */
function isWithin(place: RingAddress, from: RingAddress, to: RingAddress): boolean {
  if (from === to) return true;
  return from < to ? from <= place && place <= to : place >= from || place <= to;
}

function lowest(sorted: readonly RingAddress[], address: RingAddress): number {
  let at = 0;
  while (at < sorted.length && (sorted[at] as RingAddress) < address) at++;
  return at;
}

function hashText(hash: Uint8Array): string {
  let text = "";
  for (const byte of hash) text += String.fromCharCode(byte);
  return text;
}
