/** What other nodes say about our own address, and the NAT class that follows (docs/protocol.md, "NAT class"). */
import type { NatKind, SocketAddress } from "../boundary.ts";
import type { Core } from "../core.ts";
import { formatTa, socketOf, taFromSocket } from "../wire/transport-address.ts";
import type { TransportAddress } from "../wire/types.ts";
import { isPrivate } from "./peer.ts";
import { StreamReach } from "./stream-reach.ts";

interface Report {
  readonly seen: SocketAddress;
  readonly reporter: SocketAddress;
  readonly at: number;
}

const REPORTERS_FOR_CLASS = 3;
const REPORTERS_FOR_ADDRESS = 2;
const REPORTS_LIMIT = 64;
const REPORT_LIFE_MS = 600_000;
const SEQUENTIAL_STEP = 16;

export class Nat {
  readonly #core: Core;
  readonly #changed: () => void;
  /** Newest report by network of the reporter (/24 or /48). */
  readonly #reports = new Map<string, Report>();
  /** What TCP tells, kept apart. */
  readonly streams: StreamReach;
  #local: readonly SocketAddress[] = [];
  #learned: readonly SocketAddress[] = [];
  #reachedUnasked = false;

  constructor(core: Core, changed: () => void) {
    this.#core = core;
    this.#changed = changed;
    this.streams = new StreamReach(core, () => this.#judge());
  }

  get localAddresses(): readonly SocketAddress[] {
    return this.#local;
  }

  get learnedAddresses(): readonly SocketAddress[] {
    return this.#learned;
  }

  setLocal(addresses: readonly SocketAddress[], streams: readonly SocketAddress[]): void {
    const isSame = !this.streams.setListening(streams);
    if (isSame && addresses.join() === this.#local.join()) return;
    const had = this.#local.length > 0;
    this.#local = [...addresses];
    // Another network: what was learned on the old one says nothing.
    if (had) this.#reports.clear();
    this.#judge();
  }

  /** `reporter` saw our packets come from `seen`. */
  observed(reporter: SocketAddress, seen: TransportAddress): void {
    this.streams.observed(networkOf(reporter), seen);
    const socket = socketOf(seen);
    if (!socket || (seen.kind !== "udp4" && seen.kind !== "udp6")) return;
    const network = networkOf(reporter);
    const before = this.#reports.get(network);
    this.#reports.delete(network);
    this.#reports.set(network, { seen: socket, reporter, at: this.#core.now });
    if (this.#reports.size > REPORTS_LIMIT) {
      const oldest = this.#reports.keys().next().value;
      if (oldest !== undefined) this.#reports.delete(oldest);
    }
    if (before?.seen !== socket) this.#judge();
  }

  /** A node that we never sent to reached our socket. */
  reachedUnasked(): void {
    if (this.#reachedUnasked) return;
    this.#reachedUnasked = true;
    this.#judge();
  }

  clear(): void {
    this.#reports.clear();
    this.#learned = [];
    this.#reachedUnasked = false;
    this.streams.clear();
    this.#core.natKind = "unknown";
    this.#core.publicTas = [];
  }

  #judge(): void {
    const core = this.#core;
    for (const [network, report] of this.#reports)
      if (core.now - report.at > REPORT_LIFE_MS) this.#reports.delete(network);
    let reports = [...this.#reports.values()];
    // A neighbour on the same private network sees nothing of the NAT in front of both.
    const outside = reports.filter((report) => !isPrivate(report.reporter));
    if (outside.length > 0) reports = outside;
    const votes = new Map<SocketAddress, number>();
    for (const report of reports) votes.set(report.seen, (votes.get(report.seen) ?? 0) + 1);
    const ranked = [...votes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const agreed = ranked.filter(([, count]) => count >= REPORTERS_FOR_ADDRESS).map(([socket]) => socket);
    const kind = this.streams.classWith(this.#classOf(reports, agreed));
    const learned = agreed.length > 0 ? agreed : ranked.slice(0, 2).map(([socket]) => socket);
    const listed = core.publicTas.map(formatTa).join();
    const isSame = kind === core.natKind && learned.join() === this.#learned.join();
    this.#learned = learned;
    core.natKind = kind;
    const ownUdp = core.usesUdp ? this.#local.flatMap((socket) => tasOf(socket, "local")) : [];
    let udp = learned
      .filter((socket) => !this.#local.includes(socket) || !isPrivate(socket))
      .flatMap((socket) => tasOf(socket, "learned"));
    if (udp.length === 0) udp = ownUdp.filter((ta) => !isPrivate(socketOf(ta) ?? ""));
    core.localTas = [...ownUdp, ...this.streams.localTas()];
    core.publicTas = [...udp, ...this.streams.publicTas()];
    if (isSame && listed === core.publicTas.map(formatTa).join()) return;
    core.descChanged();
    this.#changed();
  }

  #classOf(reports: readonly Report[], agreed: readonly SocketAddress[]): NatKind {
    if (agreed.some((socket) => this.#local.includes(socket))) return "public";
    if (this.#reachedUnasked && reports.some((report) => this.#local.includes(report.seen))) return "public";
    if (reports.length < REPORTERS_FOR_CLASS) return "unknown";
    const ports = reports.map((report) => Number(report.seen.slice(report.seen.lastIndexOf(":") + 1)));
    if (new Set(reports.map((report) => report.seen)).size === 1) return "eim";
    // A mapping that was made anew in between leaves one odd report behind.
    if (
      agreed.length > 0 &&
      reports.length - countOf(reports, agreed[0] as string) <= 1 &&
      reports.length > REPORTERS_FOR_CLASS
    )
      return "eim";
    const steps = ports
      .slice(1)
      .map((port, place) => Math.abs(port - (ports[place] as number)))
      .sort((a, b) => a - b);
    return (steps[steps.length >> 1] ?? Number.POSITIVE_INFINITY) <= SEQUENTIAL_STEP ? "edm-seq" : "edm-random";
  }
}

function countOf(reports: readonly Report[], socket: SocketAddress): number {
  return reports.filter((report) => report.seen === socket).length;
}

function tasOf(socket: SocketAddress, origin: "local" | "learned"): TransportAddress[] {
  const ta = taFromSocket(socket, origin);
  return ta ? [ta] : [];
}

/** `1.2.3.0/24` or the first three groups of an IPv6 address: reporters of one network count once. */
function networkOf(socket: SocketAddress): string {
  const host = socket.slice(0, socket.lastIndexOf(":"));
  if (host.startsWith("[")) return host.slice(1, -1).split(":").slice(0, 3).join(":");
  return host.split(".").slice(0, 3).join(".");
}
