/** A node's picture of itself: state, peers, and for each peer without a direct link the reason. */
import type { LinkSample, NatKind, NodeView, NotDirectBecause, NotDirectCode, PeerView } from "./boundary.ts";
import { SHORTCUT_IDLE_MS } from "./constants.ts";
import type { Core } from "./core.ts";
import type { VirtualIps } from "./lease/virtual-ips.ts";
import type { Linker } from "./link/linker.ts";
import type { Nat } from "./link/nat.ts";
import type { Peer } from "./link/peer.ts";
import type { Peers } from "./link/peers.ts";
import type { RingAddress } from "./ring/address.ts";
import type { Upkeep } from "./ring/upkeep.ts";
import type { EdgeKind, NodeFlags } from "./wire/types.ts";

export interface NodeParts {
  readonly core: Core;
  readonly peers: Peers;
  readonly nat: Nat;
  readonly upkeep: Upkeep;
  readonly ips: VirtualIps;
  readonly linker: Linker;
}

const MEMBERS_SHOWN = 4_096;

export function viewOf(parts: NodeParts, now: number, _wall: number): NodeView {
  const { core, upkeep, nat, ips } = parts;
  const { state, reason } = stateOf(parts);
  const warnings: { code: string; text: string; remedy: string }[] = [];
  if (ips.conflict) {
    warnings.push({
      code: "virtualIpTaken",
      text: `Another member of "${core.options.affiliation}" holds the virtual IP ${core.options.virtualIp}; packets to it go there.`,
      remedy: "Give this computer another virtual IP in its configuration file and join again.",
    });
  }
  return {
    state,
    ...(reason && { reason }),
    ringAddress: core.address,
    natKind: core.natKind,
    localTransportAddresses: nat.localAddresses,
    learnedTransportAddresses: nat.learnedAddresses,
    sizeEstimate: upkeep.sizeEstimate(),
    consistent: upkeep.consistent,
    walked: false,
    ...(core.clockOffsetMs !== undefined && { clockOffsetMs: core.clockOffsetMs }),
    peers: upkeep.running ? peersOf(parts, now) : [],
    drops: Object.fromEntries([...core.drops].sort(([a], [b]) => (a < b ? -1 : 1))),
    warnings,
  };
}

function stateOf(parts: NodeParts): { state: NodeView["state"]; reason?: string } {
  const { core, peers, upkeep } = parts;
  if (!upkeep.running) return { state: "off" };
  const foreign = upkeep.foreignStartAddresses;
  if (peers.edges().length > 0) {
    return core.member ? { state: "connected" } : { state: "connecting", reason: "Finding neighbours on the ring." };
  }
  if (foreign.length > 0) {
    const which =
      foreign.length === 1
        ? `The start address ${foreign[0]} does not answer`
        : `None of the ${foreign.length} start addresses answers`;
    if (core.member || upkeep.gaveUpOnce)
      return { state: "connecting", reason: `${which}; trying again every 15 seconds.` };
    return { state: "connecting", reason: "Looking for a start address that answers." };
  }
  return core.member ? { state: "connected" } : { state: "connecting", reason: "Finding neighbours on the ring." };
}

function peersOf(parts: NodeParts, now: number): PeerView[] {
  const { peers } = parts;
  const views = new Map<RingAddress, PeerView>();
  for (const peer of peers.all()) if (peer.up) views.set(peer.address, linkedView(parts, peer, now));
  // Members heard of from neighbours have no link of ours; packets to them are routed.
  for (const peer of [...peers.all()]) {
    for (const address of peer.neighbours) {
      if (views.size >= MEMBERS_SHOWN) break;
      if (address !== parts.core.address && !views.has(address)) views.set(address, routedView(parts, address));
    }
  }
  return [...views.values()].sort((a, b) => (a.ringAddress < b.ringAddress ? -1 : 1));
}

/** What is recorded once a second: far less than the whole view, and made without it. */
export function linkSamples(parts: NodeParts, now: number): LinkSample[] {
  const samples: LinkSample[] = [];
  for (const peer of parts.peers.all()) {
    if (!peer.up) continue;
    const path = peer.active?.path;
    const lossPct = lossOf(peer);
    samples.push({
      ringAddress: peer.address,
      slot: peer.slot,
      kinds: kindsOf(parts, peer, now),
      ...(path && { path }),
      ...(peer.measured && { measured: peer.measured }),
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
  if (kinds.size === 0 && peer.live) kinds.add(now - peer.lastIpAt < SHORTCUT_IDLE_MS ? "shortcut" : "near");
  return [...kinds].sort();
}

/** Of the round trips asked for since the session began, in percent. */
function lossOf(peer: Peer): number | undefined {
  if (peer.pingsSent === 0) return undefined;
  const lost = Math.max(0, peer.pingsSent - peer.pongsHeard - peer.pingsOut.size);
  return Math.round((1_000 * lost) / peer.pingsSent) / 10;
}

function linkedView(parts: NodeParts, peer: Peer, now: number): PeerView {
  const { ips } = parts;
  const path = peer.active?.path;
  const info = ips.infoOf(peer.address);
  const isSilent = peer.unansweredPings > 1;
  const lossPct = lossOf(peer);
  return {
    ringAddress: peer.address,
    ...info,
    kinds: kindsOf(parts, peer, now),
    ...(path && path.kind !== "ring" && { path }),
    slot: peer.slot,
    natKind: natKindOf(peer.flags),
    ...(peer.srttMs !== undefined && { rttMs: peer.srttMs, jitterMs: peer.rttVarMs }),
    ...(lossPct !== undefined && { lossPct }),
    ...(peer.counters && { counters: peer.counters }),
    ...(peer.since !== undefined && { since: peer.since }),
    silent: isSilent || now - peer.heardAt > 30_000,
    ...(!peer.direct && { notDirectBecause: whyNotDirect(parts, peer) }),
    history: peer.history,
  };
}

function routedView(parts: NodeParts, address: RingAddress): PeerView {
  return {
    ringAddress: address,
    ...parts.ips.infoOf(address),
    kinds: [],
    natKind: "unknown",
    silent: false,
    notDirectBecause: reason("noTraffic", []),
    history: [],
  };
}

function natKindOf(flags: NodeFlags): NatKind {
  if (flags.public) return "public";
  return flags.nat;
}

function isHard(kind: NatKind): boolean {
  return kind === "edm-seq" || kind === "edm-random";
}

function whyNotDirect(parts: NodeParts, peer: Peer): NotDirectBecause {
  const own = parts.core.natKind;
  const theirs = natKindOf(peer.flags);
  const tried = peer.punchTried;
  if (peer.punchingSince !== undefined) return reason("trying", tried);
  if (own === "udp-blocked") return reason("udpBlocked", tried);
  if (theirs === "udp-blocked") return reason("peerUdpBlocked", tried);
  if (isHard(own) && isHard(theirs)) return reason("bothHard", tried);
  if (isHard(own) || isHard(theirs)) return reason("oneHard", tried);
  if (tried.length === 0 && !peer.isEdge) return reason("noTraffic", tried);
  if (tried.length === 0) return reason("trying", tried);
  return reason("peerFirewall", tried);
}

const REASONS: Readonly<Record<NotDirectCode, { text: string; remedy: string }>> = {
  bothHard: {
    text: "Both sides are behind a hard NAT, which gives each connection another port.",
    remedy: "Open a UDP port on the router of one side, or use another network there.",
  },
  oneHard: {
    text: "One side is behind a hard NAT, which gives each connection another port.",
    remedy: "Open a UDP port on the router of one side.",
  },
  udpBlocked: {
    text: "This network lets no UDP through.",
    remedy: "Ask its administrator to let UDP out, or use another network.",
  },
  peerUdpBlocked: {
    text: "The peer's network lets no UDP through.",
    remedy: "Ask the peer's administrator to let UDP out.",
  },
  peerFirewall: {
    text: "The direct checks got no answer: a firewall on the way or at the peer drops them.",
    remedy: "Ask the peer's owner to let UDP through to its port.",
  },
  sameNat: {
    text: "Both are behind one router that does not turn packets back to itself.",
    remedy: "Use the local address of the peer.",
  },
  noCommonIp: {
    text: "The two sides have no IP version in common.",
    remedy: "Nothing to do here; a relay carries the packets.",
  },
  noTraffic: {
    text: "Too little traffic goes to this peer for a link of its own; packets hop around the ring.",
    remedy: "Send packets to it, and a link is made.",
  },
  trying: { text: "A direct link is being tried.", remedy: "Wait a few seconds." },
  limit: { text: "The limit of shortcuts is reached.", remedy: "Raise the limit of shortcuts in the settings." },
  oldVersion: { text: "The peer's version is too old for a direct link.", remedy: "Ask its owner to update Ringway." },
};

function reason(code: NotDirectCode, tried: NotDirectBecause["tried"]): NotDirectBecause {
  return { code, ...REASONS[code], tried };
}
