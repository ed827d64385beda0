/** The helper process: reads the configuration, builds engine, drivers and control server, and takes them down again. */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { hostname } from "node:os";
import pino from "pino";
import packageJson from "../package.json" with { type: "json" };
import { CONFIG_LIMIT_BYTES, HelperError, type ParsedArgs } from "./contract/contract.ts";
import { membersGroupId, ownersOf } from "./control/access.ts";
import { controlService } from "./control/handlers.ts";
import { ControlServer } from "./control/server.ts";
import { helperSocketPath } from "./control/socket-path.ts";
import type { Affiliation } from "./drivers/affiliation.ts";
import { realSystem, requireVirtualInterfaces } from "./drivers/affiliation-system.ts";
import { Affiliations } from "./drivers/affiliations.ts";
import { parseConfig } from "./drivers/config.ts";
import { fields, type ParsedConfig } from "./drivers/config-fields.ts";
import { lockFile, peerUid } from "./drivers/datapath.ts";
import { StateStore } from "./drivers/state-store.ts";
import { Node } from "./overlay/node.ts";
import { fitText } from "./overlay/wire/text.ts";

export interface HelperOptions {
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  readonly configFile?: string;
  readonly stateFolder?: string;
  readonly socketPath?: string;
  readonly interfaceName?: string;
  readonly port?: number;
  /** The user who may do everything, beside root and the user of this process. */
  readonly ownerUid?: number;
}

const DEFAULT_STATE_FOLDER = "/var/lib/ringway";
/** Taking everything down must not take longer, whatever hangs; the kernel removes what is left with the process. */
const STOP_WITHIN_MS = 2_500;

/** Runs until SIGTERM, SIGINT or SIGHUP; gives the exit status. Throws HelperError where it cannot start; then nothing stays. */
export async function runHelper(options: HelperOptions): Promise<number> {
  const { version } = packageJson;
  const log = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const config = options.configFile === undefined ? undefined : readConfig(options.configFile);
  const interfaceName = options.interfaceName === undefined ? undefined : checkedInterfaceName(options.interfaceName);
  requireVirtualInterfaces();

  const store = new StateStore(options.stateFolder ?? DEFAULT_STATE_FOLDER, lockFile);
  let control: ControlServer | undefined;
  const port = options.port ?? config?.config.port;
  const affiliations = new Affiliations({
    store,
    system: realSystem(log),
    log,
    version,
    makeEngine: (nodeOptions, now, wall) => new Node(nodeOptions, now, wall),
    hostName: fitText(hostname().split(".")[0] ?? "", 63) || "computer",
    onChange: () => control?.stateChanged(),
    isWatched: () => control?.hasSubscribers === true,
    ...(port !== undefined && { port }),
    ...(interfaceName !== undefined && { interfaceName }),
  });
  const stopped = untilSignal();
  const started = promiseWithResolvers();
  try {
    affiliations.openPort();
    const owners = ownersOf(options.ownerUid);
    const socketPath = options.socketPath ?? helperSocketPath();
    control = await ControlServer.start({
      socketPath,
      ownerUid: options.ownerUid ?? [...owners].find((uid) => uid !== 0),
      groupId: membersGroupId(),
      owners,
      peerUid: uidAtOtherEnd,
      log,
      ready: started.promise,
      service: controlService<Affiliation>({
        version,
        get all() {
          return affiliations.all;
        },
        get port() {
          return affiliations.port;
        },
        get warnings() {
          return affiliations.warnings;
        },
        join: (args) =>
          affiliations.join(configOf(args), args.interfaceUp === undefined ? {} : { interfaceUp: args.interfaceUp }),
        preview: (args) => affiliations.preview(configOf(args)),
        configure: (affiliation, change) => affiliations.configure(affiliation, change),
        wake: () => affiliations.wake(),
        connect: (affiliation) => affiliations.connect(affiliation),
        leave: (affiliation) => affiliations.leave(affiliation),
      }),
    });
    log.info(`Ringway ${version} listens on ${socketPath}, state in ${store.folder}`);
    await affiliations.start(config);
    started.resolve();
    for (const { text } of store.warnings) log.warn(text);
    log.info(`${await stopped} came, taking everything down`);
    return 0;
  } finally {
    await Promise.race([
      takeDown(affiliations, control),
      new Promise((resolve) => setTimeout(resolve, STOP_WITHIN_MS).unref()),
    ]);
    store.close();
    log.flush();
  }
}

function promiseWithResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function takeDown(affiliations: Affiliations, control: ControlServer | undefined): Promise<void> {
  await affiliations.stop();
  await control?.close();
}

/** The name of the first signal to end. A second one ends the process at once. */
function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isEnding = false;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (isEnding) process.exit(1);
        isEnding = true;
        resolve(signal);
      });
    }
  });
}

function readConfig(file: string): ParsedConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new HelperError(
      "BAD_CONFIG",
      `The configuration file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      "Name a file that exists and that the helper may read.",
      { cause: error },
    );
  }
  return parseConfig(text.slice(0, CONFIG_LIMIT_BYTES + 1), file);
}

/** What a call to join says, in the form of a configuration. */
function configOf(args: ParsedArgs<"join">): ParsedConfig {
  if (args.kind === "config") return parseConfig(args.text, args.fileName);
  return {
    config: { affiliation: args.affiliation, startAddresses: checkedAddresses(args.startAddresses) },
    warnings: [],
  };
}

function checkedInterfaceName(written: string): string {
  const result = fields.interfaceName(written);
  if (!result.ok) throw new HelperError("BAD_ARGUMENT", `--interface: ${result.what}.`, result.remedy);
  return result.value;
}

function checkedAddresses(written: readonly string[]): string[] {
  return written.map((text) => {
    const result = fields.startAddress(text);
    if (!result.ok) throw new HelperError("BAD_ARGUMENT", `--via: ${result.what}.`, result.remedy);
    return result.value;
  });
}

/** Node keeps the descriptor of a socket in a field that it does not document; without it nobody is let in. */
function uidAtOtherEnd(socket: Socket): number | undefined {
  const fd = (socket as Socket & { _handle?: { fd?: unknown } })._handle?.fd;
  if (typeof fd !== "number" || fd < 0) return undefined;
  try {
    return peerUid(fd);
  } catch {
    return undefined;
  }
}
