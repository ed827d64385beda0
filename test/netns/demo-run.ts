/** The course of a demo: internet, helpers, joins, pings, and what the nodes then say of themselves. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AFFILIATION } from "./config-2006.ts";
import { configOf, type DemoPlan, type PlannedNode, PORT } from "./demo-plan.ts";
import { cpuPct, type Fitness, memoryPssMb } from "./fitness.ts";
import { HelperProcess } from "./helper-process.ts";
import type { Host, Internet } from "./internet.ts";
import { type PingResult, ping } from "./ping.ts";
import type { NodeSeen, PairPinged } from "./report.ts";
import { inParallel, until } from "./shell.ts";

/** A join whose first ping is not answered by then has failed. */
const JOIN_DEADLINE_MS = 60_000;
const INTERFACE_LOOK_MS = 50;
/** Enough packets in a row for a pair to be given a link of its own (three in five seconds). */
const PINGS_A_PAIR = 5;
const PING_INTERVAL_MS = 200;
const PAIR_DEADLINE_MS = 20_000;
/** After the pings, until attempts at direct links are over. */
const SETTLE_MS = 10_000;
/** Hosts that are made, helpers that start, or nodes that are looked at, at once. */
const STARTS_AT_ONCE = 4;
/** Pairs that ping at once, where there are not many nodes; with more it is one pair for every two nodes. */
const PINGS_AT_ONCE = 16;
/** Where hundreds of nodes share two cores, all joining in one instant would measure the cores. */
const JOINS_AT_ONCE = 12;

/** How long the processors of idle helpers are watched; many helpers are worth the time. */
const IDLE_MS = { few: 5_000, many: 60_000, manyFrom: 50 };
/** Two nodes that come later have to be linked directly within it, or they count as not. */
const ADDED_DEADLINE_MS = 30_000;

export interface DemoNode {
  readonly plan: PlannedNode;
  readonly host: Host;
  readonly helper: HelperProcess;
}

export interface DemoResult {
  readonly seen: readonly NodeSeen[];
  readonly pings: readonly PairPinged[];
  readonly joinMs: readonly number[];
  readonly fitness: Fitness;
  /** From the join of two nodes added afterwards until both are linked to each other directly; undefined: not in time. */
  readonly addedDirectMs: number | undefined;
}

export type Say = (text: string) => void;

/** Makes the hosts of a plan; the public ones come first, in the order of the plan. */
export async function buildHosts(internet: Internet, plan: DemoPlan): Promise<Map<PlannedNode, Host>> {
  const publicHosts = await inParallel(plan.publicNodes, STARTS_AT_ONCE, (node) => internet.addPublicHost(node.name));
  const sites = await inParallel(plan.sites, STARTS_AT_ONCE, ({ name, kind, nodes }) =>
    internet.addSite(
      name,
      kind,
      nodes.map((node) => node.name),
    ),
  );
  const nodes = [...plan.publicNodes, ...plan.sites.flatMap((site) => site.nodes)];
  const hosts = [...publicHosts, ...sites.flatMap((site) => site.hosts)];
  return new Map(nodes.map((node, index) => [node, hosts[index] as Host]));
}

/**
 * Lets all nodes of a plan join, watches them at rest, pings every pair and adds two nodes afterwards. The nodes are put
 * into `nodes` as they start, so that their logs can be read also when this fails.
 */
export async function runDemo(internet: Internet, plan: DemoPlan, nodes: DemoNode[], say: Say): Promise<DemoResult> {
  const { joinMs, startAddresses } = await joinNodes(internet, plan, nodes, say);
  const pids = nodes.map(({ helper }) => helper.pid);
  const idleMs = nodes.length < IDLE_MS.manyFrom ? IDLE_MS.few : IDLE_MS.many;
  say(`watching the idle helpers for ${idleMs / 1000} s`);
  const idle = await cpuPct(pids, idleMs);
  const pings = await pingPairs(nodes, say);
  say(`waiting ${SETTLE_MS / 1000} s until attempts at direct links are over`);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const seen = await inParallel(nodes, STARTS_AT_ONCE, look);
  const fitness = { memoryPssMb: memoryPssMb(pids), ...idle };
  const addedDirectMs = await addTwo(internet, plan, nodes, startAddresses, say);
  return { seen, pings, joinMs, fitness, addedDirectMs };
}

/** Starts a helper on each host of a plan and lets all of them join. */
export async function joinNodes(
  internet: Internet,
  plan: DemoPlan,
  nodes: DemoNode[],
  say: Say,
): Promise<{ readonly joinMs: readonly number[]; readonly startAddresses: readonly string[] }> {
  const hosts = await buildHosts(internet, plan);
  const startAddresses = plan.publicNodes.map((node) => `${hosts.get(node)?.address}:${PORT}`);
  say(`${hosts.size} hosts: ${plan.publicNodes.length} public, ${plan.sites.length} sites behind NATs`);

  // A few at once: a hundred that start together take longer on two cores than one after the other.
  await inParallel([...hosts], STARTS_AT_ONCE, async ([plan, host]) => {
    const node = { plan, host, helper: new HelperProcess(host) };
    nodes.push(node);
    await node.helper.client();
  });
  const atOnce = nodes.length > JOINS_AT_ONCE ? `${JOINS_AT_ONCE} at once` : "all at once";
  say(`${nodes.length} helpers run; they join "${AFFILIATION}", ${atOnce}`);

  const joins = await inParallel(nodes, JOINS_AT_ONCE, (node) => joinAndPing(node, nodes, startAddresses));
  const joinMs = joins.flatMap((result) => result.firstAfterMs ?? []);
  const late = nodes.filter((_, index) => joins[index]?.firstAfterMs === undefined);
  say(
    late.length === 0
      ? `joined: first ping answered after ${(Math.max(...joinMs) / 1000).toFixed(1)} s at the latest`
      : `no ping answered ${JOIN_DEADLINE_MS / 1000} s after joining: ${late.map((node) => node.plan.name).join(", ")}`,
  );

  return { joinMs, startAddresses };
}

/** Two more homes join, or a home and a public host where TCP alone is used; from then until both say that they are linked to each other directly. */
async function addTwo(
  internet: Internet,
  { transport }: DemoPlan,
  nodes: DemoNode[],
  startAddresses: readonly string[],
  say: Say,
): Promise<number | undefined> {
  const added = await inParallel([1, 2], 2, async (number): Promise<DemoNode> => {
    const name = `late${number}`;
    // A stream cannot be made between two NATs.
    const kind = transport === "tcp" && number === 1 ? "public" : "cone";
    const host =
      kind === "public"
        ? await internet.addPublicHost(name)
        : ((await internet.addSite(name, kind, [name])).hosts[0] as Host);
    const virtualIp = `172.16.250.${number}`;
    const plan: PlannedNode = { name, kind, virtualIp, port: PORT, ...(transport !== undefined && { transport }) };
    return { plan, host, helper: new HelperProcess(host) };
  });
  await Promise.all(added.map(({ helper }) => helper.client()));
  nodes.push(...added);
  const [one, two] = added as [DemoNode, DemoNode];
  const started = performance.now();
  const isDirect = async (from: DemoNode, to: DemoNode) => {
    const peers = await (await from.helper.client()).peers({});
    const transport = peers.find(({ virtualIp }) => virtualIp === to.plan.virtualIp)?.transport;
    return transport !== undefined && transport !== null && transport !== "relay";
  };
  await Promise.all(
    added.map(async ({ plan, helper }) =>
      (await helper.client()).join({ kind: "config", ...configOf(plan, startAddresses) }),
    ),
  );
  const pinged = ping(one.host, two.plan.virtualIp, {
    count: 3,
    intervalMs: PING_INTERVAL_MS,
    deadlineMs: ADDED_DEADLINE_MS,
  });
  const directMs = await until(
    "two added nodes to be linked directly",
    ADDED_DEADLINE_MS,
    async () => (await isDirect(one, two)) && (await isDirect(two, one)) && performance.now() - started,
    100,
  ).catch(() => undefined);
  const { answered } = await pinged;
  const ms = answered ? directMs : undefined;
  say(
    ms === undefined
      ? "two nodes added afterwards: no direct link"
      : `two nodes added afterwards: direct after ${(ms / 1000).toFixed(1)} s`,
  );
  return ms;
}

/**
 * Joins, and pings another node as soon as the interface is up; the times count from the call to join. Without a route a
 * ping ends at once, and starting it over and over takes the processors that the joining helpers need.
 */
async function joinAndPing(
  node: DemoNode,
  nodes: readonly DemoNode[],
  startAddresses: readonly string[],
): Promise<PingResult> {
  const others = startAddresses.filter((address) => address !== `${node.host.address}:${PORT}`);
  const target = nodes.find((other) => other !== node) as DemoNode;
  const client = await node.helper.client();
  const started = performance.now();
  await client.join({ kind: "config", ...configOf(node.plan, others) });
  const isUp = async () => (await client.status({})).affiliations[0]?.interface.state === "up";
  await until("the interface", JOIN_DEADLINE_MS, isUp, INTERFACE_LOOK_MS).catch(() => {});
  const beforeMs = performance.now() - started;
  const options = { count: 1, intervalMs: 100, deadlineMs: JOIN_DEADLINE_MS - beforeMs };
  const { firstAfterMs, ...result } = await ping(node.host, target.plan.virtualIp, options);
  return { ...result, firstAfterMs: firstAfterMs === undefined ? undefined : beforeMs + firstAfterMs };
}

async function pingPairs(nodes: readonly DemoNode[], say: Say): Promise<PairPinged[]> {
  const pairs = nodes.flatMap((from, index) => nodes.slice(index + 1).map((to) => ({ from, to })));
  const atOnce = Math.max(PINGS_AT_ONCE, Math.round(nodes.length / 2));
  let done = 0;
  const pings = await inParallel(pairs, atOnce, async ({ from, to }): Promise<PairPinged> => {
    const options = { count: PINGS_A_PAIR, intervalMs: PING_INTERVAL_MS, deadlineMs: PAIR_DEADLINE_MS };
    const { answered, rttMs } = await ping(from.host, to.plan.virtualIp, options);
    if (++done % 500 === 0) say(`${done} of ${pairs.length} pairs pinged`);
    return { from: from.plan.name, to: to.plan.name, answered, rttMs };
  });
  const silent = pings.filter((pair) => !pair.answered);
  say(`${pairs.length - silent.length} of ${pairs.length} pairs reach each other`);
  for (const pair of silent.slice(0, 10)) say(`  silent: ${pair.from} to ${pair.to} (${pair.rttMs.length} answers)`);
  return pings;
}

/** What a node says of itself and of the others. */
export async function look(node: DemoNode): Promise<NodeSeen> {
  const client = await node.helper.client();
  const [ring, peers] = await Promise.all([client.ring({}), client.peers({})]);
  return {
    name: node.plan.name,
    kind: node.plan.kind,
    virtualIp: node.plan.virtualIp,
    ringAddress: ring.self,
    peers,
  };
}

/** Copies each helper's log, and writes what it says of itself now, into a folder. */
export async function keepLogs(nodes: readonly DemoNode[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const { plan, helper } of nodes) {
    writeFileSync(join(folder, `${plan.name}.log`), helper.log());
    const state = await stateOf(helper).catch((error) => ({ unknown: String(error) }));
    writeFileSync(join(folder, `${plan.name}.json`), JSON.stringify(state, null, 2));
  }
}

async function stateOf(helper: HelperProcess): Promise<object> {
  if (!helper.runs()) throw new Error("the helper has ended");
  const client = await helper.client();
  return { status: await client.status({}), peers: await client.peers({}), ring: await client.ring({}) };
}
