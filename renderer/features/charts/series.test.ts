import { describe, expect, it } from "vitest";
import { csvOf, seriesOf } from "./series.ts";

const at = (seconds: number) => ({ at: new Date(seconds * 1000).toISOString() });

describe("a series", () => {
  it("keeps what follows step by step, and breaks where steps are missing", () => {
    const { times, points } = seriesOf([at(10), at(11), at(15), at(16)], 1);
    expect(times).toEqual([10, 11, 12, 15, 16]);
    expect(points.map((point) => point === null)).toEqual([false, false, true, false, false]);
  });

  it("leaves out times that are wrong or run backwards", () => {
    expect(seriesOf([at(10), { at: "yesterday" }, at(9), at(11)], 1).times).toEqual([10, 11]);
    expect(seriesOf([], 1)).toEqual({ times: [], points: [] });
  });
});

describe("comma-separated values", () => {
  it("quote what needs it and leave unknown values empty", () =>
    expect(
      csvOf(
        ["a", "b"],
        [
          ["x,y", null],
          ['say "hi"', 2.5],
        ],
      ),
    ).toBe('a,b\r\n"x,y",\r\n"say ""hi""",2.5\r\n'));
});
