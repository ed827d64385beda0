/** One peer for each cause of "Why not direct?", as a helper tells it. */
import type { NotDirectBecause } from "#contract";

type Evidence = NotDirectBecause["evidence"];

const TRIED = [
  { transport: "udp", to: "203.0.113.9:41022", at: "2026-03-12T12:00:58.000Z", result: "no answer" },
] as const;

const causes: readonly (readonly [NotDirectBecause["code"], Evidence])[] = [
  ["bothHard", {}],
  ["oneHard", { hard: "own", nextAt: "2026-03-12T12:05:00.000Z" }],
  ["udpBlocked", { tcpAlone: false }],
  ["peerUdpBlocked", {}],
  ["noCommonIp", { ours: "IPv4", theirs: "IPv6" }],
  ["peerFirewall", {}],
  ["sameNat", { localAddress: "192.168.1.40" }],
  ["noTraffic", { packets: 3, seconds: 5 }],
  ["trying", { round: 2, rounds: 3 }],
  ["limit", { limit: 32 }],
  ["oldVersion", { version: "0.0.9", needed: "0.1.0" }],
];

export const scriptedReasons: readonly NotDirectBecause[] = causes.map(([code, evidence]) => ({
  code,
  text: `The helper's sentence for ${code}.`,
  remedy: `The helper's remedy for ${code}.`,
  tried: code === "noTraffic" || code === "limit" ? [] : [...TRIED],
  evidence,
}));
