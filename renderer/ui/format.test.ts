import { describe, expect, it } from "vitest";
import {
  formatBits,
  formatDuration,
  formatRate,
  formatRingAddress,
  formatRtt,
  formatRttOf,
  formatVolume,
  formatWholeRingAddress,
  monogram,
  showNumbersIn,
  withoutZeros,
} from "./format.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("numbers", () => {
  it.each([
    [0, "< 0.1 ms"],
    [0.44, "0.4 ms"],
    [2.31, "2.3 ms"],
    [9.96, "10 ms"],
    [40.6, "41 ms"],
    [999.6, "1.00 s"],
    [1617, "1.62 s"],
    [null, "—"],
    [Number.NaN, "—"],
  ])("writes a round trip of %s ms as %s", (ms, text) => expect(plain(formatRtt(ms))).toBe(text));

  it("marks a predicted round trip and prefers a measured one", () => {
    expect(plain(formatRttOf(null, 41))).toBe("~41 ms");
    expect(plain(formatRttOf(2.5, 41))).toBe("2.5 ms");
    expect(formatRttOf(null, null)).toBe("—");
  });

  it.each([
    [0, "0"],
    [640, "640 B/s"],
    [999.4, "999 B/s"],
    [999.6, "1.0 kB/s"],
    [5600, "5.6 kB/s"],
    [314_000, "314 kB/s"],
    [999_700, "1.00 MB/s"],
    [1_740_000, "1.74 MB/s"],
    [31_400_000, "31.4 MB/s"],
    [2.5e9, "2.50 GB/s"],
    [null, "—"],
  ])("writes a rate of %s B/s as %s", (rate, text) => expect(plain(formatRate(rate))).toBe(text));

  it.each([
    ["2.00 MB/s", "2 MB/s"],
    ["2.50 MB/s", "2.5 MB/s"],
    ["100 ms", "100 ms"],
    ["0", "0"],
  ])("writes %s beside a scale as %s", (text, mark) => expect(withoutZeros(text)).toBe(mark));

  it.each([
    [640, "640 bit/s"],
    [999_700, "1.0 Mbit/s"],
    [4_600_000, "4.6 Mbit/s"],
    [240e6, "240 Mbit/s"],
    [1.25e9, "1.3 Gbit/s"],
  ])("writes a speed of %s bit/s as %s", (bits, text) => expect(plain(formatBits(bits))).toBe(text));

  it("writes a volume in powers of 1000", () => expect(plain(formatVolume(1_720_000_000))).toBe("1.72 GB"));

  it.each([
    [-3, "0 s"],
    [45.9, "45 s"],
    [60, "1 min"],
    [779, "12 min"],
    [8040, "2 h 14 min"],
    [7200, "2 h"],
    [3 * 86_400 + 80_000, "3 d"],
  ])("never rounds a duration of %s s up", (seconds, text) => expect(plain(formatDuration(seconds))).toBe(text));
});

describe("names", () => {
  const address = `${"2c7100fb000000000000000000000000000000000000af9e".slice(0, 36)}af9e`;
  it("shortens a ring address to its first eight and last four digits", () =>
    expect(plain(formatRingAddress(address))).toBe("2c71 00fb … af9e"));
  it("groups a whole ring address by eight", () =>
    expect(formatWholeRingAddress("a".repeat(40)).split(" ")).toHaveLength(5));
  it.each([
    ["condor wow", "cw"],
    ["Grid", "gr"],
    ["", ""],
    ["日本 語", "日語"],
  ])("makes a monogram of %s", (name, letters) => expect(monogram(name)).toBe(letters));
});

describe("numbers in a language", () => {
  it("have its decimal mark, also where zeros are left out", () => {
    showNumbersIn("de");
    expect([formatRtt(2.3), formatRtt(0.01), formatRate(1_740_000), withoutZeros(formatRate(2_500_000))]).toEqual([
      "2,3\u00a0ms",
      "<\u00a00,1\u00a0ms",
      "1,74\u00a0MB/s",
      "2,5\u00a0MB/s",
    ]);
    showNumbersIn("en");
    expect(formatRtt(2.3)).toBe("2.3\u00a0ms");
  });
});
