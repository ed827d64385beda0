/** Congestion marks (ECN) and traffic classes (DSCP) of packets, outside and back inside. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { HelperProcess } from "./helper-process.ts";
import { type Host, Internet } from "./internet.ts";
import { startThroughputServer, throughput } from "./measure.ts";
import { ping } from "./ping.ts";
import { describeOnBed } from "./suite.ts";

const IP_A = "172.16.1.5";
const IP_B = "172.16.1.6";
/** TOS bytes: expedited forwarding, and the mark of those who understand congestion marks. */
const EF = 0xb8;
const ECT_0 = 2;

describeOnBed("marks of packets", () => {
  let internet: Internet;
  /** `a` copies the traffic class, `b` does not. */
  let a: Host;
  let b: Host;

  beforeAll(async () => {
    internet = await Internet.open();
    [a, b] = await internet.addWire("a", "b");
    const start = (host: Host, virtualIp: string, other: Host, more: string) =>
      new HelperProcess(host, {
        config: `affiliation = "condor wow"
          port = 15000
          start = ["ringway.udp://${other.address}:15000"]
          [interface]
          name = "tap0"
          ip = "${virtualIp}"
          ${more}`,
      });
    const helpers = [start(a, IP_A, b, "dscp = true"), start(b, IP_B, a, "")];
    for (const helper of helpers) await helper.connected();
    expect((await ping(a, IP_B, { count: 2, intervalMs: 100, deadlineMs: 10_000 })).answered).toBe(true);
    await b.must(["nft", "-f", "-"], {
      input: `table inet seen {
        chain in {
          type filter hook input priority 0;
          iifname eth0 udp dport 15000 ip dscp ef counter comment "outer-ef"
          iifname eth0 udp dport 15000 ip ecn ect0 counter comment "outer-ect0"
          iifname tap0 ip protocol icmp ip dscp ef counter comment "inner-ef"
          iifname tap0 ip protocol icmp ip ecn ce counter comment "inner-ce"
          iifname tap0 ip protocol tcp ip ecn ce counter comment "tcp-ce"
        }
      }`,
    });
    await a.must(["nft", "-f", "-"], {
      input: `table inet seen {
        chain in {
          type filter hook input priority 0;
          iifname eth0 udp dport 15000 ip dscp ef counter comment "outer-ef"
          iifname tap0 ip protocol icmp ip dscp ef counter comment "inner-ef"
        }
      }`,
    });
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("of class go outside where the setting says so, and stay inside where it does not", async () => {
    await send(EF, 5);
    expect(await seen(b)).toMatchObject({ "outer-ef": 5, "inner-ef": 5, "outer-ect0": 0 });
    expect(await seen(a), "the answers have it inside").toMatchObject({ "outer-ef": 0, "inner-ef": 5 });
  });

  it("of congestion go outside, and what a router marks comes inside", async () => {
    await send(ECT_0, 5);
    expect(await seen(b)).toMatchObject({ "outer-ect0": 5, "inner-ce": 0 });
    await markAll(true);
    await send(ECT_0, 5);
    expect(await seen(b)).toMatchObject({ "inner-ce": 5 });
    // A packet whose sender knows no marks is lost instead, as at the router.
    const lost = await a.run(["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", IP_B]);
    expect(lost.stdout).toMatch(/ 0 received/);
    await markAll(false);
  });

  it("reach TCP, whose receiver tells its sender of them", async () => {
    for (const host of [a, b]) await host.must(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/tcp_ecn"]);
    await startThroughputServer(b);
    await a.must(["nft", "-f", "-"], {
      input: router("ip ecn ect0 numgen random mod 100 0"),
    });
    expect((await throughput(a, IP_B, { seconds: 2 })).bytes).toBeGreaterThan(1e6);
    const { "tcp-ce": marked, "outer-ect0": able } = await seen(b);
    expect(able).toBeGreaterThan(100);
    expect(marked).toBeGreaterThan(0);
    const statistics = await a.must(["cat", "/proc/net/netstat"]);
    expect(tcpExt(statistics, "TCPDeliveredCE"), "marks of which the receiver told the sender").toBeGreaterThan(0);
  });

  async function send(tos: number, count: number): Promise<void> {
    await a.must(["ping", "-n", "-c", String(count), "-i", "0.1", "-W", "2", "-Q", String(tos), IP_B]);
  }

  /** A router between the two that marks everything. */
  async function markAll(on: boolean): Promise<void> {
    if (!on) return void (await a.must(["nft", "delete", "table", "inet", "router"]));
    await a.must(["nft", "-f", "-"], {
      input: router(""),
    });
  }

  async function seen(host: Host): Promise<Record<string, number>> {
    const { nftables } = JSON.parse(await host.must(["nft", "-j", "list", "table", "inet", "seen"])) as {
      nftables: { rule?: { comment?: string; expr: { counter?: { packets: number } }[] } }[];
    };
    return Object.fromEntries(
      nftables.flatMap(({ rule }) => {
        const counter = rule?.expr.find((part) => part.counter)?.counter;
        return rule?.comment !== undefined && counter ? [[rule.comment, counter.packets]] : [];
      }),
    );
  }
});

/** The rule of a router between the two, which marks the packets that match. */
function router(match: string): string {
  return `table inet router {
    chain out {
      type filter hook output priority 0;
      oifname eth0 udp dport 15000 ${match} ip ecn set ce
    }
  }`;
}

/** A counter of /proc/net/netstat: a line of names, a line of values. */
function tcpExt(text: string, name: string): number {
  const [names, values] = text.split("\n").filter((line) => line.startsWith("TcpExt:"));
  const place = names?.split(" ").indexOf(name) ?? -1;
  return Number(values?.split(" ")[place]);
}
