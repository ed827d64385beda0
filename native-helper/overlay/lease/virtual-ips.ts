/**
 * Virtual IPs of others: whose address one is, which a peer may use, the sessions that traffic needs, and the shortcuts it
 * earns (docs/protocol.md, "Virtual IPs" and "Shortcuts").
 */
import type { Effect, IpMapEntry, SlotCounters } from "../boundary.ts";
import {
  IP_CACHE_MS,
  IP_NEGATIVE_MS,
  IPS_LIMIT,
  SHORTCUT_IDLE_MS,
  SHORTCUT_LIMIT,
  SHORTCUT_PACKETS,
  SHORTCUT_SPARED_MS,
  SHORTCUT_WINDOW_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Records } from "../dht/records.ts";
import { type Claim, leaseKey } from "../dht/rules.ts";
import type { Descs } from "../link/descs.ts";
import type { Handshakes } from "../link/handshakes.ts";
import type { Linker } from "../link/linker.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import type { RingAddress } from "../ring/address.ts";
import type { Router } from "../ring/router.ts";
import { parseIpv4, samePrefix } from "../wire/ip.ts";
import { decodeAddressInfo, decodeLease, RECORD_ADDRESS, RECORD_LEASE } from "../wire/record.ts";
import type { DhtRecord, MessageOf } from "../wire/types.ts";

/** What a member tells of itself for display. */
export interface MemberInfo {
  readonly virtualIp?: string;
  readonly name?: string;
  readonly site?: string;
  readonly version?: string;
}

interface KnownIp {
  readonly peer: RingAddress;
  /** When it is asked for again, and when the lease ends that it rests on. */
  readonly until: number;
  readonly endsAt: number;
}

type Answered = (holder: RingAddress | undefined) => void;

export interface VirtualIpsHooks {
  /** The virtual IP of this node itself. */
  ownIp(): string | undefined;
  /** A peer shows a lease of this node's own virtual IP. */
  rival(claim: Claim): void;
}

const OPENING_LIFE_MS = 4_000;
const INFOS_LIMIT = 16_384;
const COUNTERS_RECENT_MS = 1_500;
const IDLE_SWEEP_MS = 30_000;
const IN_USE_MS = 60_000;
/** A link refused for the limit within this time is why there is none. */
const REFUSED_RECENT_MS = 60_000;
const REFUSED_REMEMBERED = 256;

export class VirtualIps {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #router: Router;
  readonly #handshakes: Handshakes;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #records: Records;
  readonly #hooks: VirtualIpsHooks;
  readonly #known = new Map<string, KnownIp>();
  readonly #unknown = new Map<string, number>();
  readonly #asking = new Map<string, Answered[]>();
  readonly #opening = new Map<RingAddress, number>();
  /** Inner sources that a peer may use, each with the time at which that is looked up again. */
  readonly #sources = new Map<RingAddress, Map<string, number>>();
  readonly #infos = new Map<RingAddress, MemberInfo>();
  readonly #sent = new Map<RingAddress, { at: number; packets: number }[]>();
  /** Members to which a link was wanted while there were too many, and when. */
  readonly #refused = new Map<RingAddress, { readonly at: number; readonly limit: "own" | "peer" }>();
  #isDirty = false;

  constructor(parts: {
    core: Core;
    peers: Peers;
    router: Router;
    handshakes: Handshakes;
    linker: Linker;
    descs: Descs;
    records: Records;
    hooks: VirtualIpsHooks;
  }) {
    this.#core = parts.core;
    this.#peers = parts.peers;
    this.#router = parts.router;
    this.#handshakes = parts.handshakes;
    this.#linker = parts.linker;
    this.#descs = parts.descs;
    this.#records = parts.records;
    this.#hooks = parts.hooks;
  }

  becameMember(): void {
    this.#core.roughlyAfter(IDLE_SWEEP_MS, "idle shortcuts", () => this.#sweepPeriodically());
  }

  /** This node has another virtual IP: what was known of that address is void. */
  ownIpChanged(ip: string | undefined): void {
    if (ip !== undefined) this.#forgetIp(ip);
    this.#isDirty = true;
  }

  infoOf(address: RingAddress): MemberInfo | undefined {
    return this.#infos.get(address);
  }

  /** A session came up, and packets may flow. */
  sessionUp(peer: Peer): void {
    this.#isDirty = true;
    this.#opening.delete(peer.address);
    if (this.#sources.has(peer.address)) this.#tellSources(peer.address);
  }

  pathChanged(): void {
    this.#isDirty = true;
  }

  peerGone(peer: Peer): void {
    this.#isDirty = true;
    this.#sent.delete(peer.address);
  }

  onLease(peer: Peer, lease: MessageOf<"lease">): void {
    for (const record of lease.records) {
      if (this.#records.verify(record) !== peer.address) {
        this.#core.drop("lease of another");
        continue;
      }
      this.#show(peer.address, record);
      const ip = record.type === RECORD_LEASE ? decodeLease(record.value)?.ip : undefined;
      if (ip === undefined) continue;
      if (ip === this.#hooks.ownIp()) this.#hooks.rival({ record, holder: peer.address });
      this.#leaseShown(peer.address, ip);
    }
  }

  /** A packet for that IP found no session. */
  onMiss(ip: string): void {
    const bytes = parseIpv4(ip);
    if (!bytes || !this.#core.member || ip === this.#hooks.ownIp()) return;
    if (!this.#core.subnet || !samePrefix(bytes, this.#core.subnet.ip, this.#core.subnet.bits)) return;
    this.#holderOf(ip, (holder) => {
      if (holder) this.open(holder);
    });
  }

  /** A packet from that session claims an inner source that is not yet known to be the peer's. */
  onUnknownSource(peer: Peer, ip: string): void {
    if (!parseIpv4(ip)) return;
    this.#holderOf(ip, (holder) => {
      if (holder !== peer.address) return this.#core.drop("inner source of another");
      this.#allowSource(peer.address, ip);
    });
  }

  /** Opens a session for traffic, over the ring where no other way is known. */
  open(address: RingAddress): void {
    const core = this.#core;
    const peer = this.#peers.get(address);
    if (peer?.up && peer.active) {
      this.#isDirty = true;
      return;
    }
    const since = this.#opening.get(address);
    if ((since !== undefined && core.now - since < OPENING_LIFE_MS) || this.#linker.isTrying(address)) return;
    if (this.#opening.size > IPS_LIMIT) this.#opening.clear();
    this.#opening.set(address, core.now);
    const desc = this.#descs.get(address);
    if (desc) return this.#handshakes.initiate(desc, address, { kind: "ring", peer: address }, undefined, () => {});
    this.#router.request({
      dst: address,
      mode: "exact",
      message: { type: "descGet", addresses: [address] },
      timeoutMs: 3_000,
      onAnswer: (answer) => {
        const found = answer.type === "desc" ? answer.descs[0] : undefined;
        if (!found || !this.#descs.learn(found, address)) {
          this.#opening.delete(address);
          return;
        }
        if (!this.#peers.get(address)?.up)
          this.#handshakes.initiate(found, address, { kind: "ring", peer: address }, undefined, () => {});
      },
      onTimeout: () => {
        this.#opening.delete(address);
        // Nobody is there; the virtual IP may be another's by now.
        for (const [ip, known] of this.#known) if (known.peer === address) this.#forgetIp(ip);
      },
    });
  }

  /** Counters of a session moved: enough packets to a peer without a direct link earn one. */
  onTraffic(peer: Peer, counters: SlotCounters): void {
    const core = this.#core;
    const sentNow = counters.ipTxPackets - (peer.counters?.ipTxPackets ?? 0);
    const receivedNow = counters.ipRxPackets - (peer.counters?.ipRxPackets ?? 0);
    // Counters are told only while IP packets flow: after a pause they say nothing about when the peer was heard.
    const isRecent = core.now - peer.countersAt < COUNTERS_RECENT_MS;
    if (isRecent && counters.rxPackets > (peer.counters?.rxPackets ?? 0)) core.heard(peer);
    peer.counters = counters;
    peer.countersAt = core.now;
    if (sentNow + receivedNow > 0) peer.lastIpAt = core.now;
    if (sentNow <= 0 || peer.direct) return;
    const recent = (this.#sent.get(peer.address) ?? []).filter((entry) => core.now - entry.at < SHORTCUT_WINDOW_MS);
    recent.push({ at: core.now, packets: sentNow });
    this.#sent.set(peer.address, recent);
    const packets = recent.reduce((sum, entry) => sum + entry.packets, 0);
    if (packets < SHORTCUT_PACKETS || peer.live) return;
    this.wantShortcut(peer.address);
  }

  /** Starts making a link for traffic; at the limit in place of the own one that has been idle longest, if any is idle. */
  wantShortcut(address: RingAddress): void {
    const core = this.#core;
    const others = this.#shortcuts().filter((peer) => peer.address !== address);
    const taken = new Set([...others.map((peer) => peer.address), ...this.#linker.underWay("shortcut")]);
    if (taken.has(address)) return;
    if (taken.size < this.shortcutLimit) {
      if (this.#linker.want(address, "shortcut")) this.#refused.delete(address);
      return;
    }
    const idlest = others
      .filter(({ ours }) => ours.has("shortcut"))
      .reduce<Peer | undefined>((a, b) => (a && a.lastIpAt <= b.lastIpAt ? a : b), undefined);
    const isSpared = !idlest || core.now - Math.max(idlest.lastIpAt, idlest.edgeSince ?? core.now) < SHORTCUT_SPARED_MS;
    if (isSpared) this.shortcutRefused(address, "own");
    else if (this.#linker.want(address, "shortcut")) {
      idlest.giveUp("shortcut");
      idlest.gaveRoom = true;
    }
  }

  /** Members with a link for traffic, whichever end asked for it. */
  #shortcuts(): Peer[] {
    return [...this.#peers.all()].filter((peer) => peer.hasKind("shortcut"));
  }

  /** Links for traffic that this node holds at a time. */
  get shortcutLimit(): number {
    return Math.min(this.#core.options.shortcutLimit ?? SHORTCUT_LIMIT, SHORTCUT_LIMIT);
  }

  /** Whether another member may open one. */
  get hasShortcutRoom(): boolean {
    return this.#shortcuts().length < this.shortcutLimit;
  }

  /** None was made because of the limit of this node or of the peer. */
  shortcutRefused(address: RingAddress, limit: "own" | "peer"): void {
    if (this.#refused.size >= REFUSED_REMEMBERED) this.#refused.clear();
    this.#refused.set(address, { at: this.#core.now, limit });
  }

  /** Whose limit kept a link to that member from being made lately. */
  overLimit(address: RingAddress): "own" | "peer" | undefined {
    const refused = this.#refused.get(address);
    return refused && this.#core.now - refused.at < REFUSED_RECENT_MS ? refused.limit : undefined;
  }

  /** The map from inner destinations to sessions, where it changed since the last call. */
  takeMap(): Effect | undefined {
    if (!this.#isDirty) return undefined;
    this.#isDirty = false;
    const entries: IpMapEntry[] = [];
    for (const [ip, known] of this.#known) {
      const peer = this.#peers.get(known.peer);
      entries.push({ prefix: `${ip}/32`, peer: known.peer, ...(peer?.up && peer.active && { slot: peer.slot }) });
    }
    return { kind: "ipMap", entries };
  }

  clear(): void {
    this.#known.clear();
    this.#unknown.clear();
    this.#refused.clear();
    this.#asking.clear();
    this.#opening.clear();
    this.#sources.clear();
    this.#sent.clear();
    this.#isDirty = true;
  }

  /** Who holds that IP by its signed record; asked of the ring once at a time. */
  #holderOf(ip: string, then: Answered): void {
    const { now } = this.#core;
    const known = this.#known.get(ip);
    if (known && known.until > now) return then(known.peer);
    if ((this.#unknown.get(ip) ?? 0) > now) return then(undefined);
    this.#ask(ip, then);
  }

  #ask(ip: string, then: Answered): void {
    const core = this.#core;
    const waiting = this.#asking.get(ip);
    if (waiting) {
      if (waiting.length < 8) waiting.push(then);
      return;
    }
    if (this.#asking.size >= IPS_LIMIT) return core.drop("too many virtual IPs asked for");
    this.#asking.set(ip, [then]);
    this.#records.get(RECORD_LEASE, leaseKey(core, ip), (claims) => {
      const all = this.#asking.get(ip) ?? [];
      this.#asking.delete(ip);
      const first = claims?.[0];
      const before = this.#known.get(ip);
      if (!claims && before && before.endsAt > core.now) {
        // Nobody answers now; what the lease said holds on.
        this.#known.set(ip, { ...before, until: Math.min(before.endsAt, core.now + IDLE_SWEEP_MS) });
        for (const callback of all) callback(before.peer);
        return;
      }
      if (first) {
        if (this.#known.size >= IPS_LIMIT) this.#known.clear();
        const lifeMs = first.remainingS * 1_000;
        const until = core.now + Math.min(IP_CACHE_MS, lifeMs / 2);
        this.#known.set(ip, { peer: first.holder, until, endsAt: core.now + lifeMs });
        this.#show(first.holder, first.record);
      } else {
        this.#known.delete(ip);
        if (this.#unknown.size >= IPS_LIMIT) this.#unknown.clear();
        this.#unknown.set(ip, core.now + IP_NEGATIVE_MS);
      }
      this.#isDirty = true;
      for (const callback of all) callback(first?.holder);
    });
  }

  #forgetIp(ip: string): void {
    if (this.#known.delete(ip)) this.#isDirty = true;
    this.#unknown.delete(ip);
  }

  /** A peer says which virtual IP it has now: its others are void, and whoever had this one is looked up again. */
  #leaseShown(address: RingAddress, ip: string): void {
    for (const [other, known] of this.#known) {
      if (known.peer === address ? other !== ip : other === ip) this.#forgetIp(other);
    }
    this.#unknown.delete(ip);
    const sources = this.#sources.get(address);
    if (!sources) return;
    for (const other of [...sources.keys()]) if (other !== ip) sources.delete(other);
    this.#tellSources(address);
  }

  /** The source is the peer's for as long as the lease that names it; looked up again at half of that. */
  #allowSource(address: RingAddress, ip: string): void {
    const { now } = this.#core;
    const known = this.#known.get(ip);
    const sources = this.#sources.get(address) ?? new Map<string, number>();
    sources.set(ip, known?.peer === address ? now + (known.endsAt - now) / 2 : now + IP_CACHE_MS);
    this.#sources.set(address, sources);
    this.#tellSources(address);
  }

  #tellSources(address: RingAddress): void {
    const peer = this.#peers.get(address);
    const prefixes = [...(this.#sources.get(address)?.keys() ?? [])].map((ip) => `${ip}/32`);
    if (peer && peer.keys.size > 0) this.#core.emit({ kind: "sources", slot: peer.slot, prefixes });
  }

  /** What is in use is looked up again before it runs out; the rest is forgotten. */
  #sweepKnown(): void {
    const { now } = this.#core;
    for (const [ip, known] of this.#known) {
      if (known.until > now) continue;
      const peer = this.#peers.get(known.peer);
      const isInUse = peer?.up && now - peer.lastIpAt < IN_USE_MS && known.endsAt > now;
      if (isInUse) this.#ask(ip, () => {});
      else this.#forgetIp(ip);
    }
    for (const [address, sources] of this.#sources) {
      const isGone = !this.#peers.get(address)?.up;
      for (const [ip, againAt] of sources) {
        if (againAt > now) continue;
        if (isGone) sources.delete(ip);
        else this.#ask(ip, (holder) => this.#sourceChecked(address, ip, holder));
      }
      if (sources.size === 0) this.#sources.delete(address);
    }
  }

  #sourceChecked(address: RingAddress, ip: string, holder: RingAddress | undefined): void {
    if (holder === address) return this.#allowSource(address, ip);
    if (this.#sources.get(address)?.delete(ip)) this.#tellSources(address);
  }

  #show(address: RingAddress, record: DhtRecord): void {
    if (this.#infos.size >= INFOS_LIMIT) this.#infos.clear();
    const before = this.#infos.get(address) ?? {};
    if (record.type === RECORD_LEASE) {
      const lease = decodeLease(record.value);
      if (lease) this.#infos.set(address, { ...before, virtualIp: lease.ip });
    } else if (record.type === RECORD_ADDRESS) {
      const info = decodeAddressInfo(record.value);
      if (!info) return;
      const ip = info.ips.find((each) => each.includes("."));
      this.#infos.set(address, {
        ...(ip && { virtualIp: ip }),
        ...(info.name && { name: info.name }),
        ...(info.site && { site: info.site }),
        ...(info.version && { version: info.version }),
      });
    }
  }

  #sweepPeriodically(): void {
    this.#sweepShortcuts();
    this.#sweepKnown();
    this.#core.roughlyAfter(IDLE_SWEEP_MS, "idle shortcuts", () => this.#sweepPeriodically());
  }

  /** Shortcuts without traffic for 300 s are given up, where the other end agrees. */
  #sweepShortcuts(): void {
    const core = this.#core;
    for (const peer of this.#peers.all()) {
      if (!peer.ours.has("shortcut") || core.now - peer.lastIpAt < SHORTCUT_IDLE_MS) continue;
      peer.giveUp("shortcut");
    }
  }
}
