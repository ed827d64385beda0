/** What anybody on the internet can do to a helper's port without a key. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { describeOnBed } from "./suite.ts";

const PER_SECOND = 20_000;
const SECONDS = 10;
const GROWTH_LIMIT_BYTES = 20 * 1024 * 1024;

describeOnBed("a helper under a flood of random datagrams", () => {
  let internet: Internet;
  let a: Host;
  let b: Host;
  let helper: HelperProcess;

  beforeAll(async () => {
    internet = await Internet.open();
    [a, b] = await internet.addWire("a", "b");
    helper = new HelperProcess(a, {
      config: config2006({ virtualIp: "172.16.1.5", startAddresses: [`${b.address}:15000`] }),
    });
    const other = new HelperProcess(b, {
      config: config2006({ virtualIp: "172.16.1.6", startAddresses: [`${a.address}:15000`] }),
    });
    await Promise.all([helper.connected(), other.connected()]);
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("answers nothing, does not grow and goes on working", async () => {
    const flood = (seconds: number) => {
      const script = fileURLToPath(new URL("udp-flood.mjs", import.meta.url));
      return b.must(["node", script, a.address, "15000", String(PER_SECOND), String(seconds)], { timeoutMs: 60_000 });
    };
    // The first second brings code and buffers into memory that are used again ever after.
    await flood(1);
    const before = residentBytes(helper.pid);
    const [said, during] = await Promise.all([
      flood(SECONDS),
      ping(b, "172.16.1.5", { count: 20, intervalMs: 200, deadlineMs: 30_000 }),
    ]);
    const grown = residentBytes(helper.pid) - before;
    expect(JSON.parse(said)).toEqual({ sent: PER_SECOND * SECONDS, answers: 0 });
    expect(during.answered).toBe(true);
    expect(grown, `grew by ${(grown / 2 ** 20).toFixed(1)} MiB`).toBeLessThan(GROWTH_LIMIT_BYTES);
    expect(helper.runs()).toBe(true);
    expect((await ping(b, "172.16.1.5", { count: 3, intervalMs: 100, deadlineMs: 5_000 })).answered).toBe(true);
  });
});

/** Memory of a process that is in use now (proc(5) status, VmRSS). */
function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} tells no VmRSS`);
  return Number(kib) * 1024;
}
