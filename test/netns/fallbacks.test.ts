/** Kernels that lack what makes the data path fast: it does the work by itself, and `ringway doctor` says so. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DoctorView } from "#contract";
import { config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { Internet } from "./internet.ts";
import { startThroughputServer, throughput } from "./measure.ts";
import { ping } from "./ping.ts";
import { describeOnBed } from "./suite.ts";

const IP_A = "172.16.1.5";
const IP_B = "172.16.1.6";
/** Far below what any of the ways carries, far above what a connection without one segment through would. */
const LEAST_BITS_PER_S = 20e6;

describeOnBed("a kernel that lacks an offload", () => {
  let internet: Internet;
  let wires = 0;

  beforeAll(async () => {
    internet = await Internet.open();
  });

  afterAll(async () => {
    await internet?.close();
  });

  it.each([
    ["nothing", "", {}],
    ["UDP_SEGMENT", "no-segmentation", { udp: /UDP_SEGMENT/ }],
    ["UDP_GRO", "no-coalescing", { udp: /UDP_GRO/ }],
    ["the interface's offload", "no-interface-offload", { interface: /TUNSETOFFLOAD/ }],
    [
      "all of them",
      "no-segmentation,no-coalescing,no-interface-offload",
      { udp: /UDP_SEGMENT.*UDP_GRO/, interface: /TUNSETOFFLOAD/ },
    ],
  ] as const)("without %s: TCP goes both ways, and the doctor knows", async (_what, debug, warned) => {
    const [a, b] = await internet.addWire(`a${++wires}`, `b${wires}`);
    const config = (virtualIp: string, other: { address: string }) =>
      config2006({ virtualIp, startAddresses: [`${other.address}:15000`] });
    const lesser = new HelperProcess(a, { config: config(IP_A, b), env: { RINGWAY_DEBUG: debug } });
    const other = new HelperProcess(b, { config: config(IP_B, a) });
    await Promise.all([lesser.connected(), other.connected()]);
    expect((await ping(a, IP_B, { count: 2, intervalMs: 100, deadlineMs: 10_000 })).answered).toBe(true);
    for (const host of [a, b]) await startThroughputServer(host);
    expect((await throughput(a, IP_B, { seconds: 1 })).bitsPerS).toBeGreaterThan(LEAST_BITS_PER_S);
    expect((await throughput(b, IP_A, { seconds: 1 })).bitsPerS).toBeGreaterThan(LEAST_BITS_PER_S);

    const { checks } = await lesser.json<DoctorView>("doctor");
    for (const id of ["udp", "interface"] as const) {
      const check = checks.find((one) => one.id === id);
      const cause = id in warned ? warned[id as keyof typeof warned] : undefined;
      expect(check?.result, `${id}: ${check?.cause}`).toBe(cause === undefined ? "pass" : "warn");
      if (cause !== undefined) expect(check?.cause).toMatch(cause);
    }
    for (const helper of [lesser, other]) await helper.stop();
  });
});
