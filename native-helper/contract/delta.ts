/**
 * What changed from one snapshot to the next, for a page that has the one before: of a thousand peers only those that
 * moved. The receiver keeps the rows that did not change, so that comparing them costs nothing.
 */
import * as z from "zod";
import { type HelperSnapshot, PeerRow, RingView, StatusView } from "./views.ts";

export const SnapshotDelta = z.object({
  /** `seq` of the snapshot that it changes. */
  base: z.int(),
  seq: z.int(),
  at: z.iso.datetime(),
  status: StatusView,
  /** One entry for each affiliation, in order. */
  rings: z.array(
    z.object({
      affiliation: z.string(),
      changed: z.array(PeerRow),
      gone: z.array(z.string()),
      /** Null where it is as before. */
      ring: RingView.nullable(),
    }),
  ),
});
export type SnapshotDelta = z.infer<typeof SnapshotDelta>;

/** Undefined where the whole is the better message: another helper, or other affiliations. */
export function deltaOf(before: HelperSnapshot, after: HelperSnapshot): SnapshotDelta | undefined {
  if (before.status.helper.pid !== after.status.helper.pid || before.rings.length !== after.rings.length) {
    return undefined;
  }
  const rings: SnapshotDelta["rings"] = [];
  for (const [index, ring] of after.rings.entries()) {
    const old = before.rings[index];
    if (old?.affiliation !== ring.affiliation) return undefined;
    const known = new Map(old.peers.map((row) => [row.ringAddress, row]));
    const changed = ring.peers.filter((row) => {
      const was = known.get(row.ringAddress);
      known.delete(row.ringAddress);
      return was === undefined || !same(was, row);
    });
    const ringAsBefore = same(old.ring, ring.ring);
    rings.push({
      affiliation: ring.affiliation,
      changed,
      gone: [...known.keys()],
      ring: ringAsBefore ? null : ring.ring,
    });
  }
  return { base: before.seq, seq: after.seq, at: after.at, status: after.status, rings };
}

/** The snapshot that a delta makes of the one before; undefined where it belongs to another. */
export function withDelta(before: HelperSnapshot, delta: SnapshotDelta): HelperSnapshot | undefined {
  if (before.seq !== delta.base || before.rings.length !== delta.rings.length) return undefined;
  const rings: HelperSnapshot["rings"] = [];
  for (const [index, { affiliation, changed, gone, ring }] of delta.rings.entries()) {
    const old = before.rings[index];
    if (old?.affiliation !== affiliation) return undefined;
    const newer = new Map(changed.map((row) => [row.ringAddress, row]));
    const left = new Set(gone);
    const peers = old.peers.flatMap((row) => {
      const next = newer.get(row.ringAddress);
      newer.delete(row.ringAddress);
      return left.has(row.ringAddress) ? [] : [next ?? row];
    });
    rings.push({ affiliation, peers: [...peers, ...newer.values()], ring: ring ?? old.ring });
  }
  return { seq: delta.seq, at: delta.at, status: delta.status, rings };
}

/** Whether two values say the same; both are plain data. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((each, index) => same(each, b[index]));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
