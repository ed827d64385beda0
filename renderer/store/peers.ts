/** Peers as the window shows them: one kind, one name, one round trip each, and rows that stay the same while nothing changed. */
import type { PeerRow, RingView } from "#contract";
import type { LinkKind } from "../features/ring-map/scene.ts";

export type PeerKind = LinkKind | "routed";
/** In the order in which lists show them. */
export const peerKinds = ["shortcut", "near", "far", "relay", "leaf", "routed"] as const satisfies readonly PeerKind[];

export interface Peer {
  readonly row: PeerRow;
  /** Host name, else virtual IP, else the first digits of the ring address. */
  readonly name: string;
  /** The name where nobody else here has it, else the virtual IP: what to call a peer outside its own row. */
  readonly label: string;
  /** The first that fits of relay, shortcut, near, far, leaf, routed. */
  readonly kind: PeerKind;
  /** Measured, else predicted, else null. */
  readonly rttMs: number | null;
  readonly predicted: boolean;
  readonly silent: boolean;
}

export function kindOf({ transport, kinds }: Pick<PeerRow, "transport" | "kinds">): PeerKind {
  if (transport === "relay") return "relay";
  if (kinds.includes("shortcut")) return "shortcut";
  if (kinds.includes("near")) return "near";
  if (kinds.includes("far")) return "far";
  if (kinds.length > 0) return "leaf";
  // A direct session that is part of no ring edge exists for the traffic of the two alone.
  return transport === null ? "routed" : "shortcut";
}

export function nameOf(row: Pick<PeerRow, "name" | "virtualIp" | "ringAddress">): string {
  return row.name || row.virtualIp || row.ringAddress.slice(0, 8);
}

/** The peers of a snapshot by ring address, reusing each of `before` that still holds. */
export function peersOf(
  rows: readonly PeerRow[],
  ring: RingView,
  before: ReadonlyMap<string, Peer>,
): ReadonlyMap<string, Peer> {
  const taken = new Map<string, number>();
  for (const row of rows) {
    const name = nameOf(row);
    taken.set(name, (taken.get(name) ?? 0) + 1);
  }
  const silent = new Set(ring.members.filter((member) => member.silent).map((member) => member.ringAddress));
  const next = new Map<string, Peer>();
  for (const row of rows) {
    if (row.ringAddress === ring.self) continue;
    const old = before.get(row.ringAddress);
    const isSilent = silent.has(row.ringAddress);
    const name = nameOf(row);
    const label = taken.get(name) === 1 ? name : nameOf({ ...row, name: null });
    if (old && old.silent === isSilent && old.label === label && (old.row === row || sameRow(old.row, row))) {
      next.set(row.ringAddress, old);
      continue;
    }
    next.set(row.ringAddress, {
      row,
      name,
      label,
      kind: kindOf(row),
      rttMs: row.rttMs ?? row.rttEstimateMs,
      predicted: row.rttMs === null,
      silent: isSilent,
    });
  }
  return next;
}

function sameRow(a: PeerRow, b: PeerRow): boolean {
  for (const key of Object.keys(b) as (keyof PeerRow)[]) {
    const [x, y] = [a[key], b[key]];
    if (x === y) continue;
    if (typeof x !== "object" || typeof y !== "object" || JSON.stringify(x) !== JSON.stringify(y)) return false;
  }
  return true;
}

export type KindFilter = "all" | "linked" | PeerKind;

export interface Filter {
  readonly kind: KindFilter;
  readonly query: string;
}

export function matches(peer: Peer, { kind, query }: Filter): boolean {
  if (kind === "linked" ? peer.kind === "routed" : kind !== "all" && peer.kind !== kind) return false;
  if (query === "") return true; // Nearly always, and for each peer of each picture.
  const wanted = query.trim().toLocaleLowerCase();
  if (wanted === "") return true;
  const { name, virtualIp, virtualIp6, ringAddress, site } = peer.row;
  const digits = wanted.replaceAll(/\s/g, "");
  return (
    [name, virtualIp, virtualIp6, site].some((text) => text?.toLocaleLowerCase().includes(wanted)) ||
    (/^[0-9a-f]+$/.test(digits) && ringAddress.startsWith(digits))
  );
}

export type Column =
  | "name"
  | "site"
  | "virtualIp"
  | "ringAddress"
  | "link"
  | "via"
  | "rtt"
  | "hops"
  | "received"
  | "sent"
  | "nat";
export interface Sort {
  readonly column: Column;
  readonly descending: boolean;
}

/** Columns whose order changes by itself every second. */
export const liveColumns: ReadonlySet<Column> = new Set(["rtt", "received", "sent"]);

/** Ring addresses of the peers that match, sorted; unknown values come last either way. */
export function sortPeers(
  peers: ReadonlyMap<string, Peer>,
  filter: Filter,
  sort: Sort,
  nameOfAddress: (address: string) => string,
): string[] {
  const shown = [...peers.values()].filter((peer) => matches(peer, filter));
  const key = sortKey(sort.column, nameOfAddress);
  const keyed = shown.map((peer) => ({ peer, key: key(peer) }));
  const direction = sort.descending ? -1 : 1;
  keyed.sort((a, b) => {
    const bothKnown = a.key !== null && b.key !== null;
    const order = bothKnown ? direction * compare(a.key, b.key) : (a.key === null ? 1 : 0) - (b.key === null ? 1 : 0);
    return order || compare(a.peer.rttMs ?? Infinity, b.peer.rttMs ?? Infinity) || compare(a.peer.name, b.peer.name);
  });
  return keyed.map(({ peer }) => peer.row.ringAddress);
}

export type SortValue = string | number | null;

/** What each peer that matches is sorted by. */
export function sortValues(
  peers: ReadonlyMap<string, Peer>,
  filter: Filter,
  column: Column,
  nameOfAddress: (address: string) => string,
): ReadonlyMap<string, SortValue> {
  const key = sortKey(column, nameOfAddress);
  const values = new Map<string, SortValue>();
  for (const [address, peer] of peers) if (matches(peer, filter)) values.set(address, key(peer));
  return values;
}

/** How many links packets to a peer pass; null where its way is not known. */
export function hopsOf(row: Pick<PeerRow, "path">): number | null {
  return row.path.length === 0 ? null : row.path.length;
}

/** From the easiest to reach to the hardest. */
const natOrder: readonly PeerRow["natKind"][] = ["public", "eim", "edm-seq", "edm-random", "udp-blocked", "unknown"];

function sortKey(column: Column, nameOfAddress: (address: string) => string): (peer: Peer) => string | number | null {
  switch (column) {
    case "name":
      return (peer) => peer.name;
    case "virtualIp":
      return (peer) => ipNumber(peer.row.virtualIp);
    case "ringAddress":
      return (peer) => peer.row.ringAddress;
    case "link":
      return (peer) => peerKinds.indexOf(peer.kind);
    case "via":
      return (peer) => (peer.row.via === null ? null : nameOfAddress(peer.row.via));
    case "rtt":
      return (peer) => peer.rttMs;
    case "site":
      return (peer) => peer.row.site;
    case "hops":
      return (peer) => hopsOf(peer.row);
    case "nat":
      return (peer) => natOrder.indexOf(peer.row.natKind);
    case "received":
      return (peer) => peer.row.rxBytesPerS;
    case "sent":
      return (peer) => peer.row.txBytesPerS;
  }
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a: string | number | null, b: string | number | null): number {
  if (typeof a === "string" && typeof b === "string") return collator.compare(a, b);
  const [x, y] = [Number(a), Number(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}

/** `172.16.1.5` as a number, so that .9 comes before .10. */
function ipNumber(ip: string | null): number | null {
  const parts = ip?.split(".").map(Number);
  return parts?.length === 4 ? parts.reduce((sum, part) => sum * 256 + part, 0) : null;
}

/** The kinds that links have, in the order of lists. */
export const linkKinds = ["shortcut", "near", "far", "relay", "leaf"] as const satisfies readonly LinkKind[];

export interface LinkSummary {
  readonly kind: LinkKind;
  readonly count: number;
  /** Median round trip. */
  readonly rttMs: number | null;
  /** That of the first, for the form of the end of the line. */
  readonly transport: string;
}

/** Own links by kind. */
export function linkSummaries(peers: ReadonlyMap<string, Peer>): readonly LinkSummary[] {
  const of: Record<LinkKind, Peer[]> = { shortcut: [], near: [], far: [], relay: [], leaf: [] };
  for (const peer of peers.values()) if (peer.kind !== "routed") of[peer.kind].push(peer);
  return linkKinds.map((kind) => ({
    kind,
    count: of[kind].length,
    rttMs: median(of[kind].map((peer) => peer.rttMs)),
    transport: of[kind][0]?.row.transport ?? "udp",
  }));
}

/** Median of what is known; null of nothing. */
export function median(values: readonly (number | null)[]): number | null {
  const known = Float64Array.from(values.filter((value) => value !== null)).sort();
  return known.length === 0 ? null : (known[Math.floor((known.length - 1) / 2)] as number);
}
