import { afterEach, describe, expect, it, vi } from "vitest";
import { EngineTimer, SleepAwareClock, systemTime, type TimeSource } from "./timer.ts";

afterEach(() => {
  vi.useRealTimers();
});

function fakeTime(): { source: TimeSource; pass(ms: number): void; sleep(ms: number): void } {
  let awake = 5_000;
  let asleep = 1_000_000;
  return {
    source: {
      awakeMs: () => awake,
      alwaysMs: () => Math.floor((awake + asleep) / 10) * 10,
      wallMs: () => awake + asleep,
    },
    pass: (ms) => {
      awake += ms;
    },
    sleep: (ms) => {
      asleep += ms;
    },
  };
}

describe("the clock", () => {
  it("is as fine as the awake clock while the computer is awake", () => {
    const time = fakeTime();
    const clock = new SleepAwareClock(time.source);
    const start = clock.now();
    for (let i = 0; i < 5_000; i++) {
      time.pass(0.25);
      expect(clock.noticeSleep()).toBe(0);
    }
    expect(clock.now() - start).toBe(1_250);
  });

  it("counts what was slept, once", () => {
    const time = fakeTime();
    const clock = new SleepAwareClock(time.source);
    const start = clock.now();
    time.pass(1_000);
    time.sleep(3_600_000);
    expect(clock.noticeSleep()).toBe(3_600_000);
    expect(clock.noticeSleep()).toBe(0);
    expect(clock.now() - start).toBe(3_601_000);
    time.pass(5);
    time.sleep(10_000);
    expect(Math.abs(clock.noticeSleep() - 10_000)).toBeLessThanOrEqual(10);
  });

  it("never goes back on the real source", () => {
    const clock = new SleepAwareClock(systemTime);
    let last = clock.now();
    for (let i = 0; i < 1_000; i++) {
      clock.noticeSleep();
      const now = clock.now();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });
});

describe("the engine's timer", () => {
  it("fires when the engine wants it, and not after it was stopped or set later", () => {
    vi.useFakeTimers();
    const clock = new SleepAwareClock();
    const due = vi.fn();
    const timer = new EngineTimer(clock, due);
    timer.set({ at: clock.now() + 100, reason: "test" });
    vi.advanceTimersByTime(99);
    expect(due).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2);
    expect(due).toHaveBeenCalledTimes(1);
    timer.set({ at: clock.now() + 100, reason: "test" });
    timer.set({ at: clock.now() + 500, reason: "later" });
    vi.advanceTimersByTime(200);
    expect(due).toHaveBeenCalledTimes(1);
    timer.set(undefined);
    vi.advanceTimersByTime(10_000);
    expect(due).toHaveBeenCalledTimes(1);
  });

  it("looks in on an engine that wants to sleep for long", () => {
    vi.useFakeTimers();
    const clock = new SleepAwareClock();
    const due = vi.fn();
    new EngineTimer(clock, due).set({ at: clock.now() + 1e12, reason: "test" });
    vi.advanceTimersByTime(60_001);
    expect(due).toHaveBeenCalledTimes(1);
  });
});
