import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  angleBetween,
  angleFrom,
  fractionOf,
  nearestAngle,
  neighbourLens,
  normalAngle,
  rttFraction,
  tension,
} from "./geometry.ts";

const address = (start: string) => start.padEnd(40, "0");
const angle = fc.double({ min: -Math.PI + 1e-6, max: Math.PI, noNaN: true });

describe("angles", () => {
  it("puts this computer at the top and a quarter further to the right", () => {
    expect(angleFrom(address("4"), address("4"))).toBe(0);
    expect(angleFrom(address("4"), address("8"))).toBeCloseTo(Math.PI / 2);
    expect(angleFrom(address("4"), address("0"))).toBeCloseTo(-Math.PI / 2);
    expect(angleFrom(address("f"), address("1"))).toBeCloseTo(Math.PI / 4);
  });

  it("takes an address that is not hexadecimal as the start of the ring", () => expect(fractionOf("?")).toBe(0));

  it("keeps every angle within one turn", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e3, max: 1e3, noNaN: true }), (any) => {
        const within = normalAngle(any);
        expect(within).toBeGreaterThanOrEqual(-Math.PI);
        expect(within).toBeLessThanOrEqual(Math.PI);
      }),
    );
  });
});

describe("widened neighbours", () => {
  it("gives four members on each side steps of at least 6 degrees", () => {
    const members = [0.001, 0.002, 0.003, 0.004, 2, -0.001, -0.002];
    const lens = neighbourLens(members);
    const step = (6 * Math.PI) / 180;
    expect([0.001, 0.002, 0.003, 0.004].map(lens)).toEqual([1, 2, 3, 4].map((n) => expect.closeTo(n * step)));
    expect(lens(-0.002)).toBeCloseTo(-2 * step);
    expect(lens(2)).toBeCloseTo(2);
  });

  it("keeps the order of all members, their side, and both ends", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(angle, { maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (angles, strength) => {
          const lens = neighbourLens(angles, strength);
          const sorted = angles.toSorted((a, b) => a - b);
          const moved = sorted.map(lens);
          for (let i = 1; i < moved.length; i++)
            expect(moved[i]).toBeGreaterThanOrEqual((moved[i - 1] as number) - 1e-9);
          moved.forEach((to, i) => expect(Math.sign(to)).toBe(Math.sign(sorted[i] as number)));
          expect(lens(0)).toBe(0);
          expect(lens(Math.PI)).toBeCloseTo(Math.PI);
        },
      ),
    );
  });

  it("leaves true angles when off", () => expect(neighbourLens([0.01, 0.02], 0)(0.015)).toBe(0.015));
});

describe("lengths and bends", () => {
  it("measures the round trip on a logarithmic scale of 1 ms to 3 s", () => {
    expect(rttFraction(0.2)).toBe(0);
    expect(rttFraction(3000)).toBe(1);
    expect(rttFraction(60_000)).toBe(1);
    expect(rttFraction(100)).toBeCloseTo(2 / Math.log10(3000));
  });

  it("bends near links into petals and lets far ones cross", () =>
    expect(tension(0, 0.1)).toBeGreaterThan(tension(0, 3)));
});

describe("picking", () => {
  it("finds the nearest member, also across the bottom of the ring", () => {
    fc.assert(
      fc.property(fc.array(angle, { minLength: 1, maxLength: 50 }), angle, (angles, pointer) => {
        const sorted = angles.toSorted((a, b) => a - b);
        const found = sorted[nearestAngle(sorted, pointer)] as number;
        const best = Math.min(...sorted.map((each) => angleBetween(each, pointer)));
        expect(angleBetween(found, pointer)).toBeCloseTo(best);
      }),
    );
    expect(nearestAngle([], 1)).toBe(-1);
  });
});
