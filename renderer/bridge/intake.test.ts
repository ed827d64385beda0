import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deltaOf } from "#contract/delta.ts";
import { Intake, MESSAGES_LIMIT, PICTURE_EVERY_MS, type WindowEvent } from "./intake.ts";
import { makeWorld } from "./world.ts";

let now = 0;
const move = (ms: number) => {
  now += ms;
  vi.advanceTimersByTime(ms);
};

function open() {
  const heard: WindowEvent[] = [];
  const lost = vi.fn();
  const other = vi.fn();
  const intake = new Intake({ hear: (event) => heard.push(event), other, lost, clock: () => now });
  const pictures = () => heard.flatMap((event) => (event.kind === "snapshot" ? [event.snapshot.seq] : []));
  const noises = () => heard.flatMap((event) => (event.kind === "noise" ? [event.noise] : []));
  return { intake, heard, lost, other, pictures, noises };
}

describe("the intake", () => {
  beforeEach(() => {
    now = 0;
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());

  it("hands a picture on at once, then at most one each 200 ms, the newest", () => {
    const world = makeWorld(11);
    const { intake, pictures } = open();
    for (let i = 0; i < 50; i++) intake.take(JSON.stringify({ kind: "snapshot", snapshot: world.next() }));
    expect(pictures()).toEqual([1]);
    move(PICTURE_EVERY_MS);
    expect(pictures()).toEqual([1, 50]);
  });

  it("applies changes in order, and asks for the whole where one does not fit", () => {
    const world = makeWorld(11);
    const { intake, pictures, lost } = open();
    const [a, b, c, d] = [world.next(), world.next(), world.next(), world.next()];
    intake.take({ kind: "snapshot", snapshot: a });
    intake.take({ kind: "delta", delta: deltaOf(a, b) });
    intake.take({ kind: "delta", delta: deltaOf(b, c) });
    move(PICTURE_EVERY_MS);
    expect(pictures()).toEqual([1, 3]);
    intake.take({ kind: "delta", delta: deltaOf(b, d) });
    move(PICTURE_EVERY_MS);
    expect(lost).toHaveBeenCalledOnce();
  });

  it.each([
    ["not JSON", "{"],
    ["no message", 7],
    ["a kind that does not exist", { kind: "dance" }],
    ["a picture of a wrong shape", { kind: "snapshot", snapshot: { seq: "one" } }],
    ["a change of a wrong shape", { kind: "delta", delta: null }],
  ])("says that %s was not understood, once, until a picture is", (_, raw) => {
    const { intake, noises, pictures } = open();
    intake.take(raw);
    move(PICTURE_EVERY_MS);
    intake.take(raw);
    move(PICTURE_EVERY_MS);
    expect(noises().filter(({ garbled }) => garbled > 0)).toHaveLength(1);
    intake.take({ kind: "snapshot", snapshot: makeWorld(11).next() });
    expect(noises().at(-1)?.garbled).toBe(0);
    expect(pictures()).toEqual([1]);
  });

  it("leaves the rest of a flood unread, says so, and takes it back when it is over", () => {
    const { intake, other, noises } = open();
    for (let i = 0; i < MESSAGES_LIMIT * 3; i++) intake.take({ kind: "reach", reach: { kind: "opening" } });
    expect(other).toHaveBeenCalledTimes(MESSAGES_LIMIT);
    expect(noises()).toEqual([{ garbled: 0, unread: 1 }]);
    move(1_000);
    intake.take({ kind: "reach", reach: { kind: "opening" } });
    move(1_000);
    intake.take({ kind: "reach", reach: { kind: "opening" } });
    expect(noises().at(-1)?.unread).toBe(0);
  });
});
