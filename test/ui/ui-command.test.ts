/** `ringway ui` as a program: which port it takes, and what it says of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const command = fileURLToPath(new URL("../../dist/ringway.js", import.meta.url));
const DEFAULT_PORT = 8473;

let child: ChildProcess | undefined;
const holders: Server[] = [];

/** Takes a port, 0 for any; where another program has it already, it is as taken as it need be. */
async function hold(port: number): Promise<number> {
  const server = createServer();
  holders.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve() : reject(error)));
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as { port: number } | null)?.port ?? port;
}

/** Runs until it has printed its address or ended. */
async function ui(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const started = spawn(
    process.execPath,
    [command, "--socket", "/nonexistent/ringway.sock", "ui", "--no-open", ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  child = started;
  let [out, err] = ["", ""];
  started.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  await new Promise<void>((resolve) => {
    started.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      // The last line on stderr comes after the address.
      if (out.includes("\n")) started.stderr.once("data", resolve);
      if (err.includes("The address works once")) resolve();
    });
    started.once("close", resolve);
  });
  return { status: started.exitCode, out, err };
}

describe("ringway ui", () => {
  beforeEach(() => {
    child = undefined;
  });
  afterEach(async () => {
    if (child !== undefined && child.exitCode === null) {
      const gone = new Promise((resolve) => child?.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
    }
    for (const server of holders.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  it("takes a free port where the usual one is taken, and says so", async () => {
    await hold(DEFAULT_PORT);
    const { out, err } = await ui();
    const port = Number(/^http:\/\/127\.0\.0\.1:(\d+)\/\?token=[\w-]{43}\n$/.exec(out)?.[1]);
    expect(port).toBeGreaterThan(0);
    expect(port).not.toBe(DEFAULT_PORT);
    expect(err).toContain(`Port 8473 of 127.0.0.1 belongs to another program; this window is on port ${port}.`);
    // It is served there: without the token there is no way in.
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(403);
  });

  it("refuses a port that was named and is taken", async () => {
    const port = await hold(0);
    const { status, out, err } = await ui("--port", String(port));
    expect([status, out]).toEqual([1, ""]);
    expect(err).toContain(`Port ${port} of 127.0.0.1 belongs to another program`);
    expect(err).toContain("--port");
  });
});
