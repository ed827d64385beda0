/**
 * Noise handshakes: XX towards a bare transport address, IK towards a peer whose descriptor is known
 * (docs/protocol.md, "Handshake"). An IK responder changes nothing until the first authentic packet under the new keys.
 */
import type { DataPathOffer, Handshake, SocketAddress, Via } from "../boundary.ts";
import {
  CLOCK_TOLERANCE_MS,
  HALF_OPEN_LIMIT,
  HALF_OPEN_LINK_MS,
  HALF_OPEN_MS,
  HANDSHAKE_GIVE_UP_MS,
  HANDSHAKE_RETRY_MS,
  OLD_KEY_MS,
  REJECT_MS,
  REKEY_MS,
  REKEY_OTHER_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { RingAddress } from "../ring/address.ts";
import type { Timer } from "../timers.ts";
import { concat } from "../wire/bytes.ts";
import { EMPTY_CHAIN } from "../wire/chain.ts";
import {
  type CompletePayload,
  decodeHandshakePayload,
  encodeEmptyPayload,
  encodeHandshakePayload,
  isComplete,
} from "../wire/handshake-payload.ts";
import {
  decodeHandshake,
  encodeHandshake,
  type HandshakeContent,
  type HandshakePacket,
  INIT_MAX_BYTES,
  payloadRoom,
  XX1_BYTES,
} from "../wire/packet.ts";
import { bindInput } from "../wire/sign-input.ts";
import { ascii } from "../wire/text.ts";
import { mayBeListed, taFromSocket } from "../wire/transport-address.ts";
import type { Desc, EdgeKind, HandshakePayload, TransportAddress } from "../wire/types.ts";
import type { Key, Peer } from "./peer.ts";
import type { Peers } from "./peers.ts";

/** What a finished handshake tells about the peer. */
export interface SessionInfo {
  readonly via: Via;
  readonly role: "initiator" | "responder";
  readonly edgeKind: EdgeKind | undefined;
  readonly tas: readonly TransportAddress[];
  /** Our own address as the peer saw it. */
  readonly observed: TransportAddress | undefined;
  /** The peer started anew since the last session with it. */
  readonly restarted: boolean;
}

export interface HandshakeHooks {
  /** The session's keys are old: agree new ones over its active path. */
  rekey(peer: Peer): void;
  /** New keys could not be agreed in time. */
  keysExpired(peer: Peer): void;
  sessionUp(peer: Peer, info: SessionInfo): void;
  /** A handshake, not confirmed yet, proves that the peer started anew since its session was made. */
  restartSeen(peer: Peer): void;
}

export type DialResult =
  | { readonly kind: "up"; readonly peer: Peer }
  | { readonly kind: "self" }
  | { readonly kind: "failed" };

/** The packets that answer another one. */
type Answer = Extract<HandshakePacket, { type: "resp" | "xx2" | "xx3" }>;

interface Pending {
  readonly pattern: "IK" | "XX";
  readonly handshake: Handshake;
  readonly index: number;
  readonly via: Via;
  readonly packet: Uint8Array;
  readonly edgeKind: EdgeKind | undefined;
  /** The address that must answer. */
  readonly expected: RingAddress | undefined;
  readonly startedAt: number;
  readonly done: (result: DialResult) => void;
  tries: number;
  timer: Timer | undefined;
}

interface HalfOpenXx {
  readonly handshake: Handshake;
  readonly theirIndex: number;
  readonly via: Via;
  readonly timer: Timer;
}

interface Proven {
  readonly address: RingAddress;
  readonly payload: CompletePayload;
  readonly stamp: number;
  readonly boot: number;
}

const INIT_ROOM = payloadRoom("init", INIT_MAX_BYTES);
const RESP_ROOM = payloadRoom("resp", INIT_MAX_BYTES);
const XX1_ROOM = payloadRoom("xx1", XX1_BYTES);
const XX2_ROOM = payloadRoom("xx2", XX1_BYTES);
const PLAIN_OFFER: DataPathOffer = { features: 0, ciphers: [1] };

export class Handshakes {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #hooks: HandshakeHooks;
  readonly #pending = new Map<number, Pending>();
  readonly #halfOpenXx = new Map<number, HalfOpenXx>();
  /** What an IK initiator told us, applied when its key is confirmed; by receive index. */
  readonly #unconfirmed = new Map<number, { peer: Peer; proven: Proven; via: Via; resp: Uint8Array }>();
  readonly #macKeys = new Map<string, Uint8Array>();

  constructor(core: Core, peers: Peers, hooks: HandshakeHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#hooks = hooks;
  }

  /** The stream to that end is over: nobody answers by it any more. */
  streamClosed(remote: SocketAddress): void {
    for (const pending of [...this.#pending.values()])
      if (pending.via.kind === "tcp" && pending.via.remote === remote) this.#fail(pending);
  }

  /** Starts XX towards a bare address, `done` once: the peer, or that the address leads home, or failure after 10 s. */
  dial(via: Via, edgeKind: EdgeKind | undefined, done: (result: DialResult) => void): void {
    const handshake = this.#noise("XX", true);
    const noise = handshake.write(encodeEmptyPayload(XX1_ROOM));
    if (via.kind === "tcp") this.#core.emit({ kind: "streamOpen", remote: via.remote });
    this.#start("XX", handshake, noise, via, edgeKind, undefined, ZERO_KEY, done);
  }

  /** Starts IK towards a peer whose descriptor is verified. */
  initiate(
    desc: Desc,
    expected: RingAddress,
    via: Via,
    edgeKind: EdgeKind | undefined,
    done: (result: DialResult) => void,
  ): void {
    const handshake = this.#noise("IK", true, desc.xPublic);
    const payload = this.#payload(via, edgeKind);
    const noise = handshake.write(
      encodeHandshakePayload(
        payload,
        via.kind === "udp" ? { padTo: INIT_ROOM, maxBytes: INIT_ROOM } : { maxBytes: INIT_ROOM },
      ),
    );
    this.#start("IK", handshake, noise, via, edgeKind, expected, desc.xPublic, done);
  }

  /** An INIT that travels inside LINK; its RESP comes back by `onResp`. Not sent again by itself. */
  initForLink(
    desc: Desc,
    expected: RingAddress,
    edgeKind: EdgeKind,
    done: (result: DialResult) => void,
  ): { index: number; packet: Uint8Array } {
    const handshake = this.#noise("IK", true, desc.xPublic);
    const via: Via = { kind: "ring", peer: expected };
    const noise = handshake.write(encodeHandshakePayload(this.#payload(via, edgeKind), { maxBytes: INIT_ROOM }));
    const index = this.newIndex();
    const packet = this.#packet({ type: "init", sender: index, noise }, desc.xPublic);
    const pending: Pending = {
      pattern: "IK",
      handshake,
      index,
      via,
      packet,
      edgeKind,
      expected,
      startedAt: this.#core.now,
      done,
      tries: 0,
      timer: undefined,
    };
    pending.timer = this.#core.after(HANDSHAKE_GIVE_UP_MS, "link handshake", () => this.#fail(pending));
    this.#pending.set(index, pending);
    return { index, packet };
  }

  abandon(index: number): void {
    const pending = this.#pending.get(index);
    if (!pending) return;
    pending.timer?.cancel();
    this.#pending.delete(index);
  }

  /** A packet that passed the gate. */
  onPacket(via: Via, bytes: Uint8Array): void {
    const packet = decodeHandshake(bytes);
    if (!packet) return this.#core.drop("handshake malformed");
    switch (packet.type) {
      case "init": {
        const answer = this.answerInit(via, packet, HALF_OPEN_MS);
        if (answer) this.#core.emit({ kind: "sendHandshake", via, packet: answer.packet });
        return;
      }
      case "resp":
        this.#onResp(via, packet);
        return;
      case "xx1":
        return this.#onXx1(via, packet);
      case "xx2":
        return this.#onXx2(via, packet);
      case "xx3":
        return this.#onXx3(packet);
    }
  }

  /** The RESP that came inside LINK_OK. */
  onLinkResp(via: Via, bytes: Uint8Array): boolean {
    const packet = decodeHandshake(bytes);
    if (packet?.type !== "resp") return false;
    return this.#onResp(via, packet);
  }

  /** Answers the INIT that came inside LINK: the RESP, who asks, and the addresses it may be reached at. */
  answerLinkInit(
    from: RingAddress,
    bytes: Uint8Array,
  ): { packet: Uint8Array; peer: Peer; tas: readonly TransportAddress[] } | undefined {
    const packet = decodeHandshake(bytes);
    if (packet?.type !== "init") return undefined;
    const answer = this.answerInit({ kind: "ring", peer: from }, packet, HALF_OPEN_LINK_MS);
    return answer?.peer.address === from ? answer : undefined;
  }

  answerInit(
    via: Via,
    packet: HandshakePacket,
    halfOpenMs: number,
  ): { packet: Uint8Array; peer: Peer; tas: readonly TransportAddress[] } | undefined {
    const core = this.#core;
    if (this.#unconfirmed.size >= HALF_OPEN_LIMIT) return drop(core, "half-open table full");
    const handshake = this.#noise("IK", false);
    const plain = handshake.read(packet.noise);
    const remoteX = plain && handshake.remoteStatic();
    const proven = plain && remoteX && this.#prove(plain, remoteX);
    if (!proven || !remoteX) return drop(core, "handshake not authentic");
    if (proven.address === core.address) return drop(core, "handshake with self");
    const known = this.#peers.get(proven.address);
    if (known && (proven.stamp <= known.confirmedStamp || proven.boot < known.boot))
      return drop(core, "handshake replayed");
    const tas = proven.payload.tas ?? [];
    const older: number[] = [];
    for (const [index, entry] of this.#unconfirmed) {
      if (entry.peer !== known) continue;
      if (entry.proven.stamp > proven.stamp) return drop(core, "handshake overtaken");
      // The same again, because our answer is late or lost: the keys it names must stay.
      if (entry.proven.stamp === proven.stamp) return { packet: entry.resp, peer: known, tas };
      older.push(index);
    }
    if (known?.up && proven.boot > known.boot) this.#hooks.restartSeen(known);
    const peer = known ?? this.#peers.obtain(proven.address);
    const index = this.newIndex();
    const noise = handshake.write(encodeHandshakePayload(this.#payload(via, undefined), { maxBytes: RESP_ROOM }));
    const resp = this.#packet({ type: "resp", sender: index, receiver: packet.sender, noise }, remoteX);
    const key = this.#addKey(peer, index, packet.sender, handshake, proven, "peer");
    for (const other of older) this.#dropHalfOpen(other);
    this.#unconfirmed.set(index, { peer, proven, via, resp });
    key.expiry = core.after(halfOpenMs, "half-open handshake", () => this.#dropHalfOpen(index));
    // Nothing is lost by answering under the new key where no session lives; a living one waits for the confirmation.
    if (!peer.up) core.emit({ kind: "keyUse", slot: peer.slot, indexRx: index });
    return { packet: resp, peer, tas };
  }

  /** The data path saw the first authentic packet under a key. */
  onConfirmed(peer: Peer, indexRx: number): void {
    const key = peer.keys.get(indexRx);
    if (!key || key.confirmed) return;
    key.confirmed = true;
    const waiting = this.#unconfirmed.get(indexRx);
    if (!waiting) return;
    this.#unconfirmed.delete(indexRx);
    key.expiry?.cancel();
    this.#finish(peer, key, waiting.proven, waiting.via, "responder", waiting.proven.payload.edgeKind);
  }

  /** A random index, unused by this node. */
  newIndex(): number {
    for (;;) {
      const index = this.#core.entropy.u32();
      if (index !== 0 && !this.#pending.has(index) && !this.#halfOpenXx.has(index)) return index;
    }
  }

  clear(): void {
    for (const pending of this.#pending.values()) pending.timer?.cancel();
    for (const half of this.#halfOpenXx.values()) half.timer.cancel();
    this.#pending.clear();
    this.#halfOpenXx.clear();
    this.#unconfirmed.clear();
  }

  /** The peer's session ends: what still waits for an answer about it must not take it for alive. */
  forget(peer: Peer): void {
    for (const key of peer.keys.values()) {
      key.expiry?.cancel();
      this.#unconfirmed.delete(key.indexRx);
    }
    peer.keys.clear();
    peer.sendKey = undefined;
    for (const pending of [...this.#pending.values()])
      if (pending.expected === peer.address) this.abandon(pending.index);
  }

  #start(
    pattern: "IK" | "XX",
    handshake: Handshake,
    noise: Uint8Array,
    via: Via,
    edgeKind: EdgeKind | undefined,
    expected: RingAddress | undefined,
    receiverX: Uint8Array,
    done: (result: DialResult) => void,
  ): void {
    const index = this.newIndex();
    const packet = this.#packet({ type: pattern === "IK" ? "init" : "xx1", sender: index, noise }, receiverX);
    const pending: Pending = {
      pattern,
      handshake,
      index,
      via,
      packet,
      edgeKind,
      expected,
      startedAt: this.#core.now,
      done,
      tries: 0,
      timer: undefined,
    };
    this.#pending.set(index, pending);
    this.#send(pending);
  }

  #send(pending: Pending): void {
    const core = this.#core;
    core.emit({ kind: "sendHandshake", via: pending.via, packet: pending.packet });
    // A stream loses nothing: there the first packet is on its way, or nobody is there.
    if (pending.via.kind === "tcp") {
      pending.timer = core.after(HANDSHAKE_GIVE_UP_MS, "handshake by TCP", () => this.#fail(pending));
      return;
    }
    const gap = HANDSHAKE_RETRY_MS[Math.min(pending.tries, HANDSHAKE_RETRY_MS.length - 1)] as number;
    pending.tries++;
    pending.timer = core.after(core.vary(gap, 0.2), "handshake retry", () => {
      if (core.now - pending.startedAt >= HANDSHAKE_GIVE_UP_MS - 1_000) this.#fail(pending);
      else this.#send(pending);
    });
  }

  #fail(pending: Pending): void {
    this.abandon(pending.index);
    pending.done({ kind: "failed" });
  }

  #onResp(via: Via, packet: Answer): boolean {
    const core = this.#core;
    const pending = this.#pending.get(packet.receiver);
    if (pending?.pattern !== "IK") {
      core.drop("handshake answer unexpected");
      return false;
    }
    const plain = pending.handshake.read(packet.noise);
    const remoteX = plain && pending.handshake.remoteStatic();
    const proven = plain && remoteX && this.#prove(plain, remoteX);
    if (!proven || proven.address !== pending.expected) {
      core.drop("handshake not authentic");
      this.#fail(pending);
      return false;
    }
    const overtaken = this.#begunBefore(pending);
    for (const each of [...overtaken, pending]) this.abandon(each.index);
    const known = this.#peers.get(proven.address);
    if (known && proven.boot < known.boot) return false;
    const peer = known ?? this.#peers.obtain(proven.address);
    const key = this.#addKey(peer, pending.index, packet.sender, pending.handshake, proven, "self");
    this.#finish(peer, key, proven, via, "initiator", pending.edgeKind);
    for (const each of [...overtaken, pending]) each.done({ kind: "up", peer });
    return true;
  }

  /** Older handshakes towards the same peer, which has dropped their keys for those of `pending`. */
  #begunBefore(pending: Pending): Pending[] {
    const older: Pending[] = [];
    for (const other of this.#pending.values()) {
      if (other === pending) break; // In order of their beginning.
      if (other.pattern === "IK" && other.expected === pending.expected) older.push(other);
    }
    return older;
  }

  #onXx1(via: Via, packet: HandshakePacket): void {
    const core = this.#core;
    if (this.#halfOpenXx.size >= HALF_OPEN_LIMIT) return core.drop("half-open table full");
    const handshake = this.#noise("XX", false);
    const plain = handshake.read(packet.noise);
    if (!plain || !decodeHandshakePayload(plain)) return core.drop("handshake not authentic");
    const index = this.newIndex();
    const noise = handshake.write(encodeHandshakePayload(this.#payload(via, undefined), { maxBytes: XX2_ROOM }));
    const timer = core.after(HALF_OPEN_MS, "half-open handshake", () => this.#halfOpenXx.delete(index));
    this.#halfOpenXx.set(index, { handshake, theirIndex: packet.sender, via, timer });
    core.emit({
      kind: "sendHandshake",
      via,
      packet: this.#packet({ type: "xx2", sender: index, receiver: packet.sender, noise }, ZERO_KEY),
    });
  }

  #onXx2(via: Via, packet: Answer): void {
    const core = this.#core;
    const pending = this.#pending.get(packet.receiver);
    if (pending?.pattern !== "XX") return core.drop("handshake answer unexpected");
    const plain = pending.handshake.read(packet.noise);
    const remoteX = plain && pending.handshake.remoteStatic();
    const proven = plain && remoteX && this.#prove(plain, remoteX);
    this.abandon(pending.index);
    if (!proven || !remoteX) {
      core.drop("handshake not authentic");
      return pending.done({ kind: "failed" });
    }
    if (proven.address === core.address) return pending.done({ kind: "self" });
    const known = this.#peers.get(proven.address);
    if (known && proven.boot < known.boot) return pending.done({ kind: "failed" });
    const peer = known ?? this.#peers.obtain(proven.address);
    const noise = pending.handshake.write(
      encodeHandshakePayload(this.#payload(via, pending.edgeKind), { maxBytes: INIT_ROOM }),
    );
    const answer = this.#packet({ type: "xx3", sender: pending.index, receiver: packet.sender, noise }, remoteX);
    const key = this.#addKey(peer, pending.index, packet.sender, pending.handshake, proven, "self");
    core.emit({ kind: "sendHandshake", via, packet: answer });
    if (via.kind !== "tcp") this.#repeatUntilConfirmed(peer, key, via, answer, 0);
    this.#finish(peer, key, proven, via, "initiator", pending.edgeKind);
    pending.done({ kind: "up", peer });
  }

  /** The third message may be lost; the peer's first packet shows that it came. */
  #repeatUntilConfirmed(peer: Peer, key: Key, via: Via, packet: Uint8Array, tries: number): void {
    const gap = HANDSHAKE_RETRY_MS[tries];
    if (gap === undefined) return;
    this.#core.after(gap, "third handshake message", () => {
      if (key.confirmed || !peer.keys.has(key.indexRx)) return;
      this.#core.emit({ kind: "sendHandshake", via, packet });
      this.#core.emit({ kind: "sendEmpty", slot: peer.slot });
      this.#repeatUntilConfirmed(peer, key, via, packet, tries + 1);
    });
  }

  #onXx3(packet: Answer): void {
    const core = this.#core;
    const half = this.#halfOpenXx.get(packet.receiver);
    if (!half) return core.drop("handshake answer unexpected");
    half.timer.cancel();
    this.#halfOpenXx.delete(packet.receiver);
    const plain = half.handshake.read(packet.noise);
    const remoteX = plain && half.handshake.remoteStatic();
    const proven = plain && remoteX && this.#prove(plain, remoteX);
    if (!proven || proven.address === core.address) return core.drop("handshake not authentic");
    const known = this.#peers.get(proven.address);
    if (known && proven.boot < known.boot) return core.drop("handshake replayed");
    const peer = known ?? this.#peers.obtain(proven.address);
    const key = this.#addKey(peer, packet.receiver, half.theirIndex, half.handshake, proven, "peer");
    // The third message answers our fresh second one, so it is no replay.
    key.confirmed = true;
    this.#finish(peer, key, proven, half.via, "responder", proven.payload.edgeKind);
  }

  /** Takes the keys of a finished handshake: cipher 2 and each feature where both ends listed it. */
  #addKey(
    peer: Peer,
    indexRx: number,
    indexTx: number,
    handshake: Handshake,
    proven: Proven,
    startedBy: "self" | "peer",
  ): Key {
    const key: Key = { indexRx, startedBy, confirmed: false, usedSince: 0, expiry: undefined };
    peer.keys.set(indexRx, key);
    const ours = this.#core.crypto.offer ?? PLAIN_OFFER;
    const theirs = proven.payload.features;
    const keys = handshake.split(ours.ciphers.includes(2) && theirs.ciphers.includes(2) ? 2 : 1);
    const features = ours.features & theirs.bits;
    this.#core.emit({ kind: "keyAdd", slot: peer.slot, peer: peer.address, keys, indexRx, indexTx, features });
    return key;
  }

  #finish(
    peer: Peer,
    key: Key,
    proven: Proven,
    via: Via,
    role: "initiator" | "responder",
    edgeKind: EdgeKind | undefined,
  ): void {
    const restarted = peer.boot !== 0 && proven.boot > peer.boot;
    peer.boot = proven.boot;
    peer.confirmedStamp = Math.max(peer.confirmedStamp, proven.stamp);
    this.#core.clockSeen(peer.address, proven.stamp);
    if (proven.payload.tas) peer.tas = proven.payload.tas;
    peer.since ??= this.#core.wall;
    this.#core.heard(peer);
    this.#use(peer, key, restarted);
    this.#scheduleRekey(peer, key, role);
    this.#hooks.sessionUp(peer, {
      via,
      role,
      edgeKind,
      tas: peer.tas,
      observed: proven.payload.observed,
      restarted,
    });
  }

  /** The one that began the session renews its keys; the other end does where that fails. Keys too old end the session. */
  #scheduleRekey(peer: Peer, key: Key, role: "initiator" | "responder"): void {
    const core = this.#core;
    const isCurrent = () => peer.sendKey === key && this.#peers.get(peer.address) === peer;
    core.after(role === "initiator" ? REKEY_MS : REKEY_OTHER_MS, "rekey", () => isCurrent() && this.#hooks.rekey(peer));
    core.after(REJECT_MS, "keys too old", () => isCurrent() && this.#hooks.keysExpired(peer));
  }

  /** Of two handshakes begun at once both ends keep sending on the one begun by the lower address. */
  #use(peer: Peer, key: Key, restarted: boolean): void {
    const core = this.#core;
    const current = peer.sendKey;
    if (current && !restarted && current.startedBy !== key.startedBy && core.now - current.usedSince < 5_000) {
      const lowerStarted = core.address < peer.address ? "self" : "peer";
      if (current.startedBy === lowerStarted) return this.#retire(peer, key);
    }
    key.usedSince = core.now;
    peer.sendKey = key;
    core.emit({ kind: "keyUse", slot: peer.slot, indexRx: key.indexRx });
    for (const old of peer.keys.values())
      if (old !== key && !this.#unconfirmed.has(old.indexRx)) this.#retire(peer, old);
  }

  #retire(peer: Peer, key: Key): void {
    key.expiry?.cancel();
    key.expiry = this.#core.after(OLD_KEY_MS, "old key", () => {
      if (!peer.keys.delete(key.indexRx)) return;
      this.#core.emit({ kind: "keyDrop", slot: peer.slot, indexRx: key.indexRx });
    });
  }

  #dropHalfOpen(index: number): void {
    const entry = this.#unconfirmed.get(index);
    if (!entry) return;
    this.#unconfirmed.delete(index);
    const { peer } = entry;
    peer.keys.get(index)?.expiry?.cancel();
    peer.keys.delete(index);
    this.#core.emit({ kind: "keyDrop", slot: peer.slot, indexRx: index });
    if (!peer.up && peer.keys.size === 0) {
      this.#core.emit({ kind: "sessionDrop", slot: peer.slot });
      this.#peers.remove(peer);
    }
  }

  /** Checks that the payload's identity covers the Noise key and gives its ring address. */
  #prove(plain: Uint8Array, remoteX: Uint8Array): Proven | undefined {
    const core = this.#core;
    const payload = decodeHandshakePayload(plain);
    if (!payload || !isComplete(payload)) return undefined;
    const { identity } = payload;
    if (!payload.features.ciphers.includes(1) || payload.chain.length !== EMPTY_CHAIN.length) return undefined;
    if (!this.bindingHolds(identity.edPublic, remoteX, identity.bindValidUntil, identity.bind)) return undefined;
    const address = core.addressOf(identity.edPublic, identity.salt);
    return { address, payload, stamp: payload.stamp, boot: payload.boot };
  }

  bindingHolds(edPublic: Uint8Array, xPublic: Uint8Array, validUntil: number, bind: Uint8Array): boolean {
    const core = this.#core;
    if (validUntil + CLOCK_TOLERANCE_MS < core.wall) return false;
    return core.crypto.verify(edPublic, bindInput(core.netId, xPublic, validUntil), bind);
  }

  #payload(via: Via, edgeKind: EdgeKind | undefined): HandshakePayload {
    const core = this.#core;
    const { identity, salt } = core.options;
    const offer = core.crypto.offer ?? PLAIN_OFFER;
    const observed =
      via.kind === "udp" || via.kind === "tcp" ? taFromSocket(via.remote, "learned", via.kind) : undefined;
    return {
      stamp: core.nextStamp(),
      identity: { edPublic: identity.edPublic, salt, bindValidUntil: core.bindValidUntil, bind: core.bind },
      chain: EMPTY_CHAIN,
      boot: core.boot,
      ...(observed && { observed }),
      features: { bits: offer.features, ciphers: offer.ciphers },
      tas: [...core.publicTas, ...core.localTas].filter(mayBeListed).slice(0, 8),
      ...(edgeKind && { edgeKind }),
    };
  }

  #noise(pattern: "IK" | "XX", initiator: boolean, remoteStatic?: Uint8Array): Handshake {
    const { crypto, options, prologue, psk } = this.#core;
    return crypto.handshake({
      pattern,
      initiator,
      identity: options.identity,
      prologue,
      psk,
      ...(remoteStatic && { remoteStatic }),
    });
  }

  #packet(fields: HandshakeContent, receiverX: Uint8Array): Uint8Array {
    const key = this.#macKey(receiverX);
    return encodeHandshake(fields, (bytes) => this.#core.crypto.blake2s128(key, bytes));
  }

  #macKey(receiverX: Uint8Array): Uint8Array {
    const name = receiverX.join();
    let key = this.#macKeys.get(name);
    if (!key) {
      if (this.#macKeys.size >= 1_024) this.#macKeys.clear();
      key = macKey(this.#core, receiverX);
      this.#macKeys.set(name, key);
    }
    return key;
  }
}

export const ZERO_KEY = new Uint8Array(32);

/** `H("ovl1-mac1" | net_id | psk | X of the receiver)`, X zero in XX1, XX2 and HELLO. */
export function macKey(core: Pick<Core, "crypto" | "netId" | "psk">, receiverX: Uint8Array): Uint8Array {
  return core.crypto.sha256(concat(ascii("ovl1-mac1"), core.netId, core.psk, receiverX));
}

function drop(core: Core, reason: string): undefined {
  core.drop(reason);
  return undefined;
}
