/**
 * One node of one affiliation: composes the machines of this folder. The only face that drivers and simulator talk to.
 *
 * `step` is called for each input and whenever `wakeAt` has come; effects are to be carried out in order.
 */
import type {
  CachedPeer,
  Effect,
  Input,
  Instant,
  LinkSample,
  NodeOptions,
  NodeView,
  Path,
  Slot,
  Via,
  Wake,
} from "./boundary.ts";
import { CACHED_PEERS, FIB_GAP_MS, FIB_REST_MS } from "./constants.ts";
import { Core } from "./core.ts";
import { Records } from "./dht/records.ts";
import { Holder } from "./lease/holder.ts";
import { VirtualIps } from "./lease/virtual-ips.ts";
import { Control } from "./link/control.ts";
import { Descs } from "./link/descs.ts";
import { Handshakes, type SessionInfo } from "./link/handshakes.ts";
import { Leaves } from "./link/leaves.ts";
import { Linker } from "./link/linker.ts";
import { Nat } from "./link/nat.ts";
import { Paths } from "./link/paths.ts";
import { isDirect, type Peer } from "./link/peer.ts";
import { Peers } from "./link/peers.ts";
import { Relays } from "./link/relays.ts";
import { SpeedTests } from "./link/speed-test.ts";
import type { RingAddress } from "./ring/address.ts";
import { Lookahead } from "./ring/lookahead.ts";
import { type RoutedRequest, Router } from "./ring/router.ts";
import { Traces } from "./ring/trace.ts";
import { Upkeep } from "./ring/upkeep.ts";
import { Walk } from "./ring/walk.ts";
import type { Timer } from "./timers.ts";
import { linkSamples, type NodeParts, stateOf, viewOf } from "./view.ts";
import { decodeCtrl, messageTypeNumber } from "./wire/ctrl.ts";
import { mayBeListed } from "./wire/transport-address.ts";
import type { Ctrl, Desc, Message, MessageOf } from "./wire/types.ts";

const TRACE = messageTypeNumber("trace");
const SAVE_PERIOD_MS = 30_000;
const SAVE_REST_MS = 1_000;
const UPKEEP_PERIOD_MS = 2_000;
const REKEY_TRIES = 8;
const REKEY_AGAIN_MS = 5_000;
const SUSPECTS_REMEMBERED = 256;
const SUSPECT_HOLD_MS = 30_000;
const USER_PINGS_LIMIT = 256;
/** A session that a person waits for is looked for so often, this far apart. */
const SESSION_LOOKS = 20;
const SESSION_LOOK_MS = 250;
const WISHES_LIMIT = 64;
const WISH_LIFE_MS = 10_000;

export class Node {
  readonly address: RingAddress;
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #descs: Descs;
  readonly #nat: Nat;
  readonly #paths: Paths;
  readonly #handshakes: Handshakes;
  readonly #relays: Relays;
  readonly #lookahead: Lookahead;
  readonly #router: Router;
  readonly #linker: Linker;
  readonly #leaves: Leaves;
  readonly #upkeep: Upkeep;
  readonly #records: Records;
  readonly #holder: Holder;
  readonly #ips: VirtualIps;
  readonly #speedTests: SpeedTests;
  readonly #traces: Traces;
  readonly #walk: Walk;
  readonly #suspects = new Map<RingAddress, number>();
  /** Round trips asked for by the user: by the id of the PING on its way. */
  readonly #userPings = new Map<string, { id: number; sentAt: Instant }>();
  readonly #waitingPings: { id: number; peer: RingAddress; until: Instant }[] = [];
  /** Peers that a person wants to reach directly and whose session is still to come, and until when that counts. */
  readonly #wantedDirect = new Map<RingAddress, Instant>();
  #cached: readonly CachedPeer[];
  /** Sessions whose edge was closed by agreement, until the next forwarding table. */
  readonly #closing: Slot[] = [];
  #fibDirty = true;
  #fibAt = Number.NEGATIVE_INFINITY;
  #fibTimerSet = false;
  #fibSoon: Timer | undefined;
  #saving: Timer | undefined;

  constructor(options: NodeOptions, now: Instant, wall: number) {
    const core = new Core(options, now, wall);
    const peers = new Peers(core, () => this.#upkeep.edgesChanged());
    const control = new Control(core);
    const descs = new Descs(core);
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#descs = descs;
    this.address = core.address;
    this.#cached = options.saved?.cachedPeers ?? [];
    this.#nat = new Nat(core, () => this.#natChanged());
    this.#paths = new Paths(core, control, this.#nat, {
      pathChanged: (peer) => this.#pathChanged(peer),
      dead: (peer, reason) => this.#dead(peer, reason),
      observed: (_by, reporter, own) => this.#nat.observed(reporter, own),
      punchFailed: (peer) => this.#retryDirect(peer),
      isNear: (peer) => this.#upkeep.isNear(peer.address),
      ownEstimate: () => this.#upkeep.ownEstimate(),
      edges: () => this.#peers.edges(),
      mayBeDirect: (peer) => this.#mayBeDirect(peer),
    });
    this.#handshakes = new Handshakes(core, peers, {
      sessionUp: (peer, info) => this.#sessionUp(peer, info),
      restartSeen: (peer) => this.#restartSeen(peer),
      rekey: (peer) => this.#rekey(peer, REKEY_TRIES),
      keysExpired: (peer) => this.#dead(peer, "its keys could not be renewed"),
    });
    this.#relays = new Relays(core, peers, control, this.#paths, {
      reservationsChanged: () => this.#touchFib(),
      wantAnchor: (address, teller) => this.#linker.want(address, "anchor", teller),
      publicMembers: () => this.#upkeep.publicMembers(),
      noRelay: (peer) => peer.note(core.wall, "noRelay", "No member could be found that reaches both ends"),
    });
    this.#lookahead = new Lookahead(core, peers, control, {
      isNear: (address) => this.#upkeep.isNear(address),
      changed: () => this.#touchFibSoon(),
    });
    this.#router = new Router(
      core,
      peers,
      control,
      this.#lookahead,
      (request) => this.#onRequest(request),
      (peer) => this.#paths.suspect(peer),
      (from, innerType, hops, answer) => {
        if (innerType === TRACE) this.#traces.onPass(from, hops, answer);
      },
    );
    this.#speedTests = new SpeedTests(core, control);
    this.#traces = new Traces(core, peers, this.#router);
    this.#walk = new Walk(core, peers, descs, this.#router);
    this.#linker = new Linker({
      core,
      peers,
      control,
      router: this.#router,
      handshakes: this.#handshakes,
      paths: this.#paths,
      relays: this.#relays,
      descs,
      hooks: {
        attemptEnded: (address, _kind, live) => this.#linkEnded(address, live),
        hasRoom: (kind) => {
          if (kind === "anchor") return this.#relays.hasAnchorRoom;
          return this.#upkeep.hasRoom(kind) && (kind !== "shortcut" || this.#ips.hasShortcutRoom);
        },
        wasRefused: (address) => this.#ips.overLimit(address) !== undefined,
        refused: (address, kind) => kind === "shortcut" && this.#ips.shortcutRefused(address, "peer"),
        refer: (asker) => this.#upkeep.nearestTo(asker),
      },
    });
    this.#leaves = new Leaves(core, peers, control, this.#linker, (peer) => {
      control.send(peer, { type: "close", reason: "limit", desc: undefined });
      this.#forget(peer);
    });
    this.#upkeep = new Upkeep({
      core,
      peers,
      control,
      router: this.#router,
      handshakes: this.#handshakes,
      linker: this.#linker,
      descs,
      askedByUdp: (remote) => this.#nat.streams.askedByUdp(remote),
      hooks: {
        nearChanged: () => this.#nearChanged(),
        becameMember: () => this.#becameMember(),
        isNeeded: (peer) => this.#isNeeded(peer),
        pastPeers: () => this.#cached.map(({ remote, transport }) => ({ kind: transport ?? "udp", remote })),
        dismiss: (peer) => this.#dismiss(peer),
      },
    });
    this.#holder = new Holder(core, peers, control, () => this.#records, {
      changed: (ip) => this.#ips.ownIpChanged(ip),
      save: () => this.#saveSoon(),
    });
    this.#records = new Records(core, peers, control, this.#router, {
      near: () => this.#upkeep.near,
      ownLease: (name) => this.#holder.ownLease(name),
      conflict: (winner, loser) => this.#holder.conflict(winner.holder === core.address ? loser : winner),
    });
    this.#ips = new VirtualIps({
      core,
      peers,
      router: this.#router,
      handshakes: this.#handshakes,
      linker: this.#linker,
      descs,
      records: this.#records,
      hooks: { ownIp: () => this.#holder.virtualIp, rival: (claim) => this.#holder.conflict(claim) },
    });
  }

  /** Advances by one input. `now` never decreases; nothing a peer sends makes it throw. */
  step(now: Instant, wall: number, input: Input): Effect[] {
    const core = this.#core;
    core.advance(now, wall);
    core.timers.runDue(core.now);
    this.#take(input);
    const map = this.#ips.takeMap();
    if (map) core.emit(map);
    this.#flushFib();
    return core.takeEffects();
  }

  /** When `step` next wants a "timeout", and why; undefined while idle. */
  wakeAt(): Wake | undefined {
    return this.#core.timers.next();
  }

  /** The latest time for that: nothing suffers where "timeout" comes no later, and a computer with much else to do is woken less often. */
  wakeBy(): Wake | undefined {
    return this.#core.timers.latest();
  }

  view(now: Instant, wall: number): NodeView {
    return viewOf(this.#parts(), now, wall);
  }

  /** It is a member, and not of a ring of its own for want of others. */
  isConnected(): boolean {
    return stateOf(this.#parts(), this.#core.now).state === "connected";
  }

  /** What is recorded of the peers with a session. */
  links(now: Instant): LinkSample[] {
    return linkSamples(this.#parts(), now);
  }

  #parts(): NodeParts {
    return {
      core: this.#core,
      peers: this.#peers,
      nat: this.#nat,
      upkeep: this.#upkeep,
      ips: this.#ips,
      holder: this.#holder,
      linker: this.#linker,
      lookahead: this.#lookahead,
      traces: this.#traces,
      walk: this.#walk,
    };
  }

  #take(input: Input): void {
    const core = this.#core;
    switch (input.kind) {
      case "timeout":
        return;
      case "handshake":
        if (!this.#upkeep.running) return core.drop("handshake while off");
        if (input.via.kind === "tcp" && !core.usesTcp) return core.drop("stream while TCP is not used");
        if (input.via.kind === "udp" && !core.usesUdp) return core.drop("datagram while UDP is not used");
        if (input.via.kind === "udp") this.#nat.streams.heardUdp();
        if (input.via.kind === "udp" && (input.packet[0] === 0x51 || input.packet[0] === 0x53))
          this.#noticeUnasked(input.via.remote);
        if (input.via.kind === "tcp" && input.packet[0] === 0x53) this.#nat.streams.reachedUnasked();
        return this.#handshakes.onPacket(input.via, input.packet);
      case "confirmed":
        return this.#withPeer(input.slot, (peer) => {
          const wasUp = peer.up;
          this.#handshakes.onConfirmed(peer, input.indexRx);
          this.#paths.heard(peer);
          if (!wasUp && peer.up && input.path.kind !== "ring") this.#paths.onNewPath(peer, input.path);
        });
      case "ctrl":
        return this.#withPeer(input.slot, (peer) => this.#onCtrlBytes(peer, input.path, input.bytes));
      case "newPath":
        return this.#withPeer(input.slot, (peer) => this.#paths.onNewPath(peer, input.path));
      case "probeAck":
        if (input.path.kind === "udp") this.#nat.streams.heardUdp();
        return this.#withPeer(input.slot, (peer) => this.#paths.onProbeAck(peer, input.path, input.id));
      case "streamClosed":
        this.#handshakes.streamClosed(input.remote);
        return this.#paths.streamClosed(this.#peers.all(), input.remote, input.reason);
      case "miss":
        return this.#ips.onMiss(input.ip);
      case "unknownSource":
        return this.#withPeer(input.slot, (peer) => this.#ips.onUnknownSource(peer, input.ip));
      case "noRoute":
        return core.drop("transit without route");
      case "traffic":
        return this.#withPeer(input.slot, (peer) => this.#ips.onTraffic(peer, input.counters));
      case "localAddresses":
        return this.#nat.setLocal(input.addresses, input.streams ?? []);
      case "wake":
        return this.#wake();
      case "startAddresses":
        return this.#upkeep.setStartAddresses(input.addresses, input.streams ?? []);
      case "connect":
        return this.#connect();
      case "disconnect":
        return this.#disconnect();
      case "ping":
        return this.#userPing(input.id, input.peer);
      case "trace":
        return this.#traces.trace(input.peer, (hops) => core.emit({ kind: "traced", id: input.id, hops }));
      case "speed":
        return this.#speed(input.id, input.peer, input.seconds);
      case "walk":
        return this.#walk.ask();
      case "tryDirect":
        return this.#tryDirect(input.peer);
      case "shortcut":
        this.#linker.release(input.peer);
        if (core.member) this.#ips.wantShortcut(input.peer);
        return;
    }
  }

  #connect(): void {
    const core = this.#core;
    if (this.#upkeep.running) return;
    core.log("info", `connecting to "${core.options.affiliation}" as ${core.address}`);
    this.#records.start();
    this.#lookahead.start();
    this.#upkeep.start();
    core.roughlyAfter(UPKEEP_PERIOD_MS, "upkeep", () => this.#periodically());
    core.after(1_000, "save", () => this.#savePeriodically());
  }

  #disconnect(): void {
    const core = this.#core;
    if (!this.#upkeep.running) return;
    this.#rememberPeers();
    this.#upkeep.tellBeforeLeaving();
    for (const peer of this.#peers.all())
      if (peer.up) this.#control.send(peer, { type: "close", reason: "leave", desc: undefined });
    for (const peer of [...this.#peers.all()]) {
      core.emit({ kind: "sessionDrop", slot: peer.slot });
      this.#paths.forget(peer);
      this.#peers.remove(peer);
    }
    this.#save();
    this.#upkeep.stop();
    this.#lookahead.clear();
    this.#linker.clear();
    this.#leaves.clear();
    this.#router.clear();
    this.#handshakes.clear();
    this.#control.clear();
    this.#relays.clear();
    this.#records.clear();
    this.#paths.clear();
    this.#holder.clear();
    this.#ips.clear();
    this.#nat.clear();
    this.#nat.setLocal(this.#nat.localAddresses, this.#nat.streams.listening);
    this.#userPings.clear();
    this.#wantedDirect.clear();
    this.#speedTests.clear();
    this.#traces.clear();
    this.#walk.clear();
    core.timers.clear();
    core.heardAt = undefined;
    core.descChanged();
    this.#fibTimerSet = false;
    this.#fibSoon = undefined;
    this.#saving = undefined;
    this.#touchEdges();
    core.log("info", "disconnected");
  }

  #sessionUp(peer: Peer, info: SessionInfo): void {
    const core = this.#core;
    if (info.restarted) {
      if (this.#upkeep.isNear(peer.address)) this.#holder.neighbourDied(); // What it kept for us is gone.
      this.#control.forget(peer);
      peer.nextControlId = 1;
      peer.neighbours.clear();
      peer.edgeList.clear();
      peer.edgeListSeq = undefined;
      peer.toldEdges = undefined;
      this.#peers.setFlags(peer, { ...peer.flags, member: false });
      peer.told = undefined;
      peer.outdated = false;
      peer.edgeSince = undefined; // So that it is told at once who is where.
      peer.toldDescs.clear();
      peer.note(core.wall, "restarted", "The peer started anew");
    }
    const isOver = info.role === "responder" && info.edgeKind === "leaf" && !this.#leaves.take(peer);
    if (info.edgeKind && !isOver) (info.role === "initiator" ? peer.ours : peer.theirs).add(info.edgeKind);
    if (isDirect(info.via)) {
      if (info.via.kind === "tcp") this.#nat.streams.heardTcp();
      if (info.observed) this.#nat.observed(info.via.remote, info.observed);
      this.#paths.established(peer, info.via, info.restarted);
    } else {
      const path: Path = info.via.kind === "ring" ? { kind: "ring" } : { kind: "tunnel", relay: info.via.relay };
      // Keys agreed inside LINK say nothing about whether the ring carries packets to the peer.
      if (info.role === "responder" || !this.#linker.isTrying(peer.address))
        this.#paths.established(peer, path, info.restarted);
      else if (info.restarted) this.#paths.established(peer, path, true);
      else this.#paths.expectPaths(peer);
    }
    if (info.role === "initiator" && peer.active) core.emit({ kind: "sendEmpty", slot: peer.slot });
    this.#ips.sessionUp(peer);
    this.#holder.sessionUp(peer);
    this.#leaves.refer(peer);
    if (peer.live) this.#edgeUp(peer);
    this.#pingWaiting();
  }

  #restartSeen(peer: Peer): void {
    if (peer.outdated) return;
    peer.outdated = true;
    this.#touchFib();
    this.#paths.suspect(peer);
  }

  /** Agrees new keys over the active path; traffic goes on under the old ones meanwhile. */
  #rekey(peer: Peer, tries: number): void {
    const path = peer.active?.path;
    if (!path || !peer.up || tries === 0) return;
    const desc = this.#descs.get(peer.address);
    if (!desc) {
      this.#control.send(peer, { type: "descGet", addresses: [peer.address] });
      this.#core.after(REKEY_AGAIN_MS, "rekey", () => this.#rekey(peer, tries - 1));
      return;
    }
    const via: Via = isDirect(path) ? path : { ...path, peer: peer.address };
    this.#handshakes.initiate(desc, peer.address, via, undefined, (result) => {
      if (result.kind !== "up") this.#core.after(REKEY_AGAIN_MS, "rekey", () => this.#rekey(peer, tries - 1));
    });
  }

  #pathChanged(peer: Peer): void {
    this.#touchEdges();
    this.#ips.pathChanged();
    if (!peer.up) return;
    this.#relays.pathChanged(peer);
    if (peer.live) this.#edgeUp(peer);
    else {
      this.#upkeep.edgesChanged();
      if (peer.isEdge) this.#linker.bringUp(peer);
    }
    if (!peer.direct && peer.active?.path.kind === "tunnel") this.#retryDirect(peer);
    const wanted = peer.active && this.#wantedDirect.get(peer.address);
    if (wanted && this.#wantedDirect.delete(peer.address) && wanted > this.#core.now) this.#tryDirect(peer.address);
    this.#pingWaiting();
  }

  #edgeUp(peer: Peer): void {
    this.#linker.edgeLive(peer);
    this.#upkeep.edgeUp(peer);
    this.#relays.upkeep();
    this.#touchEdges();
  }

  #linkEnded(address: RingAddress, live: boolean): void {
    const peer = this.#peers.get(address);
    if (live && peer) this.#edgeUp(peer);
    this.#upkeep.linkEnded(address, live);
  }

  #dead(peer: Peer, reason: string): void {
    const core = this.#core;
    core.log("info", `peer ${peer.address.slice(0, 8)} is gone: ${reason}`);
    const wasEdge = peer.live;
    const wasNear = this.#upkeep.isNear(peer.address);
    this.#forget(peer);
    if (wasNear) this.#holder.neighbourDied();
    if (!wasEdge) return;
    for (const other of this.#peers.edges()) {
      if (other.knows(peer.address)) this.#control.send(other, { type: "suspect", address: peer.address });
    }
  }

  /** Ends a session that no edge and no traffic needs. */
  #dismiss(peer: Peer): void {
    if (this.#peers.get(peer.address) !== peer || peer.isEdge || peer.counters !== undefined) return;
    this.#control.send(peer, { type: "close", reason: "leave", desc: undefined });
    this.#forget(peer);
  }

  /** Drops session, keys and edge. */
  #forget(peer: Peer): void {
    this.#core.emit({ kind: "sessionDrop", slot: peer.slot });
    this.#removePeer(peer);
  }

  #removePeer(peer: Peer): void {
    this.#handshakes.forget(peer);
    this.#paths.forget(peer);
    this.#peers.remove(peer);
    this.#control.forget(peer);
    this.#relays.peerGone(peer);
    this.#speedTests.gone(peer);
    this.#ips.peerGone(peer);
    this.#leaves.gone(peer.address);
    this.#upkeep.edgeDown(peer.address);
    this.#touchEdges();
  }

  #onCtrlBytes(peer: Peer, path: Path, bytes: Uint8Array): void {
    const ctrl = decodeCtrl(bytes);
    if (!ctrl) return this.#core.drop("control message malformed");
    this.#paths.heard(peer);
    const state = peer.active;
    if (state && sameKind(state.path, path)) state.heardAt = this.#core.now;
    if (this.#control.accept(peer, path, ctrl)) this.#onCtrl(peer, path, ctrl);
  }

  #onCtrl(peer: Peer, path: Path, ctrl: Ctrl): void {
    const core = this.#core;
    const { message } = ctrl;
    switch (message.type) {
      case "ack":
        return this.#control.onAck(peer, message.id);
      case "ping":
        peer.log2N = message.log2N > 0 ? message.log2N : undefined;
        return this.#paths.onPing(peer, path, ctrl.id, message);
      case "pong":
        this.#answerUserPing(peer, ctrl.id);
        return this.#paths.onPong(peer, path, ctrl.id, message);
      case "near":
        return this.#upkeep.onNear(peer, message);
      case "nearDiff":
        return this.#upkeep.onNearDiff(peer, message);
      case "nearGet":
        return this.#upkeep.onNearGet(peer);
      case "edges":
        return this.#lookahead.onEdges(peer, message);
      case "suspect":
        return this.#onSuspect(message.address);
      case "merge":
        return this.#upkeep.onMerge(peer, message);
      case "routed":
        return this.#router.onRouted(peer, message);
      case "relayReq":
        return this.#relays.onRelayReq(peer, ctrl.id, message);
      case "relayOk":
        return this.#relays.onRelayOk(peer, ctrl.id, message);
      case "trim":
        return this.#onTrim(peer);
      case "trimOk":
        if (message.accept && this.#mayClose(peer)) this.#closeAgreed(peer);
        return;
      case "refer":
        return this.#leaves.onRefer(peer, message);
      case "close":
        peer.note(core.wall, "closed", `The peer closed the link: ${message.reason}`);
        return this.#forget(peer);
      case "tas":
        peer.tas = message.tas;
        return;
      case "punchAt":
        core.after(
          Math.min(message.delayMs, 2_000),
          "punch together",
          () => peer.up && this.#mayBeDirect(peer) && this.#paths.punch(peer, peer.tas),
        );
        return;
      case "speedAsk":
        return this.#speedTests.onAsk(peer, message);
      case "speedReady":
        return this.#speedTests.onReady(peer, message);
      case "speedData":
        return this.#speedTests.onData(peer, message);
      case "speedCount":
        return this.#speedTests.onCount(peer, message);
      case "claim":
      case "claimed":
      case "store":
      case "stored":
      case "undo":
      case "dhtSync":
      case "dhtCopy":
      case "dhtOffer":
      case "dhtWant":
        return this.#records.onMessage(peer, ctrl.id, message);
      case "lease":
        return this.#ips.onLease(peer, message);
      case "descGet": {
        const descs = this.#descsFor(message.addresses);
        this.#control.send(peer, { type: "desc", descs }, { path, answer: true, id: ctrl.id });
        return;
      }
      case "desc":
        for (const desc of message.descs) this.#descs.learn(desc);
        return this.#linker.descsLearned(peer, message.descs.length);
      default:
        return core.drop(`control message not expected: ${message.type}`);
    }
  }

  /** A routed message that ends here. */
  #onRequest(request: RoutedRequest): void {
    const { message } = request;
    switch (message.type) {
      case "find":
        return this.#upkeep.onFind(request, message);
      case "link":
        return this.#linker.onLink(request, message);
      case "descGet":
        return request.answer({ type: "desc", descs: this.#descsFor(message.addresses) });
      case "dhtPut":
        return this.#records.onPut(request, message);
      case "dhtGet":
        return this.#records.onGet(request, message);
      case "trace":
        return this.#traces.onTrace(request);
      case "walk":
        return this.#walk.onWalk(request);
      case "lease":
        return this.#onRoutedLease(message);
      default:
        return this.#core.drop(`routed message not expected: ${(message as Message).type}`);
    }
  }

  /** Who keeps an address that this node holds too. */
  #onRoutedLease(lease: MessageOf<"lease">): void {
    for (const record of lease.conflict ? lease.records : []) {
      const holder = this.#records.verify(record);
      if (holder) this.#holder.conflict({ record, holder });
      else this.#core.drop("record refused");
    }
  }

  /** The computer slept: paths may be dead, and what this node keeps for others may be old. */
  #wake(): void {
    this.#paths.recheckAll(this.#peers.all());
    if (!this.#core.member) return;
    this.#records.fresh();
    this.#holder.woke();
  }

  #descsFor(addresses: readonly RingAddress[]): Desc[] {
    const descs: Desc[] = [];
    for (const address of addresses.slice(0, 4)) {
      const desc =
        address === this.#core.address
          ? this.#core.desc()
          : (this.#descs.get(address) ?? this.#peers.get(address)?.desc);
      if (desc) descs.push(desc);
    }
    return descs;
  }

  #onSuspect(address: RingAddress): void {
    const core = this.#core;
    const peer = this.#peers.get(address);
    const last = this.#suspects.get(address);
    if (!peer?.live || (last !== undefined && core.now - last < SUSPECT_HOLD_MS)) return;
    if (this.#suspects.size >= SUSPECTS_REMEMBERED) this.#suspects.clear();
    this.#suspects.set(address, core.now);
    this.#paths.suspect(peer);
  }

  #onTrim(peer: Peer): void {
    peer.theirs.clear();
    const accept = this.#mayClose(peer);
    if (!accept && !peer.isEdge) peer.ours.add("near"); // Now it is an edge for our sake alone.
    this.#control.send(peer, { type: "trimOk", accept });
    if (accept) this.#closeAgreed(peer);
  }

  /** Packets go by the session until the forwarding table knows that it ends. */
  #closeAgreed(peer: Peer): void {
    this.#closing.push(peer.slot);
    this.#removePeer(peer);
    this.#upkeep.edgeClosed(peer);
  }

  #isNeeded(peer: Peer): boolean {
    const isUsed = this.#core.now - peer.lastIpAt < peer.idleMs && (peer.counters?.ipTxPackets ?? 0) > 0;
    return isUsed || this.#relays.carriesFor(peer.address) || this.#relays.isRelayOfOurs(peer.address);
  }

  #mayClose(peer: Peer): boolean {
    return this.#upkeep.mayTrim(peer) && !this.#isNeeded(peer);
  }

  /** Tells the peer our addresses and when to start, so that the first packets cross. */
  #retryDirect(peer: Peer): void {
    this.#paths.retryDirectLater(peer, () => {
      if (!peer.active || (!peer.live && !peer.hasKind("shortcut"))) return;
      this.#tellAddresses(peer);
      if (this.#core.address < peer.address) this.#punchTogether(peer);
    });
  }

  /** A person wants it now: whichever end it is, both start; without a session one is opened first. */
  #tryDirect(address: RingAddress): void {
    const core = this.#core;
    const peer = this.#peers.get(address);
    if (peer?.direct || !core.member) return;
    if (peer?.up && peer.active) {
      peer.directTries = 0;
      this.#tellAddresses(peer);
      return this.#punchTogether(peer);
    }
    if (this.#wantedDirect.size >= WISHES_LIMIT) this.#wantedDirect.clear();
    this.#wantedDirect.set(address, core.now + WISH_LIFE_MS);
    this.#ips.open(address);
  }

  #tellAddresses(peer: Peer): void {
    const { publicTas, localTas } = this.#core;
    const tas = [...publicTas, ...localTas].filter(mayBeListed).slice(0, 8);
    this.#control.send(peer, { type: "tas", tas });
  }

  #mayBeDirect(peer: Peer): boolean {
    return peer.live || peer.ours.size + peer.theirs.size > 0 || this.#ips.hasShortcutRoom;
  }

  #punchTogether(peer: Peer): void {
    this.#control.send(peer, { type: "punchAt", delayMs: 0 });
    const delayMs = Math.round((peer.srttMs ?? 200) / 2);
    this.#core.after(delayMs, "punch together", () => peer.up && this.#paths.punch(peer, peer.tas));
  }

  #nearChanged(): void {
    this.#touchEdges();
    this.#records.nearChanged();
  }

  #becameMember(): void {
    this.#core.log("info", "member of the ring");
    this.#leaves.becameMember();
    this.#touchEdges();
    this.#relays.upkeep();
    this.#records.fresh();
    this.#ips.becameMember();
    this.#holder.becameMember();
  }

  #natChanged(): void {
    this.#relays.upkeep();
  }

  #noticeUnasked(remote: string): void {
    const host = remote.slice(0, remote.lastIndexOf(":"));
    for (const peer of this.#peers.all()) {
      for (const state of peer.paths.values())
        if (state.path.kind === "udp" && state.path.remote.startsWith(`${host}:`)) return;
    }
    if (!this.#upkeep.foreignStartAddresses.some((address) => address.startsWith(`${host}:`)))
      this.#nat.reachedUnasked();
  }

  #periodically(): void {
    this.#relays.upkeep();
    this.#traces.upkeep();
    this.#paths.upkeep(this.#peers.all());
    this.#core.roughlyAfter(UPKEEP_PERIOD_MS, "upkeep", () => this.#periodically());
  }

  /** What changed is on disk a moment later; changes share a write. */
  #saveSoon(): void {
    if (this.#saving?.run || !this.#upkeep.running) return;
    this.#saving = this.#core.after(SAVE_REST_MS, "save", () => this.#save());
  }

  #savePeriodically(): void {
    this.#rememberPeers();
    this.#save();
    this.#core.roughlyAfter(SAVE_PERIOD_MS, "save", () => this.#savePeriodically());
  }

  #rememberPeers(): void {
    const direct: CachedPeer[] = [];
    for (const peer of this.#peers.all()) {
      const path = peer.live ? peer.active?.path : undefined;
      if (!path || !isDirect(path)) continue;
      const { remote } = path;
      direct.push({ address: peer.address, remote, ...(path.kind === "tcp" && { transport: "tcp" as const }) });
    }
    const names = new Set(direct.map(({ address }) => address));
    this.#cached = [...direct, ...this.#cached.filter(({ address }) => !names.has(address))].slice(0, CACHED_PEERS);
  }

  #save(): void {
    const { last } = this.#holder;
    const state = { highestStamp: this.#core.highestStamp, cachedPeers: this.#cached, ...(last && { lease: last }) };
    this.#core.emit({ kind: "save", state });
  }

  #userPing(id: number, address: RingAddress): void {
    const peer = this.#peers.get(address);
    if (peer?.up && peer.active) return this.#sendUserPing(id, peer);
    if (!this.#core.member) return;
    if (this.#waitingPings.length >= USER_PINGS_LIMIT) this.#waitingPings.shift();
    this.#waitingPings.push({ id, peer: address, until: this.#core.now + 10_000 });
    this.#ips.open(address);
  }

  #speed(id: number, address: RingAddress, seconds: number): void {
    const core = this.#core;
    const begin = (triesLeft: number) => {
      const peer = this.#peers.get(address);
      if (peer?.up && peer.active) {
        this.#speedTests.start(peer, seconds, (outcome) => core.emit({ kind: "sped", id, outcome }));
      } else if (triesLeft === 0 || !core.member) {
        core.emit({ kind: "sped", id, outcome: { kind: "silent" } });
      } else {
        this.#ips.open(address);
        core.after(SESSION_LOOK_MS, "session for a speed test", () => begin(triesLeft - 1));
      }
    };
    begin(SESSION_LOOKS);
  }

  #sendUserPing(id: number, peer: Peer): void {
    if (this.#userPings.size >= USER_PINGS_LIMIT) {
      const oldest = this.#userPings.keys().next().value;
      if (oldest !== undefined) this.#userPings.delete(oldest);
    }
    const sent = this.#paths.sendPing(peer);
    this.#userPings.set(`${peer.slot}:${sent}`, { id, sentAt: this.#core.now });
  }

  #answerUserPing(peer: Peer, id: number): void {
    const name = `${peer.slot}:${id}`;
    const ping = this.#userPings.get(name);
    if (!ping) return;
    this.#userPings.delete(name);
    this.#core.emit({ kind: "pong", id: ping.id, rttMs: this.#core.now - ping.sentAt });
  }

  #pingWaiting(): void {
    for (let i = this.#waitingPings.length - 1; i >= 0; i--) {
      const waiting = this.#waitingPings[i];
      if (!waiting) continue;
      const peer = this.#peers.get(waiting.peer);
      const isReady = peer?.up && peer.active;
      if (!isReady && waiting.until > this.#core.now) continue;
      this.#waitingPings.splice(i, 1);
      if (isReady && peer) this.#sendUserPing(waiting.id, peer);
    }
  }

  #touchFib(): void {
    this.#fibDirty = true;
  }

  /** Neighbours' lists come in showers; the table is made once for all of them. */
  #touchFibSoon(): void {
    if (this.#fibSoon?.run) return;
    this.#fibSoon = this.#core.after(FIB_REST_MS, "forwarding table", () => this.#touchFib());
  }

  /** Our own edges changed: so do the table and what neighbours have to know. */
  #touchEdges(): void {
    this.#touchFib();
    this.#lookahead.edgesChanged();
  }

  /** At most ten tables a second. */
  #flushFib(): void {
    const core = this.#core;
    if (!this.#fibDirty) return;
    if (core.now < this.#fibAt + FIB_GAP_MS) {
      if (this.#fibTimerSet) return;
      this.#fibTimerSet = true;
      core.timers.at(this.#fibAt + FIB_GAP_MS, "forwarding table", () => {
        this.#fibTimerSet = false;
      });
      return;
    }
    this.#fibDirty = false;
    this.#fibAt = core.now;
    core.emit({
      kind: "fib",
      fib: {
        self: core.address,
        edges: this.#peers
          .edges()
          .filter((peer) => !peer.outdated)
          .map((peer) => ({ peer: peer.address, slot: peer.slot, member: peer.member, direct: peer.direct })),
        lookahead: this.#lookahead.entries(),
        exact: [],
        reserved: this.#relays.reservations(),
      },
    });
    for (const slot of this.#closing.splice(0)) core.emit({ kind: "sessionDrop", slot });
  }

  #withPeer(slot: number, then: (peer: Peer) => void): void {
    const peer = this.#peers.bySlot(slot);
    if (peer) then(peer);
    else this.#core.drop("unknown slot");
  }
}

function sameKind(a: Path, b: Path): boolean {
  if (isDirect(a)) return isDirect(b) && a.kind === b.kind && a.remote === b.remote;
  return a.kind === b.kind;
}
