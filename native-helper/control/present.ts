/** Turns what the engine and the drivers know into the views of the contract. */
import type {
  AffiliationView,
  InterfaceView,
  LinkCounts,
  NotDirectBecause,
  PeerDetail,
  PeerRow,
  RingView,
  Transport,
  Warning,
} from "../contract/contract.ts";
import type { NodeView, NotDirectEvidence, PeerView } from "../overlay/boundary.ts";

/** What is known of one affiliation. */
export interface AffiliationFacts {
  readonly name: string;
  /** How this computer is shown to the other members. */
  readonly ownName: string;
  readonly id: string;
  readonly security: "closed" | "passphrase" | "open";
  readonly interface: InterfaceView;
  readonly interfaceWanted: boolean;
  readonly virtualIp: string | null;
  readonly subnet: string;
  readonly startAddresses: readonly string[];
  readonly node: NodeView;
  readonly warnings: readonly Warning[];
  ratesOf(slot: number | undefined): { readonly txBytesPerS: number; readonly rxBytesPerS: number };
}

export function affiliationView(facts: AffiliationFacts): AffiliationView {
  const { node } = facts;
  return {
    name: facts.name,
    id: facts.id,
    security: facts.security,
    state: node.state,
    reason: node.reason ?? null,
    reasonCode: node.reasonCode ?? null,
    silentS: node.silentMs === undefined ? null : Math.floor(node.silentMs / 1_000),
    interface: facts.interface,
    interfaceWanted: facts.interfaceWanted,
    virtualIp: facts.virtualIp,
    virtualIp6: null,
    subnet: facts.subnet,
    lease: node.lease && { since: time(node.lease.since), until: time(node.lease.until) },
    ringAddress: node.ringAddress,
    natKind: node.natKind,
    localTransportAddresses: [
      ...node.localTransportAddresses.map(taText),
      ...node.localStreamAddresses.map((socket) => `ringway.tcp://${socket}`),
    ],
    learnedTransportAddresses: node.learnedTransportAddresses.map(taText),
    startTransportAddresses: [...facts.startAddresses],
    peersKnown: node.peers.length,
    sizeEstimate: rounded(node.sizeEstimate),
    links: linkCounts(node.peers),
    warnings: facts.warnings.map(({ code, text, remedy, values }) => ({
      code,
      text,
      remedy,
      ...(values && { values }),
    })),
  };
}

export function peerRow(facts: AffiliationFacts, peer: PeerView): PeerRow {
  const { counters, path } = peer;
  const rates = facts.ratesOf(peer.slot);
  return {
    ringAddress: peer.ringAddress,
    name: peer.name ?? null,
    site: peer.site ?? null,
    version: peer.version ?? null,
    virtualIp: peer.virtualIp ?? null,
    virtualIp6: null,
    kinds: [...peer.kinds],
    transport: transportOf(peer),
    via: path?.kind === "tunnel" ? path.relay : null,
    remote: path?.kind === "udp" || path?.kind === "tcp" ? path.remote : null,
    natKind: peer.natKind,
    rttMs: roundedOrNull(peer.rttMs),
    rttMinMs: roundedOrNull(peer.rttMinMs),
    rttEstimateMs: roundedOrNull(peer.rttEstimateMs),
    jitterMs: roundedOrNull(peer.jitterMs),
    lossPct: roundedOrNull(peer.lossPct),
    txBytes: counters?.txBytes ?? 0,
    rxBytes: counters?.rxBytes ?? 0,
    txBytesPerS: rates.txBytesPerS,
    rxBytesPerS: rates.rxBytesPerS,
    pathMtuBytes: null,
    since: peer.since === undefined ? null : time(peer.since),
    path:
      path?.kind === "tunnel"
        ? [path.relay, peer.ringAddress]
        : path?.kind === "udp" || path?.kind === "tcp"
          ? [peer.ringAddress]
          : [...(peer.route ?? [])],
    notDirectBecause: peer.notDirectBecause
      ? {
          ...peer.notDirectBecause,
          tried: peer.notDirectBecause.tried.map(({ transport, to, at, result }) => ({
            transport,
            to,
            at: time(at),
            result,
          })),
          evidence: evidenceOf(peer.notDirectBecause.evidence),
        }
      : null,
  };
}

export function peerDetail(facts: AffiliationFacts, peer: PeerView): PeerDetail {
  return {
    ...peerRow(facts, peer),
    history: peer.history.map(({ at, event, text }) => ({ at: time(at), event, text })),
  };
}

export function ringView({ node, ownName }: AffiliationFacts): RingView {
  const others = node.peers.map(({ ringAddress, name, silent }) => ({ ringAddress, name: name ?? null, silent }));
  const self = { ringAddress: node.ringAddress, name: ownName, silent: false };
  return {
    self: node.ringAddress,
    sizeEstimate: rounded(node.sizeEstimate),
    consistent: node.consistent,
    members: [self, ...others].sort((a, b) => (a.ringAddress < b.ringAddress ? -1 : 1)),
    links: node.peers
      .filter(({ kinds }) => kinds.length > 0)
      .map((peer) => ({ ringAddress: peer.ringAddress, kinds: [...peer.kinds], transport: transportOf(peer) })),
    walked: node.walked,
  };
}

/** Each link once, under the first that fits. */
export function linkCounts(peers: readonly PeerView[]): LinkCounts {
  const counts: LinkCounts = { near: 0, far: 0, shortcut: 0, leaf: 0, anchor: 0, relay: 0 };
  for (const { kinds, path } of peers) {
    if (kinds.length === 0) continue;
    const kind =
      path?.kind === "tunnel"
        ? "relay"
        : (["shortcut", "near", "far", "anchor", "leaf"] as const).find((candidate) => kinds.includes(candidate));
    if (kind) counts[kind] += 1;
  }
  return counts;
}

function evidenceOf({ nextAt, ...rest }: NotDirectEvidence): NotDirectBecause["evidence"] {
  return { ...rest, ...(nextAt !== undefined && { nextAt: time(nextAt) }) };
}

function transportOf({ path }: PeerView): Transport | null {
  if (path?.kind === "udp" || path?.kind === "tcp") return path.kind;
  return path?.kind === "tunnel" ? "relay" : null;
}

function taText(socket: string): string {
  return `ringway.udp://${socket}`;
}

function time(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

/** Thousandths are below what is measured. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function roundedOrNull(value: number | undefined): number | null {
  return value === undefined ? null : rounded(value);
}
