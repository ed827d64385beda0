/**
 * Scenario `planetlab118`: the experiment of 2006, 118 hosts all over the world that speak TCP only. Each host talks to
 * one other; after ten seconds the round trips are compared with those of the underlay, and with those of the same world
 * where no traffic earns a link of its own.
 */
import type { Input } from "../../native-helper/overlay/boundary.ts";
import { Node } from "../../native-helper/overlay/node.ts";
import { checkRing } from "./checks.ts";
import { samplePairs } from "./crowd.ts";
import { mean, quantile, round } from "./figures.ts";
import type { Engine, Host } from "./host.ts";
import { atLeast, atMost, type Figures, type Report, type RunOptions } from "./report.ts";
import { World } from "./world.ts";

/** What the experiment measured: the mean of its pings, and their standard deviation. */
const OF_2006 = { nodes: 118, meanRttMs: 1617, sdRttMs: 2098 } as const;

const BOOTSTRAPS = 5;
const START_SPREAD_MS = 1_000;
const CONVERGE_LIMIT_MS = 60_000;
const PACKET_EACH_MS = 500;
const TRAFFIC_MS = 10_000;
const ANSWER_WITHIN_MS = 10_000;
/** What the direct round trip may add to that of the underlay. */
const ADDED_MS = 1;

interface PlanetlabFigures {
  readonly isWhole: boolean;
  readonly convergedMs: number | undefined;
  readonly pairs: number;
  readonly answered: number;
  readonly direct: number;
  /** Of those answered. */
  readonly rttMs: readonly number[];
  readonly underlayRttMs: readonly number[];
}

export function runPlanetlab118(options: RunOptions, progress: (text: string) => void): Report {
  const { nodes, seed, mix } = options;
  const replay = `npm run sim -- --scenario planetlab118 --nodes ${nodes} --seed ${seed}`;
  progress("with shortcuts");
  const on = measurePlanetlab({ ...options, replay, shortcuts: true }, progress);
  progress("without shortcuts");
  const off = measurePlanetlab({ ...options, replay, shortcuts: false }, progress);
  const figures: Figures = {
    timeToConvergeS: on.convergedMs === undefined ? null : round(on.convergedMs / 1000, 1),
    pairs: on.pairs,
    pairsAnswered: on.answered,
    pairsDirect: on.direct,
    ...rttFigures("", on.rttMs),
    ...rttFigures("Underlay", on.underlayRttMs),
    pairsDirectWithoutShortcuts: off.direct,
    ...rttFigures("WithoutShortcuts", off.rttMs),
    meanRttMs2006: OF_2006.meanRttMs,
    sdRttMs2006: OF_2006.sdRttMs,
  };
  const limit = round((figures.medianRttMsUnderlay ?? 0) + ADDED_MS, 1);
  const bars = [
    atLeast("ringConsistent", "yes 1, no 0", 1, on.isWhole && off.isWhole ? 1 : 0),
    atLeast("pairsAnswered", "count", on.pairs, on.answered),
    atLeast("pairsDirect", "count", on.pairs, on.direct),
    atMost("medianRttMs", "ms", limit, figures.medianRttMs ?? null),
  ];
  const pass = bars.every((bar) => bar.pass);
  return { scenario: "planetlab118", seed, nodes, mix, pass, ring: { consistent: on.isWhole }, figures, bars };
}

/** One world, from its start to the round trips after ten seconds of traffic. */
function measurePlanetlab(
  options: Pick<RunOptions, "nodes" | "seed" | "trace"> & { readonly shortcuts: boolean; readonly replay: string },
  progress: (text: string) => void,
): PlanetlabFigures {
  const { nodes, seed, replay, trace, shortcuts } = options;
  const world = new World({
    seed,
    replay,
    ...(trace === undefined ? {} : { trace }),
    ...(shortcuts ? {} : { makeEngine: (options, now, wall) => withoutShortcuts(new Node(options, now, wall)) }),
  });
  const entropy = world.entropy.fork("planetlab");
  startAll(world, nodes);
  const isWhole = () => {
    const { consistent, nearExact } = checkRing(world.hosts);
    return world.now >= START_SPREAD_MS && consistent && nearExact;
  };
  const convergedMs = world.runUntil(isWhole, CONVERGE_LIMIT_MS);
  progress(convergedMs === undefined ? "the ring is not whole" : `whole after ${(convergedMs / 1000).toFixed(1)} s`);
  const pairs = pairsOf(world.hosts, (hosts) => samplePairs(hosts, 1, entropy)[0]);
  for (let at = 0; at < TRAFFIC_MS; at += PACKET_EACH_MS) {
    for (const [from, to] of pairs) world.sendIp(from, to);
    world.run(PACKET_EACH_MS);
  }
  const direct = pairs.filter(([from, to]) => isDirect(from, to) && isDirect(to, from)).length;
  const exchanges = world.exchangeAll(pairs, ANSWER_WITHIN_MS);
  const rttMs = exchanges.flatMap(({ sentAt, answeredAt }) => (answeredAt === undefined ? [] : [answeredAt - sentAt]));
  progress(`${direct} of ${pairs.length} pairs are linked directly`);
  return {
    isWhole: convergedMs !== undefined,
    convergedMs,
    pairs: pairs.length,
    answered: rttMs.length,
    direct,
    rttMs,
    underlayRttMs: pairs.map(
      ([from, to]) => 2 * world.geography.delayMs(from.options.socket.site.number, to.options.socket.site.number),
    ),
  };
}

function startAll(world: World, nodes: number): void {
  const spread = world.entropy.fork("starts");
  for (let i = 0; i < nodes; i++) world.addHost({ kind: "tcp-only", transport: "tcp" });
  const starts = world.hosts.slice(0, BOOTSTRAPS).map((host) => host.options.socket.local);
  for (const host of world.hosts) {
    host.startAddresses = starts.filter((address) => address !== host.options.socket.local);
    world.queue.at(spread.fraction() * START_SPREAD_MS, () => host.start());
  }
}

/** Each host and one other. */
function pairsOf(
  hosts: readonly Host[],
  pick: (hosts: readonly Host[]) => [Host, Host] | undefined,
): (readonly [Host, Host])[] {
  return hosts.flatMap((from) => {
    const [a, b] = pick(hosts) ?? [];
    const to = a === from ? b : a;
    return to === undefined ? [] : [[from, to] as const];
  });
}

function isDirect(from: Host, to: Host): boolean {
  return from.view()?.peers.find(({ ringAddress }) => ringAddress === to.address)?.path?.kind === "tcp";
}

/** An engine that is never told how many packets go where, and so opens no link for their sake. */
function withoutShortcuts(node: Node): Engine {
  const pass = (input: Input): Input => (input.kind === "traffic" ? { kind: "timeout" } : input);
  return {
    address: node.address,
    step: (now, wall, input) => node.step(now, wall, pass(input)),
    wakeAt: () => node.wakeAt(),
    view: (now, wall) => node.view(now, wall),
    links: (now) => node.links(now),
    isConnected: () => node.isConnected(),
  };
}

function rttFigures(of: string, rttMs: readonly number[]): Figures {
  const average = mean(rttMs);
  return {
    [`meanRttMs${of}`]: round(average, 1),
    [`sdRttMs${of}`]: round(Math.sqrt(mean(rttMs.map((ms) => (ms - average) ** 2))), 1),
    [`medianRttMs${of}`]: round(quantile(rttMs, 0.5), 1),
    [`p99RttMs${of}`]: round(quantile(rttMs, 0.99), 1),
  };
}
