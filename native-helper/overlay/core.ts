/** What every machine of the engine shares: time, chance, keys, the list of effects, counters and this node's descriptor. */
import type { Crypto, Effect, Entropy, Instant, NatKind, NodeOptions, TransportChoice } from "./boundary.ts";
import { BIND_LIFE_MS, CLOCK_TOLERANCE_MS, DESC_LIFE_S, DESC_RENEW_MS } from "./constants.ts";
import type { Breakable } from "./debug.ts";
import { addressFromBytes, type RingAddress } from "./ring/address.ts";
import { Coordinates } from "./ring/coordinates.ts";
import { type Timer, Timers } from "./timers.ts";
import { concat } from "./wire/bytes.ts";
import { EMPTY_CHAIN } from "./wire/chain.ts";
import { encodeDescUnsigned, withSignature } from "./wire/desc.ts";
import { parsePrefix } from "./wire/ip.ts";
import { bindInput, signInput } from "./wire/sign-input.ts";
import { ascii, encodeUtf8 } from "./wire/text.ts";
import { mayBeListed } from "./wire/transport-address.ts";
import type { Brief, Desc, DescNat, NodeFlags, TransportAddress } from "./wire/types.ts";

const MOST_SLACK_MS = 1_000;
const CLOCKS_REMEMBERED = 32;
const CLOCKS_FOR_OFFSET = 3;
/** Clocks that differ by less agree. */
const CLOCKS_AGREE_MS = 60_000;

export class Core {
  readonly options: NodeOptions;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly timers = new Timers();
  readonly netId: Uint8Array;
  readonly psk: Uint8Array;
  readonly prologue: Uint8Array;
  readonly address: RingAddress;
  readonly chainHash: Uint8Array;
  /** The affiliation's IPv4 subnet. */
  readonly subnet: { readonly ip: Uint8Array; readonly bits: number } | undefined;
  readonly bindValidUntil: number;
  readonly bind: Uint8Array;
  /** Unix ms of this engine's start, above every earlier one. */
  readonly boot: number;
  readonly drops = new Map<string, number>();
  /** Where this node stands in time. */
  readonly coordinates: Coordinates;
  now: Instant;
  wall: number;
  member = false;
  natKind: NatKind = "unknown";
  /** Socket addresses under which others reach this node, best first; no local ones. */
  publicTas: readonly TransportAddress[] = [];
  /** Own addresses on its networks. */
  localTas: readonly TransportAddress[] = [];
  anchors: readonly RingAddress[] = [];
  /** When something authentic of any member came last; undefined before the first since this node went on the ring. */
  heardAt: Instant | undefined;

  readonly transport: TransportChoice;
  /** How far each member's clock was ahead of ours when its handshake came; newest last. */
  readonly #clocks = new Map<RingAddress, number>();
  #effects: Effect[] = [];
  #highestStamp: number;
  #highestSeq = 0;
  /** This computer's own clock, and what is added to it where enough others agree that it is wrong. */
  #ownWall: number;
  #correctionMs = 0;
  #median: number | undefined;
  #agreeing = 0;
  #desc: Desc | undefined;
  #descMadeAt = 0;

  constructor(options: NodeOptions, now: Instant, wall: number) {
    this.options = options;
    this.crypto = options.crypto;
    this.entropy = options.entropy;
    this.coordinates = new Coordinates(options.entropy);
    this.transport = options.transport ?? "udp";
    this.now = now;
    this.wall = wall;
    this.#ownWall = wall;
    this.#highestStamp = options.saved?.highestStamp ?? 0;
    const name = encodeUtf8(options.affiliation);
    if (!name || name.length === 0 || name.length > 64)
      throw new RangeError("the name of an affiliation has 1 to 64 bytes");
    const crypto = options.crypto;
    this.netId = crypto.sha256(concat(ascii("ovl1-net"), new Uint8Array([0, name.length]), name));
    this.psk = options.psk ?? new Uint8Array(32);
    this.prologue = concat(ascii("ovl1"), this.netId);
    this.address = this.addressOf(options.identity.edPublic, options.salt);
    this.subnet = parsePrefix(options.subnet);
    this.chainHash = crypto.sha256(EMPTY_CHAIN);
    this.boot = this.nextStamp();
    this.bindValidUntil = Math.floor(wall) + BIND_LIFE_MS;
    this.bind = options.identity.sign(bindInput(this.netId, options.identity.xPublic, this.bindValidUntil));
  }

  get usesUdp(): boolean {
    return this.transport !== "tcp";
  }

  get usesTcp(): boolean {
    return this.transport !== "udp";
  }

  /** Tunnels of others may go through this node. */
  get offersRelay(): boolean {
    return this.options.relay ?? true;
  }

  /** The ring address that follows from a signing key and its salt. */
  addressOf(edPublic: Uint8Array, salt: Uint8Array): RingAddress {
    const hash = this.crypto.sha256(concat(ascii("ovl1-addr"), this.netId, edPublic, salt));
    return addressFromBytes(hash.subarray(0, 20));
  }

  /** The first 20 bytes of SHA-256 over the parts. */
  hash160(...parts: Uint8Array[]): Uint8Array {
    return this.crypto.sha256(concat(...parts)).slice(0, 20);
  }

  /** A planted fault is switched on. */
  isBroken(name: Breakable): boolean {
    return this.options.debug?.broken.has(name) ?? false;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  takeEffects(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  log(level: "info" | "warn" | "debug", text: string): void {
    this.emit({ kind: "log", level, text });
  }

  drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  after(delayMs: number, reason: string, run: () => void): Timer {
    return this.timers.at(this.now + delayMs, reason, run);
  }

  /** For what is done again and again and may come later by a tenth, so that the work of several timers is done at once. */
  roughlyAfter(delayMs: number, reason: string, run: () => void): Timer {
    return this.timers.at(this.now + delayMs, reason, run, Math.min(delayMs / 10, MOST_SLACK_MS));
  }

  /** `ms` changed by up to `share` either way. */
  vary(ms: number, share: number): number {
    return ms * (1 + share * (2 * this.entropy.fraction() - 1));
  }

  /** Time goes on; `own` is this computer's clock, which may jump. */
  advance(now: Instant, own: number): void {
    this.now = Math.max(this.now, now);
    this.#ownWall = own;
    this.#correct();
    this.wall = own + this.#correctionMs;
  }

  /** For handshakes and boots: this computer's own clock, strictly above every one used before, restarts included. */
  nextStamp(): number {
    this.#highestStamp = Math.max(Math.floor(this.#ownWall), this.#highestStamp + 1);
    return this.#highestStamp;
  }

  /**
   * For descriptors and records: Unix ms as the ring has it, strictly above every one used before. What was too far
   * ahead to be taken by anybody, because the clock was wrong, does not count.
   */
  nextSeq(): number {
    const floor = this.#highestSeq > this.wall + CLOCK_TOLERANCE_MS ? 0 : this.#highestSeq + 1;
    this.#highestSeq = Math.max(Math.floor(this.wall), floor);
    return this.#highestSeq;
  }

  /** Something authentic of that peer came. */
  heard(peer: { heardAt: Instant }): void {
    peer.heardAt = this.now;
    this.heardAt = this.now;
  }

  /** Enough clocks were met to tell what is too old and what lies ahead. */
  get knowsTime(): boolean {
    return this.#clocks.size >= CLOCKS_FOR_OFFSET;
  }

  /** A handshake said what time it is there; how long it travelled is far below what matters. */
  clockSeen(address: RingAddress, stamp: number): void {
    this.#clocks.delete(address);
    this.#clocks.set(address, stamp - this.now);
    for (const oldest of this.#clocks.keys()) {
      if (this.#clocks.size <= CLOCKS_REMEMBERED) break;
      this.#clocks.delete(oldest);
    }
    this.#judgeClocks();
  }

  /** The median of what other clocks are ahead of ours; undefined while fewer than 3 members told theirs. */
  get clockOffsetMs(): number | undefined {
    return this.knowsTime ? this.#medianOffset() : undefined;
  }

  #medianOffset(): number | undefined {
    return this.#median === undefined ? undefined : Math.round(this.#median + this.now - this.#ownWall);
  }

  /** The median of the clocks met, counted from our `now`, and how many agree with it. */
  #judgeClocks(): void {
    const sorted = [...this.#clocks.values()].sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    this.#median = median;
    this.#agreeing = sorted.filter((offset) => Math.abs(offset - (median ?? 0)) <= CLOCKS_AGREE_MS).length;
  }

  /**
   * Three clocks that agree are believed rather than the own one. Who is not a member yet believes fewer where it differs
   * so much from them that nobody would take its descriptor.
   */
  #correct(): void {
    const offset = this.#medianOffset();
    if (offset === undefined) return;
    if (this.knowsTime) {
      const isWrong = this.#agreeing >= CLOCKS_FOR_OFFSET && Math.abs(offset) > CLOCKS_AGREE_MS;
      this.#setCorrection(isWrong ? offset : 0);
    } else if (!this.member && Math.abs(offset) > CLOCK_TOLERANCE_MS) this.#setCorrection(offset);
  }

  /** Small changes are the others' own differences. */
  #setCorrection(ms: number): void {
    if (ms !== 0 && Math.abs(ms - this.#correctionMs) <= CLOCKS_AGREE_MS) return;
    if (ms === this.#correctionMs) return;
    this.#correctionMs = ms;
    this.descChanged();
  }

  /** Others hold a newer one of this node's: the next is above it. One far ahead of time is no number of ours. */
  raiseStamp(seen: number): void {
    if (seen <= this.wall + CLOCK_TOLERANCE_MS) this.#highestSeq = Math.max(this.#highestSeq, seen);
  }

  get highestStamp(): number {
    return this.#highestStamp;
  }

  flags(): NodeFlags {
    const nat: DescNat = this.natKind === "public" ? "unknown" : this.natKind;
    return {
      public: this.natKind === "public",
      relay: this.offersRelay,
      gateway: false,
      bridge: false,
      nat,
      member: this.member,
    };
  }

  brief(): Brief {
    return { address: this.address, flags: this.flags(), coord: this.coordinates.own };
  }

  /** This node's signed descriptor; made anew when its content changed or it is half through its life. */
  desc(): Desc {
    if (!this.#desc || this.now - this.#descMadeAt > DESC_RENEW_MS) {
      const { identity, salt } = this.options;
      this.#descMadeAt = this.now;
      const unsigned = encodeDescUnsigned({
        flags: this.flags(),
        edPublic: identity.edPublic,
        salt,
        xPublic: identity.xPublic,
        bindValidUntil: this.bindValidUntil,
        bind: this.bind,
        chainHash: this.chainHash,
        boot: this.boot,
        seq: this.nextSeq(),
        lifeS: DESC_LIFE_S,
        coord: this.coordinates.own,
        tas: this.publicTas.filter(mayBeListed).slice(0, 8),
        anchors: this.anchors.slice(0, 3),
      });
      this.#desc = withSignature(unsigned, identity.sign(signInput("desc", this.netId, unsigned)));
    }
    return this.#desc;
  }

  descChanged(): void {
    this.#desc = undefined;
  }
}
