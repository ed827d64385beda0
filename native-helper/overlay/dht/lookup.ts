/**
 * Reading records: the owner of a key asks its nearest replicas; a reader in doubt asks replicas itself
 * (docs/protocol.md, "Records").
 */
import { GET_REPLICA_MS, GET_TIMEOUT_MS, READ_REPLICAS } from "../constants.ts";
import type { Core } from "../core.ts";
import type { Peers } from "../link/peers.ts";
import { addressFromBytes, compareDistance, type RingAddress } from "../ring/address.ts";
import type { RoutedRequest, Router } from "../ring/router.ts";
import { equalBytes } from "../wire/bytes.ts";
import { MAX_VALUES } from "../wire/record-messages.ts";
import type { MessageOf } from "../wire/types.ts";
import { type Claim, type LiveClaim, outranks, ruleOf } from "./rules.ts";

export interface LookupHooks {
  /** Replicas of a key, the owner first. */
  replicasOf(key: RingAddress): RingAddress[];
  /** What this node itself holds. */
  held(type: number, key: Uint8Array): LiveClaim | undefined;
  /** This node is new to its keys, so that others may know better. */
  isFresh(): boolean;
  /** The record with its holder where signature, key and value are right. */
  verify(record: Claim["record"]): Claim | undefined;
}

type Get = Pick<MessageOf<"dhtGet">, "recordType" | "key">;

/** What replicas said: the newest of each holder, and how many named it. */
class Findings {
  readonly #byHolder = new Map<RingAddress, LiveClaim & { namedBy: number }>();
  answers = 0;

  add(claims: readonly LiveClaim[]): void {
    this.answers++;
    for (const claim of claims) {
      const before = this.#byHolder.get(claim.holder);
      const newer = before && before.record.seq > claim.record.seq ? before : claim;
      this.#byHolder.set(claim.holder, { ...newer, namedBy: (before?.namedBy ?? 0) + 1 });
    }
  }

  get all(): (LiveClaim & { namedBy: number })[] {
    return [...this.#byHolder.values()];
  }

  /** One holder and no other, named at least so often. */
  isClear(times: number): boolean {
    const { all } = this;
    return all.length === 1 && (all[0]?.namedBy ?? 0) >= times;
  }
}

export class Lookup {
  readonly #core: Core;
  readonly #peers: Peers;
  readonly #router: Router;
  readonly #hooks: LookupHooks;

  constructor(core: Core, peers: Peers, router: Router, hooks: LookupHooks) {
    this.#core = core;
    this.#peers = peers;
    this.#router = router;
    this.#hooks = hooks;
  }

  /** The live records of that type and key, the one that counts first; undefined where nobody answered. */
  get(type: number, key: Uint8Array, done: (claims: readonly LiveClaim[] | undefined) => void): void {
    const get: Get = { recordType: type, key };
    const isRegister = ruleOf(type)?.isRegister === true;
    this.#ask(addressFromBytes(key), "nearest", get, GET_TIMEOUT_MS, (claims) => {
      if (claims === undefined) return done(undefined);
      const isDoubtful = claims.length === 0 || (isRegister && claims.length > 1);
      if (isDoubtful) this.#askReplicas(get, claims, done);
      else done(claims);
    });
  }

  /** Answers for a key that this node owns, or as the one replica that is meant. */
  onGet(request: RoutedRequest, get: MessageOf<"dhtGet">): void {
    const own = this.#hooks.held(get.recordType, get.key);
    const key = addressFromBytes(get.key);
    const isOwner = key === request.dst;
    const { address } = this.#core;
    const others = this.#hooks
      .replicasOf(key)
      .filter((replica) => replica !== address)
      .sort((a, b) => compareDistance(key, a, b));
    const findings = new Findings();
    findings.add(own ? [own] : []);
    // Every write went through the owner: what it holds is the newest, unless it is new itself.
    const isSure = own !== undefined && !this.#hooks.isFresh();
    if (!isOwner || isSure || others.length === 0) return answer(request, findings);
    const first = others.slice(0, READ_REPLICAS - 1);
    const rest = others.slice(READ_REPLICAS - 1);
    this.#collect(get, first, findings, 2, () => {
      if (findings.isClear(1) || rest.length === 0) answer(request, findings);
      else this.#collect(get, rest, findings, 2, () => answer(request, findings));
    });
  }

  /** Nobody, or two holders, were named: three replicas are asked directly, found over another first hop. */
  #askReplicas(get: Get, named: readonly LiveClaim[], done: (claims: readonly LiveClaim[]) => void): void {
    const core = this.#core;
    const key = addressFromBytes(get.key);
    const edges = this.#peers.edges().filter((peer) => peer.member);
    if (edges.length === 0) return done(this.#ranked(named));
    this.#router.request({
      dst: key,
      mode: "nearest",
      message: { type: "find", purpose: "key", excludeSource: false, desc: undefined },
      firstHop: edges[core.entropy.u32() % edges.length],
      timeoutMs: GET_TIMEOUT_MS,
      onAnswer: (found) => {
        if (found.type !== "found") return done(this.#ranked(named));
        const nearest = found.briefs
          .map((brief) => brief.address)
          .sort((a, b) => compareDistance(key, a, b))
          .slice(0, READ_REPLICAS);
        const findings = new Findings();
        findings.add(named);
        this.#collect(get, nearest, findings, READ_REPLICAS + 1, () => done(this.#ranked(findings.all)));
      },
      onTimeout: () => done(this.#ranked(named)),
    });
  }

  /** Asks each of them alone; ends when one holder is named `enough` times, or all have answered or had their time. */
  #collect(get: Get, from: readonly RingAddress[], findings: Findings, enough: number, done: () => void): void {
    let waiting = from.length;
    let ended = false;
    const end = () => {
      if (ended || (waiting > 0 && !findings.isClear(enough))) return;
      ended = true;
      done();
    };
    end();
    for (const replica of from) {
      this.#ask(replica, "exact", get, GET_REPLICA_MS, (claims) => {
        waiting--;
        if (!ended && claims) findings.add(claims);
        end();
      });
    }
  }

  #ask(
    dst: RingAddress,
    mode: "exact" | "nearest",
    get: Get,
    timeoutMs: number,
    done: (claims: readonly LiveClaim[] | undefined) => void,
  ): void {
    this.#router.request({
      dst,
      mode,
      message: { type: "dhtGet", ...get },
      timeoutMs,
      onAnswer: (value) => {
        if (value.type !== "dhtValue") return done(undefined);
        const claims: LiveClaim[] = [];
        for (const { record, remainingS } of value.values) {
          if (record.type !== get.recordType || !equalBytes(record.key, get.key) || remainingS === 0) continue;
          const claim = record.value.length > 0 ? this.#hooks.verify(record) : undefined;
          if (claim) claims.push({ ...claim, remainingS });
        }
        done(claims);
      },
      onTimeout: () => done(undefined),
    });
  }

  #ranked(claims: readonly LiveClaim[]): LiveClaim[] {
    return [...claims].sort((a, b) => (outranks(this.#core, a, b) ? -1 : outranks(this.#core, b, a) ? 1 : 0));
  }
}

function answer(request: RoutedRequest, findings: Findings): void {
  const values = findings.all
    .slice(0, MAX_VALUES)
    .map(({ record, remainingS, namedBy }) => ({ namedBy, remainingS, record }));
  request.answer({ type: "dhtValue", values });
}
