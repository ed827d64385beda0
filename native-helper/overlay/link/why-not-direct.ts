/** Why packets to a peer do not go from our socket to the peer's: one cause, what was tried, and what a person can do. */
import type { NatKind, NotDirectBecause, NotDirectCode, NotDirectEvidence } from "../boundary.ts";
import { SHORTCUT_PACKETS, SHORTCUT_WINDOW_MS } from "../constants.ts";
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
  /** Enough packets go there for a link of its own, but one end holds as many such links as it may. */
  readonly overLimit: "own" | "peer" | undefined;
  /** Links for traffic that this node may hold. */
  readonly shortcutLimit: number;
  readonly tried: NotDirectBecause["tried"];
  /** Rounds of checks that were begun, of so many; the wall time of the next attempt. */
  readonly round: number;
  readonly rounds: number;
  readonly nextAt: number | undefined;
}

/** Older ones know no direct checks inside a session. */
const OLDEST_VERSION = [0, 1, 0];

export function whyNotDirect(facts: NotDirectFacts): NotDirectBecause {
  const code = codeOf(facts);
  const because = notDirect(code, facts.tried, evidenceOf(code, facts));
  if (code === "udpBlocked" && facts.own.usesTcpAlone) return { ...because, ...TCP_ALONE };
  if (code === "limit")
    return { ...tooManyShortcuts(facts.overLimit ?? "own", facts.shortcutLimit), tried: facts.tried };
  return because;
}

function codeOf({ own, peer, isTrying, isLinked, overLimit, tried }: NotDirectFacts): NotDirectCode {
  if (isTrying) return "trying";
  if (overLimit !== undefined && !isLinked) return "limit";
  if (peer.version !== undefined && isOlder(peer.version)) return "oldVersion";
  if (own.natKind === "udp-blocked") return "udpBlocked";
  if (peer.natKind === "udp-blocked") return "peerUdpBlocked";
  if (tried.length === 0 && !isLinked) return "noTraffic";
  if (!haveCommonFamily(own, peer)) return "noCommonIp";
  // Before the NATs' kinds: behind one router they matter only where it turns no packets back.
  if (tried.length > 0 && shareRouter(own, peer)) return "sameNat";
  if (isHard(own.natKind) && isHard(peer.natKind)) return "bothHard";
  if (isHard(own.natKind) || isHard(peer.natKind)) return "oneHard";
  return tried.length === 0 ? "trying" : "peerFirewall";
}

/** What a sentence about the cause names beside the peer. */
function evidenceOf(code: NotDirectCode, facts: NotDirectFacts): NotDirectEvidence {
  const { own, peer, nextAt } = facts;
  switch (code) {
    case "noTraffic":
      return EARNED_BY;
    case "trying":
      return facts.round > 0 ? { round: facts.round, rounds: facts.rounds } : {};
    case "oneHard":
      return { hard: isHard(own.natKind) ? "own" : "peer", ...(nextAt !== undefined && { nextAt }) };
    case "noCommonIp":
      return { ours: familyName(familiesOf([...own.local, ...own.public])), theirs: familyName(familiesOf(peer.tas)) };
    case "sameNat": {
      const local = peer.tas.find(({ origin, host }) => origin === "local" && !host.includes(":"));
      return local ? { localAddress: local.host } : {};
    }
    case "oldVersion":
      return { version: peer.version ?? "", needed: OLDEST_VERSION.join(".") };
    case "udpBlocked":
      return { tcpAlone: own.usesTcpAlone };
    default:
      return {};
  }
}

function isHard(kind: NatKind): boolean {
  return kind === "edm-seq" || kind === "edm-random";
}

type Family = "4" | "6";

function haveCommonFamily(own: NotDirectFacts["own"], { tas }: NotDirectFacts["peer"]): boolean {
  const [ours, theirs] = [familiesOf([...own.local, ...own.public]), familiesOf(tas)];
  if (ours.size === 0 || theirs.size === 0) return true; // Nothing is known of one side yet.
  return [...ours].some((family) => theirs.has(family));
}

/** Link-local addresses lead nowhere beyond the own wire. */
function familiesOf(tas: readonly TransportAddress[]): ReadonlySet<Family> {
  const routable = tas.filter(({ host }) => !/^(fe[89ab]|169\.254\.)/i.test(host));
  return new Set(routable.map(({ kind }) => kind.slice(-1) as Family));
}

function familyName(families: ReadonlySet<Family>): string {
  return [...families].map((family) => `IPv${family}`).join(", ");
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
    text: "This computer holds as many shortcuts as it may.",
    remedy: "Raise the limit (shortcuts) in its settings, or wait: one that is idle makes room.",
  },
  oldVersion: { text: "The peer's version is too old for a direct link.", remedy: "Ask its owner to update Ringway." },
};

const TCP_ALONE = {
  text: "This computer is set to use TCP alone, and neither side can be connected to from outside.",
  remedy: 'Set the transport to "auto", or open the TCP port of one side.',
};

const PEER_LIMIT = {
  text: "The peer holds as many shortcuts as it may.",
  remedy: "Wait, or ask its owner to raise the limit (shortcuts).",
};

/** How a link is earned. */
const EARNED_BY: NotDirectEvidence = { packets: SHORTCUT_PACKETS, seconds: SHORTCUT_WINDOW_MS / 1_000 };

function notDirect(
  code: NotDirectCode,
  tried: NotDirectBecause["tried"] = [],
  evidence: NotDirectEvidence = {},
): NotDirectBecause {
  return { code, ...REASONS[code], tried, evidence };
}

export const LITTLE_TRAFFIC = notDirect("noTraffic", [], EARNED_BY);

/** One end holds as many links for traffic as it may. */
export function tooManyShortcuts(whose: "own" | "peer", ownLimit: number): NotDirectBecause {
  const because = notDirect("limit", [], whose === "own" ? { limit: ownLimit } : {});
  return whose === "own" ? because : { ...because, ...PEER_LIMIT };
}
