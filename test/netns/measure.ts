/** Measuring traffic between two hosts of the test bed with the programs that people know. */
import type { Host } from "./internet.ts";
import { until } from "./shell.ts";

export interface Throughput {
  readonly bitsPerS: number;
  /** Lost share of datagrams in percent; 0 for TCP, which loses none of its bytes. */
  readonly lossPct: number;
  readonly bytes: number;
  /** Processor time of iperf3 itself, both ends. */
  readonly cpuS: number;
}

export interface ThroughputOptions {
  readonly seconds: number;
  /** Ends after so many bytes instead; `seconds` is then what it is expected to take. */
  readonly bytes?: number;
  /** TCP streams, in all as fast as they can; 1 by default. */
  readonly streams?: number;
  /** Paced UDP datagrams instead of TCP. */
  readonly udp?: { readonly bitsPerS: number; readonly payloadBytes: number };
}

/** A server that the clients of `throughput` talk to; it is stopped with the test bed. */
export async function startThroughputServer(host: Host): Promise<void> {
  const server = host.start(["iperf3", "--server", "--forceflush"], ["ignore", "pipe", "ignore"]);
  let said = "";
  server.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-1_000); // Read on, or the server would stop at a full pipe.
  });
  await until(`an iperf3 server on ${host.name}`, 10_000, () => said.includes("Server listening"), 20);
}

/** Sends from `host` to the server at `address`; counts what arrived there. */
export async function throughput(host: Host, address: string, options: ThroughputOptions): Promise<Throughput> {
  const command = ["iperf3", "--client", address, "--json"];
  if (options.bytes === undefined) command.push("--time", String(options.seconds));
  else command.push("--bytes", String(options.bytes));
  if (options.udp) {
    command.push("--udp", "--bitrate", String(options.udp.bitsPerS), "--length", String(options.udp.payloadBytes));
    // With the small buffers of the default, what is lost is lost in iperf3's own socket while it waits for a core.
    command.push("--window", "2M");
  } else {
    // Named for each connection, because namespaces differ in what they take by default.
    command.push("--parallel", String(options.streams ?? 1), "--congestion", "cubic");
  }
  const timeoutMs = (options.seconds * (options.bytes === undefined ? 1 : 3) + 20) * 1000;
  // A server that has just ended one test may refuse the next for a moment.
  const finished = await until(
    `iperf3 from ${host.name} to ${address}`,
    timeoutMs,
    async () => {
      const attempt = await host.run(command, { timeoutMs });
      return attempt.status === 0 ? attempt : undefined;
    },
    200,
  );
  const { end } = JSON.parse(finished.stdout);
  const { host_total: sender, remote_total: receiver } = end.cpu_utilization_percent;
  const cpuS = ((sender + receiver) / 100) * options.seconds;
  if (!options.udp) {
    const { bits_per_second: bitsPerS, bytes } = end.sum_received;
    return { bitsPerS, bytes, lossPct: 0, cpuS };
  }
  const { bits_per_second: sent, bytes, lost_percent: lossPct } = end.sum;
  return { bitsPerS: sent * (1 - lossPct / 100), bytes: bytes * (1 - lossPct / 100), lossPct, cpuS };
}
