/** `ringway ui`: the window in a browser, for computers without a screen and for those who prefer it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Command, InvalidArgumentError } from "commander";
import { startUiServer } from "./ui-server.ts";

interface UiOptions {
  /** Undefined where the user named none. */
  readonly port?: number;
  readonly open: boolean;
  readonly readOnly?: boolean;
}

const DEFAULT_PORT = 8473;

export function registerUi(program: Command, globals: () => { socket: string; json: boolean }): void {
  program
    .command("ui")
    .description("show the window in a browser: serves it on 127.0.0.1 and prints its one-time address")
    .option(
      "--port <n>",
      `port on 127.0.0.1; 0 takes any free one (default: ${DEFAULT_PORT}, or any free one where that is taken)`,
      parsePort,
    )
    .option("--no-open", "print the address only, without opening a browser")
    .option("--read-only", "let the page look, but not switch anything")
    .addHelpText(
      "after",
      `
The address works once; the browser keeps a cookie for as long as this command runs. Ctrl-C ends it.
To see the window of another computer:  ssh -L ${DEFAULT_PORT}:127.0.0.1:${DEFAULT_PORT} HOST ringway ui --port ${DEFAULT_PORT} --no-open`,
    )
    .action((options: UiOptions) => runUi(options, globals()));
}

/** Runs until SIGINT or SIGTERM. Throws what `startUiServer` throws. */
async function runUi(options: UiOptions, { socket, json }: { socket: string; json: boolean }): Promise<void> {
  const server = await startUiServer({
    socketPath: socket,
    port: options.port ?? DEFAULT_PORT,
    // Who named a port counts on it, as the other end of `ssh -L` does.
    orAnyPort: options.port === undefined,
    readOnly: options.readOnly === true,
    ...throughOf(process.env),
    folder: fileURLToPath(new URL("./renderer/", import.meta.url)),
    log: (line) => console.error(line),
  });
  if (options.port === undefined && server.port !== DEFAULT_PORT) {
    console.error(
      `Port ${DEFAULT_PORT} of 127.0.0.1 belongs to another program; this window is on port ${server.port}.`,
    );
  }
  console.log(json ? JSON.stringify({ url: server.url }) : server.url);
  if (!json) console.error("The address works once. Ctrl-C ends this server.");
  const page = options.open ? await openBrowser(server.url) : undefined;
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await server.close();
  if (page !== undefined) await rm(page, { recursive: true, force: true });
}

/** The address of this computer that the user's SSH session came to: pages come through it, by `ssh -L`. */
export function throughOf(env: Readonly<Record<string, string | undefined>>): { through?: string } {
  // Client's address and port, server's address and port.
  const server = env.SSH_CONNECTION?.split(" ")[2]?.replace(/^::ffff:(?=\d+\.)/i, "");
  return server !== undefined && isIP(server) !== 0 ? { through: server } : {};
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}

/**
 * Opens the page in the user's browser where there is a desktop; the address is printed either way. The browser is handed
 * a file that only this user can read and that leads to the address: arguments of programs are open to all users, and the
 * first to come with the token gets the page. Returns the folder to remove at the end.
 */
async function openBrowser(url: string): Promise<string | undefined> {
  const command = browserCommand(process.platform, process.env);
  if (command === undefined) return undefined;
  const folder = await mkdtemp(path.join(tmpdir(), "ringway-ui-"));
  const file = path.join(folder, "open.html");
  await writeFile(file, `<!doctype html><meta http-equiv="refresh" content="0; url=${url}"><title>Ringway</title>`, {
    mode: 0o600,
  });
  const [program, ...args] = command;
  const child = spawn(program, [...args, pathToFileURL(file).href], { stdio: "ignore", detached: true });
  child.on("error", () =>
    console.error(`No browser could be opened (${program} is missing); open the address yourself.`),
  );
  child.unref();
  return folder;
}

/** What opens an address on this system; undefined where nobody would see it. */
export function browserCommand(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
): readonly [string, ...string[]] | undefined {
  if (platform === "darwin") return ["open"];
  // `start` is a word of cmd, and takes the first quoted word for a title.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  if (env.SSH_CONNECTION || !(env.DISPLAY || env.WAYLAND_DISPLAY)) return undefined;
  return ["xdg-open"];
}
