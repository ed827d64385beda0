/**
 * What is known of this node's reach beside UDP: where its TCP listener can be reached, and whether its network lets UDP
 * through at all (docs/protocol.md, "NAT class").
 *
 * A report by TCP tells an address only: the port of a dialled stream says nothing about where this node listens, and
 * nothing about what a NAT does with UDP.
 */
import type { NatKind, SocketAddress } from "../boundary.ts";
import type { Core } from "../core.ts";
import { parseIp } from "../wire/ip.ts";
import { splitSocket, taFromSocket } from "../wire/transport-address.ts";
import type { TransportAddress } from "../wire/types.ts";
import { isPrivate } from "./peer.ts";

/** UDP is taken for blocked when so many addresses that should answer have not for so long while TCP works. */
const ASKED_FOR_BLOCKED = 3;
const ASKED_FOR_MS = 5_000;
const ASKED_LIMIT = 64;
const REPORTERS_FOR_CLASS = 3;
const REPORTS_LIMIT = 64;
const REPORT_LIFE_MS = 600_000;

export class StreamReach {
  readonly #core: Core;
  readonly #changed: () => void;
  /** Addresses of ours as others saw them by TCP, by the network of the reporter. */
  readonly #reports = new Map<string, { host: string; at: number }>();
  /** Addresses asked by UDP that should answer, and when first; empty once anything came by UDP. */
  readonly #asked = new Map<SocketAddress, number>();
  #listening: readonly SocketAddress[] = [];
  #hasHeardUdp = false;
  #hasHeardTcp = false;
  #isBlocked = false;
  #wasReached = false;

  constructor(core: Core, changed: () => void) {
    this.#core = core;
    this.#changed = changed;
  }

  get udpBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Sockets that this node listens on for streams. */
  get listening(): readonly SocketAddress[] {
    return this.#listening;
  }

  /** True where they changed. */
  setListening(sockets: readonly SocketAddress[]): boolean {
    if (sockets.join() === this.#listening.join()) return false;
    if (this.#listening.length > 0) this.clear();
    this.#listening = this.#core.usesTcp ? [...sockets] : [];
    return true;
  }

  /** `network` (of the reporter) saw a stream of ours come from, or go to, that address. */
  observed(network: string, seen: TransportAddress): void {
    if (seen.kind !== "tcp4" && seen.kind !== "tcp6") return;
    const before = this.#reports.get(network);
    this.#reports.delete(network);
    this.#reports.set(network, { host: seen.host, at: this.#core.now });
    if (this.#reports.size > REPORTS_LIMIT) {
      const oldest = this.#reports.keys().next().value;
      if (oldest !== undefined) this.#reports.delete(oldest);
    }
    if (before?.host !== seen.host) this.#changed();
  }

  /** Somebody dialled our listener. */
  reachedUnasked(): void {
    if (this.#wasReached) return;
    this.#wasReached = true;
    this.#changed();
  }

  /** A session came up by TCP. */
  heardTcp(): void {
    this.#hasHeardTcp = true;
    this.#judgeUdp();
  }

  /** Something authentic, or a handshake, came by UDP. */
  heardUdp(): void {
    if (this.#hasHeardUdp) return;
    this.#hasHeardUdp = true;
    this.#asked.clear();
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#changed();
  }

  /** Packets go by UDP to an address that answers wherever UDP passes. */
  askedByUdp(remote: SocketAddress): void {
    if (this.#hasHeardUdp || this.#core.transport !== "auto") return;
    if (this.#asked.has(remote) || this.#asked.size >= ASKED_LIMIT) return;
    this.#asked.set(remote, this.#core.now);
    this.#core.after(ASKED_FOR_MS, "is UDP blocked", () => this.#judgeUdp());
  }

  clear(): void {
    this.#reports.clear();
    this.#asked.clear();
    this.#hasHeardUdp = false;
    this.#hasHeardTcp = false;
    this.#isBlocked = false;
    this.#wasReached = false;
  }

  /** The class of this node, where `udp` is what UDP alone says. */
  classWith(udp: NatKind): NatKind {
    if (this.#core.transport !== "tcp") return this.#isBlocked ? "udp-blocked" : udp;
    const hosts = this.#reportedHosts();
    const isOwn = this.#listening.some((socket) => hosts.includes(hostOf(socket)));
    if (isOwn && (hosts.length >= 2 || this.#wasReached)) return "public";
    return hosts.length >= REPORTERS_FOR_CLASS ? "udp-blocked" : "unknown";
  }

  /** Where others reach the listener: its addresses that are public by their form, unless others see another one. */
  publicTas(): TransportAddress[] {
    const hosts = this.#reportedHosts();
    return this.#listening
      .filter((socket) => !isPrivate(socket) && (hosts.length === 0 || hosts.includes(hostOf(socket))))
      .map((socket) => taFromSocket(socket, "learned", "tcp"));
  }

  localTas(): TransportAddress[] {
    return this.#listening.map((socket) => taFromSocket(socket, "local", "tcp"));
  }

  /** Whether an address of a private network is one that this computer is on (by /24, or /64). */
  isOnOwnNetwork(remote: SocketAddress, ownSockets: readonly SocketAddress[]): boolean {
    const there = networkBytes(remote);
    return there !== undefined && [...ownSockets, ...this.#listening].some((own) => networkBytes(own) === there);
  }

  #reportedHosts(): string[] {
    const { now } = this.#core;
    return [...this.#reports.values()].filter(({ at }) => now - at <= REPORT_LIFE_MS).map(({ host }) => host);
  }

  #judgeUdp(): void {
    if (this.#isBlocked || this.#hasHeardUdp || !this.#hasHeardTcp) return;
    const { now } = this.#core;
    const silent = [...this.#asked.values()].filter((at) => now - at >= ASKED_FOR_MS).length;
    if (silent < ASKED_FOR_BLOCKED) return;
    this.#isBlocked = true;
    this.#changed();
  }
}

function hostOf(socket: SocketAddress): string {
  const host = socket.slice(0, socket.lastIndexOf(":"));
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

/** The first 3 bytes of an IPv4 address, the first 8 of an IPv6 one, as text. */
function networkBytes(socket: SocketAddress): string | undefined {
  const ip = splitSocket(socket)?.ip ?? parseIp(socket);
  return ip?.subarray(0, ip.length === 4 ? 3 : 8).join();
}
