/**
 * Edges of those who are only getting in: a full node serves the others for a short time without an edge, and names
 * neighbours that have room (docs/protocol.md, "Join").
 */
import { LEAF_LIMIT, LEAF_SERVED_MS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { RingAddress } from "../ring/address.ts";
import { NO_COORD } from "../ring/coordinates.ts";
import { MAX_REFER_BRIEFS } from "../wire/ring-messages.ts";
import type { Brief, MessageOf } from "../wire/types.ts";
import type { Control } from "./control.ts";
import type { Linker } from "./linker.ts";
import type { Peer } from "./peer.ts";
import type { Peers } from "./peers.ts";

export const REFER_FULL = 1;
const LINKS_PER_REFER = 2;

export class Leaves {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #control: Control;
  readonly #linker: Linker;
  readonly #close: (peer: Peer) => void;
  /** Sessions without an edge, until when they are served. */
  readonly #served = new Map<RingAddress, number>();

  /** `close` ends a session that is over the limit. */
  constructor(core: Core, peers: Peers, control: Control, linker: Linker, close: (peer: Peer) => void) {
    this.#core = core;
    this.#peers = peers;
    this.#control = control;
    this.#linker = linker;
    this.#close = close;
  }

  /** Whether that peer's session becomes a leaf edge; if not it is served for a while. */
  take(peer: Peer): boolean {
    if (peer.isEdge) return true;
    let leaves = 0;
    for (const other of this.#peers.all()) if (other.theirs.has("leaf")) leaves++;
    if (leaves < LEAF_LIMIT) return true;
    if (!this.#served.has(peer.address)) {
      this.#served.set(peer.address, this.#core.now + LEAF_SERVED_MS);
      this.#core.after(LEAF_SERVED_MS, "leaf served", () => this.#end(peer));
    }
    return false;
  }

  /** A path to a served peer is up, or this node became a member: it needs to know that, and whom else it may ask. */
  refer(peer: Peer): void {
    if (!this.#served.has(peer.address) || !peer.up || peer.isEdge) return;
    this.#control.send(peer, { type: "near", self: this.#core.brief(), briefs: [], descs: [] });
    const briefs = this.#withRoom();
    if (briefs.length > 0) this.#control.send(peer, { type: "refer", reason: REFER_FULL, briefs });
  }

  becameMember(): void {
    for (const address of this.#served.keys()) {
      const peer = this.#peers.get(address);
      if (peer) this.refer(peer);
    }
  }

  onRefer(peer: Peer, refer: MessageOf<"refer">): void {
    if (this.#core.member) return;
    let links = 0;
    for (const brief of refer.briefs) {
      if (links >= LINKS_PER_REFER) return;
      if (brief.flags.member && this.#linker.want(brief.address, "leaf", peer.address)) links++;
    }
  }

  gone(address: RingAddress): void {
    this.#served.delete(address);
  }

  clear(): void {
    this.#served.clear();
  }

  #end(peer: Peer): void {
    if (!this.#served.delete(peer.address)) return;
    if (this.#peers.get(peer.address) === peer && peer.up && !peer.isEdge) this.#close(peer);
  }

  /** Random members with an edge here; those whom anybody can reach, where there are such. */
  #withRoom(): Brief[] {
    const members: Peer[] = [];
    for (const peer of this.#peers.all()) if (peer.live && peer.member && peer.direct) members.push(peer);
    const open = members.filter((peer) => peer.flags.public);
    const pool = open.length > 0 ? open : members;
    const briefs: Brief[] = [];
    while (pool.length > 0 && briefs.length < MAX_REFER_BRIEFS) {
      const [peer] = pool.splice(this.#core.entropy.u32() % pool.length, 1) as [Peer];
      briefs.push({ address: peer.address, flags: peer.flags, coord: peer.coord ?? NO_COORD });
    }
    return briefs;
  }
}
