/** What of the ring deserves a look, worst first. Each finding names its cause, so that it can be put aside until that changes. */
import type { AffiliationView } from "#contract";
import type { Peer } from "../../store/peers.ts";

export type Finding =
  | { readonly kind: "silent"; readonly cause: string; readonly count: number; readonly names: readonly string[] }
  | {
      readonly kind: "warning";
      readonly cause: string;
      readonly code: string;
      readonly text: string;
      readonly remedy: string;
    }
  | { readonly kind: "relayed"; readonly cause: string; readonly count: number; readonly names: readonly string[] }
  | {
      readonly kind: "detour";
      readonly cause: string;
      readonly peer: Peer;
      readonly hops: number;
      readonly rttMs: number | null;
    }
  | { readonly kind: "old"; readonly cause: string; readonly count: number; readonly newest: string };

export const FINDINGS_SHOWN = 5;
const LONG_HOPS = 3;
const LONG_MS = 250;
const DETOURS_SHOWN = 2;

export function findingsOf(
  affiliation: AffiliationView,
  peers: ReadonlyMap<string, Peer>,
  aside: ReadonlySet<string>,
): readonly Finding[] {
  const all = [...peers.values()];
  const found: Finding[] = [];
  const silent = all.filter((peer) => peer.silent);
  if (silent.length > 0) {
    const names = silent.map(({ label }) => label);
    found.push({ kind: "silent", cause: `silent ${addresses(silent)}`, count: silent.length, names });
  }
  for (const { code, text, remedy } of affiliation.warnings) {
    found.push({ kind: "warning", cause: `warning ${code} ${text}`, code, text, remedy });
  }
  const relayed = all.filter(({ kind, row }) => kind === "relay" && row.rxBytesPerS + row.txBytesPerS > 0);
  if (relayed.length > 0) {
    const names = relayed.map(({ label }) => label);
    found.push({ kind: "relayed", cause: `relayed ${addresses(relayed)}`, count: relayed.length, names });
  }
  const long = all
    .filter(({ kind, row }) => kind === "routed" && (row.path.length > LONG_HOPS || (row.rttMs ?? 0) > LONG_MS))
    .sort((a, b) => (b.row.rttMs ?? 0) - (a.row.rttMs ?? 0) || b.row.path.length - a.row.path.length);
  for (const peer of long.slice(0, DETOURS_SHOWN)) {
    const { ringAddress, path, rttMs } = peer.row;
    found.push({ kind: "detour", cause: `detour ${ringAddress} ${path.length}`, peer, hops: path.length, rttMs });
  }
  const old = oldVersions(all);
  if (old) found.push(old);
  return found.filter(({ cause }) => !aside.has(cause)).slice(0, FINDINGS_SHOWN);
}

function addresses(peers: readonly Peer[]): string {
  return peers
    .map(({ row }) => row.ringAddress.slice(0, 12))
    .sort()
    .join(" ");
}

function oldVersions(peers: readonly Peer[]): Finding | undefined {
  const known = peers.flatMap(({ row }) => (row.version === null ? [] : [row.version]));
  const newest = known.toSorted(byVersion).at(-1);
  const count = newest === undefined ? 0 : known.filter((version) => byVersion(version, newest) < 0).length;
  return newest === undefined || count === 0
    ? undefined
    : { kind: "old", cause: `old ${newest} ${count}`, count, newest };
}

const collator = new Intl.Collator("en", { numeric: true });
const byVersion = (a: string, b: string) => collator.compare(a, b);

const KEPT = "ringway.aside";
const KEPT_LIMIT = 50;

/** What the user has put aside, kept from window to window. */
export function readAside(): ReadonlySet<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return new Set(Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : []);
  } catch {
    // A browser may refuse storage; then it lasts as long as the window.
    return new Set();
  }
}

export function writeAside(aside: ReadonlySet<string>): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...aside].slice(-KEPT_LIMIT)));
  } catch {
    // See above.
  }
}
