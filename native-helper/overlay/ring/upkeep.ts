/**
 * Keeps this node's place on the ring: joining, the near set, checks, and the closing of edges that nobody needs
 * (docs/protocol.md, "The ring").
 */
import type { DirectPath, SocketAddress } from "../boundary.ts";
import {
  ALONE_AFTER_MS,
  CHECK_AGES_MS,
  CHECK_PERIOD_MS,
  COORD_PERIOD_MS,
  COORD_PERIOD_YOUNG_MS,
  D_NEAR,
  EDGE_SOFT_LIMIT,
  FAR_LEAST,
  JOIN_RETRY_MS,
  LEAF_AFTER_MEMBER_MS,
  TRIM_AGE_MS,
  TRIM_AGE_UNDER_PRESSURE_MS,
  TRIM_ASK_AGAIN_MS,
  TRIM_PERIOD_MS,
  YOUNG_MS,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { Control } from "../link/control.ts";
import type { Descs } from "../link/descs.ts";
import type { Handshakes } from "../link/handshakes.ts";
import type { Linker } from "../link/linker.ts";
import type { Peer } from "../link/peer.ts";
import { around, type Peers } from "../link/peers.ts";
import type { Timer } from "../timers.ts";
import type { Brief, Desc, EdgeKind, FindPurpose, MessageOf, NodeFlags } from "../wire/types.ts";
import { compareDistance, type RingAddress, ringDistance } from "./address.ts";
import { FarEdges } from "./far-edges.ts";
import { digestOf, Gossip } from "./gossip.ts";
import { Heard } from "./heard.ts";
import { Merge, wouldBeAround } from "./merge.ts";
import type { RoutedRequest, Router } from "./router.ts";
import { StartAddresses } from "./start-addresses.ts";

export interface UpkeepHooks {
  /** The set of live member edges near this node changed, or this node became a member. */
  nearChanged(): void;
  becameMember(): void;
  /** Traffic or a tunnel goes by that edge. */
  isNeeded(peer: Peer): boolean;
  /** Where peers met before last answered, newest first. */
  pastPeers(): readonly DirectPath[];
  /** Ends a session that was made for a question only. */
  dismiss(peer: Peer): void;
}

interface Candidate {
  readonly flags: NodeFlags;
  readonly teller: RingAddress | undefined;
  /** When it was first heard of. */
  readonly since: number;
}

const NEIGHBOURS_REMEMBERED = 32;
const BRIEFS_IN_FOUND = 17;
const DESCS_IN_FOUND = 4;
const CANDIDATES_LIMIT = 128;
const FIRST_OF_JOINERS_MS = 1_000;
const NEAR_WHILE_JOINING = 2;
const SETTLED_AFTER_MS = 1_000;
const NEAR_QUIET_MS = 1_000;
const NEWCOMER_MS = 5_000;
/** Of two members that hear of each other the one of the lower address asks at once, the other after this time. */
const LOWER_FIRST_MS = 600;
/** How much later the near set may be looked at where no member was heard of that was not known before. */
const NO_NEWS_SLACK_MS = 1_000;
const SETTLE_FOR_LESS_MS = 4_000;
const FIND_TIMEOUT_MS = 3_000;
/** A member that a neighbour told of within this time is likely there. */
const HEARD_FRESH_MS = 40_000;

export class Upkeep {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #router: Router;
  readonly #linker: Linker;
  readonly #descs: Descs;
  readonly #hooks: UpkeepHooks;
  readonly #starts: StartAddresses;
  readonly #gossip: Gossip;
  readonly #farEdges: FarEdges;
  readonly #heard: Heard;
  readonly #merge: Merge;
  readonly #candidates = new Map<RingAddress, Candidate>();
  #near: readonly RingAddress[] = [];
  #running = false;
  #startedAt = 0;
  #foundAt: number | undefined;
  #expected: readonly RingAddress[] = [];
  #joinTries = 0;
  #isFinding = false;
  /** When the near set last changed. */
  #nearSince = 0;
  #memberSince = 0;
  #evaluation: Timer | undefined;
  /** An evaluation after the lower address had its time to ask. */
  #later: Timer | undefined;
  /** The message that was read last named a member not heard of before. */
  #isNews = false;
  consistent: boolean | null = null;

  constructor(parts: {
    core: Core;
    peers: Peers;
    control: Control;
    router: Router;
    handshakes: Handshakes;
    linker: Linker;
    descs: Descs;
    askedByUdp: (remote: SocketAddress) => void;
    hooks: UpkeepHooks;
  }) {
    this.#core = parts.core;
    this.#peers = parts.peers;
    this.#control = parts.control;
    this.#router = parts.router;
    this.#heard = new Heard(parts.core);
    this.#starts = new StartAddresses(parts.core, parts.peers, parts.handshakes, {
      foundSelf: () => this.#considerAlone(),
      answered: (peer) => this.#merge.checkThrough(peer),
      past: () => parts.hooks.pastPeers(),
      askedByUdp: parts.askedByUdp,
    });
    this.#gossip = new Gossip(parts.core, parts.peers, parts.control, parts.descs, () => this.#near);
    this.#farEdges = new FarEdges(parts.core, parts.peers, parts.linker, parts.descs, {
      near: () => this.#near,
      isNear: (address) => this.isNear(address),
      find: (target, then) => this.#ask(target, "far", undefined, then, () => then(undefined)),
    });
    this.#merge = new Merge(parts.core, parts.peers, parts.control, parts.linker, parts.descs, {
      findSelf: (through, then) => this.#ask(parts.core.address, "merge", through, then),
      learn: (briefs, descs, teller) => this.#learn(briefs, descs, teller),
      wouldBeNear: (address) => wouldBeAround(this.#peers.liveMembers(), address, this.#core.address, D_NEAR),
      briefOf: (address) => this.#gossip.briefOf(address),
      dialOutside: (then) => this.#starts.dialOutside(then),
      dismiss: (peer) => parts.hooks.dismiss(peer),
      sizeEstimate: () => this.sizeEstimate(),
      isSettled: () =>
        parts.core.now - this.#memberSince >= NEWCOMER_MS && parts.core.now - this.#nearSince >= NEAR_QUIET_MS,
    });
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
    return this.#starts.foreign;
  }

  /** The start addresses had their time and none answered. */
  get gaveUpOnce(): boolean {
    return !this.#starts.anyAnswer && this.#core.now - this.#startedAt >= ALONE_AFTER_MS - 1;
  }

  isNear(address: RingAddress): boolean {
    return this.#near.includes(address);
  }

  setStartAddresses(addresses: readonly SocketAddress[], streams: readonly SocketAddress[]): void {
    this.#starts.set(addresses, streams);
  }

  /** Whether a member was told of after that time. */
  isToldAfter(address: RingAddress, at: number): boolean {
    return this.#heard.isToldAfter(address, at);
  }

  /** Number of members estimated. */
  sizeEstimate(): number {
    return this.#farEdges.sizeEstimate();
  }

  /** The part of this node in the estimates of others. */
  ownEstimate(): number {
    return this.#farEdges.ownEstimate();
  }

  start(): void {
    if (this.#running) return;
    const core = this.#core;
    this.#running = true;
    this.#startedAt = core.now;
    this.#starts.start();
    this.#merge.start();
    core.after(0, "alone", () => this.#considerAlone());
    core.after(ALONE_AFTER_MS, "alone", () => this.#considerAlone());
    core.after(FIRST_OF_JOINERS_MS, "first of joiners", () => this.#considerFirst());
    this.#gossip.start();
    CHECK_AGES_MS.forEach((age) => core.after(age, "check", () => this.#check()));
    core.roughlyAfter(CHECK_PERIOD_MS, "check", () => this.#checkPeriodically());
    this.#farEdges.start();
    core.roughlyAfter(COORD_PERIOD_YOUNG_MS, "coordinates", () => this.#followRoundTrips());
    core.roughlyAfter(TRIM_PERIOD_MS, "trim", () => this.#trim());
  }

  stop(): void {
    this.#running = false;
    this.#core.member = false;
    this.#candidates.clear();
    this.#near = [];
    this.#foundAt = undefined;
    this.#expected = [];
    this.#joinTries = 0;
    this.#isFinding = false;
    this.#starts.stop();
    this.#farEdges.stop();
    this.#heard.clear();
    this.#merge.stop();
    this.#evaluation = undefined;
    this.#later = undefined;
    this.consistent = null;
  }

  /** An edge came up, went down, changed its path class, or its peer's membership changed. */
  edgesChanged(): void {
    this.#peers.edgesChanged();
    if (!this.#running) return;
    const before = this.#near.join();
    this.#near = this.#peers.aroundOf(this.#core.address, D_NEAR);
    if (before !== this.#near.join()) {
      this.#nearSince = this.#core.now;
      this.#gossip.soon();
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
      this.#gossip.tell(peer, true);
      this.#merge.edgeUp(peer);
    } else this.edgesChanged();
  }

  onMerge(peer: Peer, merge: MessageOf<"merge">): void {
    this.#merge.onMerge(peer, merge);
  }

  /** About to leave: each neighbour is told who is next to it without this node. */
  tellBeforeLeaving(): void {
    if (this.#core.member) this.#gossip.now(true);
  }

  /** The edge was closed by agreement: its end stays a member that may become a neighbour again. */
  edgeClosed(peer: Peer): void {
    if (peer.member && this.#running)
      this.#candidates.set(peer.address, { flags: peer.flags, teller: undefined, since: this.#core.now });
  }

  /** That member is gone; whoever still names it is not believed for a while. */
  edgeDown(address: RingAddress): void {
    this.#candidates.delete(address);
    this.#heard.forget(address);
    for (const peer of this.#peers.all()) peer.neighbours.delete(address);
    this.edgesChanged();
    if (this.#running && this.#peers.edges().length === 0) this.#starts.againSoon();
  }

  onNear(peer: Peer, near: MessageOf<"near">): void {
    if (near.self.address !== peer.address) return this.#core.drop("gossip about another");
    this.#peers.setFlags(peer, near.self.flags);
    peer.coord = near.self.coord;
    this.#rememberNeighbours(peer, near.briefs);
    for (const desc of near.descs) this.#descs.learn(desc);
    this.#hearOf(near.briefs, peer);
  }

  /** Now and then a neighbour says what changed, and by its digest that all the rest is still so. */
  onNearDiff(peer: Peer, diff: MessageOf<"nearDiff">): void {
    this.#peers.setFlags(peer, diff.flags);
    peer.coord = diff.coord;
    if (diff.full) peer.neighbours.clear();
    for (const address of diff.removed) peer.neighbours.delete(address);
    this.#rememberNeighbours(peer, diff.briefs);
    if (digestOf(peer.neighbours.keys()) === diff.digest) return this.#hearOf(peer.neighbours.values(), peer);
    this.#hearOf(diff.briefs, peer);
    if (!diff.full) this.#control.send(peer, { type: "nearGet" });
  }

  onNearGet(peer: Peer): void {
    this.#gossip.tellAll(peer);
  }

  /** A neighbour tells only what is new, so the set grows; dead members leave it one by one. */
  #rememberNeighbours(peer: Peer, briefs: readonly Brief[]): void {
    for (const brief of briefs) {
      peer.neighbours.delete(brief.address);
      peer.neighbours.set(brief.address, brief);
    }
    for (const address of peer.neighbours.keys()) {
      if (peer.neighbours.size <= NEIGHBOURS_REMEMBERED) break;
      peer.neighbours.delete(address);
    }
  }

  #hearOf(briefs: Iterable<Brief>, peer: Peer): void {
    this.#isNews = false;
    for (const brief of briefs) this.#hear(brief, peer.address);
    this.#evaluateSoon(this.#isNews || !this.#core.member);
    if (!this.#core.member) this.#considerFirst();
  }

  onFind(request: RoutedRequest, find: MessageOf<"find">): void {
    const core = this.#core;
    const self = request.src === core.address;
    if (!self && find.desc && !this.#descs.learn(find.desc, request.src)) return core.drop("descriptor refused");
    const target = request.dst;
    // Who checks its place knows its neighbours; only a nearer one is news.
    const reach = find.purpose === "check" ? D_NEAR : BRIEFS_IN_FOUND >> 1;
    const known = new Set<RingAddress>([...this.#peers.aroundOf(target, reach), core.address]);
    // Who looks for a far edge chooses among many; neighbours' neighbours serve, although one of them may be gone.
    if (find.purpose === "far") for (const address of this.#heard.since(HEARD_FRESH_MS)) known.add(address);
    const listed = [...known]
      .filter((address) => !(find.excludeSource && address === request.src))
      .sort((a, b) => compareDistance(target, a, b))
      .slice(0, BRIEFS_IN_FOUND);
    const descs: Desc[] = [];
    let offered = 0;
    // Who only checks its place has the descriptors of those that it told of as its neighbours.
    const checks = find.purpose === "check" ? this.#peers.get(request.src) : undefined;
    // One of many will be chosen for a far edge; its descriptor is asked for then.
    for (const address of find.purpose === "far" ? [] : listed) {
      if (offered >= DESCS_IN_FOUND) break;
      const desc =
        address === core.address ? core.desc() : (this.#descs.get(address) ?? this.#peers.get(address)?.desc);
      if (!desc) continue;
      offered++;
      if (!(checks?.live && (address === core.address || checks.knows(address)))) descs.push(desc);
    }
    request.answer({
      type: "found",
      span: this.#span(),
      briefs: listed.map((address) => this.#briefOf(address)),
      descs,
    });
  }

  /** An attempt of the linker ended. */
  linkEnded(address: RingAddress, live: boolean): void {
    this.#farEdges.ended(address, live);
    if (!live) this.edgesChanged();
  }

  /** Ring neighbours always find room, far edges until there are twice as many of others as own ones. */
  hasRoom(kind: EdgeKind): boolean {
    if (kind === "near") return true;
    let edges = 0;
    let farOfOthers = 0;
    for (const peer of this.#peers.all()) {
      if (!peer.live) continue;
      edges++;
      if (peer.theirs.has("far") && !peer.ours.has("far")) farOfOthers++;
    }
    if (kind === "far" && farOfOthers >= 2 * Math.max(FAR_LEAST, this.#farEdges.wanted())) return false;
    return edges < EDGE_SOFT_LIMIT;
  }

  nearestTo(address: RingAddress): Brief[] {
    return this.#peers.aroundOf(address, D_NEAR).map((each) => this.#gossip.briefOf(each));
  }

  /** The round trip in ms to a member by its coordinate, where it is known. */
  predictRtt(address: RingAddress): number | undefined {
    const coord = this.#peers.get(address)?.coord ?? this.#heard.coordOf(address);
    return this.#core.coordinates.predict(coord);
  }

  /** Members known to be publicly reachable that carry tunnels of others, nearest in time first. */
  publicMembers(): RingAddress[] {
    const known: { address: RingAddress; rtt: number }[] = [];
    for (const peer of this.#peers.all()) {
      if (peer.member && peer.flags.public && peer.flags.relay)
        known.push({ address: peer.address, rtt: peer.srttMs ?? 1e6 });
    }
    for (const [address, candidate] of this.#candidates) {
      if (candidate.flags.public && candidate.flags.relay && !this.#peers.get(address))
        known.push({ address, rtt: 2e6 });
    }
    return known.sort((a, b) => a.rtt - b.rtt || (a.address < b.address ? -1 : 1)).map(({ address }) => address);
  }

  /** Closes what only served to get in: asked of the other end, which may still need it. */
  mayTrim(peer: Peer): boolean {
    const isKept = this.isNear(peer.address) && !this.#core.isBroken("trim-near");
    if (!this.#core.member || isKept) return false;
    return !peer.ours.has("far") && !peer.ours.has("anchor") && !peer.ours.has("shortcut") && !peer.ours.has("leaf");
  }

  /** A member with an edge here, or one heard of. */
  #briefOf(address: RingAddress): Brief {
    const heard = address === this.#core.address || this.#peers.get(address) ? undefined : this.#heard.get(address);
    return heard ?? this.#gossip.briefOf(address);
  }

  /** Nobody is there: a ring of one, which grows when somebody comes. */
  #considerAlone(): void {
    const core = this.#core;
    if (!this.#running || core.member || this.#peers.edges().length > 0) return;
    const waited = core.now - this.#startedAt >= ALONE_AFTER_MS - 1;
    if (this.#starts.foreign.length === 0 ? this.#starts.isIdle : waited) this.#becomeMember();
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
        this.#learn(answer.briefs, answer.descs, through.address);
        this.#expected = neighboursIn(
          answer.briefs.map((brief) => brief.address),
          core.address,
        );
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
    this.#gossip.now(true);
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
    const isCrowded = edges.length > this.#comfortable;
    const leastAge = isCrowded ? TRIM_AGE_UNDER_PRESSURE_MS : TRIM_AGE_MS;
    for (const peer of edges) {
      const age = core.now - (peer.edgeSince ?? core.now);
      if (peer.ours.has("leaf") && core.member && (isCrowded || age >= LEAF_AFTER_MEMBER_MS)) peer.giveUp("leaf");
      if (age < leastAge || core.now - peer.trimAskedAt < TRIM_ASK_AGAIN_MS || !this.mayTrim(peer)) continue;
      if (peer.theirs.has("far") || peer.theirs.has("anchor") || peer.theirs.has("shortcut") || peer.theirs.has("leaf"))
        continue;
      if (this.#hooks.isNeeded(peer)) continue;
      peer.trimAskedAt = core.now;
      this.#control.send(peer, { type: "trim" });
    }
    core.roughlyAfter(core.vary(TRIM_PERIOD_MS, 0.2), "trim", () => this.#trim());
  }

  /** The near set, our far edges and twice as many of others. */
  get #comfortable(): number {
    return 2 * D_NEAR + 3 * Math.max(FAR_LEAST, this.#farEdges.wanted());
  }

  #hear(brief: Brief, teller: RingAddress): void {
    this.#heard.note(brief);
    if (brief.address === this.#core.address || !brief.flags.member) return;
    const peer = this.#peers.get(brief.address);
    if (peer?.live) return;
    const known = this.#candidates.get(brief.address);
    if (!known) this.#isNews = true;
    const since = known?.since ?? this.#core.now;
    this.#candidates.delete(brief.address);
    this.#candidates.set(brief.address, { flags: brief.flags, teller, since });
    if (this.#candidates.size > CANDIDATES_LIMIT) {
      const oldest = this.#candidates.keys().next().value;
      if (oldest !== undefined) this.#candidates.delete(oldest);
    }
  }

  /** Takes members named in an answer as candidates, and links to those that belong to the near set. */
  #learn(briefs: readonly Brief[], descs: readonly Desc[], teller: RingAddress): void {
    for (const desc of descs) this.#descs.learn(desc);
    for (const brief of briefs) this.#hear(brief, teller);
    this.#evaluateNow();
  }

  /** With the next work there is where nothing new was heard; at once otherwise. */
  #evaluateSoon(isNews = true): void {
    if (!this.#evaluation?.run)
      this.#evaluation = this.#core.timers.at(
        this.#core.now + 20,
        "near set",
        () => this.#evaluateNow(),
        NO_NEWS_SLACK_MS,
      );
    if (isNews) this.#evaluation.slackMs = 0;
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
    const isSettled = core.member && core.now - this.#memberSince >= SETTLED_AFTER_MS - 1;
    for (const address of around(union, core.address, isSettled ? D_NEAR : NEAR_WHILE_JOINING)) {
      const candidate = this.#candidates.get(address);
      if (!candidate || this.#peers.get(address)?.live) continue;
      // Whoever made us known to each other told both ends: one question is enough.
      const isTheirs = core.member && address < core.address && core.now - candidate.since < LOWER_FIRST_MS;
      if (isTheirs)
        this.#later = this.#later?.run
          ? this.#later
          : core.after(LOWER_FIRST_MS, "near set", () => this.#evaluateSoon());
      else this.#linker.want(address, "near", candidate.teller);
    }
  }

  #checkPeriodically(): void {
    if (!this.#running) return;
    this.#check();
    this.#core.roughlyAfter(this.#core.vary(CHECK_PERIOD_MS, 0.1), "check", () => this.#checkPeriodically());
  }

  /** Asks, through a random edge, who stands around our own address. */
  #check(): void {
    const core = this.#core;
    if (!this.#running || !core.member) return;
    const edges = this.#peers.edges().filter((peer) => peer.member);
    if (edges.length === 0) {
      this.consistent = this.#starts.foreign.length === 0;
      return;
    }
    const far = edges.filter((peer) => peer.hasKind("far"));
    const pool = far.length > 0 ? far : edges;
    const through = pool[core.entropy.u32() % pool.length] as Peer;
    this.#ask(core.address, "check", through, (found) => {
      this.#merge.judge(found, through, false);
      const linked = this.#peers.liveMembers();
      const neighbours = neighboursIn([...found.briefs.map((brief) => brief.address), ...linked], core.address);
      this.consistent = neighbours.every((address) => linked.includes(address));
    });
  }

  /** Each direct edge's last round trip and coordinate move ours a little. */
  #followRoundTrips(): void {
    if (!this.#running) return;
    const core = this.#core;
    for (const peer of this.#peers.all()) {
      if (peer.direct && peer.srttMs !== undefined && peer.coord) core.coordinates.measured(peer.srttMs, peer.coord);
    }
    const isYoung = core.now - this.#startedAt < YOUNG_MS;
    const period = isYoung ? COORD_PERIOD_YOUNG_MS : COORD_PERIOD_MS;
    core.roughlyAfter(core.vary(period, 0.1), "coordinates", () => this.#followRoundTrips());
  }

  #ask(
    target: RingAddress,
    purpose: FindPurpose,
    through: Peer | undefined,
    then: (found: MessageOf<"found">) => void,
    onTimeout: () => void = () => {},
  ): void {
    const isToBeLinked = purpose !== "far" && purpose !== "check";
    this.#router.request({
      dst: target,
      mode: "nearest",
      message: { type: "find", purpose, excludeSource: true, desc: isToBeLinked ? this.#core.desc() : undefined },
      firstHop: through,
      timeoutMs: FIND_TIMEOUT_MS,
      onAnswer: (answer) => {
        if (!this.#running) return;
        if (answer.type === "found") then(answer);
        else onTimeout();
      },
      onTimeout,
    });
  }

  /** How far the near set reaches, in steps of 2^96. */
  #span(): bigint {
    let reach = 0n;
    for (const address of this.#near) {
      const distance = ringDistance(address, this.#core.address);
      if (distance > reach) reach = distance;
    }
    return reach >> 96n;
  }
}

/** The next address on each side of `self` among `addresses`; one entry where they are the same. */
function neighboursIn(addresses: readonly RingAddress[], self: RingAddress): RingAddress[] {
  const others = [...new Set(addresses)].filter((address) => address !== self).sort();
  return around(others, self, 1);
}
