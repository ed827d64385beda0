/** Entry of the `ringway` command. */
import { createInterface } from "node:readline/promises";
import packageJson from "../../package.json" with { type: "json" };
import type { Terminal } from "./command.ts";
import { runCommandLine } from "./program.ts";

const terminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  columns: process.stdout.columns,
  ask: async (question) => {
    const line = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await line.question(question);
    } finally {
      line.close();
    }
  },
};

// A reader that has had enough (`ringway peers | head`) is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCommandLine(process.argv.slice(2), terminal, packageJson.version);
