import { describe, expect, it } from "vitest";
import type { HelperSnapshot } from "#contract";
import { deltaOf, SnapshotDelta, withDelta } from "#contract/delta.ts";
import { makeWorld } from "./world.ts";

const sorted = (snapshot: HelperSnapshot | undefined) =>
  snapshot && {
    ...snapshot,
    rings: snapshot.rings.map((ring) => ({
      ...ring,
      peers: ring.peers.toSorted((a, b) => (a.ringAddress < b.ringAddress ? -1 : 1)),
    })),
  };

describe("a delta", () => {
  it("makes of one snapshot the next, over the wire, and keeps the rows that did not change", () => {
    const world = makeWorld(118);
    let have = world.next();
    for (let second = 0; second < 5; second++) {
      const next = world.next();
      const delta = deltaOf(have, next);
      const parsed = SnapshotDelta.parse(JSON.parse(JSON.stringify(delta)));
      const made = withDelta(have, parsed);
      expect(sorted(made)).toEqual(sorted(next));
      const changed = new Set(parsed.rings[0]?.changed.map(({ ringAddress }) => ringAddress));
      expect(changed.size).toBeLessThan(118);
      const kept = made?.rings[0]?.peers.filter((row) => have.rings[0]?.peers.includes(row));
      expect(kept).toHaveLength(118 - changed.size);
      have = made ?? next;
    }
  });

  it("tells who came and who left", () => {
    const world = makeWorld(11);
    const all = world.next();
    const none = world.next({ alone: true });
    expect(deltaOf(all, none)?.rings[0]?.gone).toHaveLength(11);
    const back = deltaOf(none, all);
    expect(sorted(back && withDelta(none, back))).toEqual(sorted(all));
  });

  it("is not made for another helper or other affiliations, and changes no other snapshot", () => {
    const world = makeWorld(11);
    const [first, second, third] = [world.next(), world.next(), world.next()];
    expect(deltaOf(first, world.next({ none: true }))).toBeUndefined();
    const restarted = { ...second, status: { ...second.status, helper: { ...second.status.helper, pid: 1 } } };
    expect(deltaOf(first, restarted)).toBeUndefined();
    const delta = deltaOf(second, third);
    expect(delta && withDelta(first, delta)).toBeUndefined();
  });
});
