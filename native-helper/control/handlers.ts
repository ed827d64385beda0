/** Answers the calls of the contract from the affiliations; what they can do is given as an interface. */
import {
  type AffiliationChange,
  type AffiliationSettings,
  type AffiliationView,
  HelperError,
  type HelperSnapshot,
  type JoinPreview,
  type ParsedArgs,
  type PingView,
  type StatusView,
  type Warning,
} from "../contract/contract.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { doctor } from "./doctor.ts";
import { exportHistory } from "./export.ts";
import { connectedFacts, history, type MeasuringPort, shortcut, speed, trace, tryDirect, walk } from "./measures.ts";
import { findPeer } from "./peer-names.ts";
import { type AffiliationFacts, affiliationView, peerDetail, peerRow, ringView } from "./present.ts";
import type { ControlService } from "./server.ts";

/** One affiliation, as far as calls reach it. */
export interface AffiliationPort extends MeasuringPort {
  readonly name: string;
  disconnect(): Promise<void>;
  up(): Promise<void>;
  down(): Promise<void>;
  ping(peer: RingAddress, timeoutMs: number): Promise<number | undefined>;
}

/** The helper behind the calls. */
export interface HelperPort<A extends AffiliationPort> {
  readonly version: string;
  readonly all: readonly A[];
  readonly port: number | null;
  readonly warnings: readonly Warning[];
  join(args: ParsedArgs<"join">): Promise<A>;
  connect(affiliation: A): Promise<void>;
  leave(affiliation: A): Promise<void>;
  preview(args: ParsedArgs<"preview">): JoinPreview;
  configure(affiliation: A, change: AffiliationChange): Promise<AffiliationSettings>;
  wake(): void;
}

/** Between the end of one round trip and the start of the next. */
const PING_GAP_MS = 200;

export function controlService<A extends AffiliationPort>(helper: HelperPort<A>): ControlService {
  const find = (name: string | undefined): A => findAffiliation(helper.all, name);
  const factsOf = (name: string | undefined): AffiliationFacts => find(name).facts();

  /** Runs a command on an affiliation and shows what became of it. */
  async function command(name: string | undefined, run: (affiliation: A) => Promise<void>): Promise<AffiliationView> {
    const affiliation = find(name);
    await run(affiliation);
    return affiliationView(affiliation.facts());
  }

  return {
    version: helper.version,
    snapshot: () => {
      const all = helper.all.map((affiliation) => affiliation.facts());
      return { at: new Date().toISOString(), status: statusView(helper, all), rings: all.map(ringOf) };
    },
    handlers: {
      status: async () =>
        statusView(
          helper,
          helper.all.map((affiliation) => affiliation.facts()),
        ),
      peers: async ({ affiliation }) => {
        const facts = factsOf(affiliation);
        return facts.node.peers.map((peer) => peerRow(facts, peer));
      },
      peer: async ({ affiliation, peer }) => {
        const facts = factsOf(affiliation);
        return peerDetail(facts, findPeer(facts, peer));
      },
      ring: async ({ affiliation }) => ringView(factsOf(affiliation)),
      ping: async (args) => ping(find(args.affiliation), args),
      trace: async (args) => trace(find(args.affiliation), args),
      speed: async (args) => speed(find(args.affiliation), args),
      doctor: async ({ affiliation }) => {
        const about = {
          version: helper.version,
          uptimeS: process.uptime(),
          port: helper.port,
          warnings: helper.warnings,
        };
        if (affiliation === undefined && helper.all.length === 0) return doctor(about);
        const found = find(affiliation);
        return doctor(about, found.facts(), found.checkup());
      },
      history: async (args) => history(find(args.affiliation), args),
      throughput: async ({ affiliation, range }) => find(affiliation).recorder.throughput(range),
      export: async (args) => exportHistory(find(args.affiliation), args, new Date()),
      walk: async ({ affiliation }) => walk(find(affiliation)),
      tryDirect: async ({ affiliation, peer }) => tryDirect(find(affiliation), peer),
      shortcut: async ({ affiliation, peer }) => shortcut(find(affiliation), peer),
      join: async (args) => affiliationView((await helper.join(args)).facts()),
      leave: async ({ affiliation }) => {
        const found = find(affiliation);
        await helper.leave(found);
        return { affiliation: found.name };
      },
      connect: ({ affiliation }) => command(affiliation, (found) => helper.connect(found)),
      disconnect: ({ affiliation }) => command(affiliation, (found) => found.disconnect()),
      up: ({ affiliation }) => command(affiliation, (found) => found.up()),
      down: ({ affiliation }) => command(affiliation, (found) => found.down()),
      preview: async (args) => helper.preview(args),
      configure: async ({ affiliation, change }) => helper.configure(find(affiliation), change),
      wake: async () => {
        helper.wake();
        return {};
      },
    },
  };
}

function findAffiliation<A extends AffiliationPort>(all: readonly A[], name: string | undefined): A {
  if (name !== undefined) {
    const found = all.find((affiliation) => affiliation.name === name);
    if (found) return found;
    const known = all.length > 0 ? ` It has joined ${quotedList(all)}.` : "";
    throw new HelperError(
      "UNKNOWN_AFFILIATION",
      `This computer has not joined "${name}".${known}`,
      "Join it with: ringway join.",
    );
  }
  const [only, ...more] = all;
  if (!only) {
    throw new HelperError(
      "UNKNOWN_AFFILIATION",
      "This computer has joined no affiliation yet.",
      "Join one with: ringway join.",
    );
  }
  if (more.length > 0) {
    throw new HelperError(
      "AMBIGUOUS_AFFILIATION",
      `This computer has joined several affiliations: ${quotedList(all)}.`,
      "Name the one that you mean.",
    );
  }
  return only;
}

async function ping(
  affiliation: AffiliationPort,
  { peer: written, count, timeoutMs }: ParsedArgs<"ping">,
): Promise<PingView> {
  const peer = findPeer(connectedFacts(affiliation), written);
  const rtts: number[] = [];
  for (let sent = 0; sent < count; sent++) {
    if (sent > 0) await new Promise((resolve) => setTimeout(resolve, PING_GAP_MS));
    const rttMs = await affiliation.ping(peer.ringAddress, timeoutMs);
    if (rttMs !== undefined) rtts.push(Math.round(rttMs * 1_000) / 1_000);
  }
  rtts.sort((a, b) => a - b);
  const middle = (rtts.length - 1) / 2;
  const median =
    rtts.length === 0 ? null : ((rtts[Math.floor(middle)] as number) + (rtts[Math.ceil(middle)] as number)) / 2;
  return {
    peer: peer.ringAddress,
    name: peer.name ?? null,
    virtualIp: peer.virtualIp ?? null,
    sent: count,
    received: rtts.length,
    rttMs: { min: rtts[0] ?? null, median, max: rtts.at(-1) ?? null },
  };
}

function statusView(
  helper: Pick<HelperPort<AffiliationPort>, "version" | "port" | "warnings">,
  all: readonly AffiliationFacts[],
): StatusView {
  return {
    version: helper.version,
    helper: { pid: process.pid, uptimeS: Math.round(process.uptime()), port: helper.port },
    affiliations: all.map(affiliationView),
    warnings: helper.warnings.map(({ code, text, remedy }) => ({ code, text, remedy })),
  };
}

function ringOf(facts: AffiliationFacts): HelperSnapshot["rings"][number] {
  return {
    affiliation: facts.name,
    peers: facts.node.peers.map((peer) => peerRow(facts, peer)),
    ring: ringView(facts),
  };
}

function quotedList(all: readonly AffiliationPort[]): string {
  return all.map(({ name }) => `"${name}"`).join(", ");
}
