/** One affiliation at work: the engine's node, its place in the data path, its virtual interface, its files. */
import { HelperError, type InterfaceView, type Warning } from "#contract";
import type {
  Effect,
  Identity,
  Input,
  Instant,
  LinkSample,
  NodeOptions,
  NodeView,
  SpeedOutcome,
  TracedHop,
  Wake,
} from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { interfaceLostWarning, VirtualInterface } from "./affiliation-interface.ts";
import { openNetId } from "./affiliation-keys.ts";
import {
  type DataPathLack,
  type DataPathPort,
  type HelperLog,
  type InterfaceLoss,
  type NetworkPort,
  type SystemPort,
  socketAddress,
} from "./affiliation-ports.ts";
import { type Rates, SessionRates } from "./affiliation-rates.ts";
import { refuseOverlap } from "./overlap.ts";
import { Questions } from "./questions.ts";
import { Recorder } from "./recorder.ts";
import { StartAddressResolver } from "./resolver.ts";
import { type SpeedResult, speedResult } from "./speed-result.ts";
import type { AffiliationStore, IdentityKeys, Membership } from "./state-store.ts";
import { EngineTimer, type SleepAwareClock } from "./timer.ts";

/** The engine's face, as `overlay/node.ts` has it. */
export interface Engine {
  readonly address: RingAddress;
  step(now: Instant, wall: number, input: Input): Effect[];
  /** The time that it wants `step` with a "timeout" at the latest. */
  wakeBy(): Wake | undefined;
  view(now: Instant, wall: number): NodeView;
  links(now: Instant): LinkSample[];
}

export type MakeEngine = (options: NodeOptions, now: Instant, wall: number) => Engine;

export interface AffiliationOptions {
  readonly membership: Membership;
  readonly store: AffiliationStore;
  readonly keys: IdentityKeys;
  readonly system: SystemPort;
  readonly clock: SleepAwareClock;
  readonly log: HelperLog;
  readonly makeEngine: MakeEngine;
  readonly version: string;
  /** How this computer is shown to others where the membership does not say. */
  readonly hostName: string;
  /** All interfaces of this helper, with the names of their affiliations; their addresses lead back into the virtual networks. */
  readonly ownInterfaces: () => ReadonlyMap<string, string>;
  /** Told when the picture changed that others have of this affiliation; several changes may share a word. */
  readonly onChange: () => void;
  /** Whether anyone listens to `onChange`; looking for changes costs more than most steps. */
  readonly isWatched: () => boolean;
}

/** What is known of an affiliation, for the views of the contract. */
export interface AffiliationFacts {
  readonly name: string;
  /** How this computer is shown to the other members. */
  readonly ownName: string;
  readonly id: string;
  readonly security: "closed" | "passphrase" | "open";
  readonly interface: InterfaceView;
  readonly interfaceWanted: boolean;
  /** Null until its lease is granted. */
  readonly virtualIp: string | null;
  readonly subnet: string;
  readonly startAddresses: readonly string[];
  readonly node: NodeView;
  readonly warnings: readonly Warning[];
  ratesOf(slot: number | undefined): Rates;
}

const CHANGE_CHECK_MS = 200;
/** A node that finds nobody is a ring of one after 10 s, and grants itself an address. */
const LEASE_WITHIN_MS = 15_000;
const LOCAL_CHECK_MS = 10_000;
/** TAs that a node lists; more local ones than that help nobody. */
const LOCAL_ADDRESSES_LIMIT = 8;
/** A session may have to be made first, and the last count to be asked for again. */
const SPEED_SLACK_MS = 15_000;
/** The engine gives up earlier; a node that goes off the ring meanwhile says nothing. */
const TRACE_WITHIN_MS = 10_000;

export class Affiliation {
  readonly name: string;
  readonly #options: AffiliationOptions;
  readonly #engine: Engine;
  readonly #identity: Identity;
  readonly #netId: Uint8Array;
  readonly #ownName: string;
  /** The virtual IP that the engine lets this node use; undefined until its lease is granted. */
  #virtualIp: string | undefined;
  readonly #ipWaiters = new Set<() => void>();
  readonly #timer: EngineTimer;
  readonly #resolver: StartAddressResolver;
  readonly #interface: VirtualInterface;
  readonly #rates = new SessionRates();
  readonly recorder = new Recorder();
  readonly #pings = new Questions<number | undefined>("pings");
  readonly #speeds = new Questions<SpeedOutcome>("speed tests");
  readonly #traces = new Questions<readonly TracedHop[]>("traces");
  readonly #queue: Input[] = [];
  #membership: Membership;
  #network: NetworkPort | undefined;
  #dataPath: DataPathPort | undefined;
  #failure: HelperError | undefined;
  #resolverWarnings: readonly Warning[] = [];
  #notes: readonly Warning[] = [];
  #interfaceLosses = 0;
  #local = "";
  #localCheckedAt = Number.NEGATIVE_INFINITY;
  /** The newest write of the engine's state; it never rejects. */
  #saving: Promise<void> = Promise.resolve();
  #isStepping = false;
  #isStopped = false;
  #changeCheck: NodeJS.Timeout | undefined;
  #shown = "";
  /** The commands of users, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: AffiliationOptions) {
    const { membership, keys, system, clock, store, log } = options;
    this.#options = options;
    this.#membership = membership;
    this.name = membership.affiliation;
    this.#ownName = membership.name ?? options.hostName;
    this.#identity = system.identity(keys);
    this.#netId = openNetId(system.crypto, this.name);
    const saved = store.saved();
    const nodeOptions: NodeOptions = {
      crypto: system.crypto,
      entropy: system.entropy,
      identity: this.#identity,
      salt: keys.salt,
      affiliation: this.name,
      ...(membership.virtualIp !== null && { virtualIp: membership.virtualIp }),
      subnet: membership.subnet,
      name: this.#ownName,
      ...(membership.site !== null && { site: membership.site }),
      version: options.version,
      speedTests: membership.speedTests ?? true,
      relay: membership.relay ?? true,
      ...(membership.shortcuts !== undefined && { shortcutLimit: membership.shortcuts }),
      transport: membership.transport,
      ...(saved && { saved }),
    };
    this.#engine = options.makeEngine(nodeOptions, clock.now(), clock.wall());
    this.#timer = new EngineTimer(clock, () => this.#step({ kind: "timeout" }));
    this.#resolver = new StartAddressResolver(
      ({ sockets, streams, warnings }) => {
        this.#resolverWarnings = warnings;
        this.#step({ kind: "startAddresses", addresses: sockets, streams });
      },
      system.lookup,
      membership.transport !== "udp",
    );
    this.#interface = new VirtualInterface({ system, store, log, ownInterfaces: options.ownInterfaces });
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** Goes on the ring, and brings the interface up if that is wanted; what keeps the interface down is a warning, no error. */
  connect(dataPath: DataPathPort): Promise<void> {
    return this.#inTurn(async () => {
      await this.#want({ onRing: true });
      this.#failure = undefined;
      this.#dataPath = dataPath;
      this.#network ??= dataPath.addNetwork({
        self: this.#engine.address,
        affiliation: this.name,
        identity: this.#identity,
        netId: this.#netId,
        psk: new Uint8Array(32),
        onInput: (input) => this.#step(input),
        onInterfaceLost: (what) => void this.#inTurn(() => this.#interfaceLost(what)),
      });
      this.#tellLocalAddresses();
      // First, because a node that knows no start address when it connects begins a ring of its own at once.
      this.#resolver.start(this.#membership.startAddresses);
      this.#step({ kind: "connect" });
      await this.#tryInterface();
    });
  }

  /** Leaves the ring, telling the neighbours, and takes the interface away; the membership stays. */
  disconnect(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#want({ onRing: false });
      this.#failure = undefined;
      await this.#goOff();
    });
  }

  /** Throws why the interface cannot come up. Without a lease it comes up as soon as one is granted, which is waited for a while. */
  async up(): Promise<void> {
    await this.#inTurn(async () => {
      if (!this.#network || !this.#membership.onRing) {
        throw new HelperError(
          "NOT_CONNECTED",
          `"${this.name}" is off the ring, so its interface stays down.`,
          `Connect it with: ringway connect "${this.name}".`,
        );
      }
      await this.#want({ interfaceUp: true });
      try {
        await this.#bringUp();
      } finally {
        this.#changed();
      }
    });
    if (await this.#hasIp(LEASE_WITHIN_MS)) await this.#inTurn(() => this.#bringUp());
  }

  down(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#want({ interfaceUp: false });
      await this.#interface.down();
      this.#changed();
    });
  }

  /** The data path cannot be had; the state is `failed` until the next connect. */
  fail(error: HelperError): void {
    this.#failure = error;
    this.#changed();
  }

  /** Warnings about how it was configured, shown until the helper ends. */
  note(warnings: readonly Warning[]): void {
    this.#notes = [...this.#notes, ...warnings];
  }

  /** One overlay round trip in milliseconds; undefined where no answer came in time. */
  ping(peer: RingAddress, timeoutMs: number): Promise<number | undefined> {
    return this.#pings.ask(timeoutMs, undefined, (id) => this.#step({ kind: "ping", id, peer }));
  }

  /** The hops on the way to a peer that answer, nearest first. */
  trace(peer: RingAddress): Promise<readonly TracedHop[]> {
    return this.#traces.ask(TRACE_WITHIN_MS, [], (id) => this.#step({ kind: "trace", id, peer }));
  }

  /** Throws PEER_REFUSED, TIMED_OUT or LIMIT. */
  async speed(peer: RingAddress, seconds: number): Promise<SpeedResult> {
    const outcome = await this.#speeds.ask(1_000 * seconds + SPEED_SLACK_MS, { kind: "silent" }, (id) =>
      this.#step({ kind: "speed", id, peer, seconds }),
    );
    return speedResult(outcome);
  }

  /** Somebody looks at the whole ring. */
  walk(): void {
    this.#step({ kind: "walk" });
  }

  tryDirect(peer: RingAddress): void {
    this.#step({ kind: "tryDirect", peer });
  }

  openShortcut(peer: RingAddress): void {
    this.#step({ kind: "shortcut", peer });
  }

  /** Asks the system what the checks of the doctor need to know. */
  checkup(): {
    overlap: Warning | undefined;
    uplinks: { name: string; mtuBytes: number | null; ipv6: boolean }[];
    lacks: readonly DataPathLack[];
  } {
    const { system, ownInterfaces } = this.#options;
    const own = ownInterfaces();
    const uplinks = new Map<string, { name: string; mtuBytes: number | null; ipv6: boolean }>();
    for (const { interface: name, ip } of system.localIps()) {
      if (own.has(name)) continue;
      const ipv6 = (uplinks.get(name)?.ipv6 ?? true) && ip.includes(":");
      uplinks.set(name, { name, mtuBytes: system.interfaceMtu(name) ?? null, ipv6 });
    }
    let overlap: Warning | undefined;
    try {
      const { subnet, interfaceName } = this.#membership;
      // Another affiliation's interface stands beside ours only where it does not overlap; ours does not count.
      refuseOverlap(subnet, system.usedRanges(), interfaceName, own);
    } catch (error) {
      if (!(error instanceof HelperError)) throw error;
      overlap = error.view();
    }
    return { overlap, uplinks: [...uplinks.values()], lacks: this.#network?.lacks() ?? [] };
  }

  facts(): AffiliationFacts {
    const { clock } = this.#options;
    const now = clock.now();
    const view = this.#engine.view(now, clock.wall());
    const node = this.#failure ? { ...view, state: "failed" as const, reason: this.#failure.text } : view;
    const { fault } = this.#interface;
    return {
      name: this.name,
      ownName: this.#ownName,
      id: Buffer.from(this.#netId).toString("hex"),
      security: "open",
      interface: this.#interface.view(this.#membership),
      interfaceWanted: this.#membership.interfaceUp,
      virtualIp: view.virtualIp,
      subnet: this.#membership.subnet,
      startAddresses: this.#membership.startAddresses,
      node,
      warnings: [...(fault ? [fault] : []), ...view.warnings, ...this.#resolverWarnings, ...this.#notes],
      ratesOf: (slot) => this.#rates.of(now, slot),
    };
  }

  /** About once a second. `slept`: the clock jumped since the last call. */
  tick(slept: boolean): void {
    if (slept) {
      this.#step({ kind: "wake" });
      this.#timer.refresh(this.#engine.wakeBy());
    }
    const { clock } = this.#options;
    const now = clock.now();
    this.recorder.sample(now, clock.wall(), this.#engine.links(now), ({ slot }) => this.#rates.of(now, slot));
    if (!slept && now - this.#localCheckedAt < LOCAL_CHECK_MS) return;
    this.#tellLocalAddresses();
    if (this.#interface.fault && this.#membership.interfaceUp) void this.#inTurn(() => this.#tryInterface());
  }

  /** Leaves the ring and takes everything down; what the user wants stays as it is on disk. */
  async stop(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#goOff();
      this.#isStopped = true;
      for (const done of this.#ipWaiters) done();
      this.#network?.remove();
      this.#network = undefined;
      clearTimeout(this.#changeCheck);
      await this.#saving;
    });
  }

  async #goOff(): Promise<void> {
    this.#resolver.stop();
    this.#resolverWarnings = [];
    await this.#interface.down();
    this.#step({ kind: "disconnect" });
    this.#pings.giveUp();
    this.#traces.giveUp();
    this.#speeds.giveUp();
    this.#changed();
  }

  async #tryInterface(): Promise<void> {
    if (!this.#network || !this.#membership.onRing || !this.#membership.interfaceUp) return;
    // The fault is kept by the interface and shown as a warning.
    await this.#bringUp().catch(() => {});
    this.#changed();
  }

  /** Up with the leased address; before there is one, only whether anything stands in the way. */
  async #bringUp(): Promise<void> {
    if (!this.#network || !this.#membership.onRing || !this.#membership.interfaceUp) return;
    if (this.#virtualIp === undefined) return this.#interface.check(this.#membership);
    await this.#interface.up(this.#network, this.#membership, this.#virtualIp);
  }

  /** The lease was granted, or lost: nothing uses an address that is another's. */
  async #ipChanged(): Promise<void> {
    if (this.#interface.isUp && this.#interface.ip !== this.#virtualIp) await this.#interface.down();
    await this.#tryInterface();
    for (const done of this.#ipWaiters) done();
  }

  /** Whether the lease is granted, at the latest after `withinMs`. */
  #hasIp(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#ipWaiters.delete(done);
        resolve(this.#virtualIp !== undefined);
      };
      const timer = setTimeout(done, withinMs);
      this.#ipWaiters.add(done);
      if (this.#virtualIp !== undefined) done();
    });
  }

  /** Another program took the interface away or made it useless; it is made again, as it is still wanted. */
  async #interfaceLost(what: InterfaceLoss): Promise<void> {
    if (!this.#interface.isUp) return;
    const { interfaceName } = this.#membership;
    this.#interfaceLosses++;
    const warning = interfaceLostWarning(interfaceName, what, this.#interfaceLosses);
    this.#options.log.warn(warning.text);
    this.#notes = [...this.#notes.filter(({ code }) => code !== warning.code), warning];
    await this.#interface.down();
    await this.#tryInterface();
  }

  #step(input: Input): void {
    if (this.#isStopped) return;
    this.#queue.push(input);
    if (this.#isStepping) return; // An effect led to it; it follows when that step is through.
    this.#isStepping = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        const { clock } = this.#options;
        if (next.kind === "traffic") this.#rates.take(clock.now(), next.slot, next.counters);
        this.#carryOut(this.#engine.step(clock.now(), clock.wall(), next));
      }
    } finally {
      this.#isStepping = false;
    }
    this.#timer.set(this.#engine.wakeBy());
    if (this.#options.isWatched()) this.#changeCheck ??= setTimeout(() => this.#checkChange(), CHANGE_CHECK_MS);
  }

  #carryOut(effects: readonly Effect[]): void {
    const forDataPath: Effect[] = [];
    for (const effect of effects) {
      switch (effect.kind) {
        case "save":
          this.#saving = this.#options.store.saveState(effect.state).catch((error: unknown) => {
            this.#options.log.warn(`the state of "${this.name}" was not saved: ${String(error)}`);
          });
          break;
        case "log":
          this.#options.log[effect.level](`${this.name}: ${effect.text}`);
          break;
        case "pong":
          this.#pings.answer(effect.id, effect.rttMs);
          break;
        case "sped":
          this.#speeds.answer(effect.id, effect.outcome);
          break;
        case "traced":
          this.#traces.answer(effect.id, effect.hops);
          break;
        case "virtualIp":
          this.#virtualIp = effect.ip;
          void this.#inTurn(() => this.#ipChanged());
          break;
        case "sessionDrop":
          this.#rates.forget(effect.slot);
          forDataPath.push(effect);
          break;
        default:
          forDataPath.push(effect);
      }
    }
    if (forDataPath.length > 0) this.#network?.apply(forDataPath);
  }

  #tellLocalAddresses(): void {
    this.#localCheckedAt = this.#options.clock.now();
    const dataPath = this.#dataPath;
    if (!dataPath) return;
    const own = this.#options.ownInterfaces();
    const ips = this.#options.system
      .localIps()
      .filter(({ interface: name, ip }) => !own.has(name) && (dataPath.hasIpv6 || !ip.includes(":")))
      .map(({ ip }) => ip)
      .slice(0, LOCAL_ADDRESSES_LIMIT);
    const port = this.#listen(dataPath);
    const addresses = ips.map((ip) => socketAddress(ip, dataPath.port));
    const streams = port === undefined ? [] : ips.map((ip) => socketAddress(ip, port));
    const key = [...addresses, ...streams].join();
    if (key === this.#local) return;
    this.#local = key;
    this.#step({ kind: "localAddresses", addresses, streams });
  }

  /** The port that TCP is listened on; undefined where it is not used, or cannot be listened on: dialling works without. */
  #listen(dataPath: DataPathPort): number | undefined {
    if (this.#membership.transport === "udp") return undefined;
    try {
      return dataPath.listenTcp();
    } catch (error) {
      this.#options.log.warn(`no TCP stream can be accepted: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  /** Tells `onChange` where what others see is not what they saw last; a few times a second at most. */
  #checkChange(): void {
    this.#changeCheck = undefined;
    const { clock } = this.#options;
    const view = this.#engine.view(clock.now(), clock.wall());
    const { state, reason, natKind, peers, warnings, consistent, virtualIp } = view;
    const links = peers.map(({ ringAddress, kinds, path, name, silent }) => [
      ringAddress,
      kinds,
      path?.kind,
      name,
      silent,
    ]);
    const shown = JSON.stringify([state, reason, natKind, consistent, virtualIp, warnings, links]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#changed();
  }

  #changed(): void {
    if (!this.#isStopped) this.#options.onChange();
  }

  async #want(wish: Partial<Membership>): Promise<void> {
    const next = { ...this.#membership, ...wish };
    if (JSON.stringify(next) === JSON.stringify(this.#membership)) return;
    await this.#options.store.saveMembership(next);
    this.#membership = next;
  }

  #inTurn<T>(command: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(command);
    this.#turn = run.catch(() => {}); // The caller hears of it; the next command goes on.
    return run;
  }
}
