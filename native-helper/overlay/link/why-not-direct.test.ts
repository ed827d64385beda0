import { describe, expect, it } from "vitest";
import type { NotDirectCode } from "../boundary.ts";
import type { TaOrigin, TransportAddress } from "../wire/types.ts";
import { type NotDirectFacts, whyNotDirect } from "./why-not-direct.ts";

const ta = (host: string, origin: TaOrigin = "learned"): TransportAddress => ({
  kind: host.includes(":") ? "udp6" : "udp4",
  origin,
  host,
  port: 15_000,
});
const TRIED = [{ transport: "udp", to: "198.51.100.7:15000", at: 1_000, result: "no answer" }];

/** Two easy NATs, a link by a relay, checks that got no answer. */
const USUAL: NotDirectFacts = {
  own: { natKind: "eim", usesTcpAlone: false, local: [ta("192.168.1.5", "local")], public: [ta("203.0.113.5")] },
  peer: { natKind: "eim", tas: [ta("192.168.2.7", "local"), ta("198.51.100.7")], version: "0.1.0" },
  isTrying: false,
  isLinked: true,
  overLimit: undefined,
  shortcutLimit: 32,
  tried: TRIED,
  round: 0,
  rounds: 3,
  nextAt: 61_000,
};

describe("why a link is not direct", () => {
  it.each<
    [
      NotDirectCode,
      string,
      Partial<Omit<NotDirectFacts, "own" | "peer">>,
      Partial<NotDirectFacts["own"]>,
      Partial<NotDirectFacts["peer"]>,
    ]
  >([
    ["peerFirewall", "checks get no answer between easy NATs", {}, {}, {}],
    ["trying", "checks run", { isTrying: true }, { natKind: "edm-random" }, {}],
    ["trying", "a new link has not begun its checks", { tried: [] }, {}, {}],
    ["noTraffic", "there is no link", { isLinked: false, tried: [] }, {}, {}],
    [
      "noTraffic",
      "there is no link to a peer behind a hard NAT either",
      { isLinked: false, tried: [] },
      {},
      { natKind: "edm-seq" },
    ],
    ["limit", "there would be one too many", { isLinked: false, overLimit: "own", tried: [] }, {}, {}],
    ["limit", "the peer would have one too many", { isLinked: false, overLimit: "peer", tried: [] }, {}, {}],
    ["peerFirewall", "the limit keeps no link that is there", { overLimit: "own" }, {}, {}],
    ["bothHard", "both NATs are hard", {}, { natKind: "edm-random" }, { natKind: "edm-seq" }],
    ["oneHard", "ours is", {}, { natKind: "edm-seq" }, {}],
    ["oneHard", "theirs is", {}, {}, { natKind: "edm-random" }],
    ["udpBlocked", "no UDP leaves here", {}, { natKind: "udp-blocked" }, { natKind: "edm-random" }],
    ["peerUdpBlocked", "no UDP leaves there", {}, {}, { natKind: "udp-blocked" }],
    ["sameNat", "both are seen under one IP", {}, {}, { tas: [ta("192.168.1.9", "local"), ta("203.0.113.5")] }],
    [
      "sameNat",
      "that counts before the kind of the NAT",
      {},
      { natKind: "edm-random" },
      { natKind: "edm-random", tas: [ta("203.0.113.5")] },
    ],
    [
      "peerFirewall",
      "one of both has the shared IP itself",
      {},
      { local: [ta("203.0.113.5", "local")] },
      { tas: [ta("203.0.113.5")] },
    ],
    ["noCommonIp", "one side has IPv4 only, the other IPv6 only", {}, {}, { tas: [ta("2001:db8::7")] }],
    ["peerFirewall", "the peer has told no address", {}, {}, { tas: [] }],
    [
      "noCommonIp",
      "an address of the own wire alone joins nobody",
      {},
      {},
      { tas: [ta("2001:db8::7"), ta("169.254.3.4", "local")] },
    ],
    ["oldVersion", "the peer is older than direct checks", {}, {}, { version: "0.0.9" }],
    ["peerFirewall", "the peer's version is no number", {}, {}, { version: "nightly" }],
  ])("is %s where %s", (code, _where, facts, own, peer) => {
    const why = whyNotDirect({ ...USUAL, ...facts, own: { ...USUAL.own, ...own }, peer: { ...USUAL.peer, ...peer } });
    expect(why).toMatchObject({ code, tried: facts.tried ?? TRIED });
    expect(why.text).toMatch(/\.$/);
    expect(why.remedy).toMatch(/\.$/);
  });
});

describe("the evidence of a reason", () => {
  const of = (
    facts: Partial<Omit<NotDirectFacts, "own" | "peer">>,
    own: Partial<NotDirectFacts["own"]> = {},
    peer: Partial<NotDirectFacts["peer"]> = {},
  ) => whyNotDirect({ ...USUAL, ...facts, own: { ...USUAL.own, ...own }, peer: { ...USUAL.peer, ...peer } }).evidence;

  it.each([
    ["how a link is earned", of({ isLinked: false, tried: [] }), { packets: 3, seconds: 5 }],
    ["the own limit", of({ isLinked: false, overLimit: "own" }), { limit: 32 }],
    ["no number where the limit is the peer's", of({ isLinked: false, overLimit: "peer" }), {}],
    ["the round of checks", of({ isTrying: true, round: 2 }), { round: 2, rounds: 3 }],
    ["our hard NAT and the next attempt", of({}, { natKind: "edm-seq" }), { hard: "own", nextAt: 61_000 }],
    ["the peer's", of({ nextAt: undefined }, {}, { natKind: "edm-random" }), { hard: "peer" }],
    ["the IP versions of both", of({}, { local: [], public: [ta("2001:db8::1")] }), { ours: "IPv6", theirs: "IPv4" }],
    [
      "the peer's own address behind the shared router",
      of({}, {}, { tas: [ta("192.168.1.9", "local"), ta("203.0.113.5")] }),
      { localAddress: "192.168.1.9" },
    ],
    ["both versions", of({}, {}, { version: "0.0.9" }), { version: "0.0.9", needed: "0.1.0" }],
    ["whether TCP alone was chosen", of({}, { natKind: "udp-blocked", usesTcpAlone: true }), { tcpAlone: true }],
  ])("names %s", (_what, evidence, expected) => {
    expect(evidence).toEqual(expected);
  });

  it("says whose limit it is", () => {
    const text = (overLimit: "own" | "peer") => whyNotDirect({ ...USUAL, isLinked: false, overLimit }).text;
    expect([text("own"), text("peer")]).toEqual([
      expect.stringContaining("This computer"),
      expect.stringContaining("The peer"),
    ]);
  });
});
