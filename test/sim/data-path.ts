/**
 * A model of the Rust data path: carries out the engine's effects, and tells it what the real one would tell.
 *
 * Inputs are handed to `input` while a packet is being handled; whoever owns the engine must queue them and step it
 * afterwards, as the real boundary does.
 */
import type {
  DirectPath,
  Effect,
  Fib,
  Input,
  Instant,
  Path,
  Slot,
  SocketAddress,
  Via,
} from "../../native-helper/overlay/boundary.ts";
import { SHORTCUT_PACKETS, SHORTCUT_WINDOW_MS } from "../../native-helper/overlay/constants.ts";
import { isDirect } from "../../native-helper/overlay/link/peer.ts";
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import type { SimCrypto } from "./crypto.ts";
import { type FibEdge, ForwardingTable } from "./fib.ts";
import { type GateKeys, HandshakeGate } from "./gate.ts";
import { IpLayer } from "./ip-layer.ts";
import { hostOf } from "./nat.ts";
import {
  CTRL_LIMIT_BYTES,
  DATA_BYTES,
  type DataPacket,
  dataSize,
  type Frame,
  type HandshakePacket,
  type IpPacket,
  type Packet,
  PROBE_ACK_BYTES,
  PROBE_BYTES,
  partsOf,
  TRANSIT_BYTES,
  type TransitPacket,
} from "./packets.ts";
import { type Key, newSession, pathText, ReplayWindow, type Session, samePath } from "./sessions.ts";

/** What the data path does itself; the rest of the effects is for the driver. */
export type DataPathEffect = Exclude<Effect, { kind: "pong" | "traced" | "sped" | "save" | "log" }>;

export interface DataPathOptions {
  readonly self: RingAddress;
  readonly crypto: SimCrypto;
  readonly gate: GateKeys;
  now(): Instant;
  /** Puts a datagram on the wire. */
  send(remote: SocketAddress, packet: Packet): void;
  /** Puts a packet into a TCP stream; false where there is none to that end. */
  sendStream(remote: SocketAddress, packet: Packet): boolean;
  openStream(remote: SocketAddress): void;
  closeStream(remote: SocketAddress): void;
  input(input: Input): void;
  deliverIp(packet: IpPacket): void;
  /** Runs something later, unless the node has crashed by then. */
  later(delayMs: number, run: () => void): void;
  /** A rule that must never break was broken. */
  violation(text: string): void;
}

const TRANSIT_TTL = 32;
const TUNNEL_TTL = 1;
const SAY_EACH_MS = 1000;
const NO_ROUTE_SAID_LIMIT = 4096;

/** How a packet came: from the socket, or out of a TRANSIT packet of the session `hop`. */
type Arrival =
  | { readonly kind: "udp" | "tcp"; readonly remote: SocketAddress; readonly outerBytes: number }
  | { readonly kind: "tunnel" | "ring"; readonly hop: Session; readonly src: RingAddress; readonly outerBytes: number };

export class DataPath {
  /** Packets not passed on, by reason. */
  readonly drops = new Map<string, number>();
  readonly #options: DataPathOptions;
  readonly #gate: HandshakeGate;
  readonly #ip = new IpLayer();
  readonly #sessions = new Map<Slot, Session>();
  readonly #byPeer = new Map<RingAddress, Session>();
  readonly #keys = new Map<number, Key>();
  readonly #noRouteSaidAt = new Map<RingAddress, Instant>();
  readonly #moved = new Set<Session>();
  #table: ForwardingTable;

  constructor(options: DataPathOptions) {
    this.#options = options;
    this.#gate = new HandshakeGate(options.crypto, options.gate);
    const empty: Fib = { self: options.self, edges: [], lookahead: [], exact: [], reserved: [] };
    this.#table = new ForwardingTable(empty);
  }

  get table(): ForwardingTable {
    return this.#table;
  }

  get sessions(): ReadonlyMap<Slot, Session> {
    return this.#sessions;
  }

  /** The edge by which a packet for another node goes on; undefined where none is closer and usable. */
  nextHop(dst: RingAddress): FibEdge | undefined {
    return this.#table.nextHop(dst, (edge) => this.#isUsable(edge));
  }

  apply(effect: DataPathEffect): void {
    switch (effect.kind) {
      case "sendHandshake": {
        const packet: HandshakePacket = { kind: "handshake", bytes: effect.packet, sizeBytes: effect.packet.length };
        const { via } = effect;
        if (isDirect(via)) this.#sendDirect(via, packet);
        else if (via.kind === "tunnel") this.#sendTunnel(via.relay, via.peer, packet);
        else this.#originate(via.peer, packet);
        return;
      }
      case "keyAdd":
        this.#addKey(effect);
        return;
      case "keyUse": {
        const session = this.#sessions.get(effect.slot);
        const key = session?.keys.find((candidate) => candidate.indexRx === effect.indexRx);
        if (session === undefined || key === undefined) return this.#misuse(effect);
        session.sendKey = key;
        this.#releaseOutward();
        return;
      }
      case "keyDrop":
        this.#dropKey(effect.slot, effect.indexRx);
        return;
      case "sessionDrop":
        this.#dropSession(effect.slot);
        return;
      case "pathUse": {
        const session = this.#sessions.get(effect.slot);
        if (session === undefined) return this.#misuse(effect);
        session.path = effect.path;
        this.#releaseOutward();
        return;
      }
      case "streamOpen":
        return this.#options.openStream(effect.remote);
      case "streamClose":
        return this.#options.closeStream(effect.remote);
      case "sendCtrl":
        if (effect.bytes.length > CTRL_LIMIT_BYTES) return this.#drop("ctrlTooLong");
        this.#sendFrame(effect.slot, effect.path, { kind: "ctrl", bytes: effect.bytes }, dataSize(effect.bytes.length));
        return;
      case "sendProbe": {
        const around = isDirect(effect.path) ? 0 : TRANSIT_BYTES;
        const sizeBytes = Math.max(PROBE_BYTES, effect.sizeBytes - around);
        this.#sendFrame(effect.slot, effect.path, { kind: "probe", id: effect.id }, { sizeBytes, parts: 1 });
        return;
      }
      case "sendEmpty":
        this.#sendFrame(effect.slot, effect.path, undefined, { sizeBytes: DATA_BYTES, parts: 1 });
        return;
      case "fib":
        this.#table = new ForwardingTable(effect.fib);
        return;
      case "ipMap":
        this.#ip.setMap(effect.entries);
        this.#releaseOutward();
        return;
      case "sources": {
        const session = this.#sessions.get(effect.slot);
        if (session === undefined) return this.#misuse(effect);
        this.#ip.setSources(effect.slot, effect.prefixes);
        for (const packet of this.#ip.releaseInward(effect.slot, this.#options.now())) this.#deliverIp(session, packet);
        return;
      }
    }
  }

  /** A datagram from the socket. */
  receive(remote: SocketAddress, packet: Packet): void {
    this.#accept(packet, { kind: "udp", remote, outerBytes: packet.sizeBytes });
  }

  /** A packet of a TCP stream. */
  receiveStream(remote: SocketAddress, packet: Packet): void {
    this.#accept(packet, { kind: "tcp", remote, outerBytes: packet.sizeBytes });
  }

  /** A packet from the virtual interface. */
  sendIp(packet: IpPacket): void {
    const session = this.#ipSession(packet.dst);
    if (session === undefined) {
      const { held, ask } = this.#ip.holdOutward(packet, this.#options.now());
      if (ask) this.#options.input({ kind: "miss", ip: packet.dst });
      if (!held) this.#drop("ipQueueFull");
      return;
    }
    session.counters.ipTxPackets++;
    this.#ipMoved(session);
    this.#tellThird(session);
    this.#sendFrame(session.slot, undefined, { kind: "ip", ip: packet }, dataSize(packet.sizeBytes));
  }

  // Sending.

  #sendFrame(
    slot: Slot,
    path: Path | undefined,
    frame: Frame | undefined,
    size: { sizeBytes: number; parts: number },
  ): void {
    const session = this.#sessions.get(slot);
    if (session === undefined) return this.#drop("noSession");
    this.#sendData(session, path ?? session.path, frame, size);
  }

  #sendData(
    session: Session,
    path: Path | undefined,
    frame: Frame | undefined,
    { sizeBytes, parts }: { sizeBytes: number; parts: number },
  ): void {
    const key = session.sendKey;
    if (key === undefined) return this.#drop("noSendKey");
    if (path === undefined) return this.#drop("noPath");
    session.counters.txPackets++;
    session.counters.txBytes += sizeBytes;
    const head = {
      kind: "data",
      index: key.indexTx,
      key: key.tx,
      counter: key.nextCounter++,
      sizeBytes,
      parts,
    } as const;
    const packet: DataPacket = frame === undefined ? head : { ...head, frame };
    if (isDirect(path)) this.#sendDirect(path, packet);
    else if (path.kind === "tunnel") this.#sendTunnel(path.relay, session.peer, packet);
    else this.#originate(session.peer, packet);
  }

  #sendDirect(path: DirectPath, packet: Packet): void {
    if (path.kind === "udp") this.#options.send(path.remote, packet);
    else if (!this.#options.sendStream(path.remote, packet)) this.#drop("noStream");
  }

  /** Sends something of our own over the ring. */
  #originate(dst: RingAddress, inner: Packet): void {
    const hop = this.nextHop(dst);
    if (hop === undefined) return this.#drop("noRouteOwn");
    this.#sendOnHop(hop, {
      ttl: TRANSIT_TTL,
      tunnel: false,
      dst,
      src: this.#options.self,
      inner,
      visited: [this.#options.self],
    });
  }

  #sendTunnel(relay: RingAddress, dst: RingAddress, inner: Packet): void {
    const session = this.#sessionOf(relay);
    if (session?.path === undefined || !isDirect(session.path)) return this.#drop("relayNotDirect");
    const visited = [this.#options.self];
    this.#sendTransit(session, session.path, {
      ttl: TUNNEL_TTL,
      tunnel: true,
      dst,
      src: this.#options.self,
      inner,
      visited,
    });
  }

  /** Sends TRANSIT to a neighbour that is usable. */
  #sendOnHop(hop: FibEdge, header: TransitHeader): void {
    const session = this.#sessions.get(hop.slot);
    const path = session?.path;
    if (session === undefined || path === undefined || path.kind === "ring") return this.#drop("hopNotUsable");
    if (isDirect(path)) return this.#sendTransit(session, path, header);
    const packet = this.#transitPacket(session, header);
    if (packet !== undefined) this.#sendTunnel(path.relay, session.peer, packet);
  }

  /** Has a key, and a path that is direct or a tunnel by a direct relay: an edge over the ring is no hop of the ring. */
  #isUsable(edge: FibEdge): boolean {
    const session = this.#sessions.get(edge.slot);
    const path = session?.path;
    if (session?.sendKey === undefined || path === undefined || path.kind === "ring") return false;
    if (isDirect(path)) return true;
    const relay = this.#sessionOf(path.relay);
    return relay?.sendKey !== undefined && relay.path !== undefined && isDirect(relay.path);
  }

  /** The session with a peer: that of its edge, else the newest. */
  #sessionOf(peer: RingAddress): Session | undefined {
    const edge = this.#table.edge(peer);
    return edge === undefined ? this.#byPeer.get(peer) : this.#sessions.get(edge.slot);
  }

  #sendTransit(session: Session, path: DirectPath, header: TransitHeader): void {
    const packet = this.#transitPacket(session, header);
    if (packet !== undefined) this.#sendDirect(path, packet);
  }

  #transitPacket(session: Session, header: TransitHeader): TransitPacket | undefined {
    const key = session.sendKey;
    if (key === undefined) {
      this.#drop("noSendKey");
      return undefined;
    }
    const parts = partsOf(header.inner);
    const sizeBytes = header.inner.sizeBytes + TRANSIT_BYTES * parts;
    session.counters.txPackets++;
    session.counters.txBytes += sizeBytes;
    return {
      ...header,
      kind: "transit",
      index: key.indexTx,
      key: key.tx,
      counter: key.nextCounter++,
      sizeBytes,
      parts,
    };
  }

  // Receiving.

  #accept(packet: Packet, arrival: Arrival): void {
    if (packet.kind === "handshake") return this.#acceptHandshake(packet, arrival);
    const key = this.#keys.get(packet.index);
    if (key === undefined) return this.#drop("unknownIndex");
    if (key.rx !== packet.key) return this.#drop("notAuthentic");
    const isNewest = packet.counter > key.window.highest;
    if (!key.window.accept(packet.counter)) return this.#drop("replay");
    this.#noteArrival(key, packet, arrival, isNewest);
    if (packet.kind === "transit") this.#acceptTransit(key.session, packet, arrival);
    else if (packet.frame !== undefined) this.#acceptFrame(key.session, packet.frame, arrival);
  }

  #noteArrival(key: Key, packet: DataPacket | TransitPacket, arrival: Arrival, isNewest: boolean): void {
    const { session } = key;
    session.counters.rxPackets++;
    session.counters.rxBytes += packet.sizeBytes;
    if (!key.confirmed) {
      key.confirmed = true;
      this.#options.input({ kind: "confirmed", slot: session.slot, indexRx: key.indexRx, path: pathOf(arrival) });
    }
    if (!isNewest) return;
    const path = pathOf(arrival);
    if (session.path !== undefined && samePath(session.path, path)) return;
    const now = this.#options.now();
    const text = pathText(path);
    if (now - (session.newPathSaidAt.get(text) ?? Number.NEGATIVE_INFINITY) < SAY_EACH_MS) return;
    session.newPathSaidAt.set(text, now);
    this.#options.input({ kind: "newPath", slot: session.slot, path });
  }

  #acceptHandshake(packet: HandshakePacket, arrival: Arrival): void {
    const source = "remote" in arrival ? hostOf(arrival.remote) : arrival.hop.slot;
    const refusal = this.#gate.refuse(packet.bytes, source, this.#options.now());
    if (refusal !== undefined) return this.#drop(refusal);
    this.#options.input({ kind: "handshake", via: viaOf(arrival), packet: packet.bytes });
  }

  #acceptFrame(session: Session, frame: Frame, arrival: Arrival): void {
    const { input } = this.#options;
    switch (frame.kind) {
      case "ctrl":
        input({ kind: "ctrl", slot: session.slot, path: pathOf(arrival), bytes: frame.bytes });
        return;
      case "probe": {
        const ack = { kind: "probeAck", id: frame.id, sizeBytes: arrival.outerBytes } as const;
        this.#sendData(session, pathOf(arrival), ack, { sizeBytes: PROBE_ACK_BYTES, parts: 1 });
        return;
      }
      case "probeAck":
        input({
          kind: "probeAck",
          slot: session.slot,
          path: pathOf(arrival),
          id: frame.id,
          sizeBytes: frame.sizeBytes,
        });
        return;
      case "ip":
        if (this.#ip.maySend(session.slot, frame.ip.src)) this.#deliverIp(session, frame.ip);
        else this.#holdInward(session, frame.ip);
        return;
    }
  }

  /** Rules 1 to 6 of "Routing of TRANSIT". */
  #acceptTransit(from: Session, packet: TransitPacket, arrival: Arrival): void {
    const { self } = this.#options;
    const { inner, dst } = packet;
    if (inner.kind === "transit" && (!packet.tunnel || inner.tunnel)) return this.#drop("nestedTransit");
    if (dst === self) {
      const kind = packet.tunnel ? "tunnel" : "ring";
      return this.#accept(inner, { kind, hop: from, src: packet.src, outerBytes: arrival.outerBytes });
    }
    if (packet.ttl === 0) return this.#drop("ttl");
    this.#checkLoop(packet);
    const { tunnel, src, visited } = packet;
    const header: TransitHeader = { ttl: packet.ttl - 1, tunnel, dst, src, inner, visited };
    if (packet.tunnel) {
      const edge = this.#table.edge(dst);
      const to = edge?.direct ? this.#sessions.get(edge.slot) : undefined;
      if (to?.path === undefined || !isDirect(to.path)) return this.#drop("tunnelNotDirect");
      if (!this.#table.isReserved(from.peer, dst)) return this.#drop("tunnelNotReserved");
      to.counters.transitPackets++;
      return this.#sendTransit(to, to.path, header);
    }
    const hop = this.nextHop(dst);
    if (hop === undefined) return this.#sayNoRoute(packet);
    const to = this.#sessions.get(hop.slot);
    if (to !== undefined) to.counters.transitPackets++;
    this.#sendOnHop(hop, header);
  }

  #checkLoop(packet: TransitPacket): void {
    const { self, violation } = this.#options;
    if (packet.visited.includes(self)) {
      violation(`TRANSIT to ${packet.dst} came to ${self} twice: ${[...packet.visited, self].join(" > ")}`);
    }
    if (packet.tunnel && packet.visited.length > 1) violation(`a TUNNEL packet to ${packet.dst} took two relays`);
    packet.visited.push(self);
  }

  #sayNoRoute(packet: TransitPacket): void {
    this.#drop("noRoute");
    const now = this.#options.now();
    if (now - (this.#noRouteSaidAt.get(packet.dst) ?? Number.NEGATIVE_INFINITY) < SAY_EACH_MS) return;
    if (this.#noRouteSaidAt.size >= NO_ROUTE_SAID_LIMIT) this.#noRouteSaidAt.clear();
    this.#noRouteSaidAt.set(packet.dst, now);
    this.#options.input({ kind: "noRoute", src: packet.src, dst: packet.dst });
  }

  // IP.

  #ipSession(ip: string): Session | undefined {
    const slot = this.#ip.slotFor(ip);
    const session = slot === undefined ? undefined : this.#sessions.get(slot);
    return session?.sendKey !== undefined && session.path !== undefined ? session : undefined;
  }

  #releaseOutward(): void {
    const ready = this.#ip.releaseOutward(this.#options.now(), (ip) => this.#ipSession(ip) !== undefined);
    for (const packet of ready) this.sendIp(packet);
  }

  #holdInward(session: Session, packet: IpPacket): void {
    const { held, ask } = this.#ip.holdInward(session.slot, packet, this.#options.now());
    if (ask) this.#options.input({ kind: "unknownSource", slot: session.slot, ip: packet.src });
    if (!held) this.#drop("unknownSource");
  }

  #deliverIp(session: Session, packet: IpPacket): void {
    session.counters.ipRxPackets++;
    this.#ipMoved(session);
    this.#options.deliverIp(packet);
  }

  /** The third packet within 5 s to a peer without a direct path is told at once, once a second. */
  #tellThird(session: Session): void {
    if (session.path !== undefined && isDirect(session.path)) return;
    const now = this.#options.now();
    session.ipSentAt.push(now);
    if (session.ipSentAt.length < SHORTCUT_PACKETS) return;
    const first = session.ipSentAt.shift() ?? now;
    if (now - first >= SHORTCUT_WINDOW_MS || now - session.thirdSaidAt < SAY_EACH_MS) return;
    session.thirdSaidAt = now;
    this.#options.input({ kind: "traffic", slot: session.slot, counters: { ...session.counters } });
  }

  /** Counters are told a second after the first packet, for all sessions at once. */
  #ipMoved(session: Session): void {
    if (session.ipMoved) return;
    session.ipMoved = true;
    this.#moved.add(session);
    if (this.#moved.size > 1) return;
    this.#options.later(SAY_EACH_MS, () => {
      const sessions = [...this.#moved];
      this.#moved.clear();
      for (const moved of sessions) {
        moved.ipMoved = false;
        if (this.#sessions.get(moved.slot) !== moved) continue;
        this.#options.input({ kind: "traffic", slot: moved.slot, counters: { ...moved.counters } });
      }
    });
  }

  // Tables.

  #addKey(effect: Extract<Effect, { kind: "keyAdd" }>): void {
    let session = this.#sessions.get(effect.slot);
    if (session === undefined) {
      session = newSession(effect.slot, effect.peer);
      this.#sessions.set(effect.slot, session);
      this.#byPeer.set(effect.peer, session);
    }
    if (session.peer !== effect.peer || this.#keys.has(effect.indexRx)) return this.#misuse(effect);
    const { tx, rx } = this.#options.crypto.directions(effect.keys);
    const { indexRx, indexTx } = effect;
    const key: Key = {
      session,
      indexRx,
      indexTx,
      tx,
      rx,
      nextCounter: 0,
      window: new ReplayWindow(),
      confirmed: false,
    };
    session.keys.push(key);
    this.#keys.set(indexRx, key);
  }

  #dropKey(slot: Slot, indexRx: number): void {
    const session = this.#sessions.get(slot);
    const at = session?.keys.findIndex((key) => key.indexRx === indexRx) ?? -1;
    if (session === undefined || at < 0) return;
    const [key] = session.keys.splice(at, 1);
    if (session.sendKey === key) session.sendKey = undefined;
    this.#keys.delete(indexRx);
  }

  #dropSession(slot: Slot): void {
    const session = this.#sessions.get(slot);
    if (session === undefined) return;
    for (const key of session.keys) this.#keys.delete(key.indexRx);
    this.#sessions.delete(slot);
    if (this.#byPeer.get(session.peer) === session) this.#byPeer.delete(session.peer);
    this.#ip.dropSources(slot);
  }

  /** The engine asked for something that the boundary does not allow. */
  #misuse(effect: Effect): void {
    const slot = "slot" in effect ? ` for slot ${effect.slot}` : "";
    this.#options.violation(`effect ${effect.kind}${slot} names a session or key that is not there, or is there twice`);
  }

  #drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

type TransitHeader = Pick<TransitPacket, "ttl" | "tunnel" | "dst" | "src" | "inner" | "visited">;

function pathOf(arrival: Arrival): Path {
  if ("remote" in arrival) return { kind: arrival.kind, remote: arrival.remote };
  return arrival.kind === "tunnel" ? { kind: "tunnel", relay: arrival.hop.peer } : { kind: "ring" };
}

function viaOf(arrival: Arrival): Via {
  if ("remote" in arrival) return { kind: arrival.kind, remote: arrival.remote };
  if (arrival.kind === "tunnel") return { kind: "tunnel", relay: arrival.hop.peer, peer: arrival.src };
  return { kind: "ring", peer: arrival.src };
}
