/** Words, numbers and tables for people. */
import type { AffiliationView, LinkKind, NatKind, PeerRow } from "#contract";

/** Columns padded to their widest cell; numbers (cells that `right` names) to the right. No trailing blanks. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const widths = head.map((title, i) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ""))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const blanks = " ".repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell)));
        return right.includes(head[i] ?? "") ? blanks + cell : cell + blanks;
      })
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function bitsPerS(value: number): string {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  let rate = value;
  let unit = 0;
  while (rate >= 1_000 && unit < units.length - 1) {
    rate /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || rate >= 100 ? Math.round(rate) : rate.toFixed(1)} ${units[unit]}`;
}

export function milliseconds(value: number | null): string {
  if (value === null) return "-";
  return value >= 100 ? `${Math.round(value)} ms` : `${value.toFixed(value >= 10 ? 1 : 2)} ms`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

export const natWords: Readonly<Record<NatKind, string>> = {
  public: "open",
  eim: "easy NAT",
  "edm-seq": "hard NAT",
  "edm-random": "hard NAT",
  "udp-blocked": "UDP blocked",
  unknown: "not known yet",
};

/** The kind that a peer is shown under: the first that fits of relay, shortcut, near, far, leaf; routed without a link. */
export function linkWord(peer: {
  readonly kinds: readonly LinkKind[];
  readonly transport: PeerRow["transport"];
}): string {
  if (peer.kinds.length === 0) return "routed";
  if (peer.transport === "relay") return "relay";
  return (["shortcut", "near", "far"] as const).find((kind) => peer.kinds.includes(kind)) ?? "leaf";
}

/** How packets go there: `udp`, `relay via pc3`, `over the ring`. `nameOf` gives what a ring address is shown as. */
export function transportWords(peer: PeerRow, nameOf: (ringAddress: string) => string): string {
  if (peer.transport === null) return "over the ring";
  return peer.via === null ? peer.transport : `${peer.transport} via ${nameOf(peer.via)}`;
}

/** A short name for each member: its host name, its virtual IP, else the first digits of its ring address. */
export function shortNames(peers: readonly PeerRow[]): (ringAddress: string) => string {
  const names = new Map(peers.map((peer) => [peer.ringAddress, peer.name ?? peer.virtualIp]));
  return (ringAddress) => names.get(ringAddress) ?? ringAddress.slice(0, 8);
}

export const securityWords: Readonly<Record<AffiliationView["security"], string>> = {
  closed: "closed: members have certificates",
  passphrase: "shared secret: whoever knows the passphrase is in",
  open: "open, unauthenticated: whoever knows its name is in",
};

export function linksLine({ links }: AffiliationView): string {
  const parts = Object.entries(links).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []));
  return parts.length > 0 ? parts.join(", ") : "none";
}

/** One line of what an affiliation is now, for the commands that change it. */
export function stateLine(view: AffiliationView): string {
  const virtual = view.interface.state === "up" ? `up with ${view.virtualIp ?? "no virtual IP"}` : "down";
  return `${view.name}: ${view.state}, interface ${view.interface.name} ${virtual}`;
}

function widthOf(text: string): number {
  return [...text].length;
}
