/** The physical network: sites with or without a NAT box, sockets in them, and datagrams that take time or get lost. */
import type { SocketAddress } from "../../native-helper/overlay/boundary.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Geography } from "./geography.ts";
import { hostOf, type NatBehaviour, NatBox, portOf, SITE_KINDS, type SiteKind } from "./nat.ts";
import { LINK_PAYLOAD_BYTES, type Packet, partsOf } from "./packets.ts";
import type { SeededEntropy } from "./random.ts";
import { Streams } from "./streams.ts";

/** What goes wrong on the way between two sites; odds are for each datagram. */
export interface Faults {
  readonly lossOdds: number;
  readonly duplicateOdds: number;
  /** Uniform extra delay 0..jitterMs; more than the spacing of packets reorders them. */
  readonly jitterMs: number;
  /** Odds of being held back by a further 10 to 60 ms. */
  readonly reorderOdds: number;
}

export const NO_FAULTS: Faults = { lossOdds: 0, duplicateOdds: 0, jitterMs: 0, reorderOdds: 0 };

/** What a socket is known by and what it hears. */
export interface Socket {
  readonly site: Site;
  /** Inside its site. */
  readonly local: SocketAddress;
  /** Datagrams pass only between sockets of equal group: a partition. */
  group: number;
  /** Undefined while nothing listens. */
  receive: ((from: SocketAddress, packet: Packet) => void) | undefined;
  readonly sent: Traffic;
}

export interface Traffic {
  datagrams: number;
  /** UDP payload, without IP and UDP headers. */
  bytes: number;
}

export interface Site {
  readonly number: number;
  readonly kind: SiteKind;
  /** The address seen from outside. */
  readonly ip: string;
  readonly nat: NatBox | undefined;
  readonly sockets: Map<SocketAddress, Socket>;
}

const LAN_DELAY_MS = 0.3;
const HELD_BACK_MS = { least: 10, spread: 50 };

export class Network {
  faults: Faults;
  /** Which sockets hear each other at all; every one unless set. */
  mayReach: ((from: Socket, to: Socket) => boolean) | undefined;
  /** Datagrams that went nowhere, by reason. */
  readonly losses = new Map<string, number>();
  /** TCP over the same ground. */
  readonly streams: Streams;
  readonly #queue: EventQueue;
  readonly #geography: Geography;
  readonly #entropy: SeededEntropy;
  readonly #sites: Site[] = [];
  readonly #byIp = new Map<string, Site>();

  constructor(queue: EventQueue, geography: Geography, entropy: SeededEntropy, faults: Faults) {
    this.#queue = queue;
    this.#geography = geography;
    this.#entropy = entropy;
    this.faults = faults;
    this.streams = new Streams({
      queue,
      entropy: entropy.fork("streams"),
      lossOdds: () => this.faults.lossOdds,
      delayMs: (from, to) =>
        from.site === to.site
          ? LAN_DELAY_MS
          : geography.delayMs(from.site.number, to.site.number) + this.#entropy.fraction() * this.faults.jitterMs,
      listenerAt: (from, remote) => from.site.sockets.get(remote) ?? this.#publicSocket(remote),
    });
  }

  get sites(): readonly Site[] {
    return this.#sites;
  }

  /** `box` instead of the one that the kind names, for all but `public` and `udp-blocked`. */
  addSite(kind: SiteKind, box?: NatBehaviour): Site {
    const number = this.#sites.length;
    const ip = publicIp(number);
    const named = SITE_KINDS[kind];
    const behaviour = typeof named === "string" ? named : (box ?? named);
    const nat =
      typeof behaviour === "string" ? undefined : new NatBox(behaviour, ip, this.#entropy.fork(`nat ${number}`));
    const site: Site = { number, kind, ip, nat, sockets: new Map() };
    this.#sites.push(site);
    this.#byIp.set(ip, site);
    return site;
  }

  /** A public site has one address, so its sockets differ by port; hosts behind a box have an address each. */
  addSocket(site: Site, port: number): Socket {
    const isInside = !isPublic(site);
    const ip = isInside ? `192.168.1.${10 + site.sockets.size}` : site.ip;
    const local = `${ip}:${port}`;
    if (site.sockets.has(local)) throw new Error(`${local} of site ${site.number} is taken: choose another port`);
    const socket: Socket = { site, local, group: 0, receive: undefined, sent: { datagrams: 0, bytes: 0 } };
    site.sockets.set(local, socket);
    return socket;
  }

  send(from: Socket, remote: SocketAddress, packet: Packet): void {
    const parts = partsOf(packet);
    from.sent.datagrams += parts;
    from.sent.bytes += packet.sizeBytes;
    const neighbour = from.site.sockets.get(remote);
    if (neighbour !== undefined) {
      this.#queue.after(LAN_DELAY_MS, () => this.#hand(neighbour, from.local, from, packet));
      return;
    }
    if (blocksUdp(from.site)) return this.#lose("udpBlocked");
    if (parts === 1 && packet.sizeBytes > LINK_PAYLOAD_BYTES) return this.#lose("tooBig");
    const now = this.#queue.now;
    const source = from.site.nat === undefined ? from.local : from.site.nat.outbound(from.local, remote, now);
    if (source === undefined) return this.#lose("natFull");
    const to = this.#byIp.get(hostOf(remote));
    if (to === undefined) return this.#lose("noSuchHost");
    this.#cross(from, source, to, portOf(remote), packet, parts);
  }

  #cross(from: Socket, source: SocketAddress, to: Site, port: number, packet: Packet, parts: number): void {
    const isHairpin = to === from.site;
    if (isHairpin && to.nat?.behaviour.hairpin !== true) return this.#lose("noHairpin");
    const { lossOdds, duplicateOdds } = this.faults;
    for (let part = 0; lossOdds > 0 && part < parts; part++) {
      if (this.#entropy.fraction() < lossOdds) return this.#lose("loss");
    }
    const copies = duplicateOdds > 0 && this.#entropy.fraction() < duplicateOdds ? 2 : 1;
    const base = isHairpin ? LAN_DELAY_MS : this.#geography.delayMs(from.site.number, to.number);
    for (let copy = 0; copy < copies; copy++) {
      this.#queue.after(base + this.#extraDelay(), () => this.#arrive(from, source, to, port, packet));
    }
  }

  #extraDelay(): number {
    const { jitterMs, reorderOdds } = this.faults;
    const jitter = jitterMs > 0 ? this.#entropy.fraction() * jitterMs : 0;
    const isHeldBack = reorderOdds > 0 && this.#entropy.fraction() < reorderOdds;
    return isHeldBack ? jitter + HELD_BACK_MS.least + this.#entropy.fraction() * HELD_BACK_MS.spread : jitter;
  }

  #arrive(from: Socket, source: SocketAddress, to: Site, port: number, packet: Packet): void {
    if (blocksUdp(to)) return this.#lose("udpBlocked");
    const inside = to.nat === undefined ? `${to.ip}:${port}` : to.nat.inbound(port, source, this.#queue.now);
    if (inside === undefined) return this.#lose("filtered");
    const socket = to.sockets.get(inside);
    if (socket === undefined) return this.#lose("noSocket");
    this.#hand(socket, source, from, packet);
  }

  #hand(socket: Socket, source: SocketAddress, from: Socket, packet: Packet): void {
    if (socket.group !== from.group || this.mayReach?.(from, socket) === false) return this.#lose("partition");
    if (socket.receive === undefined) return this.#lose("nobodyListens");
    socket.receive(source, packet);
  }

  /** What answers at an address by itself, without a box in front. */
  #publicSocket(remote: SocketAddress): Socket | undefined {
    const site = this.#byIp.get(hostOf(remote));
    return site !== undefined && isPublic(site) ? site.sockets.get(remote) : undefined;
  }

  #lose(reason: string): void {
    this.losses.set(reason, (this.losses.get(reason) ?? 0) + 1);
  }
}

function isPublic(site: Site): boolean {
  return site.kind === "public" || site.kind === "tcp-only";
}

function blocksUdp(site: Site): boolean {
  return site.kind === "udp-blocked" || site.kind === "tcp-only";
}

/** Addresses that are neither private nor special; neighbours in number differ in their first byte, so in every prefix. */
function publicIp(number: number): string {
  const first = 20 + (number % 70);
  const rest = Math.floor(number / 70);
  return `${first}.${rest % 250}.${Math.floor(rest / 250)}.10`;
}
