/** A session bus of a test's own: the real daemon, on a socket that nobody else knows. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const program = (process.env.PATH ?? "")
  .split(path.delimiter)
  .map((folder) => path.join(folder, "dbus-daemon"))
  .find((file) => existsSync(file));

/** Why there can be no bus here; undefined where there can. */
export const missingBus: string | undefined =
  program === undefined ? "needs dbus-daemon (Debian: apt-get install dbus)" : undefined;

export interface SessionBus {
  /** For DBUS_SESSION_BUS_ADDRESS. */
  readonly address: string;
  close(): Promise<void>;
}

/** Everybody of this user may own every name and send to everybody; no service is started by asking for it. */
const configuration = (
  folder: string,
) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

export async function startSessionBus(): Promise<SessionBus> {
  if (program === undefined) throw new Error(missingBus);
  const folder = await mkdtemp(path.join(tmpdir(), "ringway-bus-"));
  const file = path.join(folder, "bus.conf");
  await writeFile(file, configuration(folder));
  const daemon = spawn(program, [`--config-file=${file}`, "--nofork", "--print-address=1"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const gone = new Promise<void>((resolve) => daemon.once("close", () => resolve()));
  let said = "";
  daemon.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const address = await new Promise<string>((resolve, reject) => {
    let line = "";
    daemon.stdout.setEncoding("utf8").on("data", (text: string) => {
      line += text;
      if (line.includes("\n")) resolve(line.trim());
    });
    daemon.once("error", reject);
    daemon.once("close", () => reject(new Error(`dbus-daemon ended: ${said}`)));
  });
  return {
    address,
    close: async () => {
      daemon.kill("SIGTERM");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
