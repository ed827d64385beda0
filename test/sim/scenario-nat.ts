/**
 * Scenario `nat`: a site for each kind of box (mapping x filtering x ports of RFC 4787), a few without one and one with
 * several hosts behind it. Pairs talk, and what comes of it is compared with the oracle of reach: who must become direct,
 * who may go by a relay, and that every pair that UDP can serve reaches each other.
 */
import { checkRing } from "./checks.ts";
import { quantile, round } from "./figures.ts";
import type { Host } from "./host.ts";
import type { Dependence, NatBehaviour } from "./nat.ts";
import { reachOf } from "./reach.ts";
import { atMost, type Bar, type Report, type RunOptions } from "./report.ts";
import { World } from "./world.ts";

const PUBLIC_HOSTS = 3;
const HOSTS_OF_A_LAB = 2;
const GROW_LIMIT_MS = 60_000;
const SETTLE_MS = 25_000;
const PACKET_EACH_MS = 250;
const TALK_MS = 10_000;
/** Packets that earn a direct link. */
const PACKETS = 3;
const PAIRS_AT_ONCE = 40;
const EXCHANGE_LIMIT_MS = 20_000;
const WHOLE_BAR_S = 20;
const DIRECT_MEDIAN_BAR_S = 1;
const DIRECT_P95_BAR_S = 1;
const DIRECT_WORST_BAR_S = 4;

const DEPENDENCES: readonly Dependence[] = ["endpoint-independent", "address-dependent", "address-and-port-dependent"];
const PORTS: readonly NatBehaviour["ports"][] = ["preserving", "sequential", "random"];

export function runNat(options: RunOptions, progress: (text: string) => void): Report {
  const { nodes, seed, mix, trace, broken } = options;
  const replay = `npm run sim -- --scenario nat --nodes ${nodes} --seed ${seed} --mix ${mix}`;
  const world = new World({ seed, replay, ...(trace && { trace }), ...(broken && { broken }) });
  const entropy = world.entropy.fork("nat");
  build(world, nodes);
  for (const host of world.hosts) world.queue.at(entropy.fraction() * 100, () => host.start());
  world.run(100);
  const grown = world.runUntil(() => isWhole(world), GROW_LIMIT_MS);
  progress(`${world.hosts.length} nodes at ${world.network.sites.length} sites, whole after ${grown ?? "too many"} ms`);
  for (const fault of grown === undefined ? checkRing(world.hosts).faults : []) progress(fault);
  // Kinds are learned and anchors taken.
  world.run(SETTLE_MS);

  const pairs = pairsOf(world.hosts, entropy.fork("pairs"));
  const silent: string[] = [];
  const missed: string[] = [];
  const impossible: string[] = [];
  const took: number[] = [];
  let direct = 0;
  for (let at = 0; at < pairs.length; at += PAIRS_AT_ONCE) {
    const some = pairs.slice(at, at + PAIRS_AT_ONCE);
    const exchanges = some.map(([from, to]) => ({
      from,
      to,
      answered: false,
      directAt: undefined as number | undefined,
    }));
    const start = world.now;
    let nextPacket = world.now;
    world.runUntil(() => {
      for (const exchange of exchanges) if (isDirect(exchange.from, exchange.to)) exchange.directAt ??= world.now;
      if (world.now >= nextPacket) {
        nextPacket += PACKET_EACH_MS;
        for (const { from, to } of exchanges) world.sendIp(from, to);
      }
      return exchanges.every((exchange) => exchange.directAt !== undefined);
    }, TALK_MS);
    const third = start + (PACKETS - 1) * PACKET_EACH_MS;
    for (const { from, to, directAt } of exchanges) {
      const reach = reachOf(from.options.socket.site, to.options.socket.site);
      const name = `${from.name} (${kindOf(from)}) > ${to.name} (${kindOf(to)})`;
      if (directAt !== undefined) direct++;
      if (directAt === undefined && reach === "must") missed.push(name);
      if (directAt !== undefined && reach === "cannot") impossible.push(name);
      if (directAt !== undefined && reach === "must") took.push(Math.max(0, directAt - third));
    }
    for (const exchange of world.exchangeAll(some, EXCHANGE_LIMIT_MS))
      if (exchange.answeredAt === undefined) silent.push(`${exchange.from.name} > ${exchange.to.name}`);
  }
  for (const name of missed.slice(0, 12)) progress(`should be direct: ${name}`);
  for (const name of impossible.slice(0, 5)) progress(`cannot be direct, but is: ${name}`);
  for (const name of silent.slice(0, 5)) progress(`no answer: ${name}`);
  const figures = {
    sites: world.network.sites.length,
    pairs: pairs.length,
    pairsThatMustBeDirect: took.length + missed.length,
    pairsDirect: direct,
    missed: missed.length,
    impossible: impossible.length,
    notReached: silent.length,
    wholeAfterS: grown === undefined ? null : round(grown / 1000, 1),
    medianDirectS: round(quantile(took, 0.5) / 1000, 2),
    p95DirectS: round(quantile(took, 0.95) / 1000, 2),
    worstDirectS: round(quantile(took, 1) / 1000, 2),
  };
  const bars: Bar[] = [
    atMost("wholeAfterS", "s", WHOLE_BAR_S, figures.wholeAfterS),
    atMost("missed", "pairs", 0, figures.missed),
    atMost("impossible", "pairs", 0, figures.impossible),
    atMost("notReached", "pairs", 0, figures.notReached),
    atMost("medianDirectS", "s", DIRECT_MEDIAN_BAR_S, figures.medianDirectS),
    atMost("p95DirectS", "s", DIRECT_P95_BAR_S, figures.p95DirectS),
    atMost("worstDirectS", "s", DIRECT_WORST_BAR_S, figures.worstDirectS),
  ];
  const pass = bars.every((bar) => bar.pass);
  return { scenario: "nat", seed, nodes, mix, pass, ring: { consistent: grown !== undefined }, figures, bars };
}

/** Public hosts first, then site after site of another kind until there are `nodes` hosts. */
function build(world: World, nodes: number): void {
  for (let i = 0; i < Math.min(PUBLIC_HOSTS, nodes); i++) world.addHost({ kind: "public" });
  const startAddresses = world.hosts.map((host) => host.options.socket.local);
  for (const host of world.hosts)
    host.startAddresses = startAddresses.filter((address) => address !== host.options.socket.local);
  const boxes: NatBehaviour[] = [];
  for (const ports of PORTS)
    for (const mapping of DEPENDENCES)
      for (const filtering of DEPENDENCES)
        boxes.push({ mapping, filtering, ports, expiryMs: 120_000, hairpin: boxes.length % 2 === 0 });
  for (let place = 0; world.hosts.length < nodes; place++) {
    const site = world.network.addSite("cone", boxes[place % boxes.length]);
    const hosts = place % 9 === 0 ? HOSTS_OF_A_LAB : 1;
    for (let i = 0; i < hosts && world.hosts.length < nodes; i++) world.addHost({ site, startAddresses });
  }
}

/** Each host with every other once, in random order and direction. */
function pairsOf(hosts: readonly Host[], entropy: { below(below: number): number }): [Host, Host][] {
  const pairs: [Host, Host][] = [];
  for (const [place, a] of hosts.entries())
    for (const b of hosts.slice(place + 1)) pairs.push(entropy.below(2) === 0 ? [a, b] : [b, a]);
  for (let i = pairs.length - 1; i > 0; i--) {
    const j = entropy.below(i + 1);
    [pairs[i], pairs[j]] = [pairs[j] as [Host, Host], pairs[i] as [Host, Host]];
  }
  return pairs;
}

/** Both ends send straight to each other. */
function isDirect(a: Host, b: Host): boolean {
  return a.pathTo(b.address)?.kind === "udp" && b.pathTo(a.address)?.kind === "udp";
}

function kindOf({ options }: Host): string {
  const behaviour = options.socket.site.nat?.behaviour;
  if (behaviour === undefined) return options.socket.site.kind;
  const short = (of: Dependence) =>
    of
      .replace("endpoint-independent", "EI")
      .replace("address-dependent", "AD")
      .replace("address-and-port-dependent", "APD");
  return `${short(behaviour.mapping)} mapping, ${short(behaviour.filtering)} filter, ${behaviour.ports} ports`;
}

function isWhole(world: World): boolean {
  const { consistent, nearExact } = checkRing(world.hosts);
  return consistent && nearExact;
}
