/**
 * The NATs of the test bed, as rules of nftables for a router whose outer interface is `w0`.
 *
 * - `cone`: keeps the port of the host, lets in only what answers (filter by address and port). It behaves as
 *   endpoint-independent mapping as long as the hosts behind it use different ports.
 * - `symmetric`: a new random port for each destination.
 * - `open`: `cone`, and all inbound UDP goes to the site's first host.
 *
 * In each kind the router drops what comes unasked, for itself as well as for the hosts. Were it to answer an early
 * packet of a hole punch itself, its connection tracking would hold the port and the punch would fail, which it does
 * not at home.
 */
export const NAT_KINDS = ["cone", "symmetric", "open"] as const;
export type NatKind = (typeof NAT_KINDS)[number];

export function natRules(kind: NatKind, firstHost: string): string {
  const masquerade = kind === "symmetric" ? "masquerade random,fully-random" : "masquerade";
  const inbound = kind === "open" ? `iifname "w0" meta l4proto udp dnat to ${firstHost}` : "";
  return `
table ip ringway {
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "w0" ct state new drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "w0" ct status dnat accept
    iifname "w0" ct state new drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${inbound}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "w0" ${masquerade}
  }
}
`;
}
