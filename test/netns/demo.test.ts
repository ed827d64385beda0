/** The demo as people start it: what `--check` promises, and that nothing of it stays. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { DemoReport } from "./report.ts";
import { built, ended, must, run, until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

/** Every namespace and every interface of this computer. */
async function system(): Promise<string[]> {
  const links: { ifname: string }[] = JSON.parse(await must(["ip", "-json", "link"]));
  const namespaces = (await must(["ip", "netns", "list"])).split("\n").filter((line) => line !== "");
  return [...namespaces, ...links.map((link) => link.ifname)].sort();
}

/** What is there now and was not before; runs of others that are still alive may have made theirs meanwhile. */
async function leftBehind(before: readonly string[]): Promise<string[]> {
  const isOfLivingRun = (name: string) => {
    const pid = /^ringway-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && existsSync(`/proc/${pid}`);
  };
  return (await system()).filter((name) => !before.includes(name) && !isOfLivingRun(name));
}

function start(args: readonly string[]): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [built("demo.js"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  return { child, said: () => said };
}

/** Ports that another program has; 8473 may be another program's already, which is as good. */
const holders: Server[] = [];
async function hold(port: number): Promise<number> {
  const server = createServer();
  holders.push(server);
  await new Promise<void>((resolve) => {
    server.once("error", () => resolve());
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as { port: number } | null)?.port ?? port;
}

describeOnBed("the demo", () => {
  afterEach(async () => {
    for (const server of holders.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  it("joins eleven nodes across NATs, whole and reachable, and leaves nothing", { timeout: 300_000 }, async () => {
    const before = await system();
    const finished = await run([process.execPath, built("demo.js"), "--check"], { timeoutMs: 300_000 });
    expect(finished.status, finished.stderr).toBe(0);
    const report = JSON.parse(finished.stdout) as DemoReport;
    expect(report).toMatchObject({ nodes: 11, pairs: 55, reachable: 55, ring: { consistent: true } });
    expect(report.direct + report.relayed + report.routed).toBe(55);
    for (const { from, to, relayed, routed } of report.matrix) {
      if (from !== "symmetric" && to !== "symmetric")
        expect({ from, to, relayed, routed }).toEqual({ from, to, relayed: 0, routed: 0 });
    }
    expect(report.joinMs.max).toBeLessThan(15_000);
    expect(report.addedDirectMs).toBeLessThan(10_000);
    expect(report.memoryPssMb).toBeLessThan(60);
    expect(await leftBehind(before)).toEqual([]);
  });

  it("shows ring, links and a window, and Ctrl-C removes everything", { timeout: 300_000 }, async () => {
    const before = await system();
    await hold(8473);
    const { child, said } = start(["--no-open"]);
    const url = await until(
      "the address of the window",
      240_000,
      () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the demo ended: ${said()}`);
        return /http:\/\/127\.0\.0\.1:\d+\/\S*/.exec(said())?.[0];
      },
      500,
    );
    const page = await fetch(url, { redirect: "manual" });
    expect(page.status).toBeLessThan(400);
    expect(url).not.toContain(":8473/");
    expect(said()).toContain("Port 8473 of 127.0.0.1 belongs to another program");
    for (const words of ["condor wow", "11 members", "home1", "172.16.1.", "round trip", "direct"])
      expect(said()).toContain(words);
    child.kill("SIGINT");
    await ended(child);
    expect(child.exitCode).toBe(0);
    expect(await leftBehind(before)).toEqual([]);
  });

  it("refuses a taken port that was named, before it builds anything", async () => {
    const port = await hold(0);
    const finished = await run([process.execPath, built("demo.js"), "--port", String(port)]);
    expect(finished).toMatchObject({ status: 1, stdout: "" });
    expect(finished.stderr).toBe(`demo: port ${port} of 127.0.0.1 belongs to another program; name another --port\n`);
  });

  it("removes everything when it is interrupted half-way", async () => {
    const before = await system();
    const { child, said } = start(["--check"]);
    await until(
      "the helpers to run",
      60_000,
      () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the demo ended: ${said()}`);
        return said().includes("helpers run");
      },
      50,
    );
    child.kill("SIGTERM");
    await ended(child);
    expect(child.exitCode).toBe(130);
    expect(await leftBehind(before)).toEqual([]);
  });

  it.each([[["--nodes", "9"]], [["--nodes", "many"]], [["--seed", "-1"]], [["--fast"]]])("refuses %j", async (args) => {
    const finished = await run([process.execPath, built("demo.js"), ...args]);
    expect(finished).toMatchObject({ status: 2, stdout: "" });
    expect(finished.stderr).toContain("usage: npm run demo");
  });
});
