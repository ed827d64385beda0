/**
 * The way of packets to a peer, hop by hop (docs/protocol.md, "Trace and walk"): TRACE goes to it over the ring, and every node
 * that it passes answers for itself. The newest way to each peer is remembered, for the view.
 */
import type { TracedHop } from "../boundary.ts";
import type { Core } from "../core.ts";
import type { Peer } from "../link/peer.ts";
import type { Peers } from "../link/peers.ts";
import { RateLimit } from "../rate-limit.ts";
import type { MessageOf } from "../wire/types.ts";
import type { RingAddress } from "./address.ts";
import type { RoutedRequest, Router } from "./router.ts";

const TIMEOUT_MS = 3_000;
/** The peer has answered; hops before it that have not get this much longer. */
const GRACE_MS = 500;
const AT_ONCE = 16;
const ANSWERS_PER_S = 10;
const HOPS_LIMIT = 33;
const WAYS_REMEMBERED = 256;
/** A way is shown for so long, and asked for again when it is half as old, while traffic takes it. */
const WAY_LIFE_MS = 120_000;
const WAYS_ASKED_AT_ONCE = 2;
const TRAFFIC_RECENT_MS = 30_000;

/** Codes of TRACE_HOP, from 1. */
const TRANSPORTS = ["udp", "tcp", "tls", "proxy", "stream", "relay"] as const;

export class Traces {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #router: Router;
  readonly #ways = new Map<RingAddress, { readonly hops: readonly RingAddress[]; readonly at: number }>();
  readonly #answers = new RateLimit(ANSWERS_PER_S);
  #running = 0;

  constructor(core: Core, peers: Peers, router: Router) {
    this.#core = core;
    this.#peers = peers;
    this.#router = router;
  }

  /** Calls `then` once with the hops that answered, nearest first; the peer is the last one if it did. */
  trace(peer: RingAddress, then: (hops: readonly TracedHop[]) => void): void {
    if (this.#running >= AT_ONCE) return then([]);
    this.#running++;
    const done = (hops: readonly TracedHop[]) => {
      this.#running--;
      this.#remember(peer, hops);
      then(hops);
    };
    const path = this.#peers.get(peer)?.active?.path;
    if (path?.kind !== "tunnel") return this.#ask(peer, done);
    // A relay forwards without looking inside, so it is asked on its own.
    this.#ask(path.relay, (first) => this.#ask(peer, (second) => done([...first, ...second])));
  }

  /** The way to a peer without a path of its own, as last traced. */
  wayTo(peer: RingAddress): readonly RingAddress[] | undefined {
    const way = this.#ways.get(peer);
    return way && this.#core.now - way.at < WAY_LIFE_MS ? way.hops : undefined;
  }

  /** Peers that answered a trace lately. */
  *reached(): Iterable<RingAddress> {
    for (const [peer, { hops, at }] of this.#ways)
      if (this.#core.now - at < WAY_LIFE_MS && hops.at(-1) === peer) yield peer;
  }

  /** Now and then: finds the way of traffic that goes over the ring. */
  upkeep(): void {
    const core = this.#core;
    let asked = 0;
    for (const peer of this.#peers.all()) {
      if (asked >= WAYS_ASKED_AT_ONCE) return;
      const isRouted = peer.up && (peer.active === undefined || peer.active.path.kind === "ring");
      if (!isRouted || peer.counters === undefined || core.now - peer.lastIpAt > TRAFFIC_RECENT_MS) continue;
      const way = this.#ways.get(peer.address);
      if (way && core.now - way.at < WAY_LIFE_MS / 2) continue;
      asked++;
      this.trace(peer.address, () => {});
    }
  }

  /** TRACE passes this node, which `from` brought it to. */
  onPass(from: Peer, hops: number, answer: (message: MessageOf<"traceHop">) => void): void {
    if (this.#answers.allows(from.slot, this.#core.now)) answer(this.#hop(from, hops));
    else this.#core.drop("traces of one edge");
  }

  /** TRACE ends here. */
  onTrace(request: RoutedRequest): void {
    if (request.from) this.onPass(request.from, request.hops, (message) => request.answer(message));
  }

  clear(): void {
    this.#ways.clear();
    this.#answers.clear();
    this.#running = 0;
  }

  #hop(from: Peer, hops: number): MessageOf<"traceHop"> {
    const kind = from.active?.path.kind;
    const transport = kind === "tunnel" ? "relay" : kind === "tcp" ? "tcp" : "udp";
    return {
      type: "traceHop",
      hop: Math.min(0xff, hops),
      self: this.#core.brief(),
      transport: TRANSPORTS.indexOf(transport) + 1,
      rttMs: from.srttMs ?? 0,
    };
  }

  #ask(dst: RingAddress, then: (hops: readonly TracedHop[]) => void): void {
    const core = this.#core;
    const startedAt = core.now;
    const heard = new Map<number, TracedHop>();
    let isDone = false;
    const end = () => {
      if (isDone) return;
      isDone = true;
      then([...heard].sort(([a], [b]) => a - b).map(([, hop]) => hop));
    };
    const take = (hop: MessageOf<"traceHop">) => {
      if (isDone || heard.size >= HOPS_LIMIT || heard.has(hop.hop) || hop.self.address === core.address) return;
      heard.set(hop.hop, {
        ringAddress: hop.self.address,
        transport: TRANSPORTS[hop.transport - 1] ?? "udp",
        rttMs: core.now - startedAt,
      });
    };
    this.#router.request({
      dst,
      mode: "exact",
      message: { type: "trace", t: BigInt(Math.floor(core.now)) },
      timeoutMs: TIMEOUT_MS,
      onPass: (message) => {
        if (message.type === "traceHop") take(message);
      },
      onAnswer: (message) => {
        if (message.type !== "traceHop") return end();
        take(message);
        // Hops count from 1: where none is missing, nobody is waited for.
        if (heard.size >= message.hop) end();
        else core.after(GRACE_MS, "hops of a trace", end);
      },
      onTimeout: end,
    });
  }

  #remember(peer: RingAddress, hops: readonly TracedHop[]): void {
    if (hops.at(-1)?.ringAddress !== peer) return;
    this.#ways.delete(peer);
    if (this.#ways.size >= WAYS_REMEMBERED) {
      const oldest = this.#ways.keys().next().value;
      if (oldest !== undefined) this.#ways.delete(oldest);
    }
    this.#ways.set(peer, { hops: hops.map(({ ringAddress }) => ringAddress), at: this.#core.now });
  }
}
