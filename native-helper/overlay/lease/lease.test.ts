import { describe, expect, it } from "vitest";
import type { Claim } from "../dht/rules.ts";
import type { RingAddress } from "../ring/address.ts";
import type { DhtCode, DhtRecord } from "../wire/types.ts";
import { candidateIp, isHostIp } from "./candidates.ts";
import { Lease, type LeasedIp, type LeaseEffect, type LeaseInput, type LeaseOptions } from "./lease.ts";

const WALL = 1_793_491_200_000;
const LIFE_MS = 3_600_000;

/** A lease machine with its clock, and an owner that answers as told. */
function holder(options: Partial<LeaseOptions> = {}) {
  let now = 0;
  let seq = WALL;
  const asked: LeasedIp[] = [];
  const effects: LeaseEffect[] = [];
  const lease = new Lease({
    lifeMs: LIFE_MS,
    candidate: (i) => `172.16.0.${i + 1}`,
    make: (leased) => {
      asked.push(leased);
      return { seq: ++seq, value: new Uint8Array([leased.i]) } as unknown as DhtRecord;
    },
    wins: () => false,
    chance: () => 0.5,
    ...options,
  });
  const step = (input: LeaseInput) => effects.push(...lease.step(now, WALL + now, input));
  return {
    lease,
    asked,
    effects,
    step,
    answer: (code: DhtCode, wait = false) => step({ kind: "answer", seq, code, wait }),
    /** Lets time pass, waking the machine whenever it wants. */
    pass(ms: number) {
      const until = now + ms;
      for (let wake = lease.wakeAt(); wake && wake.at <= until; wake = lease.wakeAt()) {
        now = Math.max(now, wake.at);
        step({ kind: "timeout" });
      }
      now = until;
    },
    puts: () => effects.filter(({ kind }) => kind === "put").length,
    used: () => lease.used?.ip,
  };
}

function granted(options: Partial<LeaseOptions> = {}) {
  const at = holder(options);
  at.step({ kind: "member" });
  at.answer("ok");
  return at;
}

const RIVAL: Claim = { record: {} as DhtRecord, holder: "f".repeat(40) as RingAddress };

describe("a lease", () => {
  it.each([
    ["static first, then the last one, then candidates", "172.16.9.9", ["172.16.9.9", "172.16.5.5", "172.16.0.1"]],
    ["the last one, then candidates", undefined, ["172.16.5.5", "172.16.0.1", "172.16.0.2"]],
  ])("is asked for in order: %s", (_, staticIp, order) => {
    const at = holder({ staticIp, last: { ip: "172.16.5.5", i: 3, since: 7 } });
    at.step({ kind: "member" });
    at.answer("taken");
    at.answer("taken");
    expect(at.asked.map(({ ip }) => ip)).toEqual(order);
    expect(at.asked.find(({ ip }) => ip === "172.16.5.5")?.since).toBe(7);
    expect(at.lease.staticTaken).toBe(staticIp !== undefined);
  });

  it("is used from its grant on, and kept for the next start", () => {
    const at = holder();
    at.step({ kind: "member" });
    expect(at.used()).toBeUndefined();
    at.answer("ok");
    expect(at.used()).toBe("172.16.0.1");
    expect(at.lease.last).toEqual({ ip: "172.16.0.1", i: 0, since: WALL });
  });

  it("waits a second where its owner is new, and is not used where a conflict comes first", () => {
    const at = holder();
    at.step({ kind: "member" });
    at.answer("ok", true);
    at.pass(999);
    expect(at.used()).toBeUndefined();
    at.pass(1);
    expect(at.used()).toBe("172.16.0.1");

    const other = holder();
    other.step({ kind: "member" });
    other.answer("ok", true);
    other.step({ kind: "conflict", rival: RIVAL, ip: "172.16.0.1" });
    other.pass(1_400);
    expect(other.used()).toBeUndefined();
    expect(other.asked.at(-1)?.ip).toBe("172.16.0.2");
  });

  it("sends the same record again after 1.5 s, four times in all", () => {
    const at = holder();
    at.step({ kind: "member" });
    at.pass(4_500);
    expect([at.puts(), at.asked.length]).toEqual([4, 1]);
    at.pass(1_500);
    expect(at.asked.map(({ ip }) => ip)).toEqual(["172.16.0.1", "172.16.0.2"]);
  });

  it("asks again 300 to 700 ms after later, six times, then for the next", () => {
    const at = holder();
    at.step({ kind: "member" });
    for (let i = 0; i < 6; i++) {
      at.answer("later");
      at.pass(500);
      expect(at.puts()).toBe(2 + i);
    }
    at.answer("later");
    at.pass(500);
    expect(at.asked.map(({ ip }) => ip)).toEqual(["172.16.0.1", "172.16.0.2"]);
  });

  it("does not leave the address of last time because nobody answers", () => {
    const at = holder({ last: { ip: "172.16.5.5", i: 3, since: 7 } });
    at.step({ kind: "member" });
    at.pass(15_000);
    expect(new Set(at.asked.map(({ ip }) => ip))).toEqual(new Set(["172.16.5.5"]));
  });

  it("renews each 900 s, give or take 5 %, with the same since", () => {
    const at = granted();
    at.pass(899_999);
    expect(at.puts()).toBe(1);
    at.pass(1);
    expect(at.asked.at(-1)).toEqual({ ip: "172.16.0.1", i: 0, since: WALL });
    at.answer("ok");
    expect(at.effects.at(-1)).toEqual({ kind: "renewed" });
  });

  it("counts its life from before the record was sent, and ends 10 s before it", () => {
    const at = holder();
    at.step({ kind: "member" });
    at.pass(1_000);
    at.answer("ok");
    at.pass(LIFE_MS - 10_001 - 1_000);
    expect(at.used()).toBe("172.16.0.1");
    at.pass(1);
    expect(at.used()).toBeUndefined();
    expect(at.effects).toContainEqual(expect.objectContaining({ kind: "stop", because: "expired" }));
    at.answer("ok");
    expect(at.used()).toBe("172.16.0.1");
  });

  it("is kept through every answer but taken", () => {
    for (const code of ["later", "refused"] as const) {
      const at = granted();
      at.pass(900_000);
      for (let i = 0; i < 7; i++) {
        at.answer(code);
        at.pass(700);
      }
      expect(at.used()).toBe("172.16.0.1");
      at.pass(15_000);
      expect(at.asked.at(-1)?.ip).toBe("172.16.0.1");
    }
  });

  it("is left when a renewal finds it taken, and not asked for again for a minute", () => {
    const at = granted();
    at.pass(900_000);
    at.answer("taken");
    expect(at.used()).toBeUndefined();
    expect(at.lease.lost?.ip).toBe("172.16.0.1");
    at.answer("ok");
    expect(at.used()).toBe("172.16.0.2");
    expect(at.lease.last?.ip).toBe("172.16.0.2");
  });

  it("is left at once for a rival that wins, and renewed at once against one that loses", () => {
    const lost = granted();
    lost.step({ kind: "conflict", rival: RIVAL, ip: "172.16.0.1" });
    expect(lost.used()).toBeUndefined();
    expect(lost.asked.at(-1)?.ip).toBe("172.16.0.2");

    const won = granted({ wins: () => true });
    won.step({ kind: "conflict", rival: RIVAL, ip: "172.16.0.1" });
    expect(won.used()).toBe("172.16.0.1");
    expect(won.puts()).toBe(2);

    const foreign = granted();
    foreign.step({ kind: "conflict", rival: RIVAL, ip: "172.16.0.9" });
    expect(foreign.used()).toBe("172.16.0.1");
  });

  it.each(["wake", "neighboursDied"] as const)("is renewed within 3 s of %s", (kind) => {
    const at = granted();
    at.pass(60_000);
    at.step({ kind });
    at.pass(2_000);
    expect(at.puts()).toBe(2);
  });

  it("begins anew with a since of now where the old one is refused, and gives up where that goes on", () => {
    const at = holder({ last: { ip: "172.16.5.5", i: 3, since: 7 } });
    at.step({ kind: "member" });
    at.pass(100);
    at.answer("sinceRefused");
    expect(at.asked.at(-1)).toEqual({ ip: "172.16.5.5", i: 3, since: WALL + 100 });
    for (let i = 0; i < 6; i++) at.answer("sinceRefused");
    expect(at.puts()).toBe(7);
  });

  it("goes on asking for a static address that is taken, and moves there when it is free", () => {
    const at = holder({ staticIp: "172.16.9.9" });
    at.step({ kind: "member" });
    at.answer("taken");
    at.answer("ok");
    expect(at.used()).toBe("172.16.0.1");
    at.pass(60_000);
    expect(at.asked.at(-1)?.ip).toBe("172.16.9.9");
    at.answer("taken");
    expect(at.used()).toBe("172.16.0.1");
    at.pass(60_000);
    at.answer("ok");
    expect(at.used()).toBe("172.16.9.9");
    expect(at.effects).toContainEqual(expect.objectContaining({ kind: "stop", because: "replaced" }));
    expect(at.lease.staticTaken).toBe(false);
  });

  it("rests when every address is taken, and begins again", () => {
    const at = holder({ candidate: (i) => `172.16.0.${(i % 2) + 1}` });
    at.step({ kind: "member" });
    at.answer("taken");
    at.answer("taken");
    expect(at.lease.isNoneFree).toBe(true);
    at.pass(4_999);
    expect(at.asked.length).toBe(2);
    at.pass(10_001);
    at.answer("ok");
    expect([at.used(), at.lease.isNoneFree]).toEqual(["172.16.0.1", false]);
  });

  it("takes no notice of an answer to a write that is over", () => {
    const at = holder();
    at.step({ kind: "member" });
    at.step({ kind: "answer", seq: 1, code: "ok", wait: false });
    expect(at.used()).toBeUndefined();
  });

  it("uses nothing after it left the ring, and asks for the same when it is back", () => {
    const at = granted();
    at.lease.clear();
    expect([at.used(), at.lease.wakeAt()]).toEqual([undefined, undefined]);
    at.step({ kind: "member" });
    expect(at.asked.at(-1)).toEqual({ ip: "172.16.0.1", i: 0, since: WALL });
  });
});

describe("candidates", () => {
  const subnet = (ip: number[], bits: number) => ({ ip: new Uint8Array(ip), bits });
  const hash = (first: number) => ({ sha256: () => new Uint8Array([0, 0, 0, first, ...new Uint8Array(28)]) });
  const address = "0".repeat(40) as RingAddress;

  it.each([
    [[172, 16, 0, 0], 16, 0, "172.16.0.1"],
    [[172, 16, 0, 0], 16, 253, "172.16.0.254"],
    [[10, 1, 2, 4], 30, 0, "10.1.2.5"],
    [[10, 1, 2, 4], 30, 1, "10.1.2.6"],
    [[10, 1, 2, 4], 30, 2, "10.1.2.5"],
    [[10, 1, 2, 4], 31, 0, undefined],
  ])("of %j/%i with hash %i is %s", (ip, bits, first, expected) => {
    expect(candidateIp(hash(first) as never, address, subnet(ip, bits), 0)).toBe(expected);
  });

  it.each([
    [[172, 16, 0, 0], false],
    [[172, 16, 0, 1], true],
    [[172, 16, 255, 254], true],
    [[172, 16, 255, 255], false],
    [[172, 17, 0, 1], false],
    [[172, 15, 255, 255], false],
  ])("may a computer have %j: %s", (ip, expected) => {
    expect(isHostIp(new Uint8Array(ip), subnet([172, 16, 0, 0], 16))).toBe(expected);
  });
});
