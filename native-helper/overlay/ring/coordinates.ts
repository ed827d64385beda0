/**
 * Where this node stands in a plane in which distance is round-trip time (docs/protocol.md, "Coordinates"): Vivaldi with
 * height (Dabek, Cox, Kaashoek, Morris, SIGCOMM 2004), with the error kept in ms.
 */
import type { Entropy } from "../boundary.ts";
import type { Coord } from "../wire/types.ts";

/** No coordinate is known; the largest error says so. */
export const NO_COORD: Coord = { x: 0, y: 0, height: 0, error: 0xffff };

/** Units of a coordinate on the wire. */
const UNITS_PER_MS = 10;
const FIRST_ERROR_MS = 1_000;
/** Share of the way that one measurement moves a node, and its error, at most. */
const MOVE_SHARE = 0.25;
const ERROR_SHARE = 0.25;
/** Nobody knows its place better than this, whatever it says. */
const LEAST_ERROR_MS = 1;
const LEAST_HEIGHT_MS = 0.1;
const MOST_MS = 3_000;
/** One measurement moves a node no further, so that one liar does not throw it far. */
const LONGEST_MOVE_MS = 100;
const SETTLED_ERROR_MS = 50;
const SETTLED_SAMPLES = 40;

/** What choices among members would notice. */
const MOVED_MS = 20;

export class Coordinates {
  readonly #entropy: Entropy;
  #x = 0;
  #y = 0;
  #height = LEAST_HEIGHT_MS;
  #error = FIRST_ERROR_MS;
  #samples = 0;
  #own: Coord | undefined;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  /** As it is told to others. */
  get own(): Coord {
    this.#own ??= {
      x: Math.round(this.#x * UNITS_PER_MS),
      y: Math.round(this.#y * UNITS_PER_MS),
      height: Math.round(this.#height * UNITS_PER_MS),
      error: Math.round(this.#error * UNITS_PER_MS),
    };
    return this.#own;
  }

  /** Enough was measured to choose by prediction. */
  get settled(): boolean {
    return this.#samples >= SETTLED_SAMPLES && this.#error <= SETTLED_ERROR_MS;
  }

  /** A round trip to a peer that told where it stands. */
  measured(rttMs: number, peer: Coord): void {
    if (!isKnown(peer) || !(rttMs > 0) || rttMs > MOST_MS) return;
    const theirError = Math.max(LEAST_ERROR_MS, peer.error / UNITS_PER_MS);
    const weight = this.#error / (this.#error + theirError);
    const dx = this.#x - peer.x / UNITS_PER_MS;
    const dy = this.#y - peer.y / UNITS_PER_MS;
    const apart = Math.hypot(dx, dy);
    const heights = this.#height + peer.height / UNITS_PER_MS;
    const miss = rttMs - (apart + heights);
    this.#samples++;
    this.#error += ERROR_SHARE * weight * (Math.abs(miss) - this.#error);
    this.#error = Math.min(FIRST_ERROR_MS, Math.max(LEAST_ERROR_MS, this.#error));
    const move = Math.max(-LONGEST_MOVE_MS, Math.min(LONGEST_MOVE_MS, MOVE_SHARE * weight * miss));
    // Away from the peer where it is nearer than it seemed, towards it else; anywhere where both stand on one spot.
    const angle = apart > 0.01 ? Math.atan2(dy, dx) : 2 * Math.PI * this.#entropy.fraction();
    const length = apart + heights;
    const flat = apart > 0.01 ? apart / length : 1;
    this.#x = within(this.#x + move * flat * Math.cos(angle));
    this.#y = within(this.#y + move * flat * Math.sin(angle));
    this.#height = Math.min(MOST_MS, Math.max(LEAST_HEIGHT_MS, this.#height + (move * heights) / Math.max(1, length)));
    this.#own = undefined;
  }

  /** The round trip that a peer's coordinate promises, in ms; undefined where one of the two is not known yet. */
  predict(peer: Coord | undefined): number | undefined {
    return peer && predictRtt(this.own, peer);
  }
}

/** The round trip in ms between two coordinates; undefined where one of them is not known. */
export function predictRtt(a: Coord, b: Coord): number | undefined {
  if (!isPlaced(a) || !isPlaced(b)) return undefined;
  return (Math.hypot(a.x - b.x, a.y - b.y) + a.height + b.height) / UNITS_PER_MS;
}

function isKnown(coord: Coord): boolean {
  return coord.error !== NO_COORD.error;
}

/** Known, and moved from where every node begins. */
function isPlaced(coord: Coord): boolean {
  return coord.error < FIRST_ERROR_MS * UNITS_PER_MS;
}

function within(ms: number): number {
  return Math.max(-MOST_MS, Math.min(MOST_MS, ms));
}

/** Whether who was told that a node stands at `before` should hear where it stands now, or that this is surer by half. */
export function hasMoved(before: Coord, now: Coord): boolean {
  const apart = Math.abs(now.x - before.x) + Math.abs(now.y - before.y) + Math.abs(now.height - before.height);
  return apart > MOVED_MS * UNITS_PER_MS || (before.error > MOVED_MS * UNITS_PER_MS && 2 * now.error < before.error);
}
