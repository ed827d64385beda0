/** Answers the calls that measure, trace and look back: what a person asks about one peer, or about all of them. */
import {
  HelperError,
  type HistoryView,
  type ParsedArgs,
  type PeerDetail,
  type SpeedView,
  type ThroughputView,
  type TraceView,
  type WalkView,
} from "../contract/contract.ts";
import type { PeerView } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import type { Checkup } from "./doctor.ts";
import { findPeer } from "./peer-names.ts";
import { type AffiliationFacts, peerDetail } from "./present.ts";

/** What measuring needs of an affiliation. */
export interface MeasuringPort {
  facts(): AffiliationFacts;
  /** The hops on the way to a peer that answered in time, nearest first. */
  trace(peer: RingAddress): Promise<readonly TraceHop[]>;
  /** Throws PEER_REFUSED, TIMED_OUT or LIMIT. */
  speed(peer: RingAddress, seconds: number): Promise<SpeedResult>;
  /** Keeps the walk round the ring going for some seconds. */
  walk(): void;
  tryDirect(peer: RingAddress): void;
  openShortcut(peer: RingAddress): void;
  readonly recorder: RecorderPort;
  /** Asks the system what the checks need to know. */
  checkup(): Checkup;
}

export type TraceHop = Pick<TraceView["hops"][number], "transport" | "rttMs"> & { readonly ringAddress: RingAddress };
export type SpeedResult = Pick<SpeedView, "seconds" | "upBitsPerS" | "downBitsPerS" | "lossPct">;

/** What the helper remembers of the links. */
export interface RecorderPort {
  history(peer: RingAddress, range: HistoryRangeName): Pick<HistoryView, "stepS" | "points" | "events">;
  throughput(range: HistoryRangeName): ThroughputView;
}

type HistoryRangeName = ParsedArgs<"history">["range"];

export async function trace(
  affiliation: MeasuringPort,
  { peer: written }: Pick<ParsedArgs<"trace">, "peer">,
): Promise<TraceView> {
  const facts = connectedFacts(affiliation);
  const peer = findPeer(facts, written);
  const hops = await affiliation.trace(peer.ringAddress);
  if (hops.length === 0) {
    throw new HelperError(
      "TIMED_OUT",
      `Neither ${shown(peer)} nor any member on the way to it answered.`,
      "See ringway peer for its path, and ringway doctor for this computer.",
    );
  }
  const names = new Map(affiliation.facts().node.peers.map(({ ringAddress, name }) => [ringAddress, name]));
  return { ...named(peer), hops: hops.map((hop) => ({ ...hop, name: names.get(hop.ringAddress) ?? null })) };
}

export async function speed(
  affiliation: MeasuringPort,
  { peer: written, seconds }: Pick<ParsedArgs<"speed">, "peer" | "seconds">,
): Promise<SpeedView> {
  const peer = findPeer(connectedFacts(affiliation), written);
  return { ...named(peer), ...(await affiliation.speed(peer.ringAddress, seconds)) };
}

export function walk(affiliation: MeasuringPort): WalkView {
  const { node } = connectedFacts(affiliation);
  affiliation.walk();
  return { walked: node.walked, members: node.peers.length + 1 };
}

export function tryDirect(affiliation: MeasuringPort, written: string): PeerDetail {
  const { ringAddress } = findPeer(connectedFacts(affiliation), written);
  affiliation.tryDirect(ringAddress);
  return detailOf(affiliation, ringAddress, written);
}

export function shortcut(affiliation: MeasuringPort, written: string): PeerDetail {
  const { ringAddress } = findPeer(connectedFacts(affiliation), written);
  affiliation.openShortcut(ringAddress);
  return detailOf(affiliation, ringAddress, written);
}

export function history(
  affiliation: MeasuringPort,
  { peer: written, range }: Pick<ParsedArgs<"history">, "peer" | "range">,
): HistoryView {
  const { ringAddress } = findPeer(affiliation.facts(), written);
  return { peer: ringAddress, ...affiliation.recorder.history(ringAddress, range) };
}

function detailOf(affiliation: MeasuringPort, ringAddress: RingAddress, written: string): PeerDetail {
  const facts = affiliation.facts();
  const peer = facts.node.peers.find((each) => each.ringAddress === ringAddress) ?? findPeer(facts, written);
  return peerDetail(facts, peer);
}

/** Throws NOT_CONNECTED. */
export function connectedFacts(affiliation: { facts(): AffiliationFacts }): AffiliationFacts {
  const facts = affiliation.facts();
  if (facts.node.state === "connected") return facts;
  const { state, reason } = facts.node;
  throw new HelperError(
    "NOT_CONNECTED",
    `"${facts.name}" is not connected${reason ? `: ${lowerFirst(reason).replace(/\.$/, "")}` : ""}.`,
    state === "off" ? `Connect it with: ringway connect "${facts.name}".` : "Wait until it is; ringway status tells.",
  );
}

function named(peer: PeerView) {
  return { peer: peer.ringAddress, name: peer.name ?? null, virtualIp: peer.virtualIp ?? null };
}

function shown({ name, virtualIp, ringAddress }: PeerView): string {
  return name ?? virtualIp ?? ringAddress.slice(0, 12);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
