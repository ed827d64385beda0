/** The last ten minutes of the ring as this window has seen them, for the slider. */
import type { Peer } from "./peers.ts";

export interface Frame {
  /** Wall clock, in milliseconds. */
  readonly at: number;
  readonly self: string;
  readonly peers: ReadonlyMap<string, Peer>;
}

export const PAST_MS = 10 * 60_000;
/** Peers that did not change are shared between frames, so a frame costs what changed. */
export const FRAME_EVERY_MS = 5_000;

/** The same list unless a new frame is due. */
export function withFrame(past: readonly Frame[], frame: Frame): readonly Frame[] {
  const last = past.at(-1);
  if (last !== undefined && frame.self !== last.self) return [frame];
  if (last !== undefined && frame.at < last.at + FRAME_EVERY_MS) return frame.at < last.at ? [frame] : past;
  return [...past.filter(({ at }) => at > frame.at - PAST_MS), frame];
}

/** The frame nearest before a time, else the first. */
export function frameAt(past: readonly Frame[], at: number): Frame | undefined {
  return past.findLast((frame) => frame.at <= at) ?? past[0];
}
