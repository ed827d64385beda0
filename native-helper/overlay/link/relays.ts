/**
 * Tunnels through a relay: which member carries packets for a pair that cannot reach each other directly, what this
 * node carries for others, and the anchors it keeps so that others can meet it (docs/protocol.md, "Tunnels", "Anchors").
 */
import {
  ANCHOR_TIMES_MS,
  ANCHORS_PER_RELAY,
  RESERVE_MS,
  TUNNELS_PER_RELAY,
  TUNNELS_PER_REQUESTER,
} from "../constants.ts";
import type { Core } from "../core.ts";
import type { RingAddress } from "../ring/address.ts";
import type { Timer } from "../timers.ts";
import { taFromSocket } from "../wire/transport-address.ts";
import type { MessageOf } from "../wire/types.ts";
import type { Control } from "./control.ts";
import type { Paths } from "./paths.ts";
import type { Peer } from "./peer.ts";
import type { Peers } from "./peers.ts";

export interface RelayHooks {
  /** The pairs that this node forwards for changed. */
  reservationsChanged(): void;
  /** An edge to that member is wanted, so that it can serve as relay or anchor. */
  wantAnchor(address: RingAddress, teller: RingAddress | undefined): void;
  /** Public members heard of that offer to relay, best first. */
  publicMembers(): RingAddress[];
  /** No relay was found. */
  noRelay(peer: Peer): void;
}

interface Search {
  readonly peer: Peer;
  readonly tried: Set<RingAddress>;
  waiting: Timer | undefined;
  askedId: number | undefined;
  askedRelay: RingAddress | undefined;
  rounds: number;
}

const ANSWER_LEAST_MS = 500;
const ROUNDS = 6;
const ROUND_GAP_MS = 500;
/** What each tunnel that a relay already carries for us counts against it, and a leg whose time is not known. */
const LOAD_COST_MS = 4;
const UNKNOWN_RTT_MS = 300;

export class Relays {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #paths: Paths;
  readonly #hooks: RelayHooks;
  readonly #searches = new Map<RingAddress, Search>();
  /** Which relay reserved the pair of us and that peer at our request. */
  readonly #reservedFor = new Map<RingAddress, RingAddress>();
  /** Pairs this node forwards for, by their sorted addresses. */
  readonly #reserved = new Map<string, { a: RingAddress; b: RingAddress; by: RingAddress; until: number }>();
  #anchorsFrom: number | undefined;
  #renewal: Timer | undefined;
  #expiry: Timer | undefined;

  constructor(core: Core, peers: Peers, control: Control, paths: Paths, hooks: RelayHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#paths = paths;
    this.#hooks = hooks;
  }

  /** Looks for a relay to that peer until a path is up or nobody is left to ask. */
  ensure(peer: Peer, teller?: RingAddress): void {
    if (this.#searches.has(peer.address) || !peer.up) return;
    const search: Search = {
      peer,
      tried: new Set(),
      waiting: undefined,
      askedId: undefined,
      askedRelay: undefined,
      rounds: 0,
    };
    this.#searches.set(peer.address, search);
    this.#step(search, teller);
  }

  isSearching(peer: Peer): boolean {
    return this.#searches.has(peer.address);
  }

  onRelayReq(from: Peer, id: number, request: MessageOf<"relayReq">): void {
    const core = this.#core;
    const target = this.#peers.get(request.peer);
    const name = pairName(from.address, request.peer);
    if (request.release) {
      if (this.#reserved.delete(name)) this.#hooks.reservationsChanged();
      return this.#answer(from, id, 0, 0, undefined);
    }
    let code = 0;
    if (!core.offersRelay) code = 3;
    else if (!from.direct || !target?.direct || !target.up) code = 1;
    else if (!this.#reserved.has(name)) {
      let own = 0;
      for (const pair of this.#reserved.values()) if (pair.by === from.address) own++;
      if (this.#reserved.size >= TUNNELS_PER_RELAY || own >= TUNNELS_PER_REQUESTER) code = 2;
    }
    if (code !== 0) return this.#answer(from, id, code, 0, undefined);
    const isNew = !this.#reserved.has(name);
    this.#reserved.set(name, { a: from.address, b: request.peer, by: from.address, until: core.now + RESERVE_MS });
    if (isNew) this.#hooks.reservationsChanged();
    this.#scheduleExpiry();
    this.#answer(
      from,
      id,
      0,
      RESERVE_MS / 1_000,
      target?.active?.path.kind === "udp" ? target.active.path.remote : undefined,
    );
  }

  onRelayOk(from: Peer, id: number, answer: MessageOf<"relayOk">): void {
    for (const search of this.#searches.values()) {
      if (search.askedRelay !== from.address || search.askedId !== id) continue;
      search.waiting?.cancel();
      search.askedRelay = undefined;
      if (answer.code !== 0 || !search.peer.up) return this.#step(search);
      this.#reservedFor.set(search.peer.address, from.address);
      this.#paths.probe(search.peer, { kind: "tunnel", relay: from.address });
      const wait = Math.max(ANSWER_LEAST_MS, 3 * (from.srttMs ?? 300) + 3 * (search.peer.srttMs ?? 300));
      search.waiting = this.#core.after(wait / 2, "tunnel check", () => {
        if (search.peer.up) this.#paths.probe(search.peer, { kind: "tunnel", relay: from.address });
        search.waiting = this.#core.after(wait, "tunnel check", () => this.#step(search));
      });
      return;
    }
  }

  /** A path of that peer changed: the search is over when it is live. */
  pathChanged(peer: Peer): void {
    if (peer.direct) this.#release(peer);
    const search = this.#searches.get(peer.address);
    if (!search) return;
    if (peer.active && peer.active.path.kind !== "ring") this.#stop(search);
  }

  /** Gives back what a relay reserved for a pair that needs it no more. */
  #release(peer: Peer): void {
    const relay = this.#reservedFor.get(peer.address);
    if (!relay) return;
    this.#reservedFor.delete(peer.address);
    const at = this.#peers.get(relay);
    if (at?.up) this.#control.send(at, { type: "relayReq", peer: peer.address, release: true });
  }

  reservations(): { a: RingAddress; b: RingAddress }[] {
    return [...this.#reserved.values()].map(({ a, b }) => ({ a, b }));
  }

  carriesFor(address: RingAddress): boolean {
    for (const pair of this.#reserved.values()) if (pair.a === address || pair.b === address) return true;
    return false;
  }

  /** Whether an active tunnel of ours goes through that peer. */
  isRelayOfOurs(address: RingAddress): boolean {
    for (const peer of this.#peers.all()) {
      if (peer.active?.path.kind === "tunnel" && peer.active.path.relay === address) return true;
    }
    return false;
  }

  /** That peer is gone: what we carried for it ends, and tunnels through it look for another relay. */
  peerGone(peer: Peer): void {
    const search = this.#searches.get(peer.address);
    if (search) this.#stop(search);
    this.#release(peer);
    let changed = false;
    for (const [name, pair] of this.#reserved) {
      if (pair.a !== peer.address && pair.b !== peer.address) continue;
      this.#reserved.delete(name);
      changed = true;
    }
    if (changed) this.#hooks.reservationsChanged();
    const orphans = [...this.#peers.all()].filter((other) => other.paths.has(`tunnel ${peer.address}`));
    this.#paths.relayLost(orphans, peer.address);
    for (const orphan of orphans) if (orphan.up && orphan.isEdge && !orphan.live) this.ensure(orphan);
  }

  /** Keeps anchors while this node is not publicly reachable; called when something about that may have changed. */
  upkeep(): void {
    const core = this.#core;
    this.#scheduleRenewal();
    if (core.natKind === "public") {
      this.#anchorsFrom = undefined;
      for (const peer of this.#peers.all()) peer.giveUp("anchor");
      return this.#setAnchors([]);
    }
    const standing: Peer[] = [];
    for (const peer of this.#peers.all()) {
      if (peer.refusesRelay)
        peer.giveUp("anchor"); // Nobody could meet us there.
      else if (peer.direct && peer.up && (peer.ours.has("anchor") || peer.ours.has("leaf"))) standing.push(peer);
    }
    standing.sort(
      (a, b) => Number(b.ours.has("anchor")) - Number(a.ours.has("anchor")) || (a.srttMs ?? 1e9) - (b.srttMs ?? 1e9),
    );
    this.#setAnchors(standing.slice(0, ANCHOR_TIMES_MS.length).map((peer) => peer.address));
    if (!core.member) return;
    this.#anchorsFrom ??= core.now;
    const age = core.now - this.#anchorsFrom;
    const due = ANCHOR_TIMES_MS.filter((at) => at <= age).length;
    const have = standing.filter((peer) => peer.ours.has("anchor")).length;
    if (have < due) {
      const next = this.#hooks.publicMembers().find((address) => !this.#peers.get(address)?.ours.has("anchor"));
      if (next) this.#hooks.wantAnchor(next, undefined);
    }
  }

  /** Whether another anchor edge may be opened to this node. */
  get hasAnchorRoom(): boolean {
    if (!this.#core.offersRelay) return false;
    let count = 0;
    for (const peer of this.#peers.all()) if (peer.theirs.has("anchor")) count++;
    return count < ANCHORS_PER_RELAY;
  }

  clear(): void {
    for (const search of this.#searches.values()) search.waiting?.cancel();
    this.#searches.clear();
    this.#reservedFor.clear();
    this.#reserved.clear();
    this.#renewal?.cancel();
    this.#expiry?.cancel();
    this.#renewal = undefined;
    this.#expiry = undefined;
    this.#anchorsFrom = undefined;
    this.#core.anchors = [];
  }

  #step(search: Search, teller?: RingAddress): void {
    const core = this.#core;
    const { peer } = search;
    if (!peer.up || (peer.active && peer.active.path.kind !== "ring")) return this.#stop(search);
    const relay = this.#candidates(peer, teller).find((candidate) => !search.tried.has(candidate.address));
    if (relay) {
      search.tried.add(relay.address);
      search.askedRelay = relay.address;
      search.askedId = this.#control.send(relay, { type: "relayReq", peer: peer.address, release: false });
      const wait = Math.max(ANSWER_LEAST_MS, 3 * (relay.srttMs ?? 300));
      search.waiting = core.after(wait, "relay answer", () => {
        search.askedRelay = undefined;
        this.#step(search);
      });
      return;
    }
    // Nobody left: an edge to one of the peer's anchors makes a common neighbour.
    if (++search.rounds > ROUNDS) {
      this.#stop(search);
      return this.#hooks.noRelay(peer);
    }
    for (const anchor of peer.desc?.anchors ?? []) {
      if (anchor !== core.address && !this.#peers.get(anchor)?.direct)
        this.#hooks.wantAnchor(anchor, teller ?? this.#via(peer));
    }
    search.waiting = core.after(ROUND_GAP_MS, "relay search", () => {
      search.tried.clear();
      this.#step(search, teller);
    });
  }

  #via(peer: Peer): RingAddress | undefined {
    return peer.active ? peer.address : undefined;
  }

  /** Direct neighbours that may know the peer, likeliest first. */
  #candidates(peer: Peer, teller: RingAddress | undefined): Peer[] {
    const anchors = new Set(peer.desc?.anchors ?? []);
    const load = new Map<RingAddress, number>();
    for (const relay of this.#reservedFor.values()) load.set(relay, (load.get(relay) ?? 0) + 1);
    const scored: { relay: Peer; isLikely: boolean; cost: number }[] = [];
    for (const relay of this.#peers.all()) {
      if (!relay.direct || !relay.up || !relay.isEdge || relay === peer || relay.refusesRelay) continue;
      const isLikely = anchors.has(relay.address) || relay.knows(peer.address) || relay.address === teller;
      if (!isLikely && !relay.flags.public) continue;
      const near = relay.srttMs ?? UNKNOWN_RTT_MS;
      const beyond = relay.edgeList.get(peer.address)?.rttMs ?? UNKNOWN_RTT_MS;
      scored.push({
        relay,
        isLikely,
        cost: near + Math.min(beyond, UNKNOWN_RTT_MS) + LOAD_COST_MS * (load.get(relay.address) ?? 0),
      });
    }
    scored.sort((a, b) => Number(b.isLikely) - Number(a.isLikely) || a.cost - b.cost);
    return scored.slice(0, 8).map(({ relay }) => relay);
  }

  #stop(search: Search): void {
    search.waiting?.cancel();
    if (this.#searches.get(search.peer.address) === search) this.#searches.delete(search.peer.address);
  }

  #answer(to: Peer, id: number, code: number, lifeS: number, source: string | undefined): void {
    const ta = source === undefined ? undefined : taFromSocket(source, "learned");
    this.#control.send(to, { type: "relayOk", code, lifeS, budgetKbitPerS: 0, source: ta }, { answer: true, id });
  }

  #setAnchors(anchors: RingAddress[]): void {
    const core = this.#core;
    const chosen = [...anchors].sort();
    if (chosen.join() === core.anchors.join()) return;
    core.anchors = chosen;
    core.descChanged();
  }

  /** Reservations of ours are renewed at half their life while their tunnel is used. */
  #scheduleRenewal(): void {
    if (this.#renewal?.run) return;
    this.#renewal = this.#core.after(RESERVE_MS / 2, "tunnel renewal", () => {
      for (const peer of this.#peers.all()) {
        const path = peer.active?.path;
        const relay = path?.kind === "tunnel" ? this.#peers.get(path.relay) : undefined;
        if (relay?.up) this.#control.send(relay, { type: "relayReq", peer: peer.address, release: false });
      }
      this.#scheduleRenewal();
    });
  }

  #scheduleExpiry(): void {
    if (this.#expiry?.run) return;
    this.#expiry = this.#core.roughlyAfter(RESERVE_MS / 10, "tunnel expiry", () => {
      let changed = false;
      for (const [name, pair] of this.#reserved) {
        if (pair.until > this.#core.now) continue;
        this.#reserved.delete(name);
        changed = true;
      }
      if (changed) this.#hooks.reservationsChanged();
      if (this.#reserved.size > 0) this.#scheduleExpiry();
    });
  }
}

function pairName(a: RingAddress, b: RingAddress): string {
  return a < b ? a + b : b + a;
}
