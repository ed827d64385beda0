import { describe, expect, it } from "vitest";
import { Refusals } from "./refusals.ts";

describe("refusals of the system", () => {
  it("are said with their number until none came for a minute", () => {
    const refusals = new Refusals();
    refusals.take(0, { malformed: 9, sendUnreachable: 7, sendFailed: 1 });
    expect(refusals.warnings(0)).toEqual([]);
    refusals.take(1_000, { sendRefused: 3 });
    expect(refusals.warnings(1_000)).toMatchObject([
      { code: "SEND_REFUSED", text: expect.stringContaining("3 packets") },
    ]);
    refusals.take(2_000, { sendRefused: 3, sendNoBuffers: 1 });
    expect(refusals.warnings(60_999).map(({ code }) => code)).toEqual(["SEND_REFUSED", "SEND_NO_BUFFERS"]);
    expect(refusals.warnings(61_000).map(({ code }) => code)).toEqual(["SEND_NO_BUFFERS"]);
    refusals.take(70_000, { sendRefused: 4, sendNoBuffers: 1 });
    expect(refusals.warnings(70_000)).toMatchObject([{ text: expect.stringContaining("4 packets") }]);
  });
});
