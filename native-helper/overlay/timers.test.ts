import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Timers } from "./timers.ts";

describe("Timers", () => {
  it("run in order of time, and of making where times are equal", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (times) => {
        const timers = new Timers();
        const ran: { at: number; made: number }[] = [];
        for (const [made, at] of times.entries()) timers.at(at, "test", () => ran.push({ at, made }));
        timers.runDue(20);
        expect(ran).toHaveLength(times.length);
        expect(ran).toEqual([...ran].sort((a, b) => a.at - b.at || a.made - b.made));
        expect(timers.next()).toBeUndefined();
      }),
    );
  });

  it("leaves what is not due, and says when it will be and why", () => {
    const timers = new Timers();
    let ran = 0;
    timers.at(10, "first", () => ran++);
    timers.at(30, "second", () => ran++);
    timers.runDue(29.9);
    expect(ran).toBe(1);
    expect(timers.next()).toEqual({ at: 30, reason: "second" });
  });

  it("runs no cancelled timer, and does not wake for it", () => {
    const timers = new Timers();
    const cancelled = timers.at(5, "never", () => expect.unreachable());
    timers.at(9, "later", () => {});
    cancelled.cancel();
    expect(timers.next()?.at).toBe(9);
    timers.runDue(6);
  });

  it("waits for the first that may not come later, and then runs all that are due", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(20)), { minLength: 1, maxLength: 60 }), (made) => {
        const timers = new Timers();
        const late: number[] = [];
        let now = 0;
        for (const [at, slackMs] of made) timers.at(at, "test", () => late.push(now - at - slackMs), slackMs);
        let wakes = 0;
        for (let wake = timers.latest(); wake; wake = timers.latest(), wakes++) {
          expect(wake.at).toBeGreaterThanOrEqual(now);
          now = wake.at;
          timers.runDue(now);
        }
        expect(late).toHaveLength(made.length);
        expect(Math.max(...late)).toBeLessThanOrEqual(0);
        expect(wakes).toBeLessThanOrEqual(new Set(made.map(([at]) => at)).size);
      }),
    );
  });

  it("is woken once for three that may wait for each other", () => {
    const timers = new Timers();
    let ran = 0;
    timers.at(100, "first", () => ran++, 50);
    timers.at(120, "second", () => ran++, 50);
    const strict = timers.at(140, "strict", () => ran++);
    expect(timers.latest()).toEqual({ at: 140, reason: "strict" });
    strict.slackMs = 50;
    expect(timers.latest()).toEqual({ at: 150, reason: "first" });
    timers.runDue(150);
    expect(ran).toBe(3);
    expect(timers.latest()).toBeUndefined();
  });

  it("runs in the same call what a timer starts for a time already due", () => {
    const timers = new Timers();
    const ran: string[] = [];
    timers.at(1, "outer", () => {
      ran.push("outer");
      timers.at(1, "inner", () => ran.push("inner"));
    });
    timers.runDue(1);
    expect(ran).toEqual(["outer", "inner"]);
  });
});
