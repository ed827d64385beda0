/**
 * The paths of each session: checking them, choosing the active one, punching through NATs, keeping them alive and
 * finding out that a peer is gone (docs/protocol.md, "Paths", "Keep-alive and failure").
 */
import type { Path, SocketAddress } from "../boundary.ts";
import {
  DIRECT_RETRY_MS,
  PATHS_PER_SESSION,
  PING_FAR_MS,
  PING_JITTER,
  PING_NEAR_MS,
  PROBE_GAP_LEAST_MS,
  PROBE_GAP_MS,
  PROBES_TO_DEAD,
  PUNCH_PACE_MS,
  PUNCH_PAIRS,
  PUNCH_ROUNDS_MS,
  SESSION_IDLE_MS,
  STANDBY_PROBE_MS,
  TCP_AFTER_MS,
  TCP_CANDIDATES,
  TCP_SECOND_DIALLER_MS,
  UDP_RECHECK_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import { parseIp, samePrefix } from "../wire/ip.ts";
import { socketOf, streamSocketOf, taFromSocket } from "../wire/transport-address.ts";
import type { MessageOf, TransportAddress } from "../wire/types.ts";
import type { Control } from "./control.ts";
import type { Nat } from "./nat.ts";
import { isDirect, isPrivate, type PathState, type Peer, pathId, pathRank } from "./peer.ts";

export interface PathHooks {
  /** The active path changed, or there is none any more. */
  pathChanged(peer: Peer): void;
  /** Nothing answers by any path. */
  dead(peer: Peer, reason: string): void;
  /** The peer told what address it saw us come from. */
  observed(by: Peer, reporter: SocketAddress, own: TransportAddress): void;
  /** An attempt to reach the peer directly ended without success, or a better path may be found later. */
  punchFailed(peer: Peer): void;
  isNear(peer: Peer): boolean;
  /** Members of the ring as this node alone sees it. */
  ownEstimate(): number;
  edges(): Iterable<Peer>;
  /** Whether a link or a wish for one, of either end, is a reason for a direct path, or there is room for another. */
  mayBeDirect(peer: Peer): boolean;
}

interface Probe {
  readonly peer: Peer;
  readonly path: PathState;
  readonly sentAt: number;
}

/** Keep-alives of several peers that are due within this time go out at once. */
const KEEP_ALIVE_SLACK_MS = 1_000;
const PROBES_LIMIT = 4_096;
const PROBE_LIFE_MS = 5_000;
const PINGS_REMEMBERED = 16;
/** A question that is not answered by now is counted as lost. */
const PING_LOST_MS = 5_000;
/** A better path of the same rank must win by this share and this many ms. */
const SWITCH_SHARE = 0.85;
const SWITCH_LEAST_MS = 5;
/** So many peers silent within the time: others may be gone too, and all edges are checked, once in the hold. */
const SILENT_PEERS = 2;
const SILENT_WINDOW_MS = 5_000;
const CHECK_ALL_HOLD_MS = 5_000;
const HEARD_LATELY_MS = 1_000;
/** Between the checks of a path that the peer seems to have left. */
const DOUBT_GAP_MS = 450;

export class Paths {
  readonly #core: Core;
  readonly #control: Control;
  readonly #hooks: PathHooks;
  readonly #nat: Nat;
  readonly #probes = new Map<number, Probe>();
  #nextProbe = 1;
  #standbyAt = Number.NEGATIVE_INFINITY;
  /** Peers that did not answer in time, and when they were asked. */
  readonly #silent = new Map<Peer, number>();
  #checkedAllAt = Number.NEGATIVE_INFINITY;
  #udpRecheckAt = 0;

  constructor(core: Core, control: Control, nat: Nat, hooks: PathHooks) {
    this.#core = core;
    this.#control = control;
    this.#nat = nat;
    this.#hooks = hooks;
  }

  /** A handshake finished by `path`: an answer came back by it, so it is validated. */
  established(peer: Peer, path: Path, restarted: boolean): void {
    if (restarted) this.#forgetPaths(peer);
    if (path.kind !== "ring" || peer.active === undefined) {
      const state = this.#obtain(peer, path);
      if (state) {
        state.state = "validated";
        state.heardAt = this.#core.now;
        this.#choose(peer);
      }
    }
    this.heard(peer);
    this.#keepAlive(peer);
  }

  /** Keys exist but no path is known to work yet (LINK): keep-alive starts with the first one. */
  expectPaths(peer: Peer): void {
    this.#keepAlive(peer);
  }

  probe(peer: Peer, path: Path): void {
    const state = this.#obtain(peer, path);
    if (!state) return;
    this.#sendProbe(peer, state);
  }

  onProbeAck(peer: Peer, path: Path, id: number): void {
    const probe = this.#probes.get(id);
    if (!probe || probe.peer !== peer || probe.path.id !== pathId(path))
      return this.#core.drop("probe answer unexpected");
    this.#probes.delete(id);
    const state = probe.path;
    const rttMs = this.#core.now - probe.sentAt;
    // The first check of a stream waited until the stream stood: that tells no round trip.
    const isMeasure = path.kind !== "tcp" || state.state === "validated";
    if (isMeasure) state.rttMs = state.rttMs === undefined ? rttMs : 0.75 * state.rttMs + 0.25 * rttMs;
    state.unanswered = 0;
    state.heardAt = this.#core.now;
    state.state = "validated";
    this.heard(peer);
    this.#choose(peer);
    if (isMeasure && peer.srttMs === undefined && peer.active === state) peer.takeRtt(this.#core.now, rttMs);
  }

  /** An authentic packet came by a path that is not the active one. */
  onNewPath(peer: Peer, path: Path): void {
    this.heard(peer);
    if (isDirect(path) && !peer.direct && !this.#hooks.mayBeDirect(peer)) return;
    const state = this.#obtain(peer, path);
    if (!state) return;
    if (state.state === "validated" && pathRank(path) >= (peer.active ? pathRank(peer.active.path) : 9)) {
      state.heardAt = this.#core.now;
      // The peer prefers it although ours seems to live: find out whether ours does.
      if (peer.active && peer.active !== state && this.#core.now - peer.active.heardAt > 1_000)
        this.#doubt(peer, peer.active, PROBES_TO_DEAD);
      return;
    }
    this.#sendProbe(peer, state);
  }

  /** The peer is heard by another path that works: the active one is given up if it answers none of some checks. */
  #doubt(peer: Peer, active: PathState, checks: number): void {
    if (checks === PROBES_TO_DEAD && peer.doubted === active) return;
    peer.doubted = active;
    const askedAt = this.#core.now;
    this.#sendProbe(peer, active);
    this.#core.after(DOUBT_GAP_MS, "old path answer", () => {
      const isOver = peer.active !== active || active.unanswered === 0 || active.heardAt > askedAt;
      if (!isOver && checks > 1) return this.#doubt(peer, active, checks - 1);
      peer.doubted = undefined;
      if (!isOver && this.#bestOther(peer)) this.#drop(peer, active);
    });
  }

  /** Something authentic came from the peer. */
  heard(peer: Peer): void {
    this.#core.heard(peer);
    peer.unansweredPings = 0;
    if (!peer.outdated) return;
    peer.outdated = false;
    this.#hooks.pathChanged(peer);
  }

  /**
   * Checks all pairs with the peer's addresses, in rounds, until one answers (RFC 8445 in spirit). Its listeners are
   * dialled where no datagram gets through, or none is used. `isAnswering`: the peer begins, and reaches us in any case.
   */
  punch(peer: Peer, tas: readonly TransportAddress[], isAnswering = false): void {
    const remotes = this.#udpCandidates(peer, tas);
    const streams = peer.direct ? [] : this.#tcpCandidates(tas);
    if (remotes.length + streams.length === 0 || peer.onUdp || peer.punchingSince !== undefined) return;
    const core = this.#core;
    const startedAt = core.now;
    peer.punchingSince = startedAt;
    const tried = (transport: string, to: SocketAddress) => ({ transport, to, at: core.wall, result: "no answer" });
    peer.punchTried = [...remotes.map((to) => tried("udp", to)), ...streams.map((to) => tried("tcp", to))];
    if (peer.flags.public) for (const remote of remotes) this.#nat.streams.askedByUdp(remote);
    this.#dialLater(peer, streams, remotes.length > 0 ? TCP_AFTER_MS : 0, startedAt);
    for (const round of isAnswering ? PUNCH_ROUNDS_MS.slice(1) : PUNCH_ROUNDS_MS) {
      remotes.forEach((remote, place) => {
        core.after(round + place * PUNCH_PACE_MS, "punch", () => {
          if (peer.punchingSince === startedAt && !peer.onUdp && peer.keys.size > 0)
            this.probe(peer, { kind: "udp", remote });
        });
      });
    }
    core.after((PUNCH_ROUNDS_MS.at(-1) as number) + 2_000, "punch over", () => {
      if (peer.punchingSince !== startedAt) return;
      peer.punchingSince = undefined;
      if (peer.onUdp || peer.keys.size === 0) return;
      if (!peer.direct) peer.note(core.wall, "directFailed", `No answer from ${[...remotes, ...streams].join(", ")}`);
      this.#forgetCandidates(peer);
      this.#hooks.punchFailed(peer);
    });
  }

  /** One check of each address beside the rounds that run. */
  checkNow(peer: Peer, tas: readonly TransportAddress[]): void {
    if (peer.onUdp) return;
    for (const remote of this.#udpCandidates(peer, tas)) this.probe(peer, { kind: "udp", remote });
  }

  /** The stream to that end is over, or never came about. */
  streamClosed(peers: Iterable<Peer>, remote: SocketAddress, reason: string): void {
    const id = pathId({ kind: "tcp", remote });
    for (const peer of [...peers]) {
      const state = peer.paths.get(id);
      if (!state) continue;
      for (const tried of peer.punchTried)
        if (tried.transport === "tcp" && tried.to === remote && tried.result === "no answer") tried.result = reason;
      const wasActive = peer.active === state;
      this.#drop(peer, state, false);
      // With the last path gone the peer may be gone too: that is found out at once.
      if (wasActive && !peer.active && peer.up && peer.unansweredPings === 0) this.#ping(peer);
    }
  }

  /** Called every few seconds: streams that stand by are checked, and now and then whether UDP passes again. */
  upkeep(peers: Iterable<Peer>): void {
    const core = this.#core;
    if (core.now - this.#standbyAt < STANDBY_PROBE_MS) return;
    this.#standbyAt = core.now;
    const { udpBlocked } = this.#nat.streams;
    if (!udpBlocked) this.#udpRecheckAt = core.now + UDP_RECHECK_MS;
    let rechecks = udpBlocked && core.now >= this.#udpRecheckAt ? TCP_CANDIDATES : 0;
    if (rechecks > 0) this.#udpRecheckAt = core.now + UDP_RECHECK_MS;
    for (const peer of [...peers]) {
      for (const state of [...peer.paths.values()]) {
        if (state === peer.active || state.path.kind !== "tcp" || state.state !== "validated") continue;
        if (state.unanswered >= PROBES_TO_DEAD) this.#drop(peer, state);
        else this.#sendProbe(peer, state);
      }
      const remote = rechecks > 0 && peer.flags.public && peer.up ? candidatesOf(peer.tas, core)[0] : undefined;
      if (remote === undefined) continue;
      rechecks--;
      this.probe(peer, { kind: "udp", remote });
    }
  }

  /** Another attempt after 15 s, 60 s, 300 s, then hourly; `attempt` tells the peer and starts it. */
  retryDirectLater(peer: Peer, attempt: () => void): void {
    if (peer.directRetry?.run) return;
    const wait = DIRECT_RETRY_MS[Math.min(peer.directTries, DIRECT_RETRY_MS.length - 1)] as number;
    peer.directTries++;
    peer.directRetry = this.#core.after(this.#core.vary(wait, 0.1), "direct retry", () => {
      if (peer.up && !peer.onUdp) attempt();
    });
  }

  /** Sends a PING by the active path; returns its id. */
  sendPing(peer: Peer): number {
    this.#countLost(peer);
    const t = Math.floor(this.#core.now) >>> 0;
    const log2N = Math.log2(Math.max(1, this.#hooks.ownEstimate()));
    const id = this.#control.send(peer, { type: "ping", t, load: 0, log2N });
    peer.pingsOut.set(id, this.#core.now);
    if (peer.pingsOut.size > PINGS_REMEMBERED) {
      const oldest = peer.pingsOut.keys().next().value;
      if (oldest !== undefined) peer.pingsOut.delete(oldest);
    }
    return id;
  }

  /** Questions that no answer can be expected to any more. */
  #countLost(peer: Peer): void {
    for (const [id, sentAt] of peer.pingsOut) {
      if (this.#core.now - sentAt < PING_LOST_MS) return;
      peer.pingsOut.delete(id);
      if (sentAt >= peer.measures.since) peer.measures.lost();
    }
  }

  onPing(peer: Peer, path: Path, id: number, ping: MessageOf<"ping">): void {
    const observed = isDirect(path) ? taFromSocket(path.remote, "learned", path.kind) : undefined;
    this.#control.send(
      peer,
      { type: "pong", t: ping.t, observed, coord: this.#core.coordinates.own },
      { path, answer: true, id },
    );
  }

  onPong(peer: Peer, path: Path, id: number, pong: MessageOf<"pong">): void {
    const sentAt = peer.pingsOut.get(id);
    if (sentAt === undefined) return this.#core.drop("pong unexpected");
    peer.pingsOut.delete(id);
    const rttMs = this.#core.now - sentAt;
    peer.measuredAt = this.#core.now;
    const state = peer.paths.get(pathId(path));
    if (state) {
      state.rttMs = state.rttMs === undefined ? rttMs : 0.75 * state.rttMs + 0.25 * rttMs;
      state.heardAt = this.#core.now;
      state.unanswered = 0;
      // The answer is there: what waits for it has nothing to do but to set the next keep-alive.
      if (state === peer.active && peer.keepalive) peer.keepalive.slackMs = KEEP_ALIVE_SLACK_MS;
    }
    peer.takeRtt(this.#core.now, rttMs);
    peer.coord = pong.coord;
    if (pong.observed && isDirect(path)) this.#hooks.observed(peer, path.remote, pong.observed);
  }

  /** The relay of these tunnels is gone. */
  relayLost(peers: Iterable<Peer>, relay: string): void {
    for (const peer of peers) {
      const state = peer.paths.get(`tunnel ${relay}`);
      if (state) this.#drop(peer, state);
    }
  }

  /** Checks at once whether the peer still answers (suspicion by others, a silent hop). */
  suspect(peer: Peer): void {
    if (peer.unansweredPings === 0 && this.#core.now - peer.heardAt > 500) this.#ping(peer);
  }

  /** The system slept: every path may be stale. */
  recheckAll(peers: Iterable<Peer>): void {
    for (const peer of peers) if (peer.up) this.#ping(peer);
  }

  forget(peer: Peer): void {
    peer.keepalive?.cancel();
    peer.directRetry?.cancel();
    this.#silent.delete(peer);
    peer.punchingSince = undefined;
    this.#forgetPaths(peer);
    for (const [id, probe] of this.#probes) if (probe.peer === peer) this.#probes.delete(id);
  }

  clear(): void {
    this.#probes.clear();
    this.#silent.clear();
  }

  #keepAlive(peer: Peer): void {
    if (peer.keepalive?.run) return;
    const core = this.#core;
    const meanMs = this.#hooks.isNear(peer) ? PING_NEAR_MS : PING_FAR_MS;
    const interval = core.vary(meanMs, PING_JITTER);
    const due = Math.max(core.now + 50, Math.max(peer.heardAt, core.now - interval) + interval);
    // Together with those of other peers, as long as it is no later than chance may make it.
    const slackMs = Math.min(meanMs * (1 + PING_JITTER) - interval, KEEP_ALIVE_SLACK_MS);
    const run = () => {
      if (core.now - peer.heardAt >= interval * 0.9) this.#ping(peer);
      else {
        // A busy link is measured too, though it needs no proof of life.
        if (core.now - peer.measuredAt >= PING_FAR_MS) this.sendPing(peer);
        this.#keepAlive(peer);
      }
    };
    peer.keepalive = core.timers.at(due, "keep-alive", run, slackMs);
  }

  #ping(peer: Peer): void {
    const core = this.#core;
    peer.keepalive?.cancel();
    if (!peer.isEdge && core.now - peer.lastIpAt > SESSION_IDLE_MS) return this.#hooks.dead(peer, "idle");
    const askedAt = core.now;
    peer.unansweredPings++;
    this.sendPing(peer);
    if (peer.unansweredPings > 1) {
      for (const state of [...peer.paths.values()])
        if (state !== peer.active && state.state !== "dead") this.#sendProbe(peer, state);
      this.probe(peer, { kind: "ring" });
    }
    const wait = Math.max(PROBE_GAP_LEAST_MS, Math.min(PROBE_GAP_MS, 4 * (peer.srttMs ?? PROBE_GAP_MS)));
    peer.keepalive = core.after(wait, "ping answer", () => {
      if (peer.heardAt > askedAt || peer.unansweredPings === 0) return this.#afterAnswer(peer, askedAt);
      if (peer.unansweredPings === 1) this.#noteSilent(peer, askedAt);
      if (peer.unansweredPings < PROBES_TO_DEAD) return this.#ping(peer);
      const other = this.#bestOther(peer);
      if (other) {
        this.#drop(peer, peer.active as PathState);
        peer.unansweredPings = 0;
        return this.#keepAlive(peer);
      }
      this.#hooks.dead(peer, "no answer");
    });
  }

  /** Several peers silent while another is heard: whatever befell them may have befallen more of our neighbours. */
  #noteSilent(peer: Peer, askedAt: number): void {
    const { now } = this.#core;
    this.#silent.set(peer, askedAt);
    for (const [other, at] of this.#silent) if (now - at > SILENT_WINDOW_MS) this.#silent.delete(other);
    if (this.#silent.size < SILENT_PEERS || now - this.#checkedAllAt < CHECK_ALL_HOLD_MS) return;
    const edges = [...this.#hooks.edges()];
    if (!edges.some((edge) => edge.heardAt > askedAt)) return; // Rather our own line.
    this.#checkedAllAt = now;
    for (const edge of edges) if (edge.unansweredPings === 0 && now - edge.heardAt > HEARD_LATELY_MS) this.#ping(edge);
  }

  /** The peer is heard; the active path is changed if the answer came by another one only. */
  #afterAnswer(peer: Peer, askedAt: number): void {
    const active = peer.active;
    if (active && active.heardAt < askedAt && active.unanswered === 0) {
      const other = this.#bestOther(peer);
      if (other && other.heardAt > askedAt) {
        this.#sendProbe(peer, active);
        this.#core.after(PROBE_GAP_MS, "old path answer", () => {
          if (peer.active === active && active.unanswered > 0 && other.state === "validated") this.#drop(peer, active);
        });
      }
    }
    this.#keepAlive(peer);
  }

  #bestOther(peer: Peer): PathState | undefined {
    const recent = this.#core.now - PROBE_GAP_MS * (PROBES_TO_DEAD + 1);
    let best: PathState | undefined;
    for (const state of peer.paths.values()) {
      if (state === peer.active || state.state !== "validated" || state.heardAt < recent) continue;
      if (!best || pathRank(state.path) < pathRank(best.path)) best = state;
    }
    return best;
  }

  #sendProbe(peer: Peer, state: PathState): void {
    const core = this.#core;
    if (peer.keys.size === 0) return;
    if (this.#probes.size >= PROBES_LIMIT) {
      const first = this.#probes.entries().next().value;
      if (first) this.#probes.delete(first[0]);
    }
    const id = this.#nextProbe;
    this.#nextProbe = (this.#nextProbe + 1) >>> 0 || 1;
    this.#probes.set(id, { peer, path: state, sentAt: core.now });
    state.unanswered++;
    core.emit({ kind: "sendProbe", slot: peer.slot, path: state.path, id, sizeBytes: 0 });
    core.after(PROBE_LIFE_MS, "probe life", () => this.#probes.delete(id));
  }

  #obtain(peer: Peer, path: Path): PathState | undefined {
    const id = pathId(path);
    let state = peer.paths.get(id);
    if (!state) {
      if (peer.paths.size >= PATHS_PER_SESSION + PUNCH_PAIRS) {
        this.#core.drop("path table full");
        return undefined;
      }
      state = { path, id, state: "candidate", rttMs: undefined, heardAt: 0, unanswered: 0, isDialled: false };
      peer.paths.set(id, state);
    } else if (state.state === "dead") state.state = "candidate";
    return state;
  }

  /** Makes the best validated path the active one. */
  #choose(peer: Peer): void {
    const before = peer.active;
    let best = before?.state === "validated" ? before : undefined;
    for (const state of peer.paths.values()) {
      if (state.state !== "validated" || state === best) continue;
      if (!best || isBetter(state, best)) best = state;
    }
    if (best === before) return;
    peer.active = best;
    if (!best) return this.#hooks.pathChanged(peer);
    const core = this.#core;
    core.emit({ kind: "pathUse", slot: peer.slot, path: best.path });
    peer.measures.restart(core.now);
    peer.srttMs = best.rttMs;
    peer.rttVarMs = (best.rttMs ?? 0) / 4;
    if (best.rttMs === undefined) this.sendPing(peer);
    if (isDirect(best.path)) {
      peer.directTries = 0;
      peer.directRetry?.cancel();
      for (const tried of peer.punchTried)
        if (tried.to === best.path.remote && tried.transport === best.path.kind) tried.result = "answered";
      peer.punchingSince = undefined;
      this.#forgetCandidates(peer);
      this.#wantUdpLater(peer);
      // The answer tells how we look from there; a few such reports make the class of our NAT.
      if (core.natKind === "unknown") this.sendPing(peer);
    }
    peer.note(core.wall, "path", describePath(best.path));
    this.#hooks.pathChanged(peer);
  }

  /** Where a stream carries what datagrams might, these are tried again later. */
  #wantUdpLater(peer: Peer): void {
    if (peer.onUdp || this.#udpCandidates(peer, peer.tas).length === 0) return;
    peer.directTries = 1;
    this.#hooks.punchFailed(peer);
  }

  #drop(peer: Peer, state: PathState, isOpen = true): void {
    state.state = "dead";
    peer.paths.delete(state.id);
    if (isOpen) this.#closeStream(state.path);
    if (peer.active !== state) return;
    peer.note(this.#core.wall, "pathLost", `Lost: ${describePath(state.path)}`);
    peer.active = undefined;
    this.#choose(peer);
    if (!peer.active) this.#hooks.pathChanged(peer);
  }

  /** The peer has no room for a link: checks under way end, and what they found is let go. */
  giveUpDirect(peer: Peer): void {
    peer.punchingSince = undefined;
    for (const state of [...peer.paths.values()]) if (isDirect(state.path)) this.#drop(peer, state);
  }

  #forgetPaths(peer: Peer): void {
    for (const { path } of peer.paths.values()) this.#closeStream(path);
    peer.paths.clear();
    peer.active = undefined;
    peer.srttMs = undefined;
  }

  #forgetCandidates(peer: Peer): void {
    for (const [id, state] of peer.paths) {
      // A stream that the peer dialled is the peer's to close.
      if (state.state !== "candidate" || (state.path.kind !== "udp" && !state.isDialled)) continue;
      peer.paths.delete(id);
      this.#closeStream(state.path);
    }
  }

  #closeStream(path: Path): void {
    if (path.kind === "tcp") this.#core.emit({ kind: "streamClose", remote: path.remote });
  }

  /** Of two nodes that both can dial, the one with the lower address does so first. */
  #dialLater(peer: Peer, remotes: readonly SocketAddress[], afterMs: number, startedAt: number): void {
    const core = this.#core;
    if (remotes.length === 0) return;
    const isSecond = core.address > peer.address && this.#nat.streams.publicTas().length > 0;
    core.after(afterMs + (isSecond ? TCP_SECOND_DIALLER_MS : 0), "dial", () => {
      if (peer.punchingSince !== startedAt || peer.direct || peer.keys.size === 0) return;
      for (const remote of remotes) {
        core.emit({ kind: "streamOpen", remote });
        this.probe(peer, { kind: "tcp", remote });
        const state = peer.paths.get(pathId({ kind: "tcp", remote }));
        if (state) state.isDialled = true;
      }
    });
  }

  #udpCandidates(peer: Peer, tas: readonly TransportAddress[]): SocketAddress[] {
    const core = this.#core;
    const isHopeless = !core.usesUdp || this.#nat.streams.udpBlocked || peer.flags.nat === "udp-blocked";
    return isHopeless ? [] : candidatesOf(tas, core);
  }

  /** Public listeners, and those on a network that this computer is on. */
  #tcpCandidates(tas: readonly TransportAddress[]): SocketAddress[] {
    const core = this.#core;
    if (!core.usesTcp) return [];
    return candidatesOf(tas, core, streamSocketOf)
      .filter((remote) => !isPrivate(remote) || this.#nat.streams.isOnOwnNetwork(remote, this.#nat.localAddresses))
      .slice(0, TCP_CANDIDATES);
  }
}

function isBetter(a: PathState, b: PathState): boolean {
  const rank = pathRank(a.path) - pathRank(b.path);
  if (rank !== 0) return rank < 0;
  if (a.rttMs === undefined || b.rttMs === undefined) return false;
  return a.rttMs < b.rttMs * SWITCH_SHARE && a.rttMs < b.rttMs - SWITCH_LEAST_MS;
}

function describePath(path: Path): string {
  switch (path.kind) {
    case "udp":
    case "tcp":
      return `Direct by ${path.kind.toUpperCase()} to ${path.remote}`;
    case "tunnel":
      return `By relay ${path.relay.slice(0, 8)}`;
    case "ring":
      return "Routed over the ring";
  }
}

function candidatesOf(tas: readonly TransportAddress[], core: Core, toSocket = socketOf): SocketAddress[] {
  const remotes: SocketAddress[] = [];
  const own = new Set([...core.localTas, ...core.publicTas].map((ta) => toSocket(ta)));
  for (const ta of tas) {
    const remote = toSocket(ta);
    if (!remote || own.has(remote) || remotes.includes(remote)) continue;
    // An address of the virtual network itself would lead back into the tunnel.
    const ip = parseIp(ta.host);
    if (ip?.length === 4 && core.subnet && samePrefix(ip, core.subnet.ip, core.subnet.bits)) continue;
    remotes.push(remote);
  }
  return remotes.slice(0, PUNCH_PAIRS);
}
