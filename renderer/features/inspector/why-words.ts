/** For each cause of a link that is not direct: its sentence, what can be done, and what a button does about it (docs/ui.md, "Why not direct?"). */
import type { NotDirectBecause } from "#contract";
import type { Peer } from "../../store/peers.ts";
import type { Text } from "../../words/words.tsx";

export type Cure = "test" | "direct" | "copyLine" | "local" | "build" | "shortcuts" | "transport";

/** What the window does about a cause; undefined where there is nothing to do but wait. */
export function cureOf({ code, evidence }: NotDirectBecause): Cure | undefined {
  switch (code) {
    case "bothHard":
      return "test";
    case "udpBlocked":
      return evidence.tcpAlone ? "transport" : "test";
    case "oneHard":
      return "direct";
    case "peerUdpBlocked":
    case "peerFirewall":
      return "copyLine";
    case "sameNat":
      return evidence.localAddress === undefined ? "direct" : "local";
    case "noTraffic":
      return "build";
    case "limit":
      return evidence.limit === undefined ? undefined : "shortcuts";
    case "trying":
    case "noCommonIp":
    case "oldVersion":
      return undefined;
  }
}

export interface WhyNames {
  readonly peer: Pick<Peer, "label">;
  /** The member that carries the packets, if one does. */
  readonly relay: string | undefined;
  /** The time of day of an instant. */
  readonly clock: (at: string) => string;
}

/** The cause as a sentence, with the evidence in it. A helper that names none of it gets its own words shown. */
export function sentenceOf(
  t: Text,
  { code, evidence, text }: NotDirectBecause,
  { peer, relay, clock }: WhyNames,
): string {
  const { limit, round, rounds, packets, seconds, hard, nextAt, ours, theirs, version, needed } = evidence;
  switch (code) {
    case "bothHard":
      return t("why.bothHard");
    case "oneHard": {
      if (hard === undefined) return text;
      const who = hard === "own" ? t("why.ownNetwork") : peer.label;
      return nextAt === undefined ? t("why.oneHardNow", { who }) : t("why.oneHard", { who, time: clock(nextAt) });
    }
    case "udpBlocked":
      if (evidence.tcpAlone) return t("why.tcpAlone");
      return relay === undefined ? t("why.udpBlockedHere") : t("why.udpBlocked", { via: relay });
    case "peerUdpBlocked":
    case "peerFirewall":
    case "sameNat":
      return t(`why.${code}`, { peer: peer.label });
    case "noCommonIp":
      return ours && theirs ? t("why.noCommonIp", { peer: peer.label, ours, theirs }) : text;
    case "noTraffic":
      return packets !== undefined && seconds !== undefined ? t("why.noTraffic", { packets, seconds }) : text;
    case "trying":
      return round !== undefined && rounds !== undefined
        ? t("why.trying", { n: round, total: rounds })
        : t("why.tryingNow");
    case "limit":
      return limit === undefined ? t("why.limitThere", { peer: peer.label }) : t("why.limit", { count: limit });
    case "oldVersion":
      return version && needed ? t("why.oldVersion", { peer: peer.label, version, needed }) : text;
  }
}

/** What a person can do beside the button, if anything. */
export function adviceOf(t: Text, { code, evidence }: NotDirectBecause): string | undefined {
  switch (code) {
    case "udpBlocked":
      return t(evidence.tcpAlone ? "why.fix.tcpAlone" : "why.fix.udpBlocked");
    case "bothHard":
    case "oneHard":
    case "peerUdpBlocked":
    case "peerFirewall":
      return t(`why.fix.${code}`);
    case "sameNat":
      return evidence.localAddress === undefined ? undefined : t("why.fix.sameNat", { address: evidence.localAddress });
    case "noTraffic":
    case "noCommonIp":
    case "trying":
    case "limit":
    case "oldVersion":
      return undefined;
  }
}

/** A line that the owner of a peer understands without this window. */
export function lineForOwner(t: Text, { row, label }: Peer, { tried }: NotDirectBecause): string {
  const places = [...new Set(tried.filter(({ transport }) => transport === "udp").map(({ to }) => to))].slice(0, 3);
  const ip = row.virtualIp ?? row.ringAddress.slice(0, 8);
  return places.length === 0
    ? t("why.ownerLine", { peer: label, ip })
    : t("why.ownerLineAt", { peer: label, ip, addresses: places.join(", ") });
}
