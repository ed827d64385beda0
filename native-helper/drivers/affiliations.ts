/** All affiliations of this helper: joined, left, found again after a restart; they share the UDP sockets. */
import {
  type AffiliationChange,
  type AffiliationSettings,
  HelperError,
  type JoinPreview,
  type Warning,
} from "#contract";
import { Affiliation, type MakeEngine } from "./affiliation.ts";
import type { DataPathPort, HelperLog, SystemPort } from "./affiliation-ports.ts";
import { changedMembership, settingsOf, wantedPort } from "./affiliation-settings.ts";
import { type HelperConfig, MTU_BYTES, OPEN_SUBNET, type ParsedConfig } from "./config-fields.ts";
import { findOverlap } from "./overlap.ts";
import { Refusals } from "./refusals.ts";
import {
  AFFILIATIONS_LIMIT,
  type AffiliationStore,
  type Membership,
  type Ports,
  type StateStore,
} from "./state-store.ts";
import { SleepAwareClock } from "./timer.ts";

export interface AffiliationsOptions {
  readonly store: StateStore;
  readonly system: SystemPort;
  readonly log: HelperLog;
  readonly makeEngine: MakeEngine;
  readonly version: string;
  readonly hostName: string;
  /** Port that the user insists on; undefined: that of the first configuration, of the last run, or any. */
  readonly port?: number;
  /** Name of the interface of the first affiliation that names none. */
  readonly interfaceName?: string;
  readonly onChange: () => void;
  /** Whether anyone listens to `onChange`. */
  readonly isWatched: () => boolean;
  readonly clock?: SleepAwareClock;
}

const TICK_MS = 1_000;
/** Callers that say "woken" more often than this are heard once. */
const WAKE_GAP_MS = 5_000;

export class Affiliations {
  readonly #options: AffiliationsOptions;
  readonly #clock: SleepAwareClock;
  readonly #byName = new Map<string, Affiliation>();
  readonly #ticking: NodeJS.Timeout;
  #dataPath: DataPathPort | undefined;
  readonly #refusals = new Refusals();
  #turn: Promise<unknown> = Promise.resolve();
  /** Read when they are first needed. */
  #ports: Ports | undefined;
  /** The newest write of the port; it never rejects. */
  #savingPort: Promise<void> = Promise.resolve();
  #wokenAt = Number.NEGATIVE_INFINITY;

  constructor(options: AffiliationsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new SleepAwareClock();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  get all(): readonly Affiliation[] {
    return [...this.#byName.values()];
  }

  /** Port of the UDP sockets; null while there are none. */
  get port(): number | null {
    return this.#dataPath?.port ?? null;
  }

  /** What concerns the helper as a whole. */
  get warnings(): readonly Warning[] {
    const { store } = this.#options;
    return [...store.warnings, ...this.#portWarnings(), ...this.#refusals.warnings(this.#clock.now())];
  }

  #portWarnings(): Warning[] {
    const wanted = this.#wantedPort;
    if (wanted === null || this.port === null || this.port === wanted) return [];
    return [
      {
        code: "PORT_NOT_USED",
        text: `The port ${wanted} that is set belongs to another program; ${this.port} is used.`,
        remedy: "End that program and restart the helper, or set another port in Settings.",
      },
    ];
  }

  /** Opens the sockets at once where the user insists on a port; throws PORT_IN_USE. */
  openPort(): void {
    if (this.#options.port !== undefined) this.#openDataPath(this.#options.port);
  }

  /**
   * Goes on where the last run ended, and joins what `file` describes; an affiliation joined before takes over what the
   * file says now. A restored one that cannot connect is in state `failed` and keeps no other from going on.
   */
  start(file?: ParsedConfig): Promise<void> {
    return this.#inTurn(async () => {
      for (const { store, membership: stored } of this.#options.store.memberships()) {
        const isOfFile = file?.config.affiliation === stored.affiliation;
        const membership = isOfFile ? this.#membershipOf(file.config, stored) : stored;
        if (isOfFile) await store.saveMembership(membership);
        const affiliation = await this.#make(store, membership);
        if (!membership.onRing) continue;
        try {
          await affiliation.connect(this.#openDataPath());
        } catch (error) {
          if (!(error instanceof HelperError)) throw error;
          this.#options.log.warn(`"${affiliation.name}" cannot connect: ${error.text}`);
          affiliation.fail(error);
        }
      }
      if (!file) return;
      const restored = this.#byName.get(file.config.affiliation);
      if (restored) this.#noteConfig(restored, file.config, file.warnings);
      else await this.#joinNew(file.config, file.warnings);
    });
  }

  /** Makes the membership and starts to connect. Throws ALREADY_JOINED, LIMIT, PORT_IN_USE; then nothing of it stays behind. */
  join({ config, warnings }: ParsedConfig, { interfaceUp = true } = {}): Promise<Affiliation> {
    return this.#inTurn(async () => {
      if (this.#byName.has(config.affiliation)) {
        throw new HelperError(
          "ALREADY_JOINED",
          `This computer has already joined "${config.affiliation}".`,
          `Connect it with: ringway connect "${config.affiliation}", or leave it first.`,
        );
      }
      return this.#joinNew(config, warnings, interfaceUp);
    });
  }

  /** What `join` would do; changes nothing. */
  preview({ config, warnings }: ParsedConfig): JoinPreview {
    const joined = this.#byName.get(config.affiliation);
    const name = config.interfaceName ?? joined?.membership.interfaceName ?? this.#freeInterfaceName();
    const clash = findOverlap(OPEN_SUBNET, this.#options.system.usedRanges(), name, this.#interfaces());
    return {
      affiliation: config.affiliation,
      security: "open",
      subnet: OPEN_SUBNET,
      virtualIp: config.virtualIp ?? null,
      interface: name,
      transport: config.transport ?? "auto",
      startAddresses: [...config.startAddresses],
      warnings: warnings.map(({ code, text, remedy }) => ({ code, text, remedy })),
      clash: clash
        ? {
            ours: OPEN_SUBNET,
            other: clash.range.cidr,
            owner: clash.range.interface,
            affiliation: clash.affiliation ?? null,
          }
        : null,
      alreadyJoined: joined !== undefined,
    };
  }

  /**
   * Changes settings and gives them all. An affiliation whose settings differ then is built anew with the same keys, and
   * goes back on the ring if it was there.
   */
  configure(affiliation: Affiliation, change: AffiliationChange): Promise<AffiliationSettings> {
    return this.#inTurn(async () => {
      const present = this.#byName.get(affiliation.name);
      if (!present) {
        throw new HelperError("UNKNOWN_AFFILIATION", `This computer left "${affiliation.name}".`, "Join it again.");
      }
      const former = present.membership;
      const others = new Map([...this.#interfaces()].filter(([, name]) => name !== affiliation.name));
      const membership = changedMembership(former, change, others);
      const port = wantedPort(change);
      const moved = port === undefined ? undefined : await this.#prepareMove(port);
      const { store, log, onChange } = this.#options;
      const place = store.affiliation(affiliation.name);
      if (membership !== former) await place.saveMembership(membership);
      if (moved) await this.#move(moved, membership);
      else if (membership !== former) {
        await present.stop();
        const changed = await this.#make(place, membership);
        if (membership.onRing) await changed.connect(this.#openDataPath());
      }
      if (moved || membership !== former) {
        log.info(`"${affiliation.name}" has other settings now`);
        onChange();
      }
      return settingsOf(membership, this.#wantedPort);
    });
  }

  /** Keeps what the user wants of the port, and opens it where the sockets are on another. Throws PORT_IN_USE; then nothing is changed. */
  async #prepareMove(port: number | null): Promise<DataPathPort | undefined> {
    const { store, system, port: insisted } = this.#options;
    if (port === this.#wantedPort) return undefined;
    if (insisted !== undefined) {
      throw new HelperError(
        "BAD_ARGUMENT",
        `The port ${insisted} was given where the helper is started.`,
        "Change it there: the option --port, or the file that --config names.",
      );
    }
    const moved = port === null || port === this.port || !this.#dataPath ? undefined : system.openDataPath(port);
    this.#ports = { last: moved?.port ?? this.#usedPorts.last, wanted: port ?? undefined };
    try {
      await store.savePorts(this.#ports);
    } catch (error) {
      moved?.close();
      throw error;
    }
    return moved;
  }

  /** All affiliations go over to other sockets, the one with new settings among them. */
  async #move(dataPath: DataPathPort, membership: Membership): Promise<void> {
    const { store, log } = this.#options;
    const memberships = this.all.map((each) => (each.name === membership.affiliation ? membership : each.membership));
    await Promise.all(this.all.map((affiliation) => affiliation.stop()));
    this.#dataPath?.close();
    this.#dataPath = dataPath;
    log.info(`UDP socket on port ${dataPath.port}`);
    for (const each of memberships) {
      const made = await this.#make(store.affiliation(each.affiliation), each);
      if (each.onRing) await made.connect(dataPath);
    }
  }

  /** The port that the user wants; null: any. */
  get #wantedPort(): number | null {
    return (this.#options.port ?? this.#usedPorts.wanted) || null;
  }

  get #usedPorts(): Ports {
    this.#ports ??= this.#options.store.ports();
    return this.#ports;
  }

  /** The computer has woken; the clock tells by itself too, but later. */
  wake(): void {
    const now = this.#clock.now();
    if (now - this.#wokenAt < WAKE_GAP_MS) return;
    this.#wokenAt = now;
    for (const affiliation of this.all) affiliation.tick(true);
  }

  async connect(affiliation: Affiliation): Promise<void> {
    await affiliation.connect(this.#openDataPath());
  }

  /** Takes it down and gives up its keys. */
  leave(affiliation: Affiliation): Promise<void> {
    return this.#inTurn(async () => {
      await affiliation.stop();
      this.#byName.delete(affiliation.name);
      await this.#options.store.affiliation(affiliation.name).remove();
      this.#options.log.info(`left "${affiliation.name}"`);
      this.#options.onChange();
    });
  }

  /** Takes everything down, telling the neighbours; memberships stay. */
  stop(): Promise<void> {
    return this.#inTurn(async () => {
      clearInterval(this.#ticking);
      await Promise.allSettled(this.all.map((affiliation) => affiliation.stop()));
      this.#dataPath?.close();
      this.#dataPath = undefined;
      await this.#savingPort;
    });
  }

  async #joinNew(config: HelperConfig, warnings: readonly Warning[], interfaceUp = true): Promise<Affiliation> {
    const { store, log } = this.#options;
    if (this.#byName.size >= AFFILIATIONS_LIMIT) {
      throw new HelperError(
        "LIMIT",
        `A computer joins ${AFFILIATIONS_LIMIT} affiliations at most.`,
        "Leave one first.",
      );
    }
    const dataPath = this.#openDataPath(config.port);
    const membership = { ...this.#membershipOf(config, undefined), interfaceUp };
    const place = store.affiliation(config.affiliation);
    let affiliation: Affiliation | undefined;
    try {
      await place.saveMembership(membership);
      affiliation = await this.#make(place, membership);
      await affiliation.connect(dataPath);
    } catch (error) {
      await affiliation?.stop();
      this.#byName.delete(config.affiliation);
      await place.forgetMembership();
      throw error;
    }
    this.#noteConfig(affiliation, config, warnings);
    log.info(`joined "${affiliation.name}", an open affiliation: whoever knows its name is in`);
    return affiliation;
  }

  #membershipOf(config: HelperConfig, former: Membership | undefined): Membership {
    return {
      version: 1,
      affiliation: config.affiliation,
      subnet: OPEN_SUBNET,
      startAddresses: [...config.startAddresses],
      interfaceName: config.interfaceName ?? former?.interfaceName ?? this.#freeInterfaceName(),
      mtuBytes: config.mtuBytes ?? MTU_BYTES.default,
      virtualIp: config.virtualIp ?? null,
      mac: config.mac ?? null,
      name: config.name ?? null,
      site: config.site ?? null,
      ...(config.speedTests !== undefined && { speedTests: config.speedTests }),
      ...(config.shortcuts !== undefined && { shortcuts: config.shortcuts }),
      ...(config.relay !== undefined && { relay: config.relay }),
      ...(config.dscp !== undefined && { dscp: config.dscp }),
      transport: config.transport ?? "auto",
      onRing: former?.onRing ?? true,
      interfaceUp: former?.interfaceUp ?? true,
    };
  }

  /** The name asked for on the command line, else the first tapN that neither another affiliation nor the system has. */
  #freeInterfaceName(): string {
    const taken = new Set(this.all.map(({ membership }) => membership.interfaceName));
    const { interfaceName, system } = this.#options;
    if (interfaceName !== undefined && !taken.has(interfaceName)) return interfaceName;
    for (let n = 0; ; n++) {
      const name = `tap${n}`;
      if (!taken.has(name) && !system.interfaceExists(name)) return name;
    }
  }

  async #make(store: AffiliationStore, membership: Membership): Promise<Affiliation> {
    const { system, log, makeEngine, version, hostName, onChange, isWatched } = this.#options;
    const affiliation = new Affiliation({
      membership,
      store,
      keys: await store.identity(),
      system,
      clock: this.#clock,
      log,
      makeEngine,
      version,
      hostName,
      onChange,
      isWatched,
      ownInterfaces: () => this.#interfaces(),
    });
    this.#byName.set(affiliation.name, affiliation);
    return affiliation;
  }

  /** The interfaces of this helper, with the names of their affiliations. */
  #interfaces(): ReadonlyMap<string, string> {
    return new Map(this.all.map(({ membership: { interfaceName, affiliation } }) => [interfaceName, affiliation]));
  }

  #noteConfig(affiliation: Affiliation, config: HelperConfig, warnings: readonly Warning[]): void {
    const notes = [...warnings];
    if (config.port && config.port !== this.port) {
      notes.push({
        code: "PORT_NOT_USED",
        text: `The port ${config.port} of the configuration is not used: the helper's socket is on ${this.port}.`,
        remedy: `Restart the helper with --port ${config.port}, or take that port out of the file.`,
      });
    }
    for (const { text, remedy } of notes) this.#options.log.warn(`${text} ${remedy}`);
    affiliation.note(notes);
  }

  /** The sockets of the helper; opened by the first who needs them, on the port that is asked for, was used last, or any. */
  #openDataPath(wanted?: number): DataPathPort {
    if (this.#dataPath) return this.#dataPath;
    const { system, store, port } = this.#options;
    const insisted = port ?? wanted;
    const dataPath = insisted ? system.openDataPath(insisted) : this.#openUsualPort();
    this.#dataPath = dataPath;
    this.#options.log.info(`UDP socket on port ${dataPath.port}`);
    this.#ports = { ...this.#usedPorts, last: dataPath.port };
    this.#savingPort = store.savePorts(this.#ports).catch((error: unknown) => {
      this.#options.log.warn(`the port was not saved: ${String(error)}`);
    });
    return dataPath;
  }

  /** Peers that remember this node look for it on the port of last time; what the user set goes before it. */
  #openUsualPort(): DataPathPort {
    const { system, log } = this.#options;
    const { last, wanted } = this.#usedPorts;
    const port = wanted ?? last;
    if (port === undefined) return system.openDataPath(0);
    try {
      return system.openDataPath(port);
    } catch (error) {
      if (!(error instanceof HelperError) || error.code !== "PORT_IN_USE") throw error;
      log.info(
        `the port ${wanted === undefined ? "of last time, " : "that is set, "}${port}, belongs to another process now`,
      );
      return system.openDataPath(0);
    }
  }

  #tick(): void {
    if (this.#dataPath) this.#refusals.take(this.#clock.now(), this.#dataPath.drops());
    const sleptMs = this.#clock.noticeSleep();
    if (sleptMs > 0) this.#options.log.info(`the computer slept for ${Math.round(sleptMs / 1_000)} s`);
    for (const affiliation of this.all) affiliation.tick(sleptMs > 0);
  }

  #inTurn<T>(command: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(command);
    this.#turn = run.catch(() => {}); // The caller hears of it; the next command goes on.
    return run;
  }
}
