/** Why packets to a peer do not go from our socket to the peer's: one cause, what was tried, and what a person can do. */
import type { NatKind, NotDirectBecause, NotDirectCode } from "../boundary.ts";
import type { TransportAddress } from "../wire/types.ts";

/** What decides it. */
export interface NotDirectFacts {
  readonly own: {
    readonly natKind: NatKind;
    /** It is set to use TCP alone, whatever its network lets through. */
    readonly usesTcpAlone: boolean;
    readonly local: readonly TransportAddress[];
    readonly public: readonly TransportAddress[];
  };
  readonly peer: {
    readonly natKind: NatKind;
    /** As the peer told them; empty while it has told none. */
    readonly tas: readonly TransportAddress[];
    readonly version: string | undefined;
  };
  /** Direct checks run now. */
  readonly isTrying: boolean;
  /** There is a link, by a relay; else packets are routed over the ring. */
  readonly isLinked: boolean;
  /** Enough packets go there for a link of its own, but the limit of such links is reached. */
  readonly isOverLimit: boolean;
  readonly tried: NotDirectBecause["tried"];
}

/** Older ones know no direct checks inside a session. */
const OLDEST_VERSION = [0, 1, 0];

export function whyNotDirect(facts: NotDirectFacts): NotDirectBecause {
  const code = codeOf(facts);
  if (code === "udpBlocked" && facts.own.usesTcpAlone) return { ...notDirect(code, facts.tried), ...TCP_ALONE };
  return notDirect(code, facts.tried);
}

function codeOf({ own, peer, isTrying, isLinked, isOverLimit, tried }: NotDirectFacts): NotDirectCode {
  if (isTrying) return "trying";
  if (isOverLimit && !isLinked) return "limit";
  if (peer.version !== undefined && isOlder(peer.version)) return "oldVersion";
  if (own.natKind === "udp-blocked") return "udpBlocked";
  if (peer.natKind === "udp-blocked") return "peerUdpBlocked";
  if (tried.length === 0 && !isLinked) return "noTraffic";
  if (!haveCommonFamily([...own.local, ...own.public], peer.tas)) return "noCommonIp";
  // Before the NATs' kinds: behind one router they matter only where it turns no packets back.
  if (tried.length > 0 && shareRouter(own, peer)) return "sameNat";
  if (isHard(own.natKind) && isHard(peer.natKind)) return "bothHard";
  if (isHard(own.natKind) || isHard(peer.natKind)) return "oneHard";
  return tried.length === 0 ? "trying" : "peerFirewall";
}

function isHard(kind: NatKind): boolean {
  return kind === "edm-seq" || kind === "edm-random";
}

function haveCommonFamily(ours: readonly TransportAddress[], theirs: readonly TransportAddress[]): boolean {
  const familiesOf = (tas: readonly TransportAddress[]) => new Set(tas.map(({ kind }) => kind.slice(-1)));
  const [own, other] = [familiesOf(ours), familiesOf(theirs)];
  if (own.size === 0 || other.size === 0) return true; // Nothing is known of one side yet.
  return [...own].some((family) => other.has(family));
}

/** Both are seen from outside under one IP that neither has itself. */
function shareRouter(own: NotDirectFacts["own"], { tas }: NotDirectFacts["peer"]): boolean {
  const theirs = new Set(tas.filter(({ origin }) => origin !== "local").map(({ host }) => host));
  const isOwnOf = (host: string) =>
    own.local.some((ta) => ta.host === host) || tas.some((ta) => ta.origin === "local" && ta.host === host);
  return own.public.some(({ host }) => theirs.has(host) && !isOwnOf(host));
}

function isOlder(version: string): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (!numbers) return false;
  for (const [place, least] of OLDEST_VERSION.entries()) {
    const number = numbers[place] as number;
    if (number !== least) return number < least;
  }
  return false;
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
  limit: {
    text: "This computer holds as many links for traffic as it may.",
    remedy: "Wait: links without traffic close after five minutes, and make room for this one.",
  },
  oldVersion: { text: "The peer's version is too old for a direct link.", remedy: "Ask its owner to update Ringway." },
};

const TCP_ALONE = {
  text: "This computer is set to use TCP alone, and neither side can be connected to from outside.",
  remedy: 'Set the transport to "auto", or open the TCP port of one side.',
};

export function notDirect(code: NotDirectCode, tried: NotDirectBecause["tried"] = []): NotDirectBecause {
  return { code, ...REASONS[code], tried };
}
