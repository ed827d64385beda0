/**
 * Learns every member of the ring, while somebody looks at it (docs/protocol.md, "Trace and walk"): WALK asks the owner of a
 * place for its near members, and goes on at the last of them clockwise, until it is round.
 */
import { D_NEAR } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Descs } from "../link/descs.ts";
import type { Peers } from "../link/peers.ts";
import { RateLimit } from "../rate-limit.ts";
import type { Brief } from "../wire/types.ts";
import { clockwiseDistance, type RingAddress } from "./address.ts";
import { NO_COORD } from "./coordinates.ts";
import type { RoutedRequest, Router } from "./router.ts";

/** A walk goes on for so long after it was last asked for. */
const ASKED_FOR_MS = 10_000;
/** Five questions a second at most. */
const QUESTION_GAP_MS = 200;
const QUESTION_TIMEOUT_MS = 2_000;
const TRIES = 3;
/** A walk that got stuck begins again after this time. */
const STUCK_MS = 5_000;
/** The ring is walked round again when the last walk ended this long ago. */
const AGAIN_AFTER_MS = 30_000;
/** What a walk found is shown for so long after its end. */
const KNOWN_FOR_MS = 120_000;
const MEMBERS_LIMIT = 4_096;
const ANSWERS_PER_S = 20;

export class Walk {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #descs: Descs;
  readonly #router: Router;
  readonly #answers = new RateLimit(ANSWERS_PER_S);
  /** Members found by the last whole walk, and by the running one. */
  #members: ReadonlyMap<RingAddress, Brief> = new Map();
  #found = new Map<RingAddress, Brief>();
  #askedUntil = Number.NEGATIVE_INFINITY;
  #endedAt = Number.NEGATIVE_INFINITY;
  /** Where the running walk stands; undefined while none runs. */
  #at: RingAddress | undefined;
  /** Told of each step, so that one of an ended run changes nothing. */
  #run = 0;

  constructor(core: Core, peers: Peers, descs: Descs, router: Router) {
    this.#core = core;
    this.#peers = peers;
    this.#descs = descs;
    this.#router = router;
  }

  /** Somebody looks at the whole ring. */
  ask(): void {
    const core = this.#core;
    if (!core.member) return;
    this.#askedUntil = core.now + ASKED_FOR_MS;
    if (this.#at === undefined && core.now - this.#endedAt >= AGAIN_AFTER_MS) this.#begin();
  }

  /** The ring has been gone round lately. */
  get walked(): boolean {
    return this.#members.size > 0 && this.#core.now - this.#endedAt < KNOWN_FOR_MS;
  }

  /** When the last whole walk ended, while it counts: who is not in it was no member then. */
  get wholeAt(): number | undefined {
    return this.walked ? this.#endedAt : undefined;
  }

  /** Members that the last walk and the running one found. */
  *members(): Iterable<Brief> {
    if (this.walked) yield* this.#members.values();
    yield* this.#found.values();
  }

  /** The owner of `from` tells itself and its near members. */
  onWalk(request: RoutedRequest): void {
    if (request.from && !this.#answers.allows(request.from.slot, this.#core.now)) {
      return this.#core.drop("walks of one edge");
    }
    request.answer({ type: "walkEnd", briefs: this.#near() });
  }

  clear(): void {
    this.#run++;
    this.#at = undefined;
    this.#members = new Map();
    this.#found = new Map();
    this.#askedUntil = Number.NEGATIVE_INFINITY;
    this.#endedAt = Number.NEGATIVE_INFINITY;
    this.#answers.clear();
  }

  #begin(): void {
    this.#run++;
    this.#found = new Map();
    this.#at = this.#core.address;
    this.#advance(this.#core.address, this.#near());
  }

  #question(tries: number): void {
    const core = this.#core;
    const at = this.#at;
    if (at === undefined) return;
    if (core.now > this.#askedUntil || !core.member) return this.#stop();
    const run = this.#run;
    this.#router.request({
      dst: at,
      mode: "nearest",
      message: { type: "walk", from: at },
      timeoutMs: QUESTION_TIMEOUT_MS,
      onAnswer: (answer) => {
        if (this.#run !== run) return;
        if (answer.type === "walkEnd" && this.#advance(at, answer.briefs)) return;
        this.#again(tries);
      },
      onTimeout: () => {
        if (this.#run === run) this.#again(tries);
      },
    });
  }

  #again(tries: number): void {
    if (tries > 1) return this.#later(QUESTION_GAP_MS, () => this.#question(tries - 1));
    // Whoever still looks gets another walk; this one would leave a hole.
    this.#stop();
    this.#later(STUCK_MS, () => {
      if (this.#core.now < this.#askedUntil && this.#core.member) this.#begin();
    });
  }

  /**
   * Takes an answer about what follows `at`: the one that answers, its near members clockwise, then those on its other side,
   * which are news but no progress. False where it leads nowhere.
   */
  #advance(at: RingAddress, briefs: readonly Brief[]): boolean {
    const { address } = this.#core;
    for (const brief of briefs) {
      if (brief.address !== address && this.#found.size < MEMBERS_LIMIT) this.#found.set(brief.address, brief);
    }
    const left = at === address ? FULL_TURN : clockwiseDistance(at, address);
    let furthest: RingAddress | undefined;
    let reached = 0n;
    for (const brief of briefs.slice(1, 1 + D_NEAR)) {
      const distance = brief.address === address ? left : clockwiseDistance(at, brief.address);
      if (distance === 0n) continue;
      if (distance < reached) break; // Beyond `at` again: a small ring.
      reached = distance;
      furthest = brief.address;
    }
    if (reached >= left || this.#found.size >= MEMBERS_LIMIT || (at === address && furthest === undefined)) {
      this.#members = this.#found;
      this.#found = new Map();
      this.#endedAt = this.#core.now;
      this.#stop();
      return true;
    }
    if (furthest === undefined) return false;
    this.#at = furthest;
    this.#later(QUESTION_GAP_MS, () => this.#question(TRIES));
    return true;
  }

  #stop(): void {
    this.#run++;
    this.#at = undefined;
  }

  #later(ms: number, then: () => void): void {
    const run = this.#run;
    this.#core.after(ms, "walk", () => {
      if (this.#run === run) then();
    });
  }

  /** This node and its 2d near members, clockwise side first. */
  #near(): Brief[] {
    const near = this.#peers.aroundOf(this.#core.address, D_NEAR);
    return [this.#core.brief(), ...near.map((each) => this.#briefOf(each))];
  }

  #briefOf(address: RingAddress): Brief {
    const desc = this.#descs.get(address);
    const peer = this.#peers.get(address);
    const flags = peer?.flags ?? desc?.flags ?? { ...NOT_KNOWN, member: true };
    return { address, flags, coord: peer?.coord ?? desc?.coord ?? NO_COORD };
  }
}

const FULL_TURN = 1n << 160n;
const NOT_KNOWN = {
  public: false,
  relay: false,
  gateway: false,
  bridge: false,
  nat: "unknown",
  member: false,
} as const;
