/** A node's picture of itself: state, peers, and for each peer without a direct link the reason. */
import type { LinkSample, NatKind, NodeView, NotDirectBecause, PeerView } from "./boundary.ts";
import { PUNCH_ROUNDS_MS } from "./constants.ts";
import type { Core } from "./core.ts";
import type { Holder } from "./lease/holder.ts";
import type { VirtualIps } from "./lease/virtual-ips.ts";
import type { Linker } from "./link/linker.ts";
import type { Nat } from "./link/nat.ts";
import type { Peer } from "./link/peer.ts";
import type { Peers } from "./link/peers.ts";
import { LITTLE_TRAFFIC, tooManyShortcuts, whyNotDirect } from "./link/why-not-direct.ts";
import type { RingAddress } from "./ring/address.ts";
import type { Lookahead } from "./ring/lookahead.ts";
import type { Traces } from "./ring/trace.ts";
import type { Upkeep } from "./ring/upkeep.ts";
import type { Walk } from "./ring/walk.ts";
import type { Brief, Coord, EdgeKind, NodeFlags } from "./wire/types.ts";

export interface NodeParts {
  readonly core: Core;
  readonly peers: Peers;
  readonly nat: Nat;
  readonly upkeep: Upkeep;
  readonly ips: VirtualIps;
  readonly holder: Holder;
  readonly linker: Linker;
  readonly lookahead: Lookahead;
  readonly traces: Traces;
  readonly walk: Walk;
}

const MEMBERS_SHOWN = 4_096;
/** A link is asked at the latest every 7 s whether it lives, so one of several that answers is heard within this time. */
const PROOF_MS = 10_000;

export function viewOf(parts: NodeParts, now: number, _wall: number): NodeView {
  const { core, upkeep, nat, holder } = parts;
  return {
    ...stateOf(parts, now),
    ringAddress: core.address,
    natKind: core.natKind,
    localTransportAddresses: core.usesUdp ? nat.localAddresses : [],
    learnedTransportAddresses: nat.learnedAddresses,
    localStreamAddresses: nat.streams.listening,
    sizeEstimate: upkeep.sizeEstimate(),
    consistent: upkeep.consistent,
    walked: parts.walk.walked,
    ...(core.clockOffsetMs !== undefined && { clockOffsetMs: core.clockOffsetMs }),
    peers: upkeep.running ? peersOf(parts, now) : [],
    drops: Object.fromEntries([...core.drops].sort(([a], [b]) => (a < b ? -1 : 1))),
    ...holder.view(),
  };
}

export function stateOf(parts: NodeParts, now: number): Pick<NodeView, "state" | "reason" | "reasonCode" | "silentMs"> {
  const { core, peers, upkeep } = parts;
  if (!upkeep.running) return { state: "off" };
  const foreign = upkeep.foreignStartAddresses;
  const hasEdges = peers.edges().length > 0;
  const silentMs = core.heardAt === undefined ? undefined : now - core.heardAt;
  // Connected is what packets prove; a member that never had another one is a ring of its own.
  if (core.member && (hasEdges || foreign.length > 0) && silentMs !== undefined && silentMs >= PROOF_MS) {
    return {
      state: "connecting",
      reason: `No member has answered for ${Math.floor(silentMs / 1_000)} s; trying other ways.`,
      reasonCode: "nobodyAnswers",
      silentMs,
    };
  }
  if (hasEdges) {
    return core.member ? { state: "connected" } : { state: "connecting", reason: "Finding neighbours on the ring." };
  }
  if (foreign.length > 0) {
    const which =
      foreign.length === 1
        ? `The start address ${foreign[0]} does not answer`
        : `None of the ${foreign.length} start addresses answers`;
    if (core.member || upkeep.gaveUpOnce) {
      const reason = `${which}; trying again every 15 seconds.`;
      return { state: "connecting", reason, reasonCode: "noStartAddressAnswers" };
    }
    return { state: "connecting", reason: "Looking for a start address that answers." };
  }
  return core.member ? { state: "connected" } : { state: "connecting", reason: "Finding neighbours on the ring." };
}

function peersOf(parts: NodeParts, now: number): PeerView[] {
  const { core, peers, walk, lookahead, traces, upkeep } = parts;
  const views = new Map<RingAddress, PeerView>();
  const vias = new Map(lookahead.entries().map(({ target, via }) => [target, via]));
  for (const peer of peers.all()) if (peer.up) views.set(peer.address, linkedView(parts, peer, now, vias));
  const add = (address: RingAddress, brief?: Brief) => {
    if (views.size >= MEMBERS_SHOWN || address === core.address || views.has(address)) return;
    views.set(address, routedView(parts, address, vias, brief));
  };
  // Members without a session of ours: packets to them are routed.
  for (const brief of walk.members()) add(brief.address, brief);
  for (const address of traces.reached()) add(address);
  const wholeAt = walk.wholeAt;
  for (const peer of [...peers.all()]) {
    for (const address of peer.neighbours.keys()) {
      // Neighbours tell at once who comes, and who went within 15 s.
      if (wholeAt === undefined || upkeep.isToldAfter(address, wholeAt)) add(address);
    }
  }
  return [...views.values()].sort((a, b) => (a.ringAddress < b.ringAddress ? -1 : 1));
}

type Vias = ReadonlyMap<RingAddress, RingAddress>;

/** As traced, else by the neighbour that has an edge to it. */
function routeTo({ traces }: NodeParts, address: RingAddress, vias: Vias): readonly RingAddress[] | undefined {
  const via = vias.get(address);
  return traces.wayTo(address) ?? (via && [via, address]);
}

/** What is recorded once a second: far less than the whole view, and made without it. */
export function linkSamples(parts: NodeParts, now: number): LinkSample[] {
  const samples: LinkSample[] = [];
  for (const peer of parts.peers.all()) {
    if (!peer.up) continue;
    const path = peer.active?.path;
    const { newest, lossPct } = peer.measures;
    samples.push({
      ringAddress: peer.address,
      slot: peer.slot,
      kinds: kindsOf(parts, peer, now),
      ...(path && { path }),
      ...(newest && { measured: newest }),
      ...(lossPct !== undefined && { lossPct }),
      history: peer.history,
    });
  }
  return samples;
}

function kindsOf({ upkeep, core }: NodeParts, peer: Peer, now: number): EdgeKind[] {
  const kinds = new Set<EdgeKind>([...peer.ours, ...peer.theirs]);
  if (peer.live && upkeep.isNear(peer.address)) kinds.add("near");
  else if (!peer.neighbours.has(core.address)) kinds.delete("near");
  // A link that has outlived its place on the ring is kept for its traffic, or closes soon.
  if (kinds.size === 0 && peer.live) kinds.add(now - peer.lastIpAt < peer.idleMs ? "shortcut" : "near");
  return [...kinds].sort();
}

function linkedView(parts: NodeParts, peer: Peer, now: number, vias: Vias): PeerView {
  const { ips } = parts;
  const path = peer.active?.path;
  const info = ips.infoOf(peer.address);
  const isSilent = peer.unansweredPings > 1;
  const { jitterMs, leastMs, lossPct } = peer.measures;
  const isRouted = !path || path.kind === "ring";
  const route = isRouted ? routeTo(parts, peer.address, vias) : undefined;
  return {
    ringAddress: peer.address,
    ...info,
    kinds: kindsOf(parts, peer, now),
    ...(!isRouted && { path }),
    ...(route && { route }),
    slot: peer.slot,
    natKind: natKindOf(peer.flags),
    ...(peer.srttMs !== undefined && { rttMs: peer.srttMs }),
    ...(jitterMs !== undefined && { jitterMs }),
    ...(leastMs !== undefined && { rttMinMs: leastMs }),
    ...estimateOf(parts, peer.address),
    ...(lossPct !== undefined && { lossPct }),
    ...(peer.counters && { counters: peer.counters }),
    ...(peer.since !== undefined && { since: peer.since }),
    silent: isSilent || now - peer.heardAt > 30_000,
    ...(!peer.direct && { notDirectBecause: whyNot(parts, peer) }),
    history: peer.history,
  };
}

function routedView(parts: NodeParts, address: RingAddress, vias: Vias, brief?: Brief): PeerView {
  const route = routeTo(parts, address, vias);
  return {
    ringAddress: address,
    ...parts.ips.infoOf(address),
    ...estimateOf(parts, address, brief?.coord),
    kinds: [],
    ...(route && { route }),
    natKind: brief ? natKindOf(brief.flags) : "unknown",
    silent: false,
    notDirectBecause: whyRouted(parts, address),
    history: [],
  };
}

/** What coordinates promise: the time of packets that would go straight there. */
function estimateOf(parts: NodeParts, address: RingAddress, coord?: Coord): { rttEstimateMs?: number } {
  const rttEstimateMs = parts.upkeep.predictRtt(address) ?? parts.core.coordinates.predict(coord);
  return rttEstimateMs === undefined ? {} : { rttEstimateMs };
}

function natKindOf(flags: NodeFlags): NatKind {
  if (flags.public) return "public";
  return flags.nat;
}

/** Without a session no direct way was tried: a link was refused for its number, or nobody asked for one. */
function whyRouted({ ips }: NodeParts, address: RingAddress): NotDirectBecause {
  const overLimit = ips.overLimit(address);
  return overLimit ? tooManyShortcuts(overLimit, ips.shortcutLimit) : LITTLE_TRAFFIC;
}

function whyNot({ core, ips }: NodeParts, peer: Peer): NotDirectBecause {
  const { punchingSince, directRetry } = peer;
  return whyNotDirect({
    own: { natKind: core.natKind, usesTcpAlone: !core.usesUdp, local: core.localTas, public: core.publicTas },
    peer: { natKind: natKindOf(peer.flags), tas: peer.tas, version: ips.infoOf(peer.address)?.version },
    isTrying: punchingSince !== undefined,
    isLinked: peer.isEdge,
    overLimit: ips.overLimit(peer.address),
    shortcutLimit: ips.shortcutLimit,
    tried: peer.punchTried,
    round:
      punchingSince === undefined ? 0 : PUNCH_ROUNDS_MS.filter((startMs) => core.now >= punchingSince + startMs).length,
    rounds: PUNCH_ROUNDS_MS.length,
    nextAt: directRetry?.run ? core.wall + directRetry.at - core.now : undefined,
  });
}
