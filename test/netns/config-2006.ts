/** The configuration file of 2006, with other start addresses and another virtual IP. */
export const AFFILIATION = "condor wow";
/** The one of 2006. Its group bit is set, so that no kernel of today takes it as it is; a helper warns and clears the bit. */
export const MAC_2006 = "CB:DF:E7:20:60:35";

export interface Config2006 {
  readonly virtualIp: string;
  /** `host:port` each. */
  readonly startAddresses: readonly string[];
  readonly port?: number;
  readonly transport?: "udp" | "tcp" | "auto";
  readonly interface?: string;
  /** Left out unless given. */
  readonly mac?: string;
}

export function config2006({
  virtualIp,
  startAddresses,
  port = 15_000,
  transport = "udp",
  interface: tap = "tap0",
  mac,
}: Config2006): string {
  const lines = [
    "#affiliation",
    AFFILIATION,
    "#transport",
    transport,
    "#port",
    String(port),
    "#number of remote TAs",
    String(startAddresses.length),
    "#list of TAs",
    ...startAddresses.map((address) => `brunet.${transport === "tcp" ? "tcp" : "udp"}://${address}`),
    "#virtual interface",
    tap,
    `#virtual IP address of ${tap}`,
    virtualIp,
    ...(mac === undefined ? [] : [`#MAC address of ${tap}`, mac]),
  ];
  return `${lines.join("\n")}\n`;
}
