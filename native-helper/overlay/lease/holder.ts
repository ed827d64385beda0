/**
 * What this node says of itself on the ring: the lease of its virtual IP, and the record of its name, site and version
 * (docs/protocol.md, "Leases").
 */
import type { EngineWarning, NodeView } from "../boundary.ts";
import { CLOCK_TOLERANCE_MS, LEASE_LIFE_S, LEASE_RENEW_MS, NEAR_DEATHS, NEAR_DEATHS_MS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { PutAnswer, Records } from "../dht/records.ts";
import { addressKey, type Claim, type LiveClaim, leaseKey, outranks } from "../dht/rules.ts";
import { nameOf, remainingS } from "../dht/store.ts";
import type { Control } from "../link/control.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import type { RingAddress } from "../ring/address.ts";
import type { Timer } from "../timers.ts";
import { decodeLease, encodeAddressInfo, encodeLease, RECORD_ADDRESS, RECORD_LEASE } from "../wire/record.ts";
import type { DhtRecord } from "../wire/types.ts";
import { candidateIp } from "./candidates.ts";
import { Lease, type LeasedIp, type LeaseEffect, type LeaseInput } from "./lease.ts";

export interface HolderHooks {
  /** The address to use changed; what leads to it must change too. */
  changed(ip: string | undefined): void;
  /** Something to be kept on disk changed. */
  save(): void;
}

/** Many sessions of a start are short; those that last are told. */
const TELL_AFTER_MS = 1_000;
const TELL_EDGE_AFTER_MS = 5_000;
const INFO_REST_MS = 5_000;
const LOST_SHOWN_MS = 3_600_000;

export class Holder {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #records: () => Records;
  readonly #hooks: HolderHooks;
  readonly #lease: Lease;
  readonly #deaths: number[] = [];
  /** Peers that were told who we are; the others will be. */
  readonly #shown = new WeakSet<Peer>();
  #info: DhtRecord | undefined;
  #timer: Timer | undefined;
  #infoTimer: Timer | undefined;
  #told: string | undefined;
  /** Who holds the address that was lost. */
  #rival: RingAddress | undefined;

  constructor(core: Core, peers: Peers, control: Control, records: () => Records, hooks: HolderHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#records = records;
    this.#hooks = hooks;
    const { virtualIp, saved } = core.options;
    this.#lease = new Lease({
      staticIp: virtualIp,
      last: saved?.lease,
      lifeMs: LEASE_LIFE_S * 1_000,
      candidate: (i) => core.subnet && candidateIp(core.crypto, core.address, core.subnet, i),
      make: (lease) => this.#makeLease(lease),
      wins: (record, rival) => outranks(core, { record, holder: core.address }, rival),
      chance: () => core.entropy.fraction(),
    });
  }

  /** The virtual IP that this node may use now. */
  get virtualIp(): string | undefined {
    return this.#lease.used?.ip;
  }

  /** To be kept on disk. */
  get last(): LeasedIp | undefined {
    return this.#lease.last;
  }

  view(): Pick<NodeView, "virtualIp" | "lease" | "warnings"> {
    const { used, endsAt } = this.#lease;
    const { now, wall } = this.#core;
    const lease = used && endsAt !== undefined ? { since: used.since, until: wall + endsAt - now } : null;
    return { virtualIp: used?.ip ?? null, lease, warnings: this.#warnings() };
  }

  becameMember(): void {
    this.#step({ kind: "member" });
    this.#makeInfo();
    // Neighbours are told directly; the ring keeps it once the start is over, when its replicas change less.
    this.#infoAgain(INFO_REST_MS * (1 + this.#core.entropy.fraction()));
  }

  woke(): void {
    this.#step({ kind: "wake" });
  }

  /** A ring neighbour is dead; with it went a replica of this node's lease, perhaps. */
  neighbourDied(): void {
    const { now } = this.#core;
    this.#deaths.push(now);
    while (now - (this.#deaths[0] ?? now) > NEAR_DEATHS_MS) this.#deaths.shift();
    if (this.#deaths.length < NEAR_DEATHS) return;
    this.#deaths.length = 0;
    this.#step({ kind: "neighboursDied" });
  }

  /** A session came up: the peer learns who we are. */
  sessionUp(peer: Peer): void {
    // Where packets flow it is wanted soon; most edges of a start are short.
    this.#core.after(peer.isEdge ? TELL_EDGE_AFTER_MS : TELL_AFTER_MS, "own records", () => {
      if (!peer.up || !peer.active) return;
      this.#shown.add(peer);
      this.#show(peer);
    });
  }

  /** Somebody else holds an address that may be ours too. */
  conflict(rival: Claim): void {
    const ip = decodeLease(rival.record.value)?.ip;
    const { seq, lifeS } = rival.record;
    if (ip === undefined || rival.holder === this.#core.address) return;
    if (seq + lifeS * 1_000 + CLOCK_TOLERANCE_MS < this.#core.wall) return;
    if (this.#lease.recordOf(ip, this.#core.now)) this.#rival = rival.holder;
    this.#step({ kind: "conflict", rival, ip });
  }

  /** This node's own lease of that name while it runs. */
  ownLease(name: string): LiveClaim | undefined {
    const core = this.#core;
    const ip = this.#lease.held?.ip;
    const own = ip === undefined ? undefined : this.#lease.recordOf(ip, core.now);
    if (!own || nameOf(own.record) !== name) return undefined;
    return { record: own.record, holder: core.address, remainingS: remainingS(own.endsAt, core.now) };
  }

  clear(): void {
    this.#lease.clear();
    this.#timer?.cancel();
    this.#infoTimer?.cancel();
    this.#deaths.length = 0;
    this.#rival = undefined;
    this.#use(undefined);
  }

  #step(input: LeaseInput): void {
    const core = this.#core;
    for (const effect of this.#lease.step(core.now, core.wall, input)) this.#carryOut(effect);
    this.#timer?.cancel();
    const wake = this.#lease.wakeAt();
    this.#timer = wake && core.timers.at(wake.at, wake.reason, () => this.#step({ kind: "timeout" }));
  }

  #carryOut(effect: LeaseEffect): void {
    const core = this.#core;
    switch (effect.kind) {
      case "put": {
        const { record } = effect;
        this.#records().put(record, (answer) => answer && this.#onAnswer(record, answer));
        return;
      }
      case "use": {
        const { ip } = effect.lease;
        const lost = this.#lease.lost;
        if (lost) core.log("warn", `the virtual IP is ${ip} now; ${lost.ip} belongs to ${this.#rivalName()}`);
        else core.log("info", `the virtual IP is ${ip}`);
        return this.#use(ip);
      }
      case "renewed":
        return;
      case "stop":
        if (effect.because === "taken")
          core.log("warn", `the virtual IP ${effect.lease.ip} is lost to ${this.#rivalName()}, whose claim is older`);
        else if (effect.because === "expired")
          core.log("warn", `the lease of ${effect.lease.ip} ran out: its replicas did not renew it`);
        this.#noteRival(effect);
        return this.#use(undefined);
    }
  }

  #onAnswer(record: DhtRecord, { code, heldSeq, wait }: PutAnswer): void {
    if (code === "stale") this.#core.raiseStamp(heldSeq);
    this.#step({ kind: "answer", seq: record.seq, code, wait });
  }

  #noteRival(effect: LeaseEffect & { kind: "stop" }): void {
    const peer = this.#rival && this.#peers.get(this.#rival);
    if (peer && effect.because === "taken")
      peer.note(this.#core.wall, "leaseLost", `The virtual IP ${effect.lease.ip} is the peer's, whose claim is older`);
  }

  #use(ip: string | undefined): void {
    const core = this.#core;
    if (ip === this.#told) return;
    this.#told = ip;
    core.emit({ kind: "virtualIp", ...(ip !== undefined && { ip }) });
    this.#hooks.changed(ip);
    this.#hooks.save();
    if (!core.member) return;
    this.#makeInfo();
    this.#infoAgain(INFO_REST_MS * (1 + core.entropy.fraction()));
    for (const peer of this.#peers.all()) if (peer.up && peer.active && this.#shown.has(peer)) this.#show(peer);
  }

  #show(peer: Peer): void {
    const records = [this.#lease.ownRecord, this.#info].filter((record) => record !== undefined);
    if (records.length > 0) this.#control.send(peer, { type: "lease", conflict: false, records });
  }

  #makeLease(lease: LeasedIp): DhtRecord {
    const core = this.#core;
    const value = encodeLease({ ...lease, prefix: core.subnet?.bits ?? 32 });
    return this.#records().make(RECORD_LEASE, leaseKey(core, lease.ip), value, LEASE_LIFE_S);
  }

  /** Name, site, version and addresses, for display. */
  #makeInfo(): DhtRecord {
    const core = this.#core;
    const { name, site, version } = core.options;
    const ip = this.virtualIp;
    const value = encodeAddressInfo({
      ips: ip === undefined ? [] : [ip],
      subnets: [],
      name: name ?? "",
      site: site ?? "",
      version,
    });
    this.#info = this.#records().make(RECORD_ADDRESS, addressKey(core, core.address), value, LEASE_LIFE_S);
    return this.#info;
  }

  #renewInfo(): void {
    const core = this.#core;
    const record = this.#makeInfo();
    this.#infoAgain(core.vary(LEASE_RENEW_MS, 0.05));
    this.#records().put(record, (answer) => {
      if (answer?.code === "stale") core.raiseStamp(answer.heldSeq);
      if (answer?.code !== "ok" && this.#info === record) this.#infoAgain(5_000 + 10_000 * core.entropy.fraction());
    });
  }

  #infoAgain(inMs: number): void {
    this.#infoTimer?.cancel();
    this.#infoTimer = this.#core.after(inMs, "address record", () => this.#renewInfo());
  }

  #warnings(): NodeView["warnings"] {
    const { affiliation, virtualIp: wanted } = this.#core.options;
    const { staticTaken, isNoneFree, lost, used } = this.#lease;
    const warnings: EngineWarning[] = [];
    if (staticTaken) {
      warnings.push({
        code: "virtualIpTaken",
        text: `Another member of "${affiliation}" holds the virtual IP ${wanted} of the configuration; ${used ? `this computer has ${used.ip} instead` : "another one is being asked for"}.`,
        remedy:
          "Give this computer another virtual IP in its configuration file, or none; the one configured is tried again each minute.",
      });
    }
    if (lost && this.#core.now - lost.at < LOST_SHOWN_MS && lost.ip !== used?.ip) {
      warnings.push({
        code: "virtualIpChanged",
        text: `${this.#rivalName()} holds ${lost.ip} by the older claim, since two rings became one. ${used ? `Your new address is ${used.ip}.` : "A new address is being asked for."}`,
        remedy: "Nothing to do; programs that know this computer by the old address need the new one.",
        values: { old: lost.ip, ...(used && { new: used.ip }) },
      });
    }
    if (isNoneFree && !used) {
      warnings.push({
        code: "virtualIpNone",
        text: `All virtual IPs that this computer may ask for in "${affiliation}" are taken; it goes on asking.`,
        remedy: "Wait until a lease runs out (an hour at most), or configure a virtual IP that is free.",
      });
    }
    return warnings;
  }

  #rivalName(): string {
    return this.#rival === undefined ? "Another member" : `Another member (${this.#rival.slice(0, 8)})`;
  }
}
