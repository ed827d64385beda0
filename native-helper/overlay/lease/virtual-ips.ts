/**
 * Virtual IPs: this node's own claim, whose address another one is, the sessions that traffic needs, and the shortcuts
 * it earns (docs/protocol.md, "Virtual IPs" and "Shortcuts").
 */
import type { Effect, IpMapEntry, SlotCounters } from "../boundary.ts";
import {
  IP_CACHE_MS,
  IP_NEGATIVE_MS,
  IPS_LIMIT,
  LEASE_LIFE_S,
  LEASE_RENEW_MS,
  SHORTCUT_IDLE_MS,
  SHORTCUT_LIMIT,
  SHORTCUT_PACKETS,
  SHORTCUT_WINDOW_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Records } from "../dht/records.ts";
import type { Control } from "../link/control.ts";
import type { Descs } from "../link/descs.ts";
import type { Handshakes } from "../link/handshakes.ts";
import type { Linker } from "../link/linker.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import { addressToBytes, type RingAddress } from "../ring/address.ts";
import type { Router } from "../ring/router.ts";
import { parseIpv4, samePrefix } from "../wire/ip.ts";
import {
  decodeAddressInfo,
  decodeLease,
  encodeAddressInfo,
  encodeLease,
  RECORD_ADDRESS,
  RECORD_LEASE,
  STATIC_CANDIDATE,
} from "../wire/record.ts";
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
  readonly until: number;
}

const OPENING_LIFE_MS = 4_000;
const RECLAIM_DEBOUNCE_MS = 2_000;
const TELL_AFTER_MS = 1_000;
const CLAIM_RETRY_MS = 1_000;
const INFOS_LIMIT = 16_384;
const COUNTERS_RECENT_MS = 1_500;
const IDLE_SWEEP_MS = 30_000;

export class VirtualIps {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #router: Router;
  readonly #handshakes: Handshakes;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #records: Records;
  readonly #known = new Map<string, KnownIp>();
  readonly #unknown = new Map<string, number>();
  readonly #asking = new Map<string, ((holder: RingAddress | undefined) => void)[]>();
  readonly #opening = new Map<RingAddress, number>();
  readonly #sources = new Map<RingAddress, Set<string>>();
  readonly #infos = new Map<RingAddress, MemberInfo>();
  readonly #sent = new Map<RingAddress, { at: number; packets: number }[]>();
  #ownLease: DhtRecord | undefined;
  #ownInfo: DhtRecord | undefined;
  #since = 0;
  #isDirty = false;
  #reclaiming = false;
  /** Another member holds our virtual IP. */
  conflict = false;
  /** The claim was acknowledged at least once. */
  claimed = false;

  constructor(parts: {
    core: Core;
    peers: Peers;
    control: Control;
    router: Router;
    handshakes: Handshakes;
    linker: Linker;
    descs: Descs;
    records: Records;
  }) {
    this.#core = parts.core;
    this.#peers = parts.peers;
    this.#control = parts.control;
    this.#router = parts.router;
    this.#handshakes = parts.handshakes;
    this.#linker = parts.linker;
    this.#descs = parts.descs;
    this.#records = parts.records;
  }

  becameMember(): void {
    this.#since ||= Math.floor(this.#core.wall);
    this.#claim();
    this.#core.after(IDLE_SWEEP_MS, "idle shortcuts", () => this.#sweepShortcuts());
  }

  /** The replicas of our records may have changed. */
  nearChanged(): void {
    if (this.#reclaiming || !this.#core.member) return;
    this.#reclaiming = true;
    this.#core.after(RECLAIM_DEBOUNCE_MS, "claim again", () => {
      this.#reclaiming = false;
      this.#put();
    });
  }

  infoOf(address: RingAddress): MemberInfo | undefined {
    return this.#infos.get(address);
  }

  /** A session came up: the peer learns our virtual IP, and packets may flow. */
  sessionUp(peer: Peer): void {
    this.#isDirty = true;
    // For display; what a packet may claim as its source is looked up at the owner of the lease's key.
    // Many sessions of a start are short; those that last are told.
    this.#core.after(TELL_AFTER_MS, "own records", () => {
      if (this.#ownInfo && peer.up && peer.active)
        this.#control.send(peer, { type: "lease", conflict: false, records: [this.#ownInfo] });
    });
    this.#opening.delete(peer.address);
    const sources = this.#sources.get(peer.address);
    if (sources) this.#core.emit({ kind: "sources", slot: peer.slot, prefixes: [...sources] });
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
    }
  }

  /** A packet for that IP found no session. */
  onMiss(ip: string): void {
    const bytes = parseIpv4(ip);
    if (!bytes || !this.#core.member || ip === this.#core.options.virtualIp) return;
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
      this.#allowSource(peer, ip);
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
      onTimeout: () => this.#opening.delete(address),
    });
  }

  /** Counters of a session moved: enough packets to a peer without a direct link earn one. */
  onTraffic(peer: Peer, counters: SlotCounters): void {
    const core = this.#core;
    const sentNow = counters.ipTxPackets - (peer.counters?.ipTxPackets ?? 0);
    const receivedNow = counters.ipRxPackets - (peer.counters?.ipRxPackets ?? 0);
    // Counters are told only while IP packets flow: after a pause they say nothing about when the peer was heard.
    const isRecent = core.now - peer.countersAt < COUNTERS_RECENT_MS;
    if (isRecent && counters.rxPackets > (peer.counters?.rxPackets ?? 0)) peer.heardAt = core.now;
    peer.counters = counters;
    peer.countersAt = core.now;
    if (sentNow + receivedNow > 0) peer.lastIpAt = core.now;
    if (sentNow <= 0 || peer.direct) return;
    const recent = (this.#sent.get(peer.address) ?? []).filter((entry) => core.now - entry.at < SHORTCUT_WINDOW_MS);
    recent.push({ at: core.now, packets: sentNow });
    this.#sent.set(peer.address, recent);
    const packets = recent.reduce((sum, entry) => sum + entry.packets, 0);
    if (packets < SHORTCUT_PACKETS || peer.live) return;
    if (this.atShortcutLimit) peer.shortcutRefusedAt = core.now;
    else this.#linker.want(peer.address, "shortcut");
  }

  /** No more links are made for traffic. */
  get atShortcutLimit(): boolean {
    let shortcuts = 0;
    for (const other of this.#peers.all()) if (other.ours.has("shortcut")) shortcuts++;
    return shortcuts >= SHORTCUT_LIMIT;
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
    this.#asking.clear();
    this.#opening.clear();
    this.#sources.clear();
    this.#sent.clear();
    this.#reclaiming = false;
    this.#isDirty = true;
    this.claimed = false;
  }

  #claim(): void {
    const core = this.#core;
    const { virtualIp, name, site, version } = core.options;
    const info = encodeAddressInfo({
      ips: virtualIp ? [virtualIp] : [],
      subnets: [],
      name: name ?? "",
      site: site ?? "",
      version,
    });
    this.#ownInfo = this.#records.make(
      RECORD_ADDRESS,
      this.#records.addressKey(addressToBytes(core.address)),
      info,
      LEASE_LIFE_S,
    );
    if (virtualIp) {
      const value = encodeLease({
        ip: virtualIp,
        prefix: core.subnet?.bits ?? 32,
        i: STATIC_CANDIDATE,
        since: this.#since,
      });
      this.#ownLease = this.#records.make(RECORD_LEASE, this.#records.leaseKey(virtualIp), value, LEASE_LIFE_S);
    }
    this.#put();
    for (const peer of this.#peers.all()) if (peer.up && peer.active) this.sessionUp(peer);
    core.after(core.vary(LEASE_RENEW_MS, 0.05), "claim", () => this.#claim());
  }

  #put(): void {
    const lease = this.#ownLease;
    if (lease) {
      this.#records.put(lease, (code) => {
        if (code === "ok") {
          this.conflict = false;
          this.claimed = true;
        } else if (code === "taken") {
          if (!this.conflict)
            this.#core.log("warn", `another member holds the virtual IP ${this.#core.options.virtualIp}`);
          this.conflict = true;
        }
        if (code !== "ok" && this.#ownLease === lease) {
          this.#core.after(
            CLAIM_RETRY_MS * (code === undefined ? 1 : 15),
            "claim again",
            () => this.#ownLease === lease && this.#put(),
          );
        }
      });
    }
    if (this.#ownInfo) this.#records.put(this.#ownInfo, () => {});
  }

  /** Who holds that IP by its signed record; asked of the ring once at a time. */
  #holderOf(ip: string, then: (holder: RingAddress | undefined) => void): void {
    const core = this.#core;
    const known = this.#known.get(ip);
    if (known && known.until > core.now) return then(known.peer);
    if ((this.#unknown.get(ip) ?? 0) > core.now) return then(undefined);
    const waiting = this.#asking.get(ip);
    if (waiting) {
      if (waiting.length < 8) waiting.push(then);
      return;
    }
    if (this.#asking.size >= IPS_LIMIT) return core.drop("too many virtual IPs asked for");
    this.#asking.set(ip, [then]);
    this.#records.get(RECORD_LEASE, this.#records.leaseKey(ip), (records) => {
      const first = records?.find(({ record }) => decodeLease(record.value)?.ip === ip);
      const all = this.#asking.get(ip) ?? [];
      this.#asking.delete(ip);
      if (first) {
        if (this.#known.size >= IPS_LIMIT) this.#known.clear();
        this.#known.set(ip, { peer: first.holder, until: core.now + IP_CACHE_MS });
        this.#isDirty = true;
        this.#show(first.holder, first.record);
      } else {
        if (this.#unknown.size >= IPS_LIMIT) this.#unknown.clear();
        this.#unknown.set(ip, core.now + IP_NEGATIVE_MS);
      }
      for (const callback of all) callback(first?.holder);
    });
  }

  #allowSource(peer: Peer, ip: string): void {
    const sources = this.#sources.get(peer.address) ?? new Set();
    sources.add(`${ip}/32`);
    this.#sources.set(peer.address, sources);
    if (peer.keys.size > 0) this.#core.emit({ kind: "sources", slot: peer.slot, prefixes: [...sources] });
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

  /** Shortcuts without traffic for 300 s are given up, where the other end agrees. */
  #sweepShortcuts(): void {
    const core = this.#core;
    for (const peer of this.#peers.all()) {
      if (!peer.ours.has("shortcut") || core.now - peer.lastIpAt < SHORTCUT_IDLE_MS) continue;
      peer.giveUp("shortcut");
    }
    core.after(IDLE_SWEEP_MS, "idle shortcuts", () => this.#sweepShortcuts());
  }
}
