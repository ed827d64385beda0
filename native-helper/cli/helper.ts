/** `ringway helper`: becomes the helper, in the foreground. */
import { type CommandContext, wrongUse } from "./command.ts";

/** As many as there are kinds of notes in the helper. */
const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

interface Options {
  config?: string;
  state?: string;
  interface?: string;
  port?: string;
  log: string;
}

export function registerHelper(context: CommandContext, setExit: (status: number) => void): void {
  context.program
    .command("helper")
    .description("run the helper in the foreground; SIGTERM and Ctrl-C take everything down")
    .option("--config <file>", "join what this file describes: ringway.toml, or the plain format of 2006")
    .option("--state <dir>", "folder for keys and memberships (default: /var/lib/ringway)")
    .option("--interface <name>", "name of the virtual interface where no file gives one (default: tap0)")
    .option("--port <n>", "UDP port; 0 for any (default: that of the file, of the last run, else any)")
    .option("--log <level>", `least level of the log on stderr: ${LEVELS.join(", ")}`, "info")
    .action(async ({ config, state, interface: interfaceName, port, log }: Options) => {
      const level = LEVELS.find((known) => known === log);
      if (!level) throw wrongUse(`"${log}" is not a level of the log.`, `Write one of ${LEVELS.join(", ")}.`);
      if (port !== undefined && !(/^[0-9]{1,5}$/.test(port) && Number(port) <= 65_535)) {
        throw wrongUse(`"${port}" is not a port.`, "Write a number from 1 to 65535, or 0 for any.");
      }
      // Loaded for this command alone: the others must start fast and know nothing of the helper's insides.
      const { runHelper } = await import("../main.ts");
      const { socket } = context.program.opts<{ socket?: string }>();
      const status = await runHelper({
        level,
        ...(config !== undefined && { configFile: config }),
        ...(state !== undefined && { stateFolder: state }),
        ...(socket !== undefined && { socketPath: socket }),
        ...(interfaceName !== undefined && { interfaceName }),
        ...(port !== undefined && { port: Number(port) }),
      });
      setExit(status);
    });
}
