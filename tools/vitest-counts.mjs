// A Vitest reporter for `npm test`: prints each skipped test with its reason and which parts of the Electron app ran on
// what, and leaves the counts of the run in the file that RINGWAY_TEST_COUNTS names.

import { writeFileSync } from "node:fs";

/** The groups of tests of the Electron app say in brackets what they run on. */
const ELECTRON = /^the app in Electron \(([^)]+)\) > (.*)$/;

export default class Counts {
  /** @param {readonly import("vitest/node").TestModule[]} modules @param {readonly unknown[]} unhandled */
  onTestRunEnd(modules, unhandled) {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0 };
    /** @type {Map<string, {ran: string[], skipped: number}>} */
    const electron = new Map();
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        const [, on, part] = ELECTRON.exec(test.fullName) ?? [];
        if (on !== undefined && part !== undefined) {
          const parts = electron.get(on) ?? { ran: [], skipped: 0 };
          electron.set(on, parts);
          if (result.state === "skipped") parts.skipped += 1;
          else parts.ran.push(part);
        }
        if (result.state === "passed") counts.passed += 1;
        else if (result.state === "failed") failedHere += 1;
        else {
          counts.skipped += 1;
          const reason = (result.state === "skipped" ? result.note : undefined) ?? "no reason given with the test";
          process.stdout.write(`SKIPPED ${module.relativeModuleId} > ${test.fullName}: ${reason}\n`);
        }
      }
      // A file that cannot be loaded, or whose hooks fail, has no failed test to show for it.
      if (failedHere === 0 && !module.ok()) failedHere = 1;
      counts.failed += failedHere;
    }
    for (const [on, { ran, skipped }] of electron) {
      process.stdout.write(`ELECTRON ${on}: ${ran.length} parts ran, ${skipped} skipped\n`);
      for (const part of ran) process.stdout.write(`ELECTRON ${on} > ${part}\n`);
    }
    const file = process.env.RINGWAY_TEST_COUNTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  }
}
