/** One simulated computer: a real engine, the model of its data path, its socket, and what it keeps on disk. */
import type {
  Effect,
  Identity,
  Input,
  Instant,
  LinkSample,
  NodeOptions,
  NodeView,
  Path,
  SavedState,
  SocketAddress,
  TransportChoice,
  Wake,
} from "../../native-helper/overlay/boundary.ts";
import type { Breakable } from "../../native-helper/overlay/debug.ts";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import type { SimCrypto } from "./crypto.ts";
import { DataPath, type DataPathEffect } from "./data-path.ts";
import type { EventQueue } from "./event-queue.ts";
import type { GateKeys } from "./gate.ts";
import type { Network, Socket, Traffic } from "./network.ts";
import type { IpPacket } from "./packets.ts";
import type { SeededEntropy } from "./random.ts";

/** The face of the engine, as `native-helper/overlay/node.ts` has it. */
export interface Engine {
  readonly address: RingAddress;
  step(now: Instant, wall: number, input: Input): Effect[];
  wakeAt(): Wake | undefined;
  view(now: Instant, wall: number): NodeView;
  links(now: Instant): LinkSample[];
  isConnected(): boolean;
}

export type EngineFactory = (options: NodeOptions, now: Instant, wall: number) => Engine;

/** What a host needs of the world around it. */
export interface HostOptions {
  readonly name: string;
  readonly index: number;
  readonly socket: Socket;
  /** A static one; undefined: it is leased. */
  readonly virtualIp: string | undefined;
  readonly affiliation: string;
  readonly subnet: string;
  readonly crypto: SimCrypto;
  readonly identity: Identity;
  readonly salt: Uint8Array;
  readonly psk?: Uint8Array;
  readonly broken?: ReadonlySet<Breakable>;
  readonly entropy: SeededEntropy;
  readonly gate: GateKeys;
  readonly queue: EventQueue;
  readonly network: Network;
  /** Absent: UDP alone. */
  readonly transport?: TransportChoice;
  readonly makeEngine: EngineFactory;
  wall(): number;
  /** Called for everything that goes in and comes out; for traces and checkers. */
  observe(host: Host, event: HostEvent): void;
  violation(text: string): void;
}

export type HostEvent =
  | { readonly kind: "input"; readonly input: Input }
  | { readonly kind: "effect"; readonly effect: Effect }
  | { readonly kind: "ip"; readonly packet: IpPacket };

/** One run of the engine, from start to crash. */
interface Run {
  readonly engine: Engine;
  readonly dataPath: DataPath;
  readonly pending: Input[];
  isStepping: boolean;
  isAsleep: boolean;
  /** When the earliest wake event in the queue is due. */
  wakeSetFor: Instant;
}

/** Steps without the clock moving that no correct engine takes: it asks to be woken for something it does not do. */
const STEPS_AT_ONCE_LIMIT = 10_000;
const VERSION = "0.1.0-sim";
/** Number of ROUTED, and where the type of the message inside it stands. */
const ROUTED = 17;
const ROUTED_TYPE_AT = 58;
/** Added to the type of a message that is counted inside ROUTED. */
export const ROUTED_INSIDE = 256;

export class Host {
  readonly options: HostOptions;
  /** Told to the engine at each start. */
  startAddresses: readonly SocketAddress[];
  /** Set by the first start. */
  address: RingAddress = "" as RingAddress;
  startedAt: Instant | undefined;
  saved: SavedState | undefined;
  /** The virtual IP that its engine lets it use now. */
  virtualIp: string | undefined;
  /** How far this computer's wall clock is ahead of the true time. */
  clockOffsetMs = 0;
  /** CTRL frames sent in all runs, by their type, and by the type inside where they are routed. */
  readonly ctrlSent = new Map<number, Traffic>();
  /** Handshake packets sent in all runs, in LINK not counted. */
  readonly handshakesSent: Traffic = { datagrams: 0, bytes: 0 };
  #run: Run | undefined;
  #runs = 0;
  #lastStepAt: Instant = -1;
  #stepsAtOnce = 0;

  constructor(options: HostOptions, startAddresses: readonly SocketAddress[]) {
    this.options = options;
    this.startAddresses = startAddresses;
  }

  get name(): string {
    return this.options.name;
  }

  get isUp(): boolean {
    return this.#run !== undefined;
  }

  get isAsleep(): boolean {
    return this.#run?.isAsleep ?? false;
  }

  /** Others may count on it, by what it says of itself. */
  get isMember(): boolean {
    return this.#run?.engine.isConnected() ?? false;
  }

  /** The active path of its session with that address; undefined where it has none. */
  pathTo(address: RingAddress): Path | undefined {
    for (const session of this.#run?.dataPath.sessions.values() ?? [])
      if (session.peer === address && session.sendKey !== undefined) return session.path;
    return undefined;
  }

  get dataPath(): DataPath | undefined {
    return this.#run?.dataPath;
  }

  /** Starts the engine and goes on the ring, with what an earlier run saved. */
  start(): void {
    if (this.#run !== undefined) throw new Error(`${this.name} is up already`);
    const { options } = this;
    const { queue, socket } = options;
    const entropy = options.entropy.fork(`run ${this.#runs++}`);
    const engine = options.makeEngine(this.#nodeOptions(entropy), queue.now, this.#wall());
    this.address = engine.address;
    const run: Run = {
      engine,
      dataPath: this.#makeDataPath(engine.address),
      pending: [],
      isStepping: false,
      isAsleep: false,
      wakeSetFor: Number.POSITIVE_INFINITY,
    };
    this.#run = run;
    this.startedAt = queue.now;
    socket.receive = (from, packet) => {
      this.#enter(() => run.dataPath.receive(from, packet));
    };
    const streams = this.#listen(run, socket);
    this.input({ kind: "localAddresses", addresses: [socket.local], streams });
    this.input({ kind: "startAddresses", addresses: this.startAddresses });
    this.input({ kind: "connect" });
  }

  /** Ends without a word to anybody, as a power cut does; what was saved stays. */
  crash(): void {
    this.#run = undefined;
    this.virtualIp = undefined;
    this.options.socket.receive = undefined;
    this.options.network.streams.use(this.options.socket, undefined);
  }

  /** Takes part in TCP where this computer does; what it listens on. */
  #listen(run: Run, socket: Socket): SocketAddress[] {
    const { transport, network } = this.options;
    if (transport === undefined || transport === "udp") return [];
    network.streams.use(socket, {
      receive: (from, packet) => this.#enter(() => run.dataPath.receiveStream(from, packet)),
      closed: (remote, reason) => {
        if (this.#run === run) this.input({ kind: "streamClosed", remote, reason });
      },
    });
    return [socket.local];
  }

  /** Goes off the ring by the user's wish, telling the neighbours, and ends. */
  leave(): void {
    this.input({ kind: "disconnect" });
    this.crash();
  }

  /** The lid is closed: nothing runs, nothing is heard, and the clocks go on. */
  sleep(): void {
    if (this.#run === undefined || this.#run.isAsleep) return;
    this.#run.isAsleep = true;
    this.#run.pending.length = 0;
  }

  wake(): void {
    const run = this.#run;
    if (!run?.isAsleep) return;
    run.isAsleep = false;
    run.wakeSetFor = Number.POSITIVE_INFINITY;
    this.input({ kind: "wake" });
  }

  input(input: Input): void {
    const run = this.#run;
    if (run === undefined || run.isAsleep) return;
    run.pending.push(input);
    this.#enter(() => undefined);
  }

  /** An application on this computer sends an IP packet. */
  sendIp(packet: IpPacket): void {
    this.#enter(() => this.#run?.dataPath.sendIp(packet));
  }

  /** Its sessions, as recorded once a second: far less work than the whole view. */
  links(): LinkSample[] {
    return this.#run?.engine.links(this.options.queue.now) ?? [];
  }

  view(): NodeView | undefined {
    return this.#run?.engine.view(this.options.queue.now, this.#wall());
  }

  #wall(): number {
    return this.options.wall() + this.clockOffsetMs;
  }

  /** Lets the data path work, then steps the engine with all that came of it. */
  #enter(work: () => void): void {
    const run = this.#run;
    if (run === undefined || run.isAsleep) return;
    work();
    if (run.isStepping) return;
    run.isStepping = true;
    for (let input = run.pending.shift(); input !== undefined && this.#run === run; input = run.pending.shift()) {
      this.#step(run, input);
    }
    run.isStepping = false;
    if (this.#run === run) this.#setWake(run);
  }

  #step(run: Run, input: Input): void {
    const { queue, observe } = this.options;
    this.#countSteps(queue.now, input);
    observe(this, { kind: "input", input });
    for (const effect of run.engine.step(queue.now, this.#wall(), input)) {
      observe(this, { kind: "effect", effect });
      if (effect.kind === "save") this.saved = effect.state;
      else if (effect.kind === "virtualIp") this.virtualIp = effect.ip;
      else if (effect.kind !== "pong" && effect.kind !== "traced" && effect.kind !== "sped" && effect.kind !== "log") {
        this.#count(effect);
        run.dataPath.apply(effect);
      }
    }
  }

  #count(effect: DataPathEffect): void {
    if (effect.kind === "sendHandshake") add(this.handshakesSent, effect.packet);
    if (effect.kind !== "sendCtrl") return;
    const { bytes } = effect;
    const outer = bytes[0] as number;
    const type = outer === ROUTED ? ROUTED_INSIDE + (bytes[ROUTED_TYPE_AT] ?? 0) : outer;
    const traffic = this.ctrlSent.get(type) ?? { datagrams: 0, bytes: 0 };
    this.ctrlSent.set(type, traffic);
    add(traffic, bytes);
  }

  #countSteps(now: Instant, input: Input): void {
    if (now !== this.#lastStepAt) this.#stepsAtOnce = 0;
    this.#lastStepAt = now;
    if (++this.#stepsAtOnce < STEPS_AT_ONCE_LIMIT) return;
    const wake = this.#run?.engine.wakeAt();
    throw new Error(
      `${this.name} took ${STEPS_AT_ONCE_LIMIT} steps at ${now} ms; the last input was ${input.kind}, it wants to be woken at ${wake?.at} for ${wake?.reason}`,
    );
  }

  /** One wake event at most is useful; one that comes too early looks again. */
  #setWake(run: Run): void {
    const wake = run.engine.wakeAt();
    if (wake === undefined || wake.at >= run.wakeSetFor) return;
    const { queue } = this.options;
    const due = Math.max(wake.at, queue.now);
    run.wakeSetFor = due;
    queue.at(due, () => {
      if (this.#run !== run || run.wakeSetFor !== due || run.isAsleep) return;
      run.wakeSetFor = Number.POSITIVE_INFINITY;
      const next = run.engine.wakeAt();
      if (next !== undefined && next.at <= queue.now) this.input({ kind: "timeout" });
      else this.#setWake(run);
    });
  }

  #makeDataPath(self: RingAddress): DataPath {
    const { options } = this;
    const path: DataPath = new DataPath({
      self,
      crypto: options.crypto,
      gate: options.gate,
      now: () => options.queue.now,
      send: (remote, packet) => options.network.send(options.socket, remote, packet),
      sendStream: (remote, packet) => options.network.streams.send(options.socket, remote, packet),
      openStream: (remote) => options.network.streams.open(options.socket, remote),
      closeStream: (remote) => options.network.streams.close(options.socket, remote),
      input: (input) => this.#run?.pending.push(input),
      deliverIp: (packet) => options.observe(this, { kind: "ip", packet }),
      later: (delayMs, run) =>
        options.queue.after(delayMs, () => {
          if (this.#run?.dataPath === path) this.#enter(run);
        }),
      violation: (text) => options.violation(`${this.name}: ${text}`),
    });
    return path;
  }

  #nodeOptions(entropy: SeededEntropy): NodeOptions {
    const { options } = this;
    return {
      crypto: options.crypto,
      entropy,
      identity: options.identity,
      salt: options.salt,
      affiliation: options.affiliation,
      subnet: options.subnet,
      name: options.name,
      site: `site ${options.socket.site.number}`,
      version: VERSION,
      ...(options.virtualIp === undefined ? {} : { virtualIp: options.virtualIp }),
      ...(options.transport === undefined ? {} : { transport: options.transport }),
      ...(options.psk === undefined ? {} : { psk: options.psk }),
      ...(options.broken === undefined ? {} : { debug: { broken: options.broken } }),
      ...(this.saved === undefined ? {} : { saved: this.saved }),
    };
  }
}

function add(traffic: Traffic, bytes: Uint8Array): void {
  traffic.datagrams++;
  traffic.bytes += bytes.length;
}
