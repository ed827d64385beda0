import { expect, it } from "vitest";
import { debugSwitches } from "./debug-switches.ts";

it("reads the switches of RINGWAY_DEBUG and refuses a word that is none", () => {
  expect([...debugSwitches("")]).toEqual([]);
  expect([...debugSwitches("chacha,no-segmentation")]).toEqual(["chacha", "no-segmentation"]);
  expect(() => debugSwitches("chacha,fast")).toThrow(/no switch "fast".*\n {2}chacha/s);
  expect(() => debugSwitches("toString")).toThrow("toString");
});
