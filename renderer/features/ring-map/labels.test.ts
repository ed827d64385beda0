import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LABELS_MOST, placeLabels, spread, toLabel } from "./labels.ts";
import { layOut, pick, point, type RingMember } from "./scene.ts";

const self = "2c71".padEnd(40, "0");

function member(index: number, of: number, more: Partial<RingMember> = {}): RingMember {
  const at = Math.floor((index / of) * 0xffff)
    .toString(16)
    .padStart(4, "0");
  return {
    ringAddress: at.padEnd(40, "0"),
    name: `m${index}`,
    kind: "routed",
    transport: null,
    rttMs: 20,
    predicted: true,
    via: null,
    path: [],
    silent: false,
    ...more,
  };
}

const scene = (members: readonly RingMember[]) => layOut({ self, members, width: 1000, height: 560, widen: 1 });

describe("labels", () => {
  it("names own links only, and no more than 24 of them", () => {
    const members = Array.from({ length: 60 }, (_, i) =>
      member(i, 60, i % 2 === 0 ? { kind: "far", transport: "udp" } : {}),
    );
    const named = toLabel(scene(members), undefined, new Set());
    expect(named).toHaveLength(LABELS_MOST);
    expect(named.every(({ member }) => member.kind === "far")).toBe(true);
    expect(toLabel(scene(members), undefined, new Set(["far"]))).toEqual([]);
  });

  it("names the one in focus and its way first", () => {
    const hop = member(9, 60);
    const focus = member(30, 60, { path: [hop.ringAddress] });
    const named = toLabel(scene([hop, focus, member(50, 60, { kind: "near" })]), focus, new Set());
    expect(new Set(named.slice(0, 2).map(({ member }) => member.name))).toEqual(new Set(["m9", "m30"]));
  });

  it("keeps lines apart, in order and inside, whatever they wanted", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -200, max: 900, noNaN: true }), { minLength: 1, maxLength: 24 }),
        (wanted) => {
          const column = wanted.toSorted((a, b) => a - b).map((y) => ({ y }));
          spread(column, 14, 546);
          for (let i = 1; i < column.length; i++) {
            expect((column[i]?.y ?? 0) - (column[i - 1]?.y ?? 0)).toBeGreaterThanOrEqual(18 - 1e-6);
          }
          expect(column[0]?.y).toBeGreaterThanOrEqual(14 - 1e-6);
          expect(column.at(-1)?.y).toBeLessThanOrEqual(546 + 1e-6);
        },
      ),
    );
  });

  it("does not move lines that have room", () => {
    const column = [{ y: 100 }, { y: 140 }];
    spread(column, 14, 546);
    expect(column).toEqual([{ y: 100 }, { y: 140 }]);
  });

  it("begins below the tools where the picture is narrow, else at the top", () => {
    const members = Array.from({ length: 40 }, (_, i) => member(i, 40, { kind: "near" }));
    const highest = (width: number, side: number) => {
      const laid = layOut({ self, members, width, height: 560, widen: 1 });
      const labels = placeLabels(laid, toLabel(laid, undefined, new Set()));
      return Math.min(...labels.filter((label) => label.side === side).map(({ end }) => end[1]));
    };
    expect(highest(836, -1)).toBeGreaterThanOrEqual(62);
    expect(highest(836, 1)).toBeGreaterThanOrEqual(110);
    expect(highest(1216, 1)).toBeLessThan(62);
  });

  it("puts a label on the side of its member", () => {
    const members = Array.from({ length: 20 }, (_, i) => member(i, 20, { kind: "far" }));
    const laid = scene(members);
    for (const label of placeLabels(laid, toLabel(laid, undefined, new Set()))) {
      expect(Math.sign(label.end[0] - laid.centreX)).toBe(label.side);
    }
  });
});

describe("picking", () => {
  it("finds the member under the pointer and nobody in the middle or far outside", () => {
    const members = Array.from({ length: 11 }, (_, i) => member(i, 11));
    const laid = scene(members);
    for (const placed of laid.placed) {
      const [x, y] = point(laid, placed.angle, laid.radius + 2);
      expect(pick(laid, x, y)?.name).toBe(placed.member.name);
    }
    expect(pick(laid, laid.centreX, laid.centreY)).toBeUndefined();
    expect(pick(laid, 2, 2)).toBeUndefined();
    expect(pick(scene([]), laid.centreX, laid.centreY - laid.radius)).toBeUndefined();
  });

  it("prefers a linked member to a dot that is hardly nearer", () => {
    const dot = member(500, 1000);
    const linked = member(501, 1000, { kind: "far" });
    const laid = layOut({ self, members: [dot, linked], width: 1000, height: 560, widen: 0 });
    const [x, y] = point(laid, laid.byAddress.get(dot.ringAddress)?.angle ?? 0, laid.radius);
    expect(pick(laid, x, y)?.name).toBe("m501");
  });
});
