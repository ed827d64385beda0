/** The window with 1,000 peers in a browser. Measured by a program of its own (test/ui/measure.ts), which knows browsers. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { repositoryFolder } from "../test/netns/shell.ts";
import type { Measured, SuiteOptions } from "./report.ts";

export function measureUi({ quick, say }: SuiteOptions): Promise<Measured> {
  const program = join(repositoryFolder(), "dist", "measure-window.js");
  const child = spawn(process.execPath, [program, ...(quick ? ["--quick"] : [])], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface({ input: child.stderr }).on("line", say);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(JSON.parse(out));
      else reject(new Error(`${program} ended with status ${status}; build it with: npm run bench -- --suite ui`));
    });
  });
}
