/**
 * Keeps this node's place on the ring: start addresses, joining, the near set, far edges, gossip and checks
 * (docs/protocol.md, "The ring").
 */
import type { SocketAddress } from "../boundary.ts";
import {
  ALONE_AFTER_MS,
  ALONE_RETRY_MS,
  CHECK_AGES_MS,
  CHECK_PERIOD_MS,
  D_NEAR,
  DIAL_GAP_MS,
  DIALS_AT_ONCE,
  FAR_TICK_FULL_MS,
  FAR_TICK_SHORT_MS,
  JOIN_RETRY_MS,
  LEAF_AFTER_MEMBER_MS,
  NEAR_DEBOUNCE_MS,
  NEAR_PERIOD_MS,
  NEAR_PERIOD_YOUNG_MS,
  TRIM_AGE_MS,
  TRIM_AGE_UNDER_PRESSURE_MS,
  TRIM_ASK_AGAIN_MS,
  TRIM_PERIOD_MS,
  YOUNG_MS,
} from "../constants.ts";
import { type Core, NO_COORD } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Descs } from "../link/descs.ts";
import type { Handshakes } from "../link/handshakes.ts";
import type { Linker } from "../link/linker.ts";
import type { Peer } from "../link/peer.ts";
import { around, type Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";
import type { Brief, Desc, FindPurpose, MessageOf, NodeFlags } from "../wire/types.ts";
import {
  addressFromNumber,
  addressToNumber,
  clockwiseDistance,
  compareDistance,
  type RingAddress,
  ringDistance,
} from "./address.ts";
import type { RoutedRequest, Router } from "./router.ts";

export interface UpkeepHooks {
  /** The set of live member edges near this node changed, or this node became a member. */
  nearChanged(): void;
  becameMember(): void;
  /** Traffic or a tunnel goes by that edge. */
  isNeeded(peer: Peer): boolean;
}

interface Candidate {
  readonly flags: NodeFlags;
  readonly teller: RingAddress | undefined;
}

const NEIGHBOURS_REMEMBERED = 24;
const BRIEFS_IN_FOUND = 17;
const DESCS_IN_FOUND = 4;
const CANDIDATES_LIMIT = 128;
const FIRST_OF_JOINERS_MS = 1_000;
const SMALL_START_LIST = 2;
const NEAR_WHILE_JOINING = 2;
const SETTLED_AFTER_MS = 1_000;
const SETTLE_FOR_LESS_MS = 4_000;
const FIND_TIMEOUT_MS = 3_000;
const FAR_LEAST = 4;
const FAR_MOST = 20;

export class Upkeep {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #router: Router;
  readonly #handshakes: Handshakes;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #hooks: UpkeepHooks;
  readonly #candidates = new Map<RingAddress, Candidate>();
  readonly #selfAddresses = new Set<SocketAddress>();
  readonly #dialing = new Set<SocketAddress>();
  #startAddresses: readonly SocketAddress[] = [];
  #queue: SocketAddress[] = [];
  #near: readonly RingAddress[] = [];
  #running = false;
  #startedAt = 0;
  #foundAt: number | undefined;
  #expected: readonly RingAddress[] = [];
  #joinTries = 0;
  #isFinding = false;
  #memberSince = 0;
  #anyAnswer = false;
  #gossip: Timer | undefined;
  #evaluation: Timer | undefined;
  #dialTimer: Timer | undefined;
  consistent: boolean | null = null;

  constructor(parts: {
    core: Core; peers: Peers; control: Control; router: Router; handshakes: Handshakes; linker: Linker; descs: Descs; hooks: UpkeepHooks;
  }) {
    this.#core = parts.core;
    this.#peers = parts.peers;
    this.#control = parts.control;
    this.#router = parts.router;
    this.#handshakes = parts.handshakes;
    this.#linker = parts.linker;
    this.#descs = parts.descs;
    this.#hooks = parts.hooks;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Members nearest to this node on each side with a live edge: the near set. */
  get near(): readonly RingAddress[] {
    return this.#near;
  }

  /** Start addresses that are not this node itself. */
  get foreignStartAddresses(): SocketAddress[] {
    return this.#startAddresses.filter((address) => !this.#selfAddresses.has(address));
  }

  /** The start addresses had their time and none answered. */
  get gaveUpOnce(): boolean {
    return !this.#anyAnswer && this.#core.now - this.#startedAt >= ALONE_AFTER_MS - 1;
  }

  isNear(address: RingAddress): boolean {
    return this.#near.includes(address);
  }

  setStartAddresses(addresses: readonly SocketAddress[]): void {
    const added = addresses.filter((address) => !this.#startAddresses.includes(address));
    this.#startAddresses = [...addresses];
    if (this.#running && added.length > 0) this.#enqueue(added);
  }

  start(cached: readonly SocketAddress[]): void {
    if (this.#running) return;
    const core = this.#core;
    this.#running = true;
    this.#startedAt = core.now;
    this.#enqueue([...this.#startAddresses, ...cached]);
    core.after(0, "alone", () => this.#considerAlone());
    core.after(ALONE_AFTER_MS, "alone", () => this.#considerAlone());
    core.after(FIRST_OF_JOINERS_MS, "first of joiners", () => this.#considerFirst());
    core.after(ALONE_RETRY_MS, "start addresses again", () => this.#redial());
    core.after(NEAR_PERIOD_YOUNG_MS, "gossip", () => this.#gossipPeriodically());
    CHECK_AGES_MS.forEach((age) => core.after(age, "check", () => this.#check()));
    core.after(CHECK_PERIOD_MS, "check", () => this.#checkPeriodically());
    core.after(FAR_TICK_SHORT_MS, "far edges", () => this.#farUpkeep());
    core.after(TRIM_PERIOD_MS, "trim", () => this.#trim());
  }

  stop(): void {
    this.#running = false;
    this.#core.member = false;
    this.#candidates.clear();
    this.#queue = [];
    this.#dialing.clear();
    this.#near = [];
    this.#foundAt = undefined;
    this.#expected = [];
    this.#joinTries = 0;
    this.#isFinding = false;
    this.#anyAnswer = false;
    this.#gossip = undefined;
    this.#evaluation = undefined;
    this.#dialTimer = undefined;
    this.consistent = null;
  }

  /** An edge came up, went down, changed its path class, or its peer's membership changed. */
  edgesChanged(): void {
    this.#peers.edgesChanged();
    if (!this.#running) return;
    const before = this.#near.join();
    this.#near = this.#peers.aroundOf(this.#core.address, D_NEAR);
    if (before !== this.#near.join()) {
      this.#gossipSoon();
      this.#hooks.nearChanged();
    }
    this.#evaluateSoon();
    this.#findPlace();
    this.#tryMember();
  }

  edgeUp(peer: Peer): void {
    this.#candidates.delete(peer.address);
    if (peer.edgeSince === undefined) {
      peer.edgeSince = this.#core.now;
      this.edgesChanged();
      this.#tell(peer, true);
    } else this.edgesChanged();
  }

  /** The edge was closed by agreement: its end stays a member that may become a neighbour again. */
  edgeClosed(peer: Peer): void {
    if (peer.member && this.#running) this.#candidates.set(peer.address, { flags: peer.flags, teller: undefined });
  }

  /** That member is gone; whoever still names it is not believed for a while. */
  edgeDown(address: RingAddress): void {
    this.#candidates.delete(address);
    for (const peer of this.#peers.all()) peer.neighbours.delete(address);
    this.edgesChanged();
    if (this.#running && this.#peers.edges().length === 0) this.#redialSoon();
  }

  onNear(peer: Peer, near: MessageOf<"near">): void {
    if (near.self.address !== peer.address) return this.#core.drop("gossip about another");
    this.#peers.setFlags(peer, near.self.flags);
    // Between full repetitions a neighbour tells only what is new, so the set grows; dead members leave it one by one.
    for (const brief of near.briefs) {
      peer.neighbours.delete(brief.address);
      peer.neighbours.add(brief.address);
    }
    for (const address of peer.neighbours) {
      if (peer.neighbours.size <= NEIGHBOURS_REMEMBERED) break;
      peer.neighbours.delete(address);
    }
    for (const desc of near.descs) this.#descs.learn(desc);
    for (const brief of near.briefs) this.#hear(brief, peer.address);
    this.#evaluateSoon();
    if (!this.#core.member) this.#considerFirst();
  }

  onFind(request: RoutedRequest, find: MessageOf<"find">): void {
    const core = this.#core;
    const self = request.src === core.address;
    if (!self && !this.#descs.learn(find.desc, request.src)) return core.drop("descriptor refused");
    const target = request.dst;
    const known: RingAddress[] = [...this.#peers.aroundOf(target, BRIEFS_IN_FOUND >> 1), core.address];
    const listed = known
      .filter((address) => !(find.excludeSource && address === request.src))
      .sort((a, b) => compareDistance(target, a, b))
      .slice(0, BRIEFS_IN_FOUND);
    const descs: Desc[] = [];
    for (const address of listed) {
      if (descs.length >= DESCS_IN_FOUND) break;
      const desc = address === core.address ? core.desc() : (this.#descs.get(address) ?? this.#peers.get(address)?.desc);
      if (desc) descs.push(desc);
    }
    request.answer({ type: "found", span: this.#span(), briefs: listed.map((address) => this.#briefOf(address)), descs });
  }

  /** Members known to be publicly reachable, nearest in time first. */
  publicMembers(): RingAddress[] {
    const known: { address: RingAddress; rtt: number }[] = [];
    for (const peer of this.#peers.all()) {
      if (peer.member && peer.flags.public) known.push({ address: peer.address, rtt: peer.srttMs ?? 1e6 });
    }
    for (const [address, candidate] of this.#candidates) {
      if (candidate.flags.public && !this.#peers.get(address)) known.push({ address, rtt: 2e6 });
    }
    return known.sort((a, b) => a.rtt - b.rtt || (a.address < b.address ? -1 : 1)).map(({ address }) => address);
  }

  /** Number of members estimated from the density of the near set and what neighbours estimate. */
  sizeEstimate(): number {
    const members = this.#peers.liveMembers().length;
    if (!this.#core.member) return members;
    if (this.#near.length < 2 * D_NEAR) return members + 1;
    const share = this.#nearShare();
    const own = Math.log2(2 * D_NEAR / share);
    const all = [own];
    for (const peer of this.#peers.all()) if (peer.live && peer.log2N !== undefined) all.push(peer.log2N);
    all.sort((a, b) => a - b);
    return Math.max(members + 1, Math.round(2 ** (all[all.length >> 1] as number)));
  }

  /** Closes what only served to get in: asked of the other end, which may still need it. */
  mayTrim(peer: Peer): boolean {
    if (!this.#core.member || this.isNear(peer.address)) return false;
    return !peer.ours.has("far") && !peer.ours.has("anchor") && !peer.ours.has("shortcut") && !peer.ours.has("leaf");
  }

  #enqueue(addresses: readonly SocketAddress[]): void {
    const fresh = addresses.filter((address) => !this.#selfAddresses.has(address) && !this.#queue.includes(address) && !this.#isConnected(address));
    const queue = [...new Set(fresh)];
    for (let i = queue.length - 1; i > 0; i--) {
      const j = this.#core.entropy.u32() % (i + 1);
      [queue[i], queue[j]] = [queue[j] as SocketAddress, queue[i] as SocketAddress];
    }
    this.#queue.push(...queue);
    this.#dialNext();
  }

  #dialNext(): void {
    if (this.#dialTimer?.run || this.#queue.length === 0 || !this.#running) return;
    if (this.#dialing.size >= DIALS_AT_ONCE) return;
    // One start address that answers is enough to join; small lists are tried whole, since each tells about our NAT.
    if (this.#anyAnswer && this.#queue.length > SMALL_START_LIST && this.#peers.edges().length > 0) return;
    const remote = this.#queue.shift() as SocketAddress;
    const core = this.#core;
    this.#dialTimer = core.after(DIAL_GAP_MS, "next start address", () => this.#dialNext());
    if (this.#dialing.has(remote) || this.#isConnected(remote)) return;
    this.#dialing.add(remote);
    this.#handshakes.dial({ kind: "udp", remote }, "leaf", (result) => {
      this.#dialing.delete(remote);
      if (result.kind === "self") {
        this.#selfAddresses.add(remote);
        this.#considerAlone();
      }
      if (result.kind === "up") this.#anyAnswer = true;
      this.#dialNext();
    });
  }

  #isConnected(remote: SocketAddress): boolean {
    for (const peer of this.#peers.all()) if (peer.up && peer.active?.path.kind === "udp" && peer.active.path.remote === remote) return true;
    return false;
  }

  #redialSoon(): void {
    this.#core.after(500, "start addresses again", () => {
      if (this.#running && this.#peers.edges().length === 0) this.#enqueue(this.#startAddresses);
    });
  }

  #redial(): void {
    if (!this.#running) return;
    if (this.#peers.edges().length === 0) this.#enqueue(this.#startAddresses);
    else {
      // One start address without an edge, now and then: two rings that once were one find each other by it.
      const others = this.foreignStartAddresses.filter((address) => !this.#isConnected(address));
      const pick = others[this.#core.entropy.u32() % Math.max(1, others.length)];
      if (pick) this.#enqueue([pick]);
    }
    this.#core.after(ALONE_RETRY_MS, "start addresses again", () => this.#redial());
  }

  /** Nobody is there: a ring of one, which grows when somebody comes. */
  #considerAlone(): void {
    const core = this.#core;
    if (!this.#running || core.member || this.#peers.edges().length > 0) return;
    const waited = core.now - this.#startedAt >= ALONE_AFTER_MS - 1;
    if (this.foreignStartAddresses.length === 0 ? this.#dialing.size === 0 && this.#queue.length === 0 : waited) this.#becomeMember();
  }

  /** All that are here are joining too: the lowest address begins the ring. */
  #considerFirst(): void {
    const core = this.#core;
    if (!this.#running || core.member || core.now - this.#startedAt < FIRST_OF_JOINERS_MS - 1) return;
    const edges = this.#peers.edges();
    if (edges.length === 0 || edges.some((peer) => peer.member || peer.address < core.address)) return;
    this.#becomeMember();
  }

  /** Asks for our own place as soon as a member can be asked. */
  #findPlace(): void {
    if (this.#core.member || this.#foundAt !== undefined || this.#isFinding) return;
    const through = this.#peers.liveMembers()[0];
    const peer = through && this.#peers.get(through);
    if (peer) this.#findSelf(peer);
  }

  #findSelf(through: Peer): void {
    const core = this.#core;
    this.#isFinding = true;
    this.#router.request({
      dst: core.address,
      mode: "nearest",
      message: { type: "find", purpose: "join", excludeSource: true, desc: core.desc() },
      firstHop: through,
      timeoutMs: FIND_TIMEOUT_MS,
      onAnswer: (answer) => {
        this.#isFinding = false;
        if (answer.type !== "found" || core.member) return;
        this.#foundAt ??= core.now;
        this.#learnFound(answer, through.address);
        this.#expected = neighboursIn(answer.briefs.map((brief) => brief.address), core.address);
        this.#evaluateNow();
        this.#tryMember();
        core.after(SETTLE_FOR_LESS_MS, "membership", () => this.#tryMember());
        core.after(2 * SETTLE_FOR_LESS_MS, "join again", () => this.#joinAgain());
      },
      onTimeout: () => {
        this.#isFinding = false;
        this.#joinAgain();
      },
    });
  }

  #joinAgain(): void {
    const core = this.#core;
    if (!this.#running || core.member) return;
    const wait = JOIN_RETRY_MS[Math.min(this.#joinTries++, JOIN_RETRY_MS.length - 1)] as number;
    core.after(wait, "join again", () => {
      if (!this.#running || core.member) return;
      const members = this.#peers.edges().filter((peer) => peer.member);
      const through = members[core.entropy.u32() % Math.max(1, members.length)];
      if (through && !this.#isFinding) this.#findSelf(through);
      this.#considerFirst();
    });
  }

  #tryMember(): void {
    const core = this.#core;
    if (core.member || !this.#running || this.#foundAt === undefined) return;
    const linked = this.#peers.liveMembers();
    // A nearer neighbour than the expected one serves as well.
    const neighbours = neighboursIn([...this.#expected, ...linked], core.address);
    const isWhole = this.#expected.length > 0 && neighbours.every((address) => linked.includes(address));
    const settles = core.now - this.#foundAt >= SETTLE_FOR_LESS_MS - 1 && linked.length > 0;
    if (isWhole || settles) this.#becomeMember();
  }

  #becomeMember(): void {
    const core = this.#core;
    core.member = true;
    core.descChanged();
    this.#near = this.#peers.aroundOf(core.address, D_NEAR);
    this.#gossipNow(true);
    this.#evaluateSoon();
    this.#memberSince = core.now;
    core.after(SETTLED_AFTER_MS, "near set", () => this.#evaluateNow());
    this.#hooks.becameMember();
    core.after(500, "check", () => this.#check());
  }

  /** Proposes to close edges that this node does not need; the other end may refuse. */
  #trim(): void {
    if (!this.#running) return;
    const core = this.#core;
    const edges = this.#peers.edges();
    const isCrowded = edges.length > 2 * D_NEAR + 3 * Math.max(FAR_LEAST, this.#farWanted());
    const leastAge = isCrowded ? TRIM_AGE_UNDER_PRESSURE_MS : TRIM_AGE_MS;
    for (const peer of edges) {
      const age = core.now - (peer.edgeSince ?? core.now);
      if (peer.ours.has("leaf") && core.member && (isCrowded || age >= LEAF_AFTER_MEMBER_MS)) peer.ours.delete("leaf");
      if (age < leastAge || core.now - peer.trimAskedAt < TRIM_ASK_AGAIN_MS || !this.mayTrim(peer)) continue;
      if (peer.theirs.has("far") || peer.theirs.has("anchor") || peer.theirs.has("shortcut") || peer.theirs.has("leaf")) continue;
      if (this.#hooks.isNeeded(peer)) continue;
      peer.trimAskedAt = core.now;
      this.#control.send(peer, { type: "trim" });
    }
    core.after(core.vary(TRIM_PERIOD_MS, 0.2), "trim", () => this.#trim());
  }

  #hear(brief: Brief, teller: RingAddress): void {
    if (brief.address === this.#core.address || !brief.flags.member) return;
    const peer = this.#peers.get(brief.address);
    if (peer?.live) return;
    this.#candidates.delete(brief.address);
    this.#candidates.set(brief.address, { flags: brief.flags, teller });
    if (this.#candidates.size > CANDIDATES_LIMIT) {
      const oldest = this.#candidates.keys().next().value;
      if (oldest !== undefined) this.#candidates.delete(oldest);
    }
  }

  #learnFound(found: MessageOf<"found">, teller: RingAddress | undefined): void {
    for (const desc of found.descs) this.#descs.learn(desc);
    for (const brief of found.briefs) this.#hear(brief, teller ?? brief.address);
  }

  #evaluateSoon(): void {
    if (this.#evaluation?.run) return;
    this.#evaluation = this.#core.after(20, "near set", () => this.#evaluateNow());
  }

  /** Links to every member heard of that belongs to the near set. */
  #evaluateNow(): void {
    if (!this.#running || this.#candidates.size === 0) return;
    const core = this.#core;
    const live = this.#peers.liveMembers();
    const open: RingAddress[] = [];
    for (const address of this.#candidates.keys()) if (!this.#linker.isHeld(address)) open.push(address);
    if (open.length === 0) return;
    const union = [...live, ...open.filter((address) => !this.#peers.get(address)?.live)].sort();
    // While a crowd joins, who is near changes by the moment: the next two on each side hold the ring together meanwhile.
    const isSettled = core.member && core.now - this.#memberSince >= SETTLED_AFTER_MS;
    for (const address of around(union, core.address, isSettled ? D_NEAR : NEAR_WHILE_JOINING)) {
      const candidate = this.#candidates.get(address);
      if (candidate && !this.#peers.get(address)?.live) this.#linker.want(address, "near", candidate.teller);
    }
  }

  #gossipSoon(): void {
    if (this.#gossip?.run) return;
    this.#gossip = this.#core.after(this.#core.vary(NEAR_DEBOUNCE_MS, 0.5), "gossip", () => this.#gossipNow());
  }

  /** To those whose picture changed; to `all` as a repetition against loss. */
  #gossipNow(all = false): void {
    for (const peer of this.#peers.edges()) {
      const isOnlyGettingIn = !peer.member && peer.ours.size === 0 && peer.theirs.has("leaf");
      if (all || !isOnlyGettingIn) this.#tell(peer, all);
    }
  }

  #gossipPeriodically(): void {
    if (!this.#running) return;
    this.#gossipNow(true);
    const isYoung = this.#core.now - this.#startedAt < YOUNG_MS;
    const period = isYoung ? NEAR_PERIOD_YOUNG_MS : NEAR_PERIOD_MS;
    this.#core.after(this.#core.vary(period, 0.1), "gossip", () => this.#gossipPeriodically());
  }

  /** Tells a neighbour the nodes nearest to that neighbour, and our own near set. */
  #tell(peer: Peer, again: boolean): void {
    if (!peer.live) return;
    const core = this.#core;
    const tailored = new Set([...this.#near, ...this.#peers.aroundOf(peer.address, D_NEAR)]);
    tailored.delete(peer.address);
    const listed = again && peer.told !== undefined ? [...tailored].sort() : this.#newTo(peer, tailored);
    if (listed.length === 0 && !again) return;
    peer.told = tailored;
    const descs: Desc[] = [];
    // Only a ring neighbour is likely to link to what it hears of here; others ask for what they need.
    for (const address of this.isNear(peer.address) ? around(listed, peer.address, 1) : []) {
      if (peer.neighbours.has(address) || peer.toldDescs.has(address)) continue;
      const desc = this.#descs.get(address) ?? this.#peers.get(address)?.desc;
      if (!desc) continue;
      descs.push(desc);
      peer.toldDescs.add(address);
    }
    this.#control.send(peer, { type: "near", self: core.brief(), briefs: listed.map((address) => this.#briefOf(address)), descs });
  }

  /** Of `tailored` what the peer was not told yet and may want as a ring neighbour, in ring order. */
  #newTo(peer: Peer, tailored: ReadonlySet<RingAddress>): RingAddress[] {
    const fresh = [...tailored].filter((address) => !peer.told?.has(address) && !peer.neighbours.has(address));
    if (fresh.length === 0) return [];
    const known = new Set([...tailored, ...peer.neighbours, this.#core.address]);
    known.delete(peer.address);
    const wanted = new Set(around([...known].sort(), peer.address, D_NEAR));
    return fresh.filter((address) => wanted.has(address)).sort();
  }

  #briefOf(address: RingAddress): Brief {
    if (address === this.#core.address) return this.#core.brief();
    const flags = this.#peers.get(address)?.flags;
    return { address, flags: flags ?? this.#core.flags(), coord: NO_COORD };
  }

  #checkPeriodically(): void {
    if (!this.#running) return;
    this.#check();
    this.#core.after(this.#core.vary(CHECK_PERIOD_MS, 0.1), "check", () => this.#checkPeriodically());
  }

  /** Asks, through a random edge, who stands around our own address. */
  #check(): void {
    const core = this.#core;
    if (!this.#running || !core.member) return;
    const edges = this.#peers.edges().filter((peer) => peer.member);
    if (edges.length === 0) {
      this.consistent = this.foreignStartAddresses.length === 0;
      return;
    }
    const far = edges.filter((peer) => peer.hasKind("far"));
    const pool = far.length > 0 ? far : edges;
    const through = pool[core.entropy.u32() % pool.length] as Peer;
    this.#ask(core.address, "check", through, (found) => {
      this.#learnFound(found, through.address);
      this.#evaluateNow();
      const linked = this.#peers.liveMembers();
      const neighbours = neighboursIn([...found.briefs.map((brief) => brief.address), ...linked], core.address);
      this.consistent = neighbours.every((address) => linked.includes(address));
    });
  }

  #ask(target: RingAddress, purpose: FindPurpose, through: Peer | undefined, then: (found: MessageOf<"found">) => void): void {
    this.#router.request({
      dst: target,
      mode: "nearest",
      message: { type: "find", purpose, excludeSource: true, desc: this.#core.desc() },
      firstHop: through,
      timeoutMs: FIND_TIMEOUT_MS,
      onAnswer: (answer) => {
        if (answer.type === "found" && this.#running) then(answer);
      },
      onTimeout: () => {},
    });
  }

  #farUpkeep(): void {
    if (!this.#running) return;
    const core = this.#core;
    const size = this.sizeEstimate();
    const wanted = this.#farWanted();
    const have = this.#peers.edges().filter((peer) => peer.ours.has("far")).length;
    if (core.member && have < wanted) {
      for (let missing = 0; missing < Math.min(3, wanted - have); missing++) this.#makeFar(size, wanted);
    }
    core.after(core.vary(have < wanted ? FAR_TICK_SHORT_MS : FAR_TICK_FULL_MS, 0.2), "far edges", () => this.#farUpkeep());
  }

  #farWanted(): number {
    const size = this.sizeEstimate();
    return size < 4 * (D_NEAR + 1) ? 0 : Math.min(FAR_MOST, Math.max(FAR_LEAST, Math.ceil(Math.log2(size))));
  }

  /** One far edge at a harmonic distance (Kleinberg; Symphony), stratified over the slots. */
  #makeFar(size: number, slots: number): void {
    const core = this.#core;
    const slot = core.entropy.u32() % slots;
    const u = (slot + core.entropy.fraction()) / slots;
    const nearest = (D_NEAR + 1) / size;
    const share = Math.min(0.5, nearest * (size / 2 / (D_NEAR + 1)) ** u);
    const steps = BigInt(Math.floor(share * 2 ** 52)) << 108n;
    const place = addressToNumber(core.address) + (core.entropy.fraction() < 0.5 ? steps : -steps);
    this.#ask(addressFromNumber(place), "far", undefined, (found) => {
      for (const desc of found.descs) this.#descs.learn(desc);
      const fresh = found.briefs.filter(
        (brief) => brief.flags.member && brief.address !== core.address && !this.#peers.get(brief.address)?.live,
      );
      const pick = fresh[core.entropy.u32() % Math.max(1, fresh.length)];
      if (pick) this.#linker.want(pick.address, "far");
    });
  }

  #nearShare(): number {
    const clockwise = this.#near.slice(0, D_NEAR);
    const counter = this.#near.slice(D_NEAR);
    const first = clockwise.at(-1);
    const last = counter.at(-1);
    if (!first || !last) return 1;
    const { address } = this.#core;
    const steps = clockwiseDistance(address, first) + clockwiseDistance(last, address);
    return Math.max(1e-9, Number(steps >> 96n) / 2 ** 64);
  }

  #span(): bigint {
    const reach = this.#near.reduce((most, address) => {
      const distance = ringDistance(address, this.#core.address);
      return distance > most ? distance : most;
    }, 0n);
    return reach >> 96n;
  }
}

/** The next address on each side of `self` among `addresses`; one entry where they are the same. */
function neighboursIn(addresses: readonly RingAddress[], self: RingAddress): RingAddress[] {
  const others = [...new Set(addresses)].filter((address) => address !== self).sort();
  return around(others, self, 1);
}
