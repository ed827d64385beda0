/** Which hosts and sites a demo of so many nodes has, and what each node is called and configured with. */
import { AFFILIATION, config2006 } from "./config-2006.ts";
import type { NatKind } from "./nat.ts";

export interface PlannedNode {
  readonly name: string;
  readonly kind: "public" | NatKind;
  readonly virtualIp: string;
  /** UDP port; hosts behind one NAT use different ones, as they must for their NAT to keep them. */
  readonly port: number;
  /** Told to the others where given. */
  readonly site?: string;
  /** What its file says: nothing, or that TCP alone is used. */
  readonly transport?: "tcp";
}

export interface PlannedSite {
  readonly name: string;
  readonly kind: NatKind;
  readonly nodes: readonly PlannedNode[];
}

export interface DemoPlan {
  /** TCP alone for every node; else each uses what it likes. */
  readonly transport?: "tcp";
  readonly publicNodes: readonly PlannedNode[];
  readonly sites: readonly PlannedSite[];
}

/** Three reporters are needed to tell a NAT class, and ten nodes are the least that the demo promises. */
export const LEAST_NODES = 10;
/** As many as the small internet has addresses for, with some to spare. */
export const MOST_NODES = 400;
export const PORT = 15_000;

/**
 * The mix of 11 nodes is 3 public, 2 homes of one and 2 labs of two behind cones, and 2 behind symmetric NATs; other
 * numbers of nodes come as near to it as they can.
 */
export function planDemo(nodes: number, transport?: "tcp"): DemoPlan {
  if (!Number.isInteger(nodes) || nodes < LEAST_NODES || nodes > MOST_NODES) {
    throw new Error(`the number of nodes must be a whole number from ${LEAST_NODES} to ${MOST_NODES}, not ${nodes}`);
  }
  const publicCount = Math.max(3, Math.round((nodes * 3) / 11));
  const symmetricCount = Math.max(1, Math.round((nodes * 2) / 11));
  const labCount = Math.floor((nodes - publicCount - symmetricCount) / 3);
  const homeCount = nodes - publicCount - symmetricCount - 2 * labCount;
  let made = 0;
  const node = (name: string, kind: PlannedNode["kind"], site?: string, place = 0): PlannedNode => {
    const virtualIp = `172.16.${1 + Math.floor(made / 250)}.${1 + (made % 250)}`;
    made++;
    const more = { ...(site !== undefined && { site }), ...(transport !== undefined && { transport }) };
    return { name, kind, virtualIp, port: PORT + place, ...more };
  };
  const numbered = <T>(count: number, make: (number: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i + 1));
  return {
    ...(transport !== undefined && { transport }),
    publicNodes: numbered(publicCount, (n) => node(`public${n}`, "public")),
    sites: [
      ...numbered(homeCount, (n) => ({ name: `home${n}`, kind: "cone" as const, nodes: [node(`home${n}`, "cone")] })),
      ...numbered(labCount, (n) => ({
        name: `lab${n}`,
        kind: "cone" as const,
        nodes: [node(`lab${n}a`, "cone", `lab${n}`, 0), node(`lab${n}b`, "cone", `lab${n}`, 1)],
      })),
      ...numbered(symmetricCount, (n) => ({
        name: `office${n}`,
        kind: "symmetric" as const,
        nodes: [node(`office${n}`, "symmetric", `office${n}`)],
      })),
    ],
  };
}

/** What the user of a node would have written: our own format where a site is to be told, else the one of 2006. */
export function configOf(node: PlannedNode, startAddresses: readonly string[]): { fileName: string; text: string } {
  const { name, site, virtualIp, port, transport } = node;
  if (site === undefined) {
    const text = config2006({ virtualIp, port, startAddresses, ...(transport !== undefined && { transport }) });
    return { fileName: `${name}.txt`, text };
  }
  const lines = [
    `affiliation = ${JSON.stringify(AFFILIATION)}`,
    `site = ${JSON.stringify(site)}`,
    ...(transport === undefined ? [] : [`transport = ${JSON.stringify(transport)}`]),
    `port = ${port}`,
    `start = ${JSON.stringify(startAddresses.map((address) => `ringway.${transport ?? "udp"}://${address}`))}`,
    "[interface]",
    'name = "tap0"',
    `ip = ${JSON.stringify(virtualIp)}`,
  ];
  return { fileName: `${name}.toml`, text: `${lines.join("\n")}\n` };
}
