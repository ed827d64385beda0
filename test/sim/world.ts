/**
 * A world of simulated computers on one virtual clock: real engines, modelled data paths, NAT boxes and a network with
 * faults. Equal options and calls give equal runs.
 */
import type { Instant, SocketAddress, TransportChoice } from "../../native-helper/overlay/boundary.ts";
import type { Breakable } from "../../native-helper/overlay/debug.ts";
import { Node } from "../../native-helper/overlay/node.ts";
import { checkTables, checkTrim } from "./checks.ts";
import { type SimCrypto, standInCrypto } from "./crypto.ts";
import { EventQueue } from "./event-queue.ts";
import { gateKeys } from "./gate.ts";
import { type Geography, World6 } from "./geography.ts";
import { type EngineFactory, Host, type HostEvent, type HostOptions } from "./host.ts";
import { LeaseChecker } from "./lease-checker.ts";
import type { SiteKind } from "./nat.ts";
import { type Faults, Network, NO_FAULTS, type Site } from "./network.ts";
import { SeededEntropy } from "./random.ts";
import { traceLine } from "./trace.ts";

export interface WorldOptions {
  readonly seed: number;
  /** The stand-in unless given. */
  readonly crypto?: SimCrypto;
  /** Six regions unless given. */
  readonly geography?: Geography;
  readonly faults?: Partial<Faults>;
  /** 32 bytes of a passphrase; none unless given. */
  readonly psk?: Uint8Array;
  /** The command that runs this very world again; a failure prints it. */
  readonly replay?: string;
  /** Gets a line for each thing that goes into or comes out of an engine. */
  readonly trace?: (line: string) => void;
  readonly makeEngine?: EngineFactory;
  /** Faults planted in every engine. */
  readonly broken?: ReadonlySet<Breakable>;
  /** Sees everything that goes into and comes out of an engine. */
  readonly watch?: (host: Host, event: HostEvent) => void;
  /** Subnet of the virtual IPs, `172.16.0.0/16` unless given. */
  readonly subnet?: string;
}

export interface HostSpec {
  /** A new site of this kind unless `site` is given. */
  readonly kind?: SiteKind;
  readonly site?: Site;
  readonly name?: string;
  readonly port?: number;
  readonly startAddresses?: readonly SocketAddress[];
  /** Static; null: it is leased. One that no other host has unless given. */
  readonly virtualIp?: string | null;
  /** UDP alone unless given. */
  readonly transport?: TransportChoice;
}

/** An IP packet and its answer between two hosts. */
export interface Exchange {
  readonly from: Host;
  readonly to: Host;
  readonly sentAt: Instant;
  arrivedAt: Instant | undefined;
  answeredAt: Instant | undefined;
  tries: number;
}

export const AFFILIATION = "condor wow";
export const SUBNET = "172.16.0.0/16";
const PORT = 15_000;
/** 1 November 2026; any time will do, as long as it is after the epoch of stamps. */
const WALL_START_MS = 1_793_491_200_000;
const IP_PACKET_BYTES = 84;
const LOOK_EACH_MS = 100;

export class World {
  readonly seed: number;
  readonly entropy: SeededEntropy;
  readonly crypto: SimCrypto;
  readonly queue = new EventQueue();
  readonly geography: Geography;
  readonly network: Network;
  readonly hosts: Host[] = [];
  readonly #options: WorldOptions;
  readonly #psk: Uint8Array;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #leases: LeaseChecker;
  readonly #delivered = new Set<number>();
  #nextPacket = 1;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.entropy = new SeededEntropy(options.seed, "world");
    this.crypto = options.crypto ?? standInCrypto(this.entropy.fork("handshakes"));
    this.geography = options.geography ?? new World6(options.seed);
    this.#psk = options.psk ?? new Uint8Array(32);
    this.#leases = new LeaseChecker(this);
    this.network = new Network(this.queue, this.geography, this.entropy.fork("network"), {
      ...NO_FAULTS,
      ...options.faults,
    });
  }

  get now(): Instant {
    return this.queue.now;
  }

  /** The true time, Unix ms. */
  get wall(): number {
    return WALL_START_MS + Math.floor(this.queue.now);
  }

  /** The hosts whose engine runs. */
  get up(): Host[] {
    return this.hosts.filter((host) => host.isUp);
  }

  addSite(kind: SiteKind): Site {
    return this.network.addSite(kind);
  }

  /** Adds a computer that is still switched off; `start` switches it on. */
  addHost(spec: HostSpec = {}): Host {
    const index = this.hosts.length;
    const entropy = this.entropy.fork(`host ${index}`);
    const identity = this.crypto.identity(entropy.fork("identity"));
    const socket = this.network.addSocket(spec.site ?? this.addSite(spec.kind ?? "public"), spec.port ?? PORT);
    const options: HostOptions = {
      index,
      name: spec.name ?? `n${index}`,
      socket,
      virtualIp:
        spec.virtualIp === null
          ? undefined
          : (spec.virtualIp ?? `172.16.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`),
      affiliation: AFFILIATION,
      subnet: this.#options.subnet ?? SUBNET,
      crypto: this.crypto,
      identity,
      salt: entropy.fork("salt").bytes(16),
      entropy: entropy.fork("engine"),
      gate: gateKeys(this.crypto, AFFILIATION, this.#psk, identity.xPublic),
      queue: this.queue,
      network: this.network,
      makeEngine: this.#options.makeEngine ?? ((options, now, wall) => new Node(options, now, wall)),
      wall: () => WALL_START_MS + Math.floor(this.queue.now),
      observe: (from, event) => this.#observe(from, event),
      violation: (text) => this.fail(text),
      ...(spec.transport === undefined ? {} : { transport: spec.transport }),
      ...(this.#options.psk === undefined ? {} : { psk: this.#options.psk }),
      ...(this.#options.broken === undefined ? {} : { broken: this.#options.broken }),
    };
    const host = new Host(options, spec.startAddresses ?? []);
    this.hosts.push(host);
    return host;
  }

  /** Lets time pass. */
  run(durationMs: number): void {
    const until = this.queue.now + durationMs;
    while (this.queue.step(until));
    this.queue.advance(until);
  }

  /** Lets time pass until a condition holds, looking each 100 ms; the time it took, or undefined after `withinMs`. */
  runUntil(condition: () => boolean, withinMs: number): number | undefined {
    const start = this.queue.now;
    while (!condition()) {
      if (this.queue.now - start >= withinMs) return undefined;
      this.run(LOOK_EACH_MS);
    }
    return this.queue.now - start;
  }

  /** One IP packet from one host to another, which answers it. */
  sendIp(from: Host, to: Host): Exchange {
    const exchange: Exchange = {
      from,
      to,
      sentAt: this.queue.now,
      arrivedAt: undefined,
      answeredAt: undefined,
      tries: 0,
    };
    this.#send(exchange);
    return exchange;
  }

  /** Exchanges for many pairs at once, each tried again every second; ends when all are answered or time is up. */
  exchangeAll(pairs: readonly (readonly [Host, Host])[], withinMs: number): Exchange[] {
    const exchanges = pairs.map(([from, to]) => this.sendIp(from, to));
    let nextTry = this.queue.now + 1000;
    const isDone = () => {
      if (this.queue.now >= nextTry) {
        nextTry += 1000;
        for (const exchange of exchanges) if (exchange.answeredAt === undefined) this.#send(exchange);
      }
      return exchanges.every((exchange) => exchange.answeredAt !== undefined);
    };
    this.runUntil(isDone, withinMs);
    return exchanges;
  }

  /** Splits the network: hosts of different lists do not hear each other; those in no list stay together. */
  partition(...sides: readonly (readonly Host[])[]): void {
    this.#leases.parted();
    for (const host of this.hosts) host.options.socket.group = sides.findIndex((side) => side.includes(host));
  }

  heal(): void {
    for (const host of this.hosts) host.options.socket.group = 0;
  }

  /** Ends the run with what is wrong, where in the run, and how to see it again. */
  fail(text: string): never {
    const replay = this.#options.replay ?? "the test that made this world";
    throw new Error(`at ${this.queue.now.toFixed(1)} ms, seed ${this.seed}: ${text}\nreplay: ${replay}`);
  }

  #observe(host: Host, event: HostEvent): void {
    const line = this.#options.trace === undefined ? undefined : traceLine(this.queue.now, host, event);
    if (line !== undefined) this.#options.trace?.(line);
    this.#options.watch?.(host, event);
    if (event.kind === "effect" && event.effect.kind === "fib") {
      const fault = checkTables(event.effect.fib);
      if (fault !== undefined) this.fail(`${host.name}: ${fault}`);
    }
    if (event.kind === "effect" && event.effect.kind === "sendCtrl") {
      const fault = checkTrim(event.effect, host);
      if (fault !== undefined) this.fail(`${host.name}: ${fault}`);
    }
    if (event.kind !== "ip") return this.#leases.observe(host, event);
    const { packet } = event;
    const exchange = this.#exchanges.get(packet.id);
    if (exchange === undefined) return;
    if (packet.dst !== host.virtualIp) this.fail(`${host.name} got an IP packet for ${packet.dst}`);
    if (packet.answer) {
      exchange.answeredAt ??= this.queue.now;
      return;
    }
    if (this.#delivered.has(packet.id)) this.fail(`${host.name} got IP packet ${packet.id} twice`);
    this.#delivered.add(packet.id);
    exchange.arrivedAt ??= this.queue.now;
    host.sendIp({ ...packet, src: packet.dst, dst: packet.src, answer: true });
  }

  #send(exchange: Exchange): void {
    const id = this.#nextPacket++;
    exchange.tries++;
    this.#exchanges.set(id, exchange);
    const { from, to } = exchange;
    const { virtualIp: src } = from;
    const { virtualIp: dst } = to;
    // Without an address there is nothing to send from, or nobody to name.
    if (src === undefined || dst === undefined) return;
    from.sendIp({ id, src, dst, sizeBytes: IP_PACKET_BYTES, answer: false });
  }
}
