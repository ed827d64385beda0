/** `ringway join`: becomes a member and connects. */
import { readFileSync } from "node:fs";
import { type Args, CONFIG_LIMIT_BYTES, HelperError } from "#contract";
import { type CommandContext, print, printWarnings, withHelper, wrongUse } from "./command.ts";
import { stateLine } from "./text.ts";
import { untilConnected } from "./wait.ts";

interface Options {
  open?: string;
  via?: string[];
  config?: string;
}

export function registerJoin(context: CommandContext): void {
  context.program
    .command("join")
    .description("join an affiliation and connect; waits until connected, 30 s at most")
    .option("--open <name>", "the open affiliation of this name; whoever knows the name is in")
    .option("--via <ta...>", "transport addresses of members to start from, as ringway.udp://host:port")
    .option("--config <file>", "what this file describes: ringway.toml, or the plain format of 2006")
    .addHelpText(
      "after",
      '\nExamples:\n  ringway join --open "condor wow" --via ringway.udp://198.51.100.1:15000\n  ringway join --config ringway.toml',
    )
    .action(async (options: Options) => {
      const args = argumentsOf(options);
      await withHelper(context, async (helper) => {
        const begun = await helper.join(args);
        printWarnings(context, begun.warnings);
        const view = await untilConnected(helper, begun.name, {
          terminal: context.terminal,
          showProgress: !context.globals().json,
        });
        print(context, view, stateLine(view));
      });
    });
}

function argumentsOf({ open, via, config }: Options): Args<"join"> {
  if (open !== undefined && config !== undefined)
    throw wrongUse("join takes --open or --config, not both.", "Leave one of them out.");
  if (config !== undefined) {
    if (via !== undefined)
      throw wrongUse("--via goes with --open: a file has its own list.", "Write the addresses into the file.");
    return { kind: "config", fileName: config, text: readConfig(config) };
  }
  if (open === undefined) throw wrongUse("join needs --open NAME or --config FILE.", "See ringway join --help.");
  return { kind: "open", affiliation: open, startAddresses: via ?? [] };
}

/** Read here and not by the helper, which opens no file that a caller names. */
function readConfig(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new HelperError(
      "BAD_CONFIG",
      `The configuration file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      "Name a file that exists and that you may read.",
      { cause: error },
    );
  }
  if (text.length > CONFIG_LIMIT_BYTES) {
    throw new HelperError(
      "BAD_CONFIG",
      `${file} is longer than ${CONFIG_LIMIT_BYTES} bytes, so it is no configuration file.`,
      "Name the right file.",
    );
  }
  return text;
}
