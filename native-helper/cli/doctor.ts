/** `ringway doctor`: what may be wrong on this computer and in its network, with cause and remedy. */
import type { Check, DoctorView } from "#contract";
import { type CommandContext, ofAffiliation, print, withHelper } from "./command.ts";

/** `onFailed` is told when a check failed, which is exit status 1. */
export function registerDoctor(context: CommandContext, onFailed: () => void): void {
  context.program
    .command("doctor")
    .description("checks this computer and its network; exit status 1 if a check fails")
    .argument("[name]", "the affiliation, where there are several")
    .action(async (name: string | undefined) => {
      await withHelper(context, async (helper) => {
        const view = await helper.doctor(ofAffiliation(name));
        print(context, view, doctorText(view));
        if (view.checks.some(({ result }) => result === "fail")) onFailed();
      });
    });
}

const WORDS: Readonly<Record<Check["result"], string>> = {
  pass: "good",
  warn: "warning",
  fail: "FAILED",
  skip: "skipped",
};
/** What matters most comes first; among equals the order of the helper stays. */
const ORDER: readonly Check["result"][] = ["fail", "warn", "skip", "pass"];

export function doctorText({ checks }: DoctorView): string {
  const width = Math.max(...checks.map(({ id }) => id.length));
  const sorted = checks.toSorted((a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result));
  const lines = sorted.flatMap(({ id, result, cause, evidence, remedy }) => {
    const head = `${WORDS[result].padEnd(7)}  ${id.padEnd(width)}  `;
    const more = " ".repeat(head.length);
    return [
      `${head}${cause ?? ""}`.trimEnd(),
      ...(evidence === null ? [] : [`${more}${evidence}`]),
      ...(remedy === null ? [] : [`${more}${remedy}`]),
    ];
  });
  const count = (result: Check["result"]) => checks.filter((check) => check.result === result).length;
  const skipped = count("skip") > 0 ? `, ${count("skip")} skipped` : "";
  return [...lines, "", `${count("pass")} good, ${count("warn")} warnings, ${count("fail")} failed${skipped}`].join(
    "\n",
  );
}
