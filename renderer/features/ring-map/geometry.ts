/**
 * Where things lie on the ring. An angle is in radians, clockwise from 12 o'clock, within (-pi, pi]; this computer is
 * at 0. Nothing here knows about canvases, colours or words.
 */
const TURN = Math.PI * 2;

/** Place of an address on the ring as a fraction 0..1 of the whole; the first 48 of 160 bits decide it. */
export function fractionOf(ringAddress: string): number {
  const digits = Number.parseInt(ringAddress.slice(0, 12), 16);
  return Number.isNaN(digits) ? 0 : digits / 2 ** 48;
}

/** Brings any angle into (-pi, pi]. */
export function normalAngle(angle: number): number {
  const within = ((angle % TURN) + TURN) % TURN;
  return within > Math.PI ? within - TURN : within;
}

/** True angle of an address as seen from `self`. */
export function angleFrom(self: string, ringAddress: string): number {
  return normalAngle((fractionOf(ringAddress) - fractionOf(self)) * TURN);
}

/** The smaller angle between two places, 0..pi. */
export function angleBetween(a: number, b: number): number {
  return Math.abs(normalAngle(a - b));
}

/** Widens the neighbourhood of this computer: a piecewise linear map of angles that keeps order, 0 and pi. */
export type Lens = (angle: number) => number;

const NEIGHBOURS_WIDENED = 4;
const NEIGHBOUR_STEP = (6 * Math.PI) / 180;
const SQUEEZED = Math.PI / 3;

/**
 * Four members on each side get steps of 6 degrees, the next 60 degrees absorb the squeeze. `strength` 0 leaves true
 * angles, 1 widens wholly; values between are for the moment of changing over.
 */
export function neighbourLens(angles: Iterable<number>, strength = 1): Lens {
  const right: number[] = [];
  const left: number[] = [];
  for (const angle of angles) (angle > 0 ? right : left).push(Math.abs(angle));
  const knots = { right: knotsOf(right), left: knotsOf(left) };
  return (angle) => {
    if (angle === 0 || strength === 0) return angle;
    const widened = Math.sign(angle) * along(angle > 0 ? knots.right : knots.left, Math.abs(angle));
    return angle + (widened - angle) * strength;
  };
}

type Knot = readonly [from: number, to: number];

function knotsOf(distances: number[]): Knot[] {
  const nearest = distances.sort((a, b) => a - b).slice(0, NEIGHBOURS_WIDENED);
  const knots: Knot[] = [[0, 0]];
  nearest.forEach((distance, index) => {
    const last = knots[knots.length - 1] as Knot;
    // Kept strictly rising, so that two members never change places and the map can be inverted.
    knots.push([Math.max(distance, last[0] + 1e-9), Math.max(distance, last[1] + 1e-9, (index + 1) * NEIGHBOUR_STEP)]);
  });
  const [, widened] = knots[knots.length - 1] as Knot;
  const [from] = knots[knots.length - 1] as Knot;
  const rejoin = Math.max(from, widened) + SQUEEZED;
  if (rejoin < Math.PI) knots.push([rejoin, rejoin]);
  knots.push([Math.PI, Math.PI]);
  return knots.filter((knot, index) => index === knots.length - 1 || (knot[0] < Math.PI && knot[1] < Math.PI));
}

function along(knots: readonly Knot[], distance: number): number {
  for (let i = 1; i < knots.length; i++) {
    const [from, to] = knots[i] as Knot;
    if (distance > from) continue;
    const [from0, to0] = knots[i - 1] as Knot;
    return to0 + ((distance - from0) / (from - from0 || 1)) * (to - to0);
  }
  return Math.PI;
}

const RTT_LONGEST_MS = 3000;

/** Length of a corona bar as a fraction 0..1: log10 of the round trip from 1 ms to 3 s. */
export function rttFraction(ms: number): number {
  return Math.min(1, Math.log10(Math.max(1, ms)) / Math.log10(RTT_LONGEST_MS));
}

/** How far a link's curve bends to the middle: near links are short petals (towards 1), far ones cross (towards 0). */
export function tension(a: number, b: number): number {
  const apart = angleBetween(a, b);
  return apart < 0.5 ? 0.9 - apart * 0.35 : Math.max(0.16, 0.66 - apart * 0.2);
}

/** Finds the nearest of `angles` (sorted, ascending) to `angle`; its index, or -1 where there are none. */
export function nearestAngle(angles: readonly number[], angle: number): number {
  if (angles.length === 0) return -1;
  let low = 0;
  let high = angles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((angles[middle] as number) < angle) low = middle + 1;
    else high = middle;
  }
  const before = (low - 1 + angles.length) % angles.length;
  const after = low % angles.length;
  const distance = (index: number) => angleBetween(angles[index] as number, angle);
  return distance(before) <= distance(after) ? before : after;
}
