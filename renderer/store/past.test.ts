import { describe, expect, it } from "vitest";
import { FRAME_EVERY_MS, type Frame, frameAt, PAST_MS, withFrame } from "./past.ts";

const frame = (at: number, self = "a"): Frame => ({ at, self, peers: new Map() });

describe("the past", () => {
  it("takes a frame every 5 s and forgets those older than 10 minutes", () => {
    let past: readonly Frame[] = [];
    for (let at = 0; at <= PAST_MS * 2; at += 1_000) past = withFrame(past, frame(at));
    expect(past).toHaveLength(PAST_MS / FRAME_EVERY_MS);
    expect(past.at(-1)?.at).toBe(PAST_MS * 2);
    expect(past[0]?.at).toBe(PAST_MS * 2 - PAST_MS + FRAME_EVERY_MS);
  });

  it("begins anew with another ring, and where the clock was set back", () => {
    expect(withFrame([frame(0)], frame(1_000, "b"))).toHaveLength(1);
    expect(withFrame([frame(60_000)], frame(1_000))).toEqual([frame(1_000)]);
  });

  it("gives the frame before a time", () => {
    const past = [frame(0), frame(5_000), frame(10_000)];
    expect([-1, 0, 4_999, 5_000, 99_999].map((at) => frameAt(past, at)?.at)).toEqual([0, 0, 0, 5_000, 10_000]);
    expect(frameAt([], 1)).toBeUndefined();
  });
});
