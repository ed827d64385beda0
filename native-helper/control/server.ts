/** The helper's control server: typed calls over a local socket, checked against the caller's uid, and snapshots pushed. */
import { createServer, type Server, type Socket } from "node:net";
import { type MessageConnection, ResponseError } from "vscode-jsonrpc/node";
import { versionMismatch } from "../contract/client.ts";
import {
  type CallName,
  CONTRACT_VERSION,
  calls,
  errorView,
  type Handlers,
  HelperError,
  type HelperSnapshot,
  isCallName,
  OPERATING_ERROR,
  parseArgs,
  REQUEST_LIMIT_BYTES,
  SNAPSHOT_NOTIFICATION,
} from "../contract/contract.ts";
import { type Rights, rightsOf } from "./access.ts";
import { messageConnection } from "./framing.ts";
import { type ListenOptions, listenOn } from "./listen.ts";

/** What the server answers from. */
export interface ControlService {
  readonly version: string;
  /** Every call but the two that are the connection's own. */
  readonly handlers: Omit<Handlers, "hello" | "subscribe">;
  /** The present state; the server numbers it. */
  snapshot(): Omit<HelperSnapshot, "seq">;
}

export interface ControlLog {
  info(text: string): void;
  warn(text: string): void;
}

export interface ControlOptions extends ListenOptions {
  readonly service: ControlService;
  /** The uid of the process at the other end, from the kernel; undefined where it does not say. */
  readonly peerUid: (socket: Socket) => number | undefined;
  readonly owners: ReadonlySet<number>;
  readonly log: ControlLog;
  /** Calls wait for it, so that nobody sees a helper that has not found its affiliations yet; absent: at once. */
  readonly ready?: Promise<void>;
  /** For tests: rights by uid, instead of the system's accounts. */
  readonly rights?: (uid: number) => Rights;
}

const CONNECTIONS_LIMIT = 64;
const SNAPSHOT_PERIOD_MS = 1_000;
/** Changes closer together than this share a snapshot. */
const SNAPSHOT_GAP_MS = 100;
/** A subscriber with this much unread gets no snapshot until it has read; it misses numbers, not news. */
const UNREAD_LIMIT_BYTES = 4 * 1024 * 1024;
/** How long a silent caller who may call nothing keeps its place; it needs it to read why. */
const REFUSED_STAYS_MS = 2_000;
/** How long a closing server lets callers read what was replied. */
const CLOSE_GRACE_MS = 300;

interface Caller {
  readonly socket: Socket;
  readonly connection: MessageConnection;
  readonly rights: Rights;
  greeted: boolean;
  subscribed: boolean;
}

export class ControlServer {
  readonly #options: ControlOptions;
  readonly #server: Server;
  readonly #callers = new Set<Caller>();
  #seq = 0;
  #period: NodeJS.Timeout | undefined;
  #pending: NodeJS.Timeout | undefined;
  #lastSentAt = Number.NEGATIVE_INFINITY;

  /** Listens; throws where the socket cannot be had. */
  static async start(options: ControlOptions): Promise<ControlServer> {
    const server = new ControlServer(options);
    await listenOn(server.#server, options);
    return server;
  }

  private constructor(options: ControlOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_LIMIT;
  }

  /** Whether anyone is told of changes. */
  get hasSubscribers(): boolean {
    for (const caller of this.#callers) if (caller.subscribed) return true;
    return false;
  }

  /** How many are connected. */
  get connections(): number {
    return this.#callers.size;
  }

  /** Says that the state changed: subscribers get a snapshot at once, or within the least gap. */
  stateChanged(): void {
    if (this.#pending || !this.hasSubscribers) return;
    const wait = Math.max(0, this.#lastSentAt + SNAPSHOT_GAP_MS - performance.now());
    this.#pending = setTimeout(() => {
      this.#pending = undefined;
      this.#publish();
    }, wait);
  }

  /** Ends all connections and removes the socket file. */
  async close(): Promise<void> {
    clearInterval(this.#period);
    clearTimeout(this.#pending);
    this.#pending = undefined;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { socket } of this.#callers) socket.end(() => socket.destroy());
    const grace = setTimeout(() => {
      for (const { socket } of this.#callers) socket.destroy();
    }, CLOSE_GRACE_MS);
    await closed;
    clearTimeout(grace);
  }

  #accept(socket: Socket): void {
    const uid = this.#options.peerUid(socket);
    const rights =
      uid === undefined ? "none" : (this.#options.rights ?? ((id) => rightsOf(id, this.#options.owners)))(uid);
    if (rights === "none") {
      this.#options.log.warn(`refused a caller with uid ${uid ?? "unknown"}`);
      socket.setTimeout(REFUSED_STAYS_MS, () => socket.destroy());
    }
    const connection = messageConnection(socket, REQUEST_LIMIT_BYTES);
    const caller: Caller = { socket, connection, rights, greeted: false, subscribed: false };
    this.#callers.add(caller);
    socket.on("close", () => {
      this.#callers.delete(caller);
      connection.dispose();
      if (!this.hasSubscribers) this.#stopPeriod();
    });
    connection.onRequest(async (method, params) => {
      try {
        return await this.#call(caller, method, Array.isArray(params) ? params[0] : params);
      } catch (error) {
        if (!(error instanceof HelperError)) this.#options.log.warn(`${method} failed: ${faultText(error)}`);
        const view = errorView(error);
        return new ResponseError(OPERATING_ERROR, view.text, view);
      }
    });
    connection.listen();
  }

  async #call(caller: Caller, method: string, params: unknown): Promise<unknown> {
    if (!isCallName(method)) {
      throw new HelperError(
        "BAD_ARGUMENT",
        `This helper has no call "${method}".`,
        "Install the same version of Ringway on both sides.",
      );
    }
    this.#check(caller, method);
    const parsed = parseArgs(method, params ?? {});
    if (!parsed.ok)
      throw new HelperError("BAD_ARGUMENT", `${parsed.text}.`, "See ringway --help for what the command takes.");
    await this.#options.ready;
    switch (method) {
      case "hello":
        return this.#hello(caller, (parsed.args as { contractVersion: number }).contractVersion);
      case "subscribe":
        return this.#subscribe(caller);
      default: {
        const handler = this.#options.service.handlers[method] as (args: unknown) => Promise<unknown>;
        return handler(parsed.args);
      }
    }
  }

  #check(caller: Caller, method: CallName): void {
    if (caller.rights === "none") {
      throw new HelperError(
        "NOT_ALLOWED",
        "This helper belongs to another account.",
        'Ask an administrator to add you to the group "ringway", or run the command as the user who started the helper.',
      );
    }
    if (calls[method].allowed === "owner" && caller.rights !== "owner") {
      throw new HelperError(
        "NOT_ALLOWED",
        `Members of the group "ringway" may not call ${method}.`,
        "Run the command as root or as the user who started the helper.",
      );
    }
    if (method !== "hello" && !caller.greeted) {
      throw new HelperError(
        "BAD_ARGUMENT",
        `The call "hello" comes before ${method}.`,
        "Install the same version of Ringway on both sides.",
      );
    }
  }

  #hello(caller: Caller, contractVersion: number): unknown {
    const own = { contractVersion: CONTRACT_VERSION, version: this.#options.service.version };
    if (contractVersion !== CONTRACT_VERSION) throw versionMismatch(own, contractVersion);
    caller.greeted = true;
    return { ...own, rights: caller.rights };
  }

  #subscribe(caller: Caller): HelperSnapshot {
    caller.subscribed = true;
    this.#period ??= setInterval(() => this.#publish(), SNAPSHOT_PERIOD_MS);
    return this.#numbered();
  }

  #publish(): void {
    this.#lastSentAt = performance.now();
    if (!this.hasSubscribers) return;
    const snapshot = this.#numbered();
    for (const { subscribed, socket, connection } of this.#callers) {
      if (!subscribed || socket.destroyed || socket.writableLength > UNREAD_LIMIT_BYTES) continue;
      connection.sendNotification(SNAPSHOT_NOTIFICATION, snapshot).catch(() => socket.destroy());
    }
  }

  #numbered(): HelperSnapshot {
    this.#seq += 1;
    return { seq: this.#seq, ...this.#options.service.snapshot() };
  }

  #stopPeriod(): void {
    clearInterval(this.#period);
    this.#period = undefined;
  }
}

function faultText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
