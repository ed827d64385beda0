/** What this node knows of one other node it has, or is making, a session with. */
import type { DirectPath, Instant, Path, Slot, SlotCounters } from "../boundary.ts";
import { HISTORY_ENTRIES, SHORTCUT_IDLE_MS, SHORTCUT_SPARED_MS } from "../constants.ts";
import type { RingAddress } from "../ring/address.ts";
import type { Timer } from "../timers.ts";
import type { Brief, Coord, Desc, EdgeKind, NodeFlags, TransportAddress } from "../wire/types.ts";
import { LinkMeasures } from "./measures.ts";

/** One set of keys; a session has several while they change. */
export interface Key {
  readonly indexRx: number;
  readonly startedBy: "self" | "peer";
  /** Something authentic came under it (or its handshake proves the peer alive). */
  confirmed: boolean;
  usedSince: Instant;
  expiry: Timer | undefined;
}

export interface PathState {
  readonly path: Path;
  readonly id: string;
  state: "candidate" | "validated" | "dead";
  rttMs: number | undefined;
  heardAt: Instant;
  /** Checks sent since the last answer. */
  unanswered: number;
  /** A stream that this node dialled for checks. */
  isDialled: boolean;
}

export interface ListedEdge {
  readonly rttMs: number;
  /** Of its far end on the ring. */
  readonly place: number;
}

export interface HistoryEntry {
  readonly at: number;
  readonly event: string;
  readonly text: string;
}

const NO_FLAGS: NodeFlags = {
  public: false,
  relay: false,
  gateway: false,
  bridge: false,
  nat: "unknown",
  member: false,
};

export class Peer {
  readonly address: RingAddress;
  readonly slot: Slot;
  readonly keys = new Map<number, Key>();
  readonly paths = new Map<string, PathState>();
  /** Kinds for which this node opened the edge, and for which the peer did. */
  readonly ours = new Set<EdgeKind>();
  readonly theirs = new Set<EdgeKind>();
  readonly history: HistoryEntry[] = [];
  /** Members that the peer has edges to, as it told in NEAR; newest last. */
  readonly neighbours = new Map<RingAddress, Brief>();
  /** Members of which this node told the peer, as the peer keeps them, where it said they stand in time, and whose descriptors it sent. */
  told: ReadonlyMap<RingAddress, Coord> | undefined;
  readonly toldDescs = new Set<RingAddress>();
  /** When the edge came up, and when its closing was last proposed. */
  edgeSince: Instant | undefined;
  trimAskedAt = Number.NEGATIVE_INFINITY;
  /** Its place was wanted for another shortcut: idle for a little while is idle enough. */
  gaveRoom = false;
  /** The peer's near and far edges as it told them; `edgeListSeq` undefined: out of step. */
  readonly edgeList = new Map<RingAddress, ListedEdge>();
  edgeListSeq: number | undefined;
  /** Number of the edge list that this node told it last. */
  toldEdges: number | undefined;
  sendKey: Key | undefined;
  active: PathState | undefined;
  /** The path whose life is being asked for, because the peer uses another one. */
  doubted: PathState | undefined;
  desc: Desc | undefined;
  flags: NodeFlags = NO_FLAGS;
  /** Where it stands in time, as it told last. */
  coord: Coord | undefined;
  boot = 0;
  /** log2 of the ring size as the peer estimates it. */
  log2N: number | undefined;
  /** Highest stamp of a confirmed handshake. */
  confirmedStamp = 0;
  /** The peer's own list, local ones included. */
  tas: readonly TransportAddress[] = [];
  nextControlId = 1;
  heardAt: Instant;
  /** Wall time at which the session came up. */
  since: number | undefined;
  srttMs: number | undefined;
  rttVarMs = 0;
  /** Round-trip questions on their way: id and when sent. */
  readonly pingsOut = new Map<number, Instant>();
  measuredAt: Instant;
  /** It is said to have started anew: the session is likely dead, and nothing of others is sent by it. */
  outdated = false;
  readonly measures = new LinkMeasures();
  unansweredPings = 0;
  keepalive: Timer | undefined;
  /** Start of the running attempt to reach it directly; undefined when none runs. */
  punchingSince: Instant | undefined;
  punchTried: { transport: string; to: string; at: number; result: string }[] = [];
  directTries = 0;
  directRetry: Timer | undefined;
  counters: SlotCounters | undefined;
  /** When they were told. */
  countersAt = Number.NEGATIVE_INFINITY;
  lastIpAt: Instant;

  constructor(address: RingAddress, slot: Slot, now: Instant) {
    this.address = address;
    this.slot = slot;
    this.heardAt = now;
    this.measuredAt = now;
    this.lastIpAt = now;
  }

  /** Keys are agreed and this node sends under one of them. */
  get up(): boolean {
    return this.sendKey !== undefined;
  }

  /** Packets go from our socket to the peer's. */
  get direct(): boolean {
    return this.active !== undefined && isDirect(this.active.path);
  }

  /** Direct by datagrams, which no other path betters. */
  get onUdp(): boolean {
    return this.active?.path.kind === "udp";
  }

  get isEdge(): boolean {
    return this.ours.size > 0 || this.theirs.size > 0;
  }

  /** An edge that can carry packets of the ring: direct or by a relay. */
  get live(): boolean {
    return this.up && this.isEdge && this.active !== undefined && this.active.path.kind !== "ring";
  }

  /** This node needs the edge no more for that reason; a live one stays until both ends agree to close it. */
  giveUp(kind: EdgeKind): void {
    const wasLive = this.live;
    if (this.ours.delete(kind) && wasLive && !this.isEdge) this.ours.add("near");
  }

  /** Without packets of programs for so long, traffic is no reason for the edge any more. */
  get idleMs(): number {
    return this.gaveRoom ? SHORTCUT_SPARED_MS : SHORTCUT_IDLE_MS;
  }

  get member(): boolean {
    return this.flags.member;
  }

  /** It has told what it is, and that it carries no tunnels of others. */
  get refusesRelay(): boolean {
    return this.flags.member && !this.flags.relay;
  }

  /** Whether the peer told of an edge to that member. */
  knows(address: RingAddress): boolean {
    return this.edgeList.has(address) || this.neighbours.has(address);
  }

  hasKind(kind: EdgeKind): boolean {
    return this.ours.has(kind) || this.theirs.has(kind);
  }

  /** Takes a round trip into the smoothed one and its variation (RFC 6298). */
  takeRtt(now: Instant, rttMs: number): void {
    this.measures.answered(now, rttMs);
    if (this.srttMs === undefined) {
      this.srttMs = rttMs;
      this.rttVarMs = rttMs / 2;
    } else {
      this.rttVarMs = 0.75 * this.rttVarMs + 0.25 * Math.abs(this.srttMs - rttMs);
      this.srttMs = 0.875 * this.srttMs + 0.125 * rttMs;
    }
  }

  note(at: number, event: string, text: string): void {
    this.history.push({ at, event, text });
    if (this.history.length > HISTORY_ENTRIES) this.history.shift();
  }
}

export function pathId(path: Path): string {
  switch (path.kind) {
    case "udp":
    case "tcp":
      return `${path.kind} ${path.remote}`;
    case "tunnel":
      return `tunnel ${path.relay}`;
    case "ring":
      return "ring";
  }
}

export function isDirect(path: { readonly kind: string }): path is DirectPath {
  return path.kind === "udp" || path.kind === "tcp";
}

/** Lower is better: datagrams on a private network, datagrams, a TCP stream, by a relay, over the ring. */
export function pathRank(path: Path): number {
  switch (path.kind) {
    case "udp":
      return isPrivate(path.remote) ? 0 : 1;
    case "tcp":
      return 2;
    case "tunnel":
      return 3;
    case "ring":
      return 4;
  }
}

const PRIVATE =
  /^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|\[f[cd]|\[fe80)/;

/** RFC 1918, RFC 6598, link-local and unique local addresses. */
export function isPrivate(remote: string): boolean {
  return PRIVATE.test(remote);
}
