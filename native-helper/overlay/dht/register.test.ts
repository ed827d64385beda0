import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RingAddress } from "../ring/address.ts";
import { encodeLease, RECORD_LEASE } from "../wire/record.ts";
import type { DhtRecord } from "../wire/types.ts";
import { type OperationEffect, RegisterOperation } from "./operation.ts";
import { Register, type RegisterHooks } from "./register.ts";
import { type Claim, type LiveClaim, sinceOf } from "./rules.ts";
import { nameOf, RecordStore } from "./store.ts";

const WALL = 1_793_491_200_000;
const KEY = new Uint8Array(20).fill(7);
const NAME = nameOf({ type: RECORD_LEASE, key: KEY });
const A = "a".repeat(40) as RingAddress;
const B = "b".repeat(40) as RingAddress;
const OWNER = "0".repeat(40) as RingAddress;

function claim(holder: RingAddress, since = WALL, seq = WALL): Claim {
  const value = encodeLease({ ip: "172.16.1.1", prefix: 16, i: 0, since });
  const bytes = new TextEncoder().encode(`${holder} ${since} ${seq}`);
  const nothing = new Uint8Array();
  const record: DhtRecord = {
    type: RECORD_LEASE,
    key: KEY,
    edPublic: nothing,
    salt: nothing,
    chainHash: nothing,
    seq,
    lifeS: 3_600,
    value,
    signature: nothing,
    bytes,
  };
  return { record, holder };
}

function outranks(a: Claim, b: Claim): boolean {
  const [sinceA, sinceB] = [sinceOf(a.record) ?? 0, sinceOf(b.record) ?? 0];
  return sinceA !== sinceB ? sinceA < sinceB : a.holder < b.holder;
}

function replica(hooks: Partial<RegisterHooks> = {}) {
  const conflicts: { winner: RingAddress; loser: RingAddress }[] = [];
  const store = new RecordStore();
  const register = new Register(store, {
    isMine: () => true,
    ownLive: () => undefined,
    outranks,
    conflict: (winner, loser) => conflicts.push({ winner: winner.holder, loser: loser.holder }),
    replacesOthers: false,
    ...hooks,
  });
  return { register, store, conflicts };
}

describe("a replica of a register", () => {
  it("keeps a key for who claims it, for 3 s", () => {
    const { register } = replica();
    expect(register.claim(0, OWNER, 1, claim(A)).code).toBe("ok");
    expect(register.claim(100, OWNER, 2, claim(B)).code).toBe("otherClaim");
    expect(register.store(200, WALL, OWNER, 2, false, claim(B))).toBe("otherClaim");
    expect(register.claim(2_000, OWNER, 3, claim(A)).code).toBe("ok");
    expect(register.claim(4_999, OWNER, 4, claim(B)).code).toBe("otherClaim");
    expect(register.claim(5_000, OWNER, 5, claim(B)).code).toBe("ok");
  });

  it("answers what it holds with any code, and refuses keys that are not its own", () => {
    const { register, store } = replica({ isMine: () => false });
    store.put(claim(A), 10_000);
    expect(register.claim(0, OWNER, 1, claim(B))).toMatchObject({
      code: "notMyKey",
      held: { holder: A, remainingS: 10 },
    });
    expect(register.store(0, WALL, OWNER, 1, false, claim(B))).toBe("notMyKey");
  });

  it("counts the lease that it uses itself as held", () => {
    const own: LiveClaim = { ...claim(A), remainingS: 100 };
    const { register } = replica({ ownLive: (name) => (name === NAME ? own : undefined) });
    expect(register.claim(0, OWNER, 1, claim(B)).held).toEqual(own);
    expect(register.store(0, WALL, OWNER, 1, false, claim(B))).toBe("taken");
  });

  it("lets a live record block another holder until it runs out", () => {
    const { register } = replica();
    expect(register.store(0, WALL, OWNER, 1, false, claim(A))).toBe("ok");
    expect(register.store(3_599_999, WALL, OWNER, 2, false, claim(B))).toBe("taken");
    expect(register.store(3_600_000, WALL, OWNER, 3, false, claim(B))).toBe("ok");
    expect(register.held(3_600_001, NAME)?.holder).toBe(B);
  });

  it("replaces another's record for a renewal that ranks before it, and tells of the conflict", () => {
    const { register, conflicts } = replica();
    register.store(0, WALL, OWNER, 1, false, claim(B, WALL));
    expect(register.store(0, WALL, OWNER, 2, true, claim(A, WALL + 1))).toBe("taken");
    expect(register.store(0, WALL, OWNER, 3, true, claim(A, WALL - 1))).toBe("ok");
    expect(conflicts).toEqual([
      { winner: B, loser: A },
      { winner: A, loser: B },
    ]);
  });

  it.each([
    ["a first record of now", false, 0, undefined, "ok"],
    ["a first record of 11 minutes ago", false, -660_000, undefined, "sinceRefused"],
    ["a first record of 11 minutes to come", false, 660_000, undefined, "sinceRefused"],
    ["a renewal that another replica knows", true, -9_000_000, undefined, "ok"],
    ["a renewal of the one held", true, -9_000_000, -9_000_000, "ok"],
    ["a renewal that would be older than the one held", true, -9_000_001, -9_000_000, "sinceRefused"],
    ["a holder that starts anew", true, 0, -9_000_000, "ok"],
  ] as const)("judges since: %s", (_, known, since, heldSince, code) => {
    const { register, store } = replica();
    if (heldSince !== undefined) store.put(claim(A, WALL + heldSince, 1), 1_000_000);
    expect(register.store(0, WALL, OWNER, 1, known, claim(A, WALL + since))).toBe(code);
  });

  it("undoes the note and the record of that very operation, and nothing that was there before", () => {
    const { register } = replica();
    register.claim(0, OWNER, 1, claim(A));
    register.store(0, WALL, OWNER, 1, false, claim(A));
    register.undo(0, OWNER, 2, KEY);
    expect(register.held(0, NAME)?.holder).toBe(A);
    register.undo(0, OWNER, 1, KEY);
    expect(register.held(0, NAME)).toBeUndefined();
    expect(register.claim(0, OWNER, 3, claim(B)).code).toBe("ok");

    const renewed = replica().register;
    renewed.store(0, WALL, OWNER, 1, false, claim(A));
    renewed.store(0, WALL, OWNER, 2, true, claim(A, WALL, WALL + 1));
    renewed.undo(0, OWNER, 2, KEY);
    expect(renewed.held(0, NAME)?.holder).toBe(A);
  });

  it("takes nothing of an operation that was undone, whatever the order of arrival", () => {
    const { register } = replica();
    register.undo(0, OWNER, 1, KEY);
    expect(register.store(10, WALL, OWNER, 1, false, claim(A))).toBe("otherClaim");
    expect(register.held(10, NAME)).toBeUndefined();
  });

  it("keeps the newer record of one holder, and keeps within 64 records of one", () => {
    const { register, store } = replica();
    register.store(0, WALL, OWNER, 1, false, claim(A, WALL, WALL + 5));
    expect(register.store(0, WALL, OWNER, 2, true, claim(A, WALL, WALL))).toBe("ok");
    expect(register.held(0, NAME)?.record.seq).toBe(WALL + 5);
    for (let i = 0; i < 100; i++) {
      const { record } = claim(A);
      store.put({ holder: A, record: { ...record, key: new Uint8Array(20).fill(100 + i) } }, 1_000);
    }
    expect(store.size).toBe(64);
  });
});

/** An operation at an owner with replicas behind a network that decides what arrives. */
function operate(replicas: readonly RingAddress[], oneIsEnough = false) {
  const operation = new RegisterOperation({
    op: 1,
    claim: claim(A),
    replicas,
    outranks,
    chance: () => 0.5,
    oneIsEnough,
  });
  const seen: OperationEffect[] = [];
  const take = (effects: OperationEffect[]) => {
    seen.push(...effects);
    return effects;
  };
  return {
    seen,
    wakeAt: () => operation.wakeAt()?.at,
    tick: (now: number) => take(operation.step(now, { kind: "timeout" })),
    claimed: (now: number, from: RingAddress, code: "ok" | "otherClaim" | "notMyKey" = "ok", held?: LiveClaim) =>
      take(operation.step(now, { kind: "claimed", from, code, held })),
    stored: (now: number, from: RingAddress, code: "ok" | "otherClaim" | "sinceRefused" | "taken" = "ok") =>
      take(operation.step(now, { kind: "stored", from, code })),
    answer: () => seen.find((effect) => effect.kind === "answer")?.code,
    sent: (type: string) => seen.filter((effect) => effect.kind === "send" && effect.message.type === type).length,
    hasEnded: () => seen.some((effect) => effect.kind === "end"),
  };
}

const SEVEN = [..."1234567"].map((digit) => digit.repeat(40) as RingAddress);
const [R1, R2, R3, R4, R5, R6, R7] = SEVEN as [
  RingAddress,
  RingAddress,
  RingAddress,
  RingAddress,
  RingAddress,
  RingAddress,
  RingAddress,
];

describe("an owner's write to a register", () => {
  it("claims and stores at once when all answer", () => {
    const at = operate(SEVEN);
    at.tick(0);
    expect(at.sent("claim")).toBe(7);
    for (const from of SEVEN) at.claimed(50, from);
    expect(at.sent("store")).toBe(7);
    for (const from of [R1, R2, R3]) at.stored(90, from);
    expect(at.answer()).toBeUndefined();
    at.stored(100, R4);
    expect(at.answer()).toBe("ok");
    for (const from of [R5, R6, R7]) at.stored(120, from);
    expect(at.hasEnded()).toBe(true);
  });

  it("goes on with a majority after 400 ms, repeating each 250 ms to the silent ones alone", () => {
    const at = operate(SEVEN);
    at.tick(0);
    for (const from of [R1, R2, R3, R4]) at.claimed(50, from);
    expect(at.wakeAt()).toBe(250);
    at.tick(250);
    expect(at.sent("claim")).toBe(10);
    expect(at.wakeAt()).toBe(400);
    at.tick(400);
    expect(at.sent("store")).toBe(7);
    for (const from of [R1, R2, R3, R4]) at.stored(450, from);
    expect(at.answer()).toBe("ok");
    for (let repeat = 0; repeat < 7; repeat++) at.tick(950 + 500 * repeat);
    expect(at.sent("store")).toBe(7 + 7 * 3);
    at.tick(4_450);
    expect(at.hasEnded()).toBe(true);
  });

  it("undoes three times, then says later, when no majority answers in 1.4 s", () => {
    const at = operate(SEVEN);
    at.tick(0);
    for (const from of [R1, R2, R3]) at.claimed(50, from);
    for (let now = at.wakeAt(); now !== undefined; now = at.wakeAt()) at.tick(now);
    expect(at.answer()).toBe("later");
    expect(at.sent("store")).toBe(0);
    expect(at.sent("undo")).toBe(21);
    expect(at.hasEnded()).toBe(true);
  });

  it("says taken for a live record of another in any answer, and gives the notes back", () => {
    const at = operate(SEVEN);
    at.tick(0);
    for (const from of [R1, R2, R3, R4, R5, R6]) at.claimed(50, from);
    at.claimed(60, R7, "ok", { ...claim(B), remainingS: 1 });
    expect(at.answer()).toBe("taken");
    expect([at.sent("store"), at.sent("undo")]).toEqual([0, 7]);
  });

  it("renews against a rival that ranks behind, and tells the rival", () => {
    const at = operate([R1, R2, R3]);
    at.tick(0);
    at.claimed(50, R1, "ok", { ...claim(A, WALL, WALL - 1), remainingS: 100 });
    at.claimed(50, R2, "ok", { ...claim(B, WALL + 9), remainingS: 100 });
    at.claimed(50, R3);
    const told = at.seen.find((effect) => effect.kind === "conflict");
    expect(told).toMatchObject({ winner: { holder: A }, loser: { holder: B } });
    expect(at.seen.findLast((effect) => effect.kind === "send")).toMatchObject({
      message: { type: "store", known: true },
    });
  });

  it.each([
    ["the number held is higher", { ...claim(A, WALL, WALL + 5), remainingS: 10 }, "stale"],
    ["it is a renewal", { ...claim(A, WALL, WALL - 5), remainingS: 10 }, undefined],
  ])("looks at what the holder has already: %s", (_, held, code) => {
    const at = operate([R1]);
    at.tick(0);
    at.claimed(1, R1, "ok", held);
    expect(at.answer()).toBe(code);
  });

  it("says since refused where that is why no majority stored", () => {
    const at = operate([R1, R2, R3]);
    at.tick(0);
    for (const from of [R1, R2, R3]) at.claimed(10, from);
    at.stored(20, R1);
    at.stored(20, R2, "sinceRefused");
    at.stored(20, R3, "sinceRefused");
    for (let now = at.wakeAt(); now !== undefined; now = at.wakeAt()) at.tick(now);
    expect(at.answer()).toBe("sinceRefused");
  });

  it("takes one answer for a majority only as a planted fault", () => {
    const at = operate(SEVEN, true);
    at.tick(0);
    at.claimed(0, R1);
    expect(at.sent("store")).toBe(7);
  });
});

describe("a register under loss", () => {
  interface Race {
    readonly claims: readonly { at: number; holder: number }[];
    /** Per message: lost, or its delay. */
    readonly fate: readonly (number | undefined)[];
  }
  const race: fc.Arbitrary<Race> = fc.record({
    claims: fc.array(fc.record({ at: fc.nat(3_000), holder: fc.nat(2) }), { minLength: 2, maxLength: 6 }),
    fate: fc.array(fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 5, max: 300 }) }, fc.constant(undefined)), {
      minLength: 40,
      maxLength: 200,
    }),
  });

  it("grants one holder at most, whoever asks at whichever owner, whatever is lost or late", () => {
    fc.assert(
      fc.property(race, ({ claims, fate }) => {
        const replicas = SEVEN.slice(0, 5).map((address) => ({ address, ...replica() }));
        const events: { at: number; run: (now: number) => void }[] = [];
        const granted = new Set<RingAddress>();
        let sent = 0;
        const deliver = (now: number, run: (now: number) => void) => {
          const delay = fate[sent++ % fate.length];
          if (delay !== undefined) events.push({ at: now + delay, run });
        };
        claims.forEach(({ at, holder }, op) => {
          // Each asks at an owner of its own, as while views of the ring differ.
          const owner = (replicas[op % replicas.length] as (typeof replicas)[0]).address;
          const wanted = claim([A, B, OWNER][holder] as RingAddress, WALL, WALL + op);
          const addresses = replicas.map(({ address }) => address);
          const chance = () => 0.5;
          const operation = new RegisterOperation({
            op,
            claim: wanted,
            replicas: addresses,
            outranks,
            chance,
            oneIsEnough: false,
          });
          let ended = false;
          const step = (now: number, input: Parameters<RegisterOperation["step"]>[1]) => {
            if (ended) return;
            for (const effect of operation.step(now, input)) {
              if (effect.kind === "answer" && effect.code === "ok") granted.add(wanted.holder);
              if (effect.kind === "end") ended = true;
              if (effect.kind !== "send") continue;
              const to = replicas.find(({ address }) => address === effect.to)?.register as Register;
              const { message } = effect;
              deliver(now, (then) => {
                if (message.type === "undo") to.undo(then, owner, op, KEY);
                if (message.type === "claim") {
                  const { code, held } = to.claim(then, owner, op, wanted);
                  deliver(then, (back) => step(back, { kind: "claimed", from: effect.to, code, held }));
                }
                if (message.type === "store") {
                  const code = to.store(then, WALL, owner, op, message.known, wanted);
                  deliver(then, (back) => step(back, { kind: "stored", from: effect.to, code }));
                }
              });
            }
            const wake = operation.wakeAt();
            if (wake) events.push({ at: Math.max(wake.at, now + 1), run: (then) => step(then, { kind: "timeout" }) });
          };
          events.push({ at, run: (now) => step(now, { kind: "timeout" }) });
        });
        for (let steps = 0; events.length > 0 && steps < 20_000; steps++) {
          events.sort((a, b) => b.at - a.at);
          const next = events.pop();
          next?.run(next.at);
        }
        expect(events).toEqual([]);
        expect(granted.size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });
});
