import { describe, expect, it } from "vitest";
import { Questions } from "./questions.ts";

describe("questions to the engine", () => {
  it("are answered by their number, once", async () => {
    const questions = new Questions<string>("pings");
    const sent: number[] = [];
    const first = questions.ask(60_000, "none", (id) => sent.push(id));
    const second = questions.ask(60_000, "none", (id) => sent.push(id));
    questions.answer(sent[1] as number, "two");
    questions.answer(sent[0] as number, "one");
    questions.answer(sent[0] as number, "again");
    expect(await Promise.all([first, second])).toEqual(["one", "two"]);
  });

  it("end without an answer when their time is over, or when none will come", async () => {
    const questions = new Questions<string>("pings");
    expect(await questions.ask(1, "none", () => {})).toBe("none");
    const open = questions.ask(60_000, "none", () => {});
    questions.giveUp();
    expect(await open).toBe("none");
  });

  it("are taken 64 at a time", () => {
    const questions = new Questions<string>("traces");
    for (let i = 0; i < 64; i++) void questions.ask(60_000, "none", () => {});
    expect(() => questions.ask(60_000, "none", () => {})).toThrow(
      expect.objectContaining({ code: "LIMIT", text: expect.stringContaining("traces") }),
    );
    questions.giveUp();
  });
});
