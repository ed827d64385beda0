/** The program behind `npm run sim`. */
import { main } from "./sim-command.ts";

process.exitCode = main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
