/**
 * Scenario `leases`: all members of a running ring ask for another virtual IP at once; members come and go; a ring wakes from
 * sleep while others join; two rings with the same leases become one. No two of one whole ring ever use one address: a checker
 * of the world looks at every change.
 */
import type { Identity } from "../../native-helper/overlay/boundary.ts";
import { Core } from "../../native-helper/overlay/core.ts";
import { leaseKey } from "../../native-helper/overlay/dht/rules.ts";
import { encodeBody, encodeCtrl } from "../../native-helper/overlay/wire/ctrl.ts";
import {
  encodeLease,
  encodeRecordUnsigned,
  RECORD_LEASE,
  recordWithSignature,
} from "../../native-helper/overlay/wire/record.ts";
import { signInput } from "../../native-helper/overlay/wire/sign-input.ts";
import { checkRing } from "./checks.ts";
import { kindOf } from "./crowd.ts";
import { quantile, round } from "./figures.ts";
import type { Host } from "./host.ts";
import { atMost, type Bar, type Report, type RunOptions } from "./report.ts";
import { AFFILIATION, SUBNET, World } from "./world.ts";

/** Owners that are this old let nobody wait for their sake. */
const SETTLED_MS = 20_000;
const WHOLE_LIMIT_MS = 60_000;
const GRANT_LIMIT_MS = 60_000;
const SMALL = 40;
const CHURN_MS = 600_000;
const SESSION_MS = 600_000;
const NEWCOMERS = 12;
const SLEEP_MS = 1_200_000;
/** Fewer addresses than two rings have members, so that both give the same ones. */
const FEW = "172.16.0.0/26";
const SOME = "172.16.0.0/24";

type Progress = (text: string) => void;

export function runLeases(options: RunOptions, progress: Progress): Report {
  const { nodes, seed, mix } = options;
  const rush = rushed(options, progress);
  const churn = churned(options, progress);
  const woken = wokenUp(options, progress);
  const merge = merged(options, progress);
  const ungranted = rush.ungranted + churn.ungranted + woken.ungranted;
  const figures = {
    leases: rush.tookMs.length,
    medianS: seconds(quantile(rush.tookMs, 0.5)),
    p99S: seconds(quantile(rush.tookMs, 0.99)),
    maxS: seconds(quantile(rush.tookMs, 1)),
    churnLeases: churn.tookMs.length,
    churnP99S: seconds(quantile(churn.tookMs, 0.99)),
    wokenNewcomers: woken.tookMs.length,
    wokenP99S: seconds(quantile(woken.tookMs, 0.99)),
    mergeDoubles: merge.doubles,
    mergeWholeS: merge.wholeMs === undefined ? null : seconds(merge.wholeMs),
    mergeOneHolderS: merge.oneHolderMs === undefined ? null : seconds(merge.oneHolderMs),
    ungranted,
  };
  const bars: Bar[] = [
    atMost("medianS", "s", 1.5, figures.medianS),
    atMost("p99S", "s", 5, figures.p99S),
    atMost("churnP99S", "s", 5, figures.churnP99S),
    atMost("wokenP99S", "s", 10, figures.wokenP99S),
    atMost("mergeOneHolderS", "s", 10, figures.mergeOneHolderS),
    atMost("ungranted", "count", 0, ungranted),
  ];
  const consistent = rush.whole && merge.wholeMs !== undefined;
  const pass = consistent && bars.every((bar) => bar.pass);
  return { scenario: "leases", seed, nodes, mix, pass, ring: { consistent }, figures, bars };
}

interface Grants {
  /** From the moment at which a host was a member, and asked, until it had its address. */
  readonly tookMs: readonly number[];
  readonly ungranted: number;
}

/** A world in which hosts lease, with what it tells of members and grants. */
class LeaseWorld {
  readonly world: World;
  readonly #options: RunOptions;
  readonly #askedAt = new Map<string, number>();
  readonly #tookMs = new Map<string, number>();

  constructor(options: RunOptions, part: string, subnet: string | undefined) {
    const { seed, nodes, mix, trace, broken } = options;
    this.#options = options;
    this.world = new World({
      seed: seed + part.length,
      replay: `npm run sim -- --scenario leases --nodes ${nodes} --seed ${seed} --mix ${mix}`,
      ...(subnet && { subnet }),
      ...(trace && { trace }),
      ...(broken && { broken }),
      watch: (host, event) => {
        if (event.kind !== "effect") return;
        const { effect } = event;
        if (effect.kind === "log" && effect.text === "member of the ring") this.#askedAt.set(host.name, this.world.now);
        const askedAt = this.#askedAt.get(host.name);
        if (effect.kind === "virtualIp" && effect.ip !== undefined && askedAt !== undefined) {
          if (!this.#tookMs.has(host.name)) this.#tookMs.set(host.name, this.world.now - askedAt);
        }
      },
    });
  }

  /** The first few are public, and all start from them. */
  add(count: number, from: readonly Host[] = []): Host[] {
    const { world } = this;
    const entropy = world.entropy.fork(`hosts ${world.hosts.length}`);
    const hosts: Host[] = [];
    for (let i = 0; i < count; i++) {
      const isFirst = from.length === 0 && i < 3;
      const kind = isFirst ? "public" : kindOf(this.#options.mix, entropy.fraction());
      const starts = from.length > 0 ? from : hosts.slice(0, 3);
      hosts.push(
        world.addHost({ kind, virtualIp: null, startAddresses: starts.map((host) => host.options.socket.local) }),
      );
    }
    return hosts;
  }

  /** What was granted so far does not count. */
  forget(): void {
    this.#askedAt.clear();
    this.#tookMs.clear();
  }

  asks(host: Host): void {
    this.#askedAt.set(host.name, this.world.now);
  }

  /** A whole ring of them, all with their addresses. */
  settle(hosts: readonly Host[]): boolean {
    const isDone = () => checkRing(hosts).consistent && hosts.every((host) => host.virtualIp !== undefined);
    return this.world.runUntil(isDone, WHOLE_LIMIT_MS) !== undefined;
  }

  grants(hosts: readonly Host[]): Grants {
    const took = hosts.map((host) => this.#tookMs.get(host.name));
    const known = took.filter((ms) => ms !== undefined);
    return { tookMs: known, ungranted: took.length - known.length };
  }
}

/** Every member of a running ring is told at once of an older claim to its address, and asks for its next one. */
function rushed(options: RunOptions, progress: Progress): Grants & { whole: boolean } {
  const lease = new LeaseWorld(options, "r", undefined);
  const { world } = lease;
  const hosts = lease.add(options.nodes);
  for (const host of hosts) host.start();
  const settled = lease.settle(hosts);
  progress(`${hosts.length} members ${settled ? "have addresses" : "are not settled"} after ${seconds(world.now)} s`);
  world.run(SETTLED_MS);
  const before = new Map(hosts.map((host) => [host, host.virtualIp]));
  lease.forget();
  const rival = new Rival(world);
  for (const host of hosts) {
    lease.asks(host);
    rival.claims(host);
  }
  const isDone = () => hosts.every((host) => host.virtualIp !== undefined && host.virtualIp !== before.get(host));
  world.runUntil(isDone, GRANT_LIMIT_MS);
  const grants = lease.grants(hosts);
  progress(`${grants.tookMs.length} of ${hosts.length} that asked at once have another address`);
  return { ...grants, whole: settled && checkRing(hosts).consistent };
}

/** An insider with older claims than anyone, who shows them to the holders and takes part in nothing else. */
class Rival {
  readonly #world: World;
  readonly #identity: Identity;
  readonly #core: Core;
  readonly #salt: Uint8Array;
  #routed = 1n;

  constructor(world: World) {
    const entropy = world.entropy.fork("rival");
    this.#world = world;
    this.#identity = world.crypto.identity(entropy.fork("identity"));
    this.#salt = entropy.bytes(16);
    const { crypto } = world;
    const keys = { crypto, entropy, identity: this.#identity, salt: this.#salt };
    const network = { affiliation: AFFILIATION, subnet: SUBNET, version: "rival" };
    this.#core = new Core({ ...keys, ...network }, world.now, world.wall);
  }

  claims(host: Host): void {
    const core = this.#core;
    const ip = host.virtualIp;
    const slot = host.view()?.peers.find((peer) => peer.slot !== undefined)?.slot;
    if (ip === undefined || slot === undefined) return;
    const unsigned = encodeRecordUnsigned({
      type: RECORD_LEASE,
      key: leaseKey(core, ip),
      edPublic: this.#identity.edPublic,
      salt: this.#salt,
      chainHash: core.chainHash,
      seq: this.#world.wall,
      lifeS: 3_600,
      value: encodeLease({ ip, prefix: 16, i: 255, since: 1 }),
    });
    const record = recordWithSignature(unsigned, this.#identity.sign(signInput("rec", core.netId, unsigned)));
    const { type, body } = encodeBody({ type: "lease", conflict: true, records: [record] });
    const head = { type: "routed", ttl: 32, back: false, mode: "exact", hops: 0, rid: this.#routed++ } as const;
    const message = { ...head, dst: host.address, src: core.address, innerType: type, inner: body };
    const bytes = encodeCtrl({ ackWanted: false, answer: false, id: 1, message });
    host.input({ kind: "ctrl", slot, path: { kind: "ring" }, bytes });
  }
}

/** Members come and go, with sessions of ten minutes on average, while a twentieth of all packets is lost. */
function churned(options: RunOptions, progress: Progress): Grants {
  const lease = new LeaseWorld(options, "ch", SOME);
  const { world } = lease;
  const entropy = world.entropy.fork("churn");
  const hosts = lease.add(SMALL);
  for (const host of hosts) host.start();
  lease.settle(hosts);
  world.network.faults = { ...world.network.faults, lossOdds: 0.05 };
  const until = world.now + CHURN_MS;
  const comers: Host[] = [];
  const session = (host: Host) => {
    const ends = -Math.log(1 - entropy.fraction()) * SESSION_MS;
    world.queue.after(ends, () => {
      if (world.now >= until) return;
      host.crash();
      const [next] = lease.add(1, hosts.slice(0, 3));
      if (next === undefined) return;
      next.start();
      comers.push(next);
      session(next);
    });
  };
  for (const host of hosts.slice(3)) session(host);
  world.run(CHURN_MS + 30_000);
  const grants = lease.grants(comers.filter((host) => host.isUp));
  progress(
    `churn: ${comers.length} came, of whom those that stayed had an address in ${seconds(quantile(grants.tookMs, 1))} s at most`,
  );
  return grants;
}

/** All sleep for twenty minutes and wake within three seconds; meanwhile others join. */
function wokenUp(options: RunOptions, progress: Progress): Grants {
  const lease = new LeaseWorld(options, "wok", SOME);
  const { world } = lease;
  const entropy = world.entropy.fork("woken");
  const hosts = lease.add(SMALL);
  for (const host of hosts) host.start();
  lease.settle(hosts);
  const before = new Map(hosts.map((host) => [host, host.virtualIp]));
  for (const host of hosts) host.sleep();
  world.run(SLEEP_MS);
  const comers = lease.add(NEWCOMERS, hosts.slice(0, 3));
  for (const host of hosts) world.queue.after(entropy.fraction() * 3_000, () => host.wake());
  for (const host of comers) world.queue.after(entropy.fraction() * 5_000, () => host.start());
  world.runUntil(() => world.now > 0 && comers.every((host) => host.virtualIp !== undefined), GRANT_LIMIT_MS);
  lease.settle(world.hosts);
  const kept = hosts.filter((host) => host.virtualIp === before.get(host)).length;
  progress(`woken: ${kept} of ${hosts.length} have the same address as before they slept`);
  return lease.grants(comers);
}

/** Two rings that know nothing of each other give the same addresses; then they become one. */
function merged(
  options: RunOptions,
  progress: Progress,
): { doubles: number; wholeMs: number | undefined; oneHolderMs: number | undefined } {
  const lease = new LeaseWorld(options, "merg", FEW);
  const { world } = lease;
  const left = lease.add(SMALL / 2);
  const right = lease.add(SMALL / 2);
  world.partition(left, right);
  for (const host of world.hosts) host.start();
  lease.settle(left);
  lease.settle(right);
  const doubles = () => world.hosts.length - new Set(world.hosts.map((host) => host.virtualIp)).size;
  const atFirst = doubles();
  world.heal();
  // One of each side hears of the other.
  const addresses = [left[0] as Host, right[0] as Host].map((host) => host.options.socket.local);
  for (const host of [left[1], right[1]]) host?.input({ kind: "startAddresses", addresses });
  const began = world.now;
  const whole = world.runUntil(() => checkRing(world.hosts).consistent, 2 * WHOLE_LIMIT_MS);
  const wholeAt = world.now;
  const isOneEach = () => doubles() === 0 && world.hosts.every((host) => host.virtualIp !== undefined);
  const one = world.runUntil(isOneEach, GRANT_LIMIT_MS);
  progress(
    `merge: ${atFirst} addresses given twice; whole after ${seconds(wholeAt - began)} s, one holder each ${seconds(world.now - wholeAt)} s later`,
  );
  return { doubles: atFirst, wholeMs: whole, oneHolderMs: one };
}

function seconds(ms: number): number {
  return round(ms / 1_000, 2);
}
