/** The whole command line: its commands, its wrong uses, its exit status. */
import { Command, CommanderError } from "commander";
import { type CommandContext, globalsOf, reportError, type Terminal, wrongUse } from "./command.ts";
import { registerConnect } from "./connect.ts";
import { registerDoctor } from "./doctor.ts";
import { registerExport } from "./export.ts";
import { registerHelper } from "./helper.ts";
import { registerJoin } from "./join.ts";
import { registerLeave } from "./leave.ts";
import { registerPeers } from "./peers.ts";
import { registerPing, Unanswered } from "./ping.ts";
import { registerRing } from "./ring.ts";
import { registerSpeed } from "./speed.ts";
import { registerStatus } from "./status.ts";
import { registerTrace } from "./trace.ts";
import { registerUi } from "./ui.ts";
import { registerUpAndDown } from "./up.ts";

/** Runs one command line (without `node` and script) and gives its exit status. */
export async function runCommandLine(args: readonly string[], terminal: Terminal, version: string): Promise<number> {
  const program = new Command();
  let status = 0;
  let usageFault = "";
  program
    .name("ringway")
    .description("A VPN without a VPN server: a network of its own for every computer of a group.")
    .version(version, "-V, --version", "print the version")
    .option("--json", "print one JSON document on stdout")
    .option("--socket <path>", "the helper's socket (default: RINGWAY_SOCKET, else /run/ringway/ringway.sock)")
    .configureHelp({ showGlobalOptions: true })
    .helpCommand("help [command]", "what a command does")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      // Help that follows from wrong use; the fault itself is reported below, in its form.
      writeErr: (text) => terminal.err(text),
      outputError: (text) => {
        usageFault = text.replace(/^error: /, "").trim();
      },
    });
  const context: CommandContext = { program, terminal, globals: () => globalsOf(program) };
  registerHelper(context, (helperStatus) => {
    status = helperStatus;
  });
  registerJoin(context);
  registerLeave(context);
  registerConnect(context);
  registerUpAndDown(context);
  registerStatus(context);
  registerPeers(context);
  registerRing(context);
  registerPing(context);
  registerTrace(context);
  registerSpeed(context);
  registerDoctor(context, () => {
    status = 1;
  });
  registerExport(context);
  registerUi(program, context.globals);

  const json = args.includes("--json");
  try {
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof Unanswered) return reportError(json ? { ...terminal, out: () => {} } : terminal, json, error);
    if (!(error instanceof CommanderError)) return reportError(terminal, json, error);
    if (error.exitCode === 0) return 0;
    // Without any command the help has been written already.
    if (error.code === "commander.help" && !json) return 2;
    const text = usageFault === "" ? "a command is missing" : usageFault.split("\n").join(" ");
    return reportError(terminal, json, wrongUse(`${text.replace(/\.$/, "")}.`, "See ringway --help."));
  }
}
