import { expect, it } from "vitest";
import { makeWorld } from "../../bridge/world.ts";
import { peersOf } from "../../store/peers.ts";
import { tsvOf } from "./tsv.ts";

it("writes a head and a line a peer, and keeps names from breaking rows or becoming formulas", () => {
  const ring = makeWorld(11).next({ names: ["a\tb\nc", "=1+1"] }).rings[0];
  if (ring === undefined) throw new Error("The world has no ring.");
  const peers = peersOf(ring.peers, ring.ring, new Map());
  const addresses = [...peers.keys()].slice(0, 2);
  const lines = tsvOf([...addresses, "unknown"], peers)
    .trimEnd()
    .split("\n");
  expect(lines).toHaveLength(3);
  expect(lines.every((line) => line.split("\t").length === 13)).toBe(true);
  expect(lines[1]).toMatch(/^a b c\t/);
  expect(lines[2]).toMatch(/^'=1\+1\t/);
});
