import { describe, expect, it } from "vitest";
import { speedResult } from "./speed-result.ts";

describe("the result of a speed test", () => {
  it("is in whole bits and hundredths of a percent", () => {
    const measured = { kind: "measured", seconds: 2, upBitsPerS: 1.6, downBitsPerS: 2.4, lossPct: 0.1234 } as const;
    expect(speedResult(measured)).toEqual({ seconds: 2, upBitsPerS: 2, downBitsPerS: 2, lossPct: 0.12 });
    expect(speedResult({ ...measured, lossPct: undefined }).lossPct).toBeNull();
  });

  it.each([
    ["refused", "PEER_REFUSED"],
    ["busy", "PEER_REFUSED"],
    ["busyHere", "LIMIT"],
    ["silent", "TIMED_OUT"],
  ] as const)("that is %s is the error %s", (kind, code) => {
    expect(() => speedResult({ kind })).toThrow(
      expect.objectContaining({ code, text: expect.stringMatching(/\.$/), remedy: expect.stringMatching(/\.$/) }),
    );
  });
});
