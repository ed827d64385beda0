import { describe, expect, it } from "vitest";
import type { LinkSample } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { RECORDED_PEERS, Recorder } from "./recorder.ts";

const addressOf = (n: number) => n.toString(16).padStart(40, "0") as RingAddress;
const A = addressOf(10);
const WALL = Date.UTC(2026, 0, 1);
const NO_RATES = { txBytesPerS: 0, rxBytesPerS: 0 };

function link(changes: Partial<LinkSample> = {}): LinkSample {
  return {
    ringAddress: A,
    slot: 1,
    kinds: ["near"],
    path: { kind: "udp", remote: "192.0.2.1:1" },
    history: [],
    ...changes,
  };
}

/** Seconds `from` to `to` with what `of` gives for each; undefined: the peer is not there. */
function record(
  recorder: Recorder,
  from: number,
  to: number,
  of: (second: number) => LinkSample | undefined,
  rates = NO_RATES,
): void {
  for (let second = from; second < to; second++) {
    const sample = of(second);
    recorder.sample(second * 1_000 + 500, WALL + second * 1_000 + 500, sample ? [sample] : [], () => rates);
  }
}

const measured = (second: number, rttMs: number) => link({ measured: { at: second * 1_000, rttMs }, lossPct: 1 });

describe("the recorder", () => {
  it("keeps 5 minutes at 1 s, 1 hour at 10 s and 1 day at 5 min, with median and band", () => {
    const recorder = new Recorder();
    const rates = { txBytesPerS: 100, rxBytesPerS: 50 };
    record(recorder, 0, 90_000, (second) => measured(second, 10 + (second % 10)), rates);
    const fine = recorder.history(A, "5m");
    expect(fine.stepS).toBe(1);
    expect(fine.points).toHaveLength(300);
    expect(fine.points.at(-1)).toEqual({
      at: new Date(WALL + 89_999_500).toISOString(),
      rttMs: 19,
      rttP5Ms: 19,
      rttP95Ms: 19,
      lossPct: 1,
      txBytesPerS: 100,
      rxBytesPerS: 50,
      kind: "near",
    });
    const hour = recorder.history(A, "1h");
    expect(hour.points).toHaveLength(360);
    expect(hour.points[0]).toMatchObject({
      rttMs: 14.5,
      rttP5Ms: 10.45,
      rttP95Ms: 18.55,
      lossPct: 1,
      txBytesPerS: 100,
    });
    const gaps = hour.points
      .slice(1, -1)
      .map(({ at }, place) => Date.parse(at) - Date.parse(hour.points[place]?.at ?? ""));
    expect(new Set(gaps)).toEqual(new Set([10_000]));
    const day = recorder.history(A, "1d");
    expect(day.points).toHaveLength(288);
    expect(Date.parse(day.points[1]?.at ?? "") - Date.parse(day.points[0]?.at ?? "")).toBe(300_000);
    expect(recorder.throughput("1h").points.at(-1)).toMatchObject({ txBytesPerS: 100, rxBytesPerS: 50 });
  });

  it("shows the step that has not ended yet, of the seconds that it has", () => {
    const recorder = new Recorder();
    record(recorder, 0, 13, (second) => measured(second, second));
    expect(recorder.history(A, "1h").points.map(({ rttMs }) => rttMs)).toEqual([4.5, 11]);
    expect(recorder.history(A, "1h").points.at(-1)?.at).toBe(new Date(WALL + 12_500).toISOString());
  });

  it("leaves gaps where nothing was recorded, also over a sleep", () => {
    const recorder = new Recorder();
    record(recorder, 0, 20, (second) => measured(second, 5));
    record(recorder, 100, 105, (second) => measured(second, 7));
    const seconds = recorder.history(A, "5m").points.map(({ at }) => Math.floor((Date.parse(at) - WALL) / 1_000));
    expect(seconds).toEqual([...Array.from({ length: 20 }, (_, n) => n + 1), 101, 102, 103, 104, 104]);
    record(recorder, 10_000, 10_001, (second) => measured(second, 9));
    expect(recorder.history(A, "5m").points.map(({ rttMs }) => rttMs)).toEqual([9]);
    expect(recorder.history(A, "1d").points.map(({ rttMs }) => rttMs)).toEqual([5, 9]);
  });

  it("has no round trip where the newest is too old, and none of before it", () => {
    const recorder = new Recorder();
    record(recorder, 0, 40, () => link({ measured: { at: 0, rttMs: 5 } }));
    const rtts = recorder.history(A, "5m").points.map(({ rttMs }) => rttMs);
    expect(rtts.slice(0, 19)).toEqual(new Array(19).fill(5));
    expect(rtts.slice(20)).toEqual(new Array(20).fill(null));
  });

  it.each([
    ["routed", link({ kinds: [] })],
    ["relay", link({ path: { kind: "tunnel", relay: A } })],
    ["shortcut", link({ kinds: ["far", "shortcut"] })],
    ["far", link({ kinds: ["far"] })],
    ["leaf", link({ kinds: ["anchor"] })],
  ] as const)("remembers that a link is %s", (kind, sample) => {
    const recorder = new Recorder();
    record(recorder, 0, 1, () => sample);
    expect(recorder.history(A, "5m").points[0]?.kind).toBe(kind);
  });

  it("keeps what changed on a path once, and that the peer went, 40 at most", () => {
    const recorder = new Recorder();
    const history = [{ at: WALL + 1, event: "path", text: "Direct by UDP" }];
    record(recorder, 0, 3, () => link({ history }));
    record(recorder, 3, 6, () => undefined);
    const back = [{ at: WALL + 7_000, event: "path", text: "By relay" }];
    record(recorder, 7, 9, () => link({ history: back }));
    expect(recorder.history(A, "5m").events).toEqual([
      { at: new Date(WALL + 1).toISOString(), event: "path", text: "Direct by UDP" },
      { at: new Date(WALL + 3_500).toISOString(), event: "gone", text: "No session any more" },
      { at: new Date(WALL + 7_000).toISOString(), event: "path", text: "By relay" },
    ]);
    const many = Array.from({ length: 64 }, (_, n) => ({ at: WALL + 10_000 + n, event: "path", text: `${n}` }));
    record(recorder, 10, 11, () => link({ history: many }));
    expect(recorder.history(A, "5m").events).toHaveLength(40);
  });

  it("knows nothing of a peer that it never saw", () => {
    expect(new Recorder().history(A, "1h")).toEqual({ stepS: 10, points: [], events: [] });
  });

  it("keeps 1,000 peers with all their events under 32 MB, and forgets who is gone for longest", () => {
    global.gc?.();
    const before = process.memoryUsage();
    const recorder = new Recorder();
    const history = Array.from({ length: 64 }, (_, n) => ({
      at: WALL + n,
      event: "path",
      text: `Direct by UDP to 198.51.100.${n}:15000`,
    }));
    const all = Array.from({ length: RECORDED_PEERS }, (_, n) => link({ ringAddress: addressOf(n), slot: n, history }));
    for (let second = 0; second < 3; second++) {
      recorder.sample(second * 1_000, WALL + second * 1_000, all, () => NO_RATES);
    }
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(23e6);
    // 40 events of at most 200 bytes each; the texts themselves are shared with the engine.
    expect(after.arrayBuffers - before.arrayBuffers + 1_000 * 40 * 200).toBeLessThan(32e6);
    expect(recorder.size).toBe(RECORDED_PEERS);

    recorder.sample(3_000, WALL + 3_000, all.slice(1), () => NO_RATES);
    recorder.sample(5_000, WALL + 5_000, all.slice(1), () => NO_RATES);
    const fresh = link({ ringAddress: addressOf(5_000), slot: 5_000 });
    recorder.sample(6_000, WALL + 6_000, [...all.slice(1), fresh], () => NO_RATES);
    expect(recorder.size).toBe(RECORDED_PEERS);
    expect(recorder.history(addressOf(0), "5m").points).toEqual([]);
    expect(recorder.history(addressOf(5_000), "5m").points).toHaveLength(1);
    // All are there: one more finds no room, and nobody loses his.
    recorder.sample(7_000, WALL + 7_000, [...all, fresh], () => NO_RATES);
    expect(recorder.history(addressOf(0), "5m").points).toEqual([]);
    expect(recorder.size).toBe(RECORDED_PEERS);
  });
});
