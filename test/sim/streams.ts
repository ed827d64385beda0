/**
 * TCP between simulated computers: a connection takes a round trip to stand, then carries packets in order and without
 * loss; what the network loses comes later, and what is behind it waits.
 *
 * A stream is dialled out of any site. It is accepted where the address itself is the computer's: on a public site, or
 * inside the dialler's own; a NAT box drops what nobody inside asked for.
 */
import type { Instant, SocketAddress } from "../../native-helper/overlay/boundary.ts";
import type { EventQueue } from "./event-queue.ts";
import { hostOf } from "./nat.ts";
import type { Socket } from "./network.ts";
import type { Packet } from "./packets.ts";
import type { SeededEntropy } from "./random.ts";

/** What the computer at a socket does with streams. */
export interface StreamUser {
  receive(remote: SocketAddress, packet: Packet): void;
  closed(remote: SocketAddress, reason: string): void;
}

/** What streams need of the network around them. */
export interface StreamGround {
  readonly queue: EventQueue;
  readonly entropy: SeededEntropy;
  lossOdds(): number;
  /** One way, with this packet's jitter. */
  delayMs(from: Socket, to: Socket): number;
  /** The socket that listens at an address, as seen from a site; undefined where packets for it go nowhere. */
  listenerAt(from: Socket, remote: SocketAddress): Socket | undefined;
}

interface End {
  readonly socket: Socket;
  /** What the other end looks like from here. */
  readonly remote: SocketAddress;
  /** When the last packet from here arrives there; none overtakes another. */
  lastArrival: Instant;
  isOpen: boolean;
}

interface Connection {
  readonly dialler: End;
  readonly listener: End;
  /** The listener has taken it. */
  isAccepted: boolean;
}

/** The first byte of a stream is worth nothing to anybody before it stands: a dialler gives up after so long. */
const CONNECT_MS = 10_000;
const SYN_AGAIN_MS = 1_000;
/** The least time after which TCP sends again what no later packet shows to be lost (RFC 6298 asks for 1 s, Linux takes 200 ms). */
const RESEND_LEAST_MS = 200;
/** What cannot be delivered for so long ends the stream at its sender. */
const STALL_MS = 30_000;
const STALL_STEP_MS = 1_000;
const FIRST_EPHEMERAL = 32_768;

export class Streams {
  readonly #ground: StreamGround;
  readonly #users = new Map<Socket, StreamUser>();
  readonly #connections = new Map<Socket, Map<SocketAddress, Connection>>();
  /** Packets sent before the connection stands. */
  readonly #waiting = new Map<Connection, Packet[]>();
  #nextPort = FIRST_EPHEMERAL;
  /** Connections that came about. */
  opened = 0;

  constructor(ground: StreamGround) {
    this.#ground = ground;
  }

  /** From now on the computer at this socket takes part; undefined: it is off, without a word to anybody. */
  use(socket: Socket, user: StreamUser | undefined): void {
    if (user !== undefined) {
      this.#users.set(socket, user);
      return;
    }
    this.#users.delete(socket);
    this.#connections.delete(socket);
  }

  open(socket: Socket, remote: SocketAddress): void {
    if (this.#connections.get(socket)?.has(remote)) return;
    const { queue } = this.#ground;
    const target = this.#ground.listenerAt(socket, remote);
    const source = `${sourceHost(socket, target)}:${this.#ephemeralPort()}`;
    const dialler: End = { socket, remote, lastArrival: 0, isOpen: true };
    const listener: End = { socket: target ?? socket, remote: source, lastArrival: 0, isOpen: false };
    const connection: Connection = { dialler, listener, isAccepted: false };
    this.#table(socket).set(remote, connection);
    queue.after(CONNECT_MS, () => {
      if (!connection.isAccepted) this.#end(connection, dialler, "timeout");
    });
    if (target === undefined) return;
    // Until the SYN arrives nothing does; the answer comes back with what the queue then holds.
    this.#reach(connection, dialler, target, SYN_AGAIN_MS, () => {
      if (!dialler.isOpen) return;
      if (!this.#users.has(target)) {
        queue.after(this.#ground.delayMs(target, socket), () => this.#end(connection, dialler, "refused"));
        return;
      }
      connection.isAccepted = true;
      listener.isOpen = true;
      this.opened++;
      this.#table(target).set(source, connection);
      const standsAt = queue.now + this.#ground.delayMs(target, socket);
      dialler.lastArrival = Math.max(dialler.lastArrival, standsAt);
      const waiting = this.#waiting.get(connection) ?? [];
      this.#waiting.delete(connection);
      queue.at(standsAt, () => {
        for (const packet of waiting) this.#carry(connection, dialler, listener, packet);
      });
    });
  }

  /** False where there is no such stream. */
  send(socket: Socket, remote: SocketAddress, packet: Packet): boolean {
    const connection = this.#connections.get(socket)?.get(remote);
    if (connection === undefined) return false;
    const [from, to] = endsFrom(connection, socket, remote);
    socket.sent.datagrams++;
    socket.sent.bytes += packet.sizeBytes;
    if (!connection.isAccepted) {
      const waiting = this.#waiting.get(connection) ?? [];
      waiting.push(packet);
      this.#waiting.set(connection, waiting);
    } else this.#carry(connection, from, to, packet);
    return true;
  }

  close(socket: Socket, remote: SocketAddress): void {
    const connection = this.#connections.get(socket)?.get(remote);
    if (connection === undefined) return;
    const [from, to] = endsFrom(connection, socket, remote);
    this.#forget(from);
    if (!connection.isAccepted) return;
    // The end follows what was sent before.
    const arrives = Math.max(from.lastArrival, this.#ground.queue.now + this.#ground.delayMs(from.socket, to.socket));
    this.#ground.queue.at(arrives, () => this.#end(connection, to, "closed"));
  }

  /** A box in between forgets the stream: both ends hear of it. */
  cut(socket: Socket, remote: SocketAddress): void {
    const connection = this.#connections.get(socket)?.get(remote);
    if (connection === undefined) return;
    this.#end(connection, connection.dialler, "reset");
    this.#end(connection, connection.listener, "reset");
  }

  #carry(connection: Connection, from: End, to: End, packet: Packet): void {
    this.#reach(connection, from, to.socket, RESEND_LEAST_MS, () => {
      const user = this.#users.get(to.socket);
      if (user === undefined) return; // Switched off: nobody says so.
      if (to.isOpen && this.#connections.get(to.socket)?.get(to.remote) === connection) {
        user.receive(to.remote, packet);
        return;
      }
      // A computer that started anew knows nothing of the stream.
      const { queue } = this.#ground;
      queue.after(this.#ground.delayMs(to.socket, from.socket), () => this.#end(connection, from, "reset"));
    });
  }

  /** Lets something arrive in its turn, however often it must be sent; a stream that is cut for long ends at the sender. */
  #reach(connection: Connection, from: End, to: Socket, againMs: number, then: () => void, since?: Instant): void {
    const { queue, entropy } = this.#ground;
    const begun = since ?? queue.now;
    if (from.socket.group !== to.group) {
      if (queue.now - begun >= STALL_MS) return this.#end(connection, from, "timeout");
      queue.after(STALL_STEP_MS, () => {
        if (from.isOpen) this.#reach(connection, from, to, againMs, then, begun);
      });
      return;
    }
    const oneWay = this.#ground.delayMs(from.socket, to);
    let lateMs = 0;
    for (let wait = Math.max(againMs, 2 * oneWay); entropy.fraction() < this.#ground.lossOdds(); wait *= 2) {
      lateMs += wait;
      if (lateMs >= STALL_MS) {
        queue.after(lateMs, () => this.#end(connection, from, "timeout"));
        return;
      }
    }
    from.lastArrival = Math.max(from.lastArrival, queue.now + oneWay + lateMs);
    queue.at(from.lastArrival, then);
  }

  #end(connection: Connection, end: End, reason: string): void {
    if (!end.isOpen || this.#connections.get(end.socket)?.get(end.remote) !== connection) return;
    this.#forget(end);
    this.#waiting.delete(connection);
    this.#users.get(end.socket)?.closed(end.remote, reason);
  }

  #forget(end: End): void {
    end.isOpen = false;
    this.#connections.get(end.socket)?.delete(end.remote);
  }

  #table(socket: Socket): Map<SocketAddress, Connection> {
    let table = this.#connections.get(socket);
    if (table === undefined) {
      table = new Map();
      this.#connections.set(socket, table);
    }
    return table;
  }

  #ephemeralPort(): number {
    const port = this.#nextPort;
    this.#nextPort = port === 65_535 ? FIRST_EPHEMERAL : port + 1;
    return port;
  }
}

function endsFrom(connection: Connection, socket: Socket, remote: SocketAddress): [from: End, to: End] {
  const { dialler, listener } = connection;
  return dialler.socket === socket && dialler.remote === remote ? [dialler, listener] : [listener, dialler];
}

/** The address that the listener sees: that of the site, or of the computer where both are inside one. */
function sourceHost(from: Socket, to: Socket | undefined): string {
  return to !== undefined && to.site === from.site ? hostOf(from.local) : from.site.ip;
}
