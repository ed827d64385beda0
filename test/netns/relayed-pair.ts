/** Two members whom only a relay joins: each behind a NAT that gives every connection another port. */
import type { Config2006 } from "./config-2006.ts";
import { HelperProcess } from "./helper-process.ts";
import type { Host, Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { until } from "./shell.ts";

export const IP_A = "172.16.1.5";
export const IP_B = "172.16.1.6";

export interface RelayedPair {
  readonly a: Host;
  readonly b: Host;
  /** Everybody on the way: the relay and both routers. */
  readonly between: readonly Host[];
}

/** Starts the three members, `config` giving each its file, and waits until packets go over the relay. */
export async function relayedPair(internet: Internet, config: (options: Config2006) => string): Promise<RelayedPair> {
  const relay = await internet.addPublicHost("relay");
  const startAddresses = [`${relay.address}:15000`];
  const sites = [
    await internet.addSite("site-a", "symmetric", ["a"]),
    await internet.addSite("site-b", "symmetric", ["b"]),
  ];
  const [a, b] = sites.flatMap(({ hosts }) => hosts) as [Host, Host];
  const start = (host: Host, options: Config2006) => new HelperProcess(host, { config: config(options) });
  const helpers = [
    start(relay, { virtualIp: "172.16.1.1", startAddresses: [] }),
    start(a, { virtualIp: IP_A, startAddresses }),
    start(b, { virtualIp: IP_B, startAddresses }),
  ] as const;
  for (const helper of helpers) await helper.connected(60_000);
  await until("the relayed path", 30_000, async () => {
    await ping(a, IP_B, { count: 2, intervalMs: 200, deadlineMs: 10_000 });
    const peers = await (await helpers[1].client()).peers({});
    return peers.find((peer) => peer.virtualIp === IP_B)?.transport === "relay";
  });
  return { a, b, between: [relay, ...sites.map(({ router }) => router)] };
}
