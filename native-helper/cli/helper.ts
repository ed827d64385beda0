/** `ringway helper`: becomes the helper, in the foreground; `helper install`, `uninstall` and `status` are about the service. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { type CommandContext, print, wrongUse } from "./command.ts";
import {
  installService,
  realHost,
  type ServiceHost,
  type ServiceState,
  serviceState,
  uninstallService,
} from "./service.ts";

/** As many as there are kinds of notes in the helper. */
const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

interface Options {
  config?: string;
  state?: string;
  interface?: string;
  port?: string;
  log: string;
  owner?: string;
}

export function registerHelper(context: CommandContext, setExit: (status: number) => void): void {
  const command = context.program
    .command("helper")
    .description("run the helper in the foreground; SIGTERM and Ctrl-C take everything down")
    .option("--config <file>", "join what this file describes: ringway.toml, or the plain format of 2006")
    .option("--state <dir>", "folder for keys and memberships (default: /var/lib/ringway)")
    .option("--interface <name>", "name of the virtual interface where no file gives one (default: tap0)")
    .option("--port <n>", "UDP port; 0 for any (default: that of the file, of the last run, else any)")
    .option("--owner <uid>", "number of the user who may do everything, beside root and who started it")
    .option("--log <level>", `least level of the log on stderr: ${LEVELS.join(", ")}`, "info")
    .action(async ({ config, state, interface: interfaceName, port, log, owner }: Options) => {
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
        ...(owner !== undefined && { ownerUid: userNumber(owner) }),
      });
      setExit(status);
    });
  registerService(context, command, realHost(path.dirname(fileURLToPath(import.meta.url))));
}

/** The three commands about the service; apart from the above, so that a test can give them another system. */
export function registerService(context: CommandContext, command: Command, host: ServiceHost): void {
  command
    .command("install")
    .description("make the helper a service of this system, or bring it to this version, and start it; as root")
    .option("--owner <uid>", "number of the user who may do everything (default: who called sudo)")
    .action(async (_options: unknown, called: Command) => {
      const owner: string = called.optsWithGlobals().owner ?? process.env.SUDO_UID ?? "0";
      show(context, await installService(host, userNumber(owner)));
    });
  command
    .command("uninstall")
    .description("stop and remove the service; keys and memberships stay; as root")
    .action(async () => show(context, await uninstallService(host)));
  command
    .command("status")
    .description("whether the helper is a service here, and runs")
    .action(async () => show(context, await serviceState(host)));
}

function show(context: CommandContext, state: ServiceState): void {
  const { installed, active, unit } = state;
  const runs = active === null ? "this system does not run systemd" : active ? "it runs" : "it does not run";
  print(context, state, `${unit} is ${installed ? "installed" : "not installed"}; ${runs}`);
}

function userNumber(text: string): number {
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  throw wrongUse(`"${text}" is not the number of a user.`, "Write it as `id -u` prints it.");
}
