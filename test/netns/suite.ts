import { describe, it } from "vitest";
import { whyNoNamespaces } from "./namespaces.ts";

/** Tests that need the test bed; where it cannot be, one test stands for them and is skipped with the reason. */
export function describeOnBed(name: string, tests: () => void): void {
  const refusal = whyNoNamespaces();
  if (refusal === undefined) describe(name, tests);
  else describe(name, () => it("needs the test bed", ({ skip }) => skip(refusal)));
}
