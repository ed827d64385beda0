/** NAT kinds as people read them. */
export const natWords = {
  public: "nat.open",
  eim: "nat.easy",
  "edm-seq": "nat.hard",
  "edm-random": "nat.hard",
  "udp-blocked": "nat.blocked",
  unknown: "nat.unknown",
} as const;
