/** The peers of a snapshot as the ring draws them, made once for each set of peers. */
import type { TraceView } from "#contract";
import type { Peer } from "../../store/peers.ts";
import type { Pair } from "./paint.ts";
import type { RingMember } from "./scene.ts";

const made = new WeakMap<ReadonlyMap<string, Peer>, readonly RingMember[]>();
const memberOf = new WeakMap<Peer, RingMember>();

export function ringMembers(peers: ReadonlyMap<string, Peer>): readonly RingMember[] {
  let members = made.get(peers);
  if (members === undefined) {
    members = [...peers.values()].map(toMember);
    made.set(peers, members);
  }
  return members;
}

function toMember(peer: Peer): RingMember {
  let member = memberOf.get(peer);
  if (member === undefined) {
    const { ringAddress, transport, via, path } = peer.row;
    const { label, kind, rttMs, predicted, silent } = peer;
    member = { ringAddress, name: label, kind, transport, rttMs, predicted, via, path, silent };
    memberOf.set(peer, member);
  }
  return member;
}

/** The same members, with the way that a trace found in place of the supposed one. */
export function withTrace(members: readonly RingMember[], traced: TraceView): readonly RingMember[] {
  const path = traced.hops.map(({ ringAddress }) => ringAddress);
  return members.map((member) => (member.ringAddress === traced.peer ? { ...member, path } : member));
}

const meshes = new WeakMap<readonly RingMember[], readonly Pair[]>();
let kept: { readonly key: string; readonly mesh: readonly Pair[] } = { key: "", mesh: [] };

/**
 * Links between other members that this computer knows of: those that the ways to its peers go over. The same list as
 * long as they are the same, so that the picture of them is kept.
 */
export function meshOf(members: readonly RingMember[]): readonly Pair[] {
  const known = meshes.get(members);
  if (known) return known;
  const pairs = new Map<string, Pair>();
  const add = (a: string, b: string) => {
    const [from, to] = a < b ? [a, b] : [b, a];
    pairs.set(`${from}${to}`, [from, to]);
  };
  for (const { path, via, ringAddress } of members) {
    for (let index = 1; index < path.length; index++) add(path[index - 1] as string, path[index] as string);
    if (via !== null) add(via, ringAddress);
  }
  const key = [...pairs.keys()].join();
  if (kept.key !== key) kept = { key, mesh: [...pairs.values()] };
  meshes.set(members, kept.mesh);
  return kept.mesh;
}
