import { describe, expect, it } from "vitest";
import { World6 } from "../../../test/sim/geography.ts";
import { SeededEntropy } from "../../../test/sim/random.ts";
import { Coordinates, hasMoved, NO_COORD, predictRtt } from "./coordinates.ts";

/** Nodes that measure random others, as many times each. */
function measuredWorld(nodes: number, times: number, rttMs: (a: number, b: number) => number): Coordinates[] {
  const entropy = new SeededEntropy(7, "coordinates");
  const all = Array.from({ length: nodes }, (_, i) => new Coordinates(entropy.fork(`node ${i}`)));
  for (let time = 0; time < times; time++) {
    for (const [i, node] of all.entries()) {
      const j = entropy.below(nodes);
      if (j !== i) node.measured(rttMs(i, j), (all[j] as Coordinates).own);
    }
  }
  return all;
}

function missesOf(all: readonly Coordinates[], rttMs: (a: number, b: number) => number): number[] {
  const misses: number[] = [];
  for (const [i, a] of all.entries()) {
    for (const [j, b] of all.entries()) {
      if (i < j) misses.push(Math.abs((predictRtt(a.own, b.own) ?? 1e9) - rttMs(i, j)) / rttMs(i, j));
    }
  }
  return misses.sort((a, b) => a - b);
}

describe("coordinates", () => {
  it("reproduce a flat world with access delays", () => {
    const entropy = new SeededEntropy(3, "flat");
    const places = Array.from({ length: 60 }, () => ({
      x: 200 * entropy.fraction(),
      y: 100 * entropy.fraction(),
      access: 1 + 20 * entropy.fraction(),
    }));
    const rttMs = (i: number, j: number) => {
      const [a, b] = [places[i], places[j]] as [(typeof places)[0], (typeof places)[0]];
      return Math.hypot(a.x - b.x, a.y - b.y) + a.access + b.access;
    };
    const misses = missesOf(measuredWorld(60, 200, rttMs), rttMs);
    expect(misses[Math.floor(misses.length / 2)]).toBeLessThan(0.05);
    expect(misses[Math.floor(0.9 * misses.length)]).toBeLessThan(0.2);
  });

  it("predict most round trips of a world that no plane holds within a third, and then stay where they are", () => {
    const world = new World6(11);
    const rttMs = (i: number, j: number) => 2 * world.delayMs(i, j);
    const all = measuredWorld(100, 150, rttMs);
    const misses = missesOf(all, rttMs);
    expect(misses[Math.floor(misses.length / 2)]).toBeLessThan(0.25);
    expect(all.filter((node) => node.settled).length).toBeGreaterThan(90);
    const before = all.map((node) => node.own);
    const entropy = new SeededEntropy(8, "later");
    for (let time = 0; time < 20; time++) {
      for (const [i, node] of all.entries()) {
        const j = (i + 1 + entropy.below(99)) % 100;
        node.measured(rttMs(i, j), (all[j] as Coordinates).own);
      }
    }
    const moves = all.map((node, i) => Math.hypot(node.own.x - (before[i]?.x ?? 0), node.own.y - (before[i]?.y ?? 0)));
    expect(moves.toSorted((a, b) => a - b)[50]).toBeLessThan(300); // 30 ms.
  });

  it("bring a newcomer to its place by a few measurements of others that know theirs", () => {
    const world = new World6(5);
    const rttMs = (i: number, j: number) => 2 * world.delayMs(i, j);
    const all = measuredWorld(60, 150, rttMs);
    const newcomer = new Coordinates(new SeededEntropy(1, "newcomer"));
    for (let round = 0; round < 3; round++)
      for (let j = 0; j < 20; j++) newcomer.measured(rttMs(60, j), (all[j] as Coordinates).own);
    expect(newcomer.settled).toBe(true);
    const misses = all.map((other, j) => Math.abs((newcomer.predict(other.own) ?? 1e9) - rttMs(60, j)) / rttMs(60, j));
    expect(misses.sort((a, b) => a - b)[30]).toBeLessThan(0.3);
  });

  it("say that they know nothing before the first measurement, and learn nothing from who knows nothing", () => {
    const node = new Coordinates(new SeededEntropy(1, "alone"));
    const other = new Coordinates(new SeededEntropy(2, "alone"));
    expect(node.predict(other.own)).toBeUndefined();
    const before = node.own;
    node.measured(50, NO_COORD);
    node.measured(Number.NaN, other.own);
    node.measured(-1, other.own);
    expect(node.own).toEqual(before);
    expect(predictRtt(NO_COORD, before)).toBeUndefined();
  });

  it("are moved by a liar no further than one step each time", () => {
    const node = new Coordinates(new SeededEntropy(1, "honest"));
    node.measured(1, { x: 0x7fff, y: -0x8000, height: 0xffff, error: 0 });
    expect(Math.hypot(node.own.x, node.own.y)).toBeLessThanOrEqual(1_001);
    for (let i = 0; i < 10_000; i++) node.measured(1, { x: 0x7fff, y: -0x8000, height: 0xffff, error: 0 });
    for (const part of [node.own.x, node.own.y]) expect(Math.abs(part)).toBeLessThanOrEqual(0x7fff);
    expect(node.own.height).toBeGreaterThan(0);
  });

  it("are told again where they moved by more than 20 ms, or became surer by half", () => {
    const told = { x: 100, y: -100, height: 10, error: 500 };
    expect(hasMoved(told, { ...told, x: 250 })).toBe(false);
    expect(hasMoved(told, { ...told, x: 250, y: -200 })).toBe(true);
    expect(hasMoved(told, { ...told, error: 250 })).toBe(false);
    expect(hasMoved(told, { ...told, error: 249 })).toBe(true);
    expect(hasMoved({ ...told, error: 150 }, { ...told, error: 10 })).toBe(false);
    expect(hasMoved(NO_COORD, told)).toBe(true);
  });
});
