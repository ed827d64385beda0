/** Two computers on one wire, with the configuration file of 2006: what people's programs see over `tap0`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PeerRow, StatusView } from "#contract";
import { config2006, MAC_2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { startThroughputServer, throughput } from "./measure.ts";
import { ping } from "./ping.ts";
import { must, until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const IP_A = "172.16.1.5";
const IP_B = "172.16.1.6";
const MTU = 1332;
const ICMP_HEADERS = 28;

describeOnBed("two hosts on one wire", () => {
  let internet: Internet;
  let a: Host;
  let b: Host;
  let helperA: HelperProcess;
  let helperB: HelperProcess;

  const start = (host: Host, virtualIp: string, other: Host) =>
    new HelperProcess(host, {
      config: config2006({ virtualIp, startAddresses: [`${other.address}:15000`], mac: MAC_2006 }),
    });

  beforeAll(async () => {
    internet = await Internet.open();
    [a, b] = await internet.addWire("a", "b");
    helperA = start(a, IP_A, b);
    helperB = start(b, IP_B, a);
    await Promise.all([helperA.connected(), helperB.connected()]);
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("ping each other", async () => {
    for (const [host, target] of [
      [a, IP_B],
      [b, IP_A],
    ] as const) {
      expect(await ping(host, target, { count: 5, intervalMs: 100, deadlineMs: 10_000 })).toMatchObject({
        answered: true,
      });
    }
  });

  it("carry packets as large as the interface says, and say so of larger ones", async () => {
    const options = { count: 3, intervalMs: 100, deadlineMs: 10_000 };
    expect((await ping(a, IP_B, { ...options, payloadBytes: MTU - ICMP_HEADERS })).answered).toBe(true);
    const tooLarge = await a.run([
      "ping",
      "-c",
      "1",
      "-W",
      "1",
      "-M",
      "do",
      "-s",
      String(MTU - ICMP_HEADERS + 1),
      IP_B,
    ]);
    expect(tooLarge.stdout + tooLarge.stderr).toMatch(/message too long, mtu=1332/i);
    // Without "don't fragment" the kernel cuts it and the other end puts it together.
    await a.must(["ping", "-c", "3", "-i", "0.2", "-W", "2", "-M", "dont", "-s", "4000", IP_B]);
  });

  it("carry iperf3, both ways", async () => {
    await startThroughputServer(b);
    const forth = await throughput(a, IP_B, { seconds: 1 });
    expect(forth.bitsPerS).toBeGreaterThan(10e6);
    await startThroughputServer(a);
    const back = await throughput(b, IP_A, { seconds: 1 });
    expect(back.bitsPerS).toBeGreaterThan(10e6);
  });

  it("carry ssh", async () => {
    const folder = join(b.folder, "ssh");
    mkdirSync(folder);
    for (const key of ["host", "user"])
      await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, key)]);
    const config = [
      "Port 22",
      `ListenAddress ${IP_B}`,
      `HostKey ${join(folder, "host")}`,
      `AuthorizedKeysFile ${join(folder, "user.pub")}`,
      "PermitRootLogin yes",
      "StrictModes no",
      "PasswordAuthentication no",
      "UsePAM no",
      "PidFile none",
    ];
    writeFileSync(join(folder, "sshd_config"), `${config.join("\n")}\n`);
    // sshd wants this folder, which the system's own service would make; a mount of our own keeps the system as it was.
    const server = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      'mount -t tmpfs none /run && mkdir /run/sshd && exec "$@"',
      "sshd",
    ];
    b.start([...server, "/usr/sbin/sshd", "-D", "-e", "-f", join(folder, "sshd_config")], "ignore");
    await until("sshd to listen", 10_000, async () => (await b.must(["ss", "-Hltn", "sport = :22"])) !== "");
    const options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"];
    const client = ["ssh", "-q", "-F", "none", "-i", join(folder, "user"), ...options, `root@${IP_B}`];
    expect(await a.must([...client, "echo $SSH_CONNECTION"], { timeoutMs: 20_000 })).toMatch(
      new RegExp(`^${IP_A} \\d+ ${IP_B} 22$`, "m"),
    );
    // More than one window of TCP, so that segments of full size go both ways.
    const sent = "0123456789abcdef".repeat(65_536);
    const echoed = await a.run([...client, "cat"], { input: sent, timeoutMs: 20_000 });
    expect(echoed.stdout === sent, `${echoed.stdout.length} of ${sent.length} bytes came back`).toBe(true);
  });

  it("say every field of status and peers", async () => {
    const status = await helperA.json<StatusView>("status");
    expect(Object.keys(status)).toEqual(expect.arrayContaining(["version", "helper", "affiliations"]));
    expect(status.helper).toMatchObject({ pid: helperA.pid, uptimeS: expect.any(Number) });
    const [affiliation] = status.affiliations;
    expect(affiliation).toMatchObject({
      name: "condor wow",
      id: expect.stringMatching(/^[0-9a-f]+$/),
      security: "open",
      state: "connected",
      reason: null,
      interface: { name: "tap0", state: "up", mtuBytes: MTU },
      virtualIp: IP_A,
      ringAddress: expect.stringMatching(/^[0-9a-f]{40}$/),
      natKind: expect.any(String),
      localTransportAddresses: expect.arrayContaining([`ringway.udp://${a.address}:15000`]),
      learnedTransportAddresses: expect.any(Array),
      peersKnown: 1,
      sizeEstimate: expect.any(Number),
      links: { near: 1, far: 0, shortcut: 0, leaf: 0, anchor: 0, relay: 0 },
      warnings: expect.any(Array),
    });
    expect(affiliation).toHaveProperty("virtualIp6");
    expect(affiliation).toHaveProperty("lease");
    const said = JSON.stringify([affiliation?.warnings, (status as { warnings?: unknown }).warnings]);
    expect(said, "the MAC address of 2006 is a warning").toMatch(/MAC/i);

    const peers = await until("a measured round trip", 30_000, async () => {
      const rows = await helperA.json<PeerRow[]>("peers");
      return rows[0]?.rttMs != null && rows;
    });
    expect(peers).toHaveLength(1);
    const fields = ["ringAddress", "name", "site", "version", "virtualIp", "virtualIp6", "kinds", "transport", "via"];
    fields.push(
      "remote",
      "natKind",
      "rttMs",
      "rttEstimateMs",
      "jitterMs",
      "lossPct",
      "txBytes",
      "rxBytes",
      "txBytesPerS",
    );
    fields.push("rttMinMs", "rxBytesPerS", "pathMtuBytes", "since", "path", "notDirectBecause");
    expect(Object.keys(peers[0] ?? {}).toSorted()).toEqual(fields.toSorted());
    expect(peers[0]).toMatchObject({
      virtualIp: IP_B,
      kinds: expect.arrayContaining(["near"]),
      transport: "udp",
      remote: `${b.address}:15000`,
      rttMs: expect.any(Number),
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      notDirectBecause: null,
    });
    expect(peers[0]?.rxBytes).toBeGreaterThan(1_000_000);

    const ring = await helperA.json<object>("ring");
    expect(ring).toMatchObject({
      self: affiliation?.ringAddress,
      consistent: true,
      members: { length: 2 },
      links: { length: 1 },
    });
    const detail = await helperA.json<object>("peer", IP_B);
    expect(detail).toMatchObject({ virtualIp: IP_B, history: expect.any(Array) });
    const pinged = await helperA.json<object>("ping", IP_B);
    expect(pinged).toMatchObject({ sent: 5, received: 5, rttMs: { min: expect.any(Number), max: expect.any(Number) } });
  });

  it("go on five seconds after a helper was killed and started again, with one interface and one route", async () => {
    await helperA.kill();
    helperA = start(a, IP_A, b);
    const back = await ping(a, IP_B, { count: 1, intervalMs: 100, deadlineMs: 20_000 });
    expect(back.firstAfterMs).toBeLessThan(5_000);
    expect(await interfaces(a)).toEqual(["eth0", "lo", "tap0"]);
    expect(await routesToVirtual(a)).toHaveLength(1);
    expect((await ping(b, IP_A, { count: 3, intervalMs: 100, deadlineMs: 5_000 })).answered).toBe(true);
  });

  it("go on, in one and the same TCP connection, when another program takes the interface down, its address or all of it", async () => {
    const before = helperA.pid;
    const transfer = throughput(a, IP_B, { seconds: 8 });
    await until("traffic", 10_000, async () => ((await rateOf(helperA)) ?? 0) > 1e6);
    let times = 0;
    for (const [command, said] of [
      ["link set tap0 down", "took the interface tap0 down"],
      ["address flush dev tap0", "took its address from the interface tap0"],
      ["link delete tap0", "removed the interface tap0"],
    ] as const) {
      times++;
      await a.must(["ip", ...command.split(" ")]);
      const warning = `Another program ${said}; the helper has made it again ${times === 1 ? "once" : `${times} times`} so far.`;
      await until(`a warning after ip ${command}`, 10_000, async () => {
        const [affiliation] = (await helperA.json<StatusView>("status")).affiliations;
        return affiliation?.warnings.some(({ text }) => text === warning) && affiliation.interface.state === "up";
      });
      expect((await ping(a, IP_B, { count: 1, intervalMs: 100, deadlineMs: 10_000 })).answered, command).toBe(true);
      expect(await routesToVirtual(a)).toHaveLength(1);
    }
    expect((await transfer).bytes).toBeGreaterThan(1e6);
    expect(helperA.pid).toBe(before);
  });

  it("say that the firewall keeps packets back, and go on once it lets them through", async () => {
    await a.must(["nft", "add table inet shut"]);
    await a.must(["nft", "add chain inet shut out { type filter hook output priority 0; }"]);
    await a.must(["nft", "add rule inet shut out oifname eth0 udp dport 15000 drop"]);
    const refused = a.run(["ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", IP_B]);
    await until("a warning of refused packets", 10_000, async () => {
      const { warnings } = await helperA.json<StatusView>("status");
      return warnings.some(({ code }) => code === "SEND_REFUSED");
    });
    expect((await refused).status).not.toBe(0);
    await a.must(["nft", "delete table inet shut"]);
    expect((await ping(a, IP_B, { count: 1, intervalMs: 100, deadlineMs: 10_000 })).answered).toBe(true);
  });

  it("leave nothing behind when a helper is told to end", async () => {
    await helperA.stop();
    expect(await helperA.ended()).toBe(0);
    expect(await interfaces(a)).toEqual(["eth0", "lo"]);
    expect(await routesToVirtual(a)).toEqual([]);
    expect((await helperA.command(["status", "--json"])).status).toBe(3);
    helperA = start(a, IP_A, b);
    expect((await ping(a, IP_B, { count: 1, intervalMs: 100, deadlineMs: 10_000 })).answered).toBe(true);
  });
});

async function rateOf(helper: HelperProcess): Promise<number | null | undefined> {
  const [peer] = await helper.json<PeerRow[]>("peers");
  return peer?.txBytesPerS;
}

async function interfaces(host: Host): Promise<string[]> {
  const links: { ifname: string }[] = JSON.parse(await host.must(["ip", "-json", "link"]));
  return links.map((link) => link.ifname).toSorted();
}

async function routesToVirtual(host: Host): Promise<object[]> {
  return JSON.parse(await host.must(["ip", "-json", "route", "show", "root", "172.16.0.0/16"]));
}
