/**
 * Scenario `join`: all nodes start at once against five public bootstraps; once the ring is whole, its tables are
 * measured and IP packets are exchanged.
 */
import type { RingAddress } from "../../native-helper/overlay/ring/address.ts";
import { messageTypeName } from "../../native-helper/overlay/wire/ctrl.ts";
import { checkRing, routeOf } from "./checks.ts";
import { type MixName, START_SPREAD_MS, samplePairs, startAll } from "./crowd.ts";
import { mean, quantile, round } from "./figures.ts";
import { type Host, ROUTED_INSIDE } from "./host.ts";
import type { SeededEntropy } from "./random.ts";
import type { Bar, Figures, Report, RunOptions } from "./report.ts";
import { World } from "./world.ts";

const CONVERGE_LIMIT_MS = 60_000;
/** Far edges are filled up after the ring is whole. */
const SETTLE_MS = 15_000;
const ROUTES = 1000;
const EXCHANGES = 300;
const EXCHANGE_LIMIT_MS = 20_000;

export function runJoin(options: RunOptions, progress: (text: string) => void): Report {
  const { nodes, seed } = options;
  const replay = `npm run sim -- --scenario join --nodes ${nodes} --seed ${seed} --mix ${options.mix}`;
  const world = new World({ seed, replay, ...(options.trace === undefined ? {} : { trace: options.trace }) });
  const entropy = world.entropy.fork("join");
  startAll(world, nodes, options.mix, entropy);
  progress(`${nodes} nodes start`);

  const convergedMs = converge(world, progress);
  const cost = costOf(world);
  for (const line of costText(world.hosts)) progress(line);
  const first = checkRing(world.hosts);
  for (const fault of first.faults) progress(`ring: ${fault}`);
  world.run(SETTLE_MS);
  const settled = checkRing(world.hosts);
  for (const fault of settled.faults) progress(`ring, after ${SETTLE_MS / 1000} s more: ${fault}`);
  const routes = sampleRoutes(world, entropy);
  progress(`${routes.hops.length} of ${routes.asked} routes arrive`);
  const exchanges = exchangeIp(world, entropy);
  progress(`${exchanges.answered} of ${exchanges.asked} IP exchanges answered`);

  const ratios = routes.overlayMs.map((ms, i) => ms / (routes.directMs[i] as number));
  const figures: Figures = {
    timeToConvergeS: convergedMs === undefined ? null : convergedMs / 1000,
    meanHops: round(mean(routes.hops), 3),
    p99Hops: quantile(routes.hops, 0.99),
    maxHops: quantile(routes.hops, 1),
    routes: routes.asked,
    routesArrived: routes.hops.length,
    stretch: round(mean(routes.overlayMs) / mean(routes.directMs), 3),
    p90PairStretch: round(quantile(ratios, 0.9), 3),
    exchanges: exchanges.asked,
    exchangesAnswered: exchanges.answered,
    medianExchangeMs: round(quantile(exchanges.ms, 0.5), 1),
    p99ExchangeMs: round(quantile(exchanges.ms, 0.99), 1),
    ...cost,
    ...tableFigures(world.hosts),
  };
  const consistent = settled.consistent && settled.nearExact;
  const bars = barsOf(options, figures, consistent);
  const pass = bars.every((bar) => bar.pass);
  return { scenario: "join", seed, nodes, mix: options.mix, pass, ring: { consistent }, figures, bars };
}

function converge(world: World, progress: (text: string) => void): number | undefined {
  let saidAt = 0;
  const isWhole = () => {
    if (world.now < START_SPREAD_MS) return false;
    const { consistent, nearExact, wrong, faults } = checkRing(world.hosts);
    if (world.now - saidAt >= 1000) {
      saidAt = world.now;
      progress(`${(world.now / 1000).toFixed(1)} s: ${wrong} wrong${wrong === 0 ? "" : `, for instance ${faults[0]}`}`);
    }
    return consistent && nearExact;
  };
  const took = world.runUntil(isWhole, CONVERGE_LIMIT_MS);
  progress(
    took === undefined ? `not whole after ${CONVERGE_LIMIT_MS / 1000} s` : `whole after ${(took / 1000).toFixed(1)} s`,
  );
  return took;
}

/** What the nodes sent so far, handshakes, keepalives and all. */
function costOf(world: World): Figures {
  const sent = world.hosts.map((host) => host.options.socket.sent);
  return {
    messagesPerNode: round(mean(world.hosts.map(messagesOf)), 1),
    datagramsPerNode: round(mean(sent.map((traffic) => traffic.datagrams)), 1),
    bytesPerNode: Math.round(mean(sent.map((traffic) => traffic.bytes))),
    maxBytesOfANode: Math.max(...sent.map((traffic) => traffic.bytes)),
  };
}

function messagesOf(host: Host): number {
  let messages = host.handshakesSent.datagrams;
  for (const traffic of host.ctrlSent.values()) messages += traffic.datagrams;
  return messages;
}

/** A line for each kind of message, dearest first. */
function costText(hosts: readonly Host[]): string[] {
  const kinds = new Map<number, { messages: number; bytes: number }>();
  for (const host of hosts) {
    for (const [type, traffic] of host.ctrlSent) {
      const kind = kinds.get(type) ?? { messages: 0, bytes: 0 };
      kind.messages += traffic.datagrams;
      kind.bytes += traffic.bytes;
      kinds.set(type, kind);
    }
  }
  const name = (type: number) =>
    type < ROUTED_INSIDE ? messageTypeName(type) : `routed ${messageTypeName(type - ROUTED_INSIDE)}`;
  return [...kinds]
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .map(([type, { messages, bytes }]) => {
      const perNode = `${(messages / hosts.length).toFixed(1)} messages, ${(bytes / hosts.length).toFixed(0)} B a node`;
      return `  ${name(type)}: ${perNode}`;
    });
}

function tableFigures(hosts: readonly Host[]): Figures {
  const fibs = hosts.flatMap((host) => (host.dataPath === undefined ? [] : [host.dataPath.table.fib]));
  const edges = fibs.map((fib) => fib.edges.length);
  return {
    edgesPerNode: round(mean(edges), 2),
    maxEdgesOfANode: Math.max(...edges),
    directEdgesPct: round(
      (100 * mean(fibs.map((fib) => fib.edges.filter((edge) => edge.direct).length))) / mean(edges),
      1,
    ),
    lookaheadPerNode: round(mean(fibs.map((fib) => fib.lookahead.length)), 1),
    maxTunnelsOfARelay: Math.max(...fibs.map((fib) => fib.reserved.length)),
    ...estimateFigures(hosts),
  };
}

/** What nodes estimate, beside what is so: the size of the ring, and the time to peers they have no link to. */
function estimateFigures(hosts: readonly Host[]): Figures {
  const sizes: number[] = [];
  for (const host of hosts) {
    const view = host.view();
    if (view) sizes.push(view.sizeEstimate / hosts.length);
  }
  return {
    sizeEstimate5Pct: round(quantile(sizes, 0.05), 3),
    sizeEstimate95Pct: round(quantile(sizes, 0.95), 3),
  };
}

/** Of random pairs: the hops of a packet, and its time over the ring beside that of the direct way. */
interface Routes {
  readonly asked: number;
  readonly hops: number[];
  readonly overlayMs: number[];
  readonly directMs: number[];
}

function sampleRoutes(world: World, entropy: SeededEntropy): Routes {
  const byAddress = new Map<RingAddress, Host>(world.hosts.map((host) => [host.address, host]));
  const hops: number[] = [];
  const overlayMs: number[] = [];
  const directMs: number[] = [];
  const pairs = samplePairs(world.hosts, ROUTES, entropy);
  for (const [from, to] of pairs) {
    const route = routeOf(from, to, byAddress);
    if (route === undefined) continue;
    hops.push(route.length - 1);
    const delay = (a: Host, b: Host) =>
      world.geography.delayMs(a.options.socket.site.number, b.options.socket.site.number);
    let whole = 0;
    for (let i = 1; i < route.length; i++) whole += delay(route[i - 1] as Host, route[i] as Host);
    overlayMs.push(whole);
    directMs.push(delay(from, to));
  }
  return { asked: pairs.length, hops, overlayMs, directMs };
}

function exchangeIp(world: World, entropy: SeededEntropy): { asked: number; answered: number; ms: number[] } {
  const exchanges = world.exchangeAll(samplePairs(world.hosts, EXCHANGES, entropy), EXCHANGE_LIMIT_MS);
  const ms = exchanges.flatMap(({ sentAt, answeredAt }) => (answeredAt === undefined ? [] : [answeredAt - sentAt]));
  return { asked: exchanges.length, answered: ms.length, ms };
}

/** What the protocol promises of 100, 1,000 and 10,000 nodes (docs/protocol.md, "Timers and constants"). */
type SizeBars = readonly [at100: number, at1k: number, at10k: number];
const CONVERGE_BARS_S: Readonly<Record<MixName, SizeBars>> = {
  public: [6, 10, 20],
  typical: [10, 10, 20],
  campus: [10, 10, 20],
  hostile: [20, 20, 20],
};
const HOPS_BARS: SizeBars = [2.1, 3, 4];
const STRETCH_BARS: SizeBars = [1.5, 1.8, 2.2];
/** The mean that theory gives (2 d near edges, k far ones of our own and as many of others) and a fifth more. */
const EDGES_BARS: SizeBars = [1.2 * 22, 1.2 * 28, 1.2 * 34];
const LOOKAHEAD_BARS: SizeBars = [100, 1.2 * 440, 1.2 * 904];
/** Until the ring is whole; promised up to 1,000 nodes. */
const BYTES_BAR = 200_000;
const BYTES_BAR_NODES = 1_000;
const SIZE_ESTIMATE_BARS = { least: 0.6, most: 1.5 };
const TUNNELS_BAR = 512;
/** Smaller rings have their time and hops promised, not the shape of their tables. */
const SHAPE_BARS_NODES = 100;

function barsOf({ nodes, mix }: RunOptions, figures: Figures, consistent: boolean): Bar[] {
  const atMost = (name: string, unit: string, bar: number): Bar => {
    const value = figures[name] ?? null;
    return { name, value, unit, bar, pass: value !== null && value <= bar };
  };
  const atLeast = (name: string, unit: string, bar: number): Bar => {
    const value = figures[name] ?? null;
    return { name, value, unit, bar, pass: value !== null && value >= bar };
  };
  const all = (name: string, of: string): Bar => {
    const value = figures[name] ?? null;
    const bar = figures[of] as number;
    return { name, value, unit: "count", bar, pass: value === bar };
  };
  const whole: Bar = {
    name: "ringConsistent",
    value: consistent ? 1 : 0,
    unit: "yes 1, no 0",
    bar: 1,
    pass: consistent,
  };
  const soon = atMost("timeToConvergeS", "s", bySize(nodes, CONVERGE_BARS_S[mix]));
  if (nodes === 1) return [whole, soon];
  const reach = [
    whole,
    soon,
    all("routesArrived", "routes"),
    all("exchangesAnswered", "exchanges"),
    atMost("meanHops", "hops", bySize(nodes, HOPS_BARS)),
  ];
  if (nodes < SHAPE_BARS_NODES) return reach;
  const shape = [
    atMost("maxTunnelsOfARelay", "count", TUNNELS_BAR),
    atLeast("sizeEstimate5Pct", "of the size", SIZE_ESTIMATE_BARS.least),
    atMost("sizeEstimate95Pct", "of the size", SIZE_ESTIMATE_BARS.most),
  ];
  if (mix !== "public") return [...reach, ...shape];
  // Without NAT: what leads around it, relays and anchors, comes on top.
  const cost = nodes <= BYTES_BAR_NODES ? [atMost("bytesPerNode", "B", BYTES_BAR)] : [];
  return [
    ...reach,
    ...shape,
    ...cost,
    atMost("edgesPerNode", "count", bySize(nodes, EDGES_BARS)),
    atMost("lookaheadPerNode", "count", bySize(nodes, LOOKAHEAD_BARS)),
    atMost("stretch", "ratio", bySize(nodes, STRETCH_BARS)),
  ];
}

/** A bar given for 100, 1,000 and 10,000 nodes, linear in the logarithm between and even below. */
function bySize(nodes: number, [at100, at1k, at10k]: SizeBars): number {
  const steps = Math.log10(nodes) - 2;
  if (steps <= 0) return at100;
  return round(steps <= 1 ? at100 + (at1k - at100) * steps : at1k + (at10k - at1k) * (steps - 1), 2);
}
