import { describe, expect, it } from "vitest";
import { calls, HelperError, HelperSnapshot } from "../contract/contract.ts";
import type { NodeView, PeerView } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { type AffiliationPort, controlService } from "./handlers.ts";
import { findPeer } from "./peer-names.ts";
import { type AffiliationFacts, affiliationView, linkCounts, peerDetail, peerRow, ringView } from "./present.ts";

const address = (digits: string) => digits.padEnd(40, "0") as RingAddress;
const SELF = address("aaaa1");
const DIRECT: PeerView = {
  ringAddress: address("1234"),
  name: "pc7",
  site: "Boston",
  version: "0.1.0",
  virtualIp: "172.16.1.7",
  kinds: ["near", "far"],
  path: { kind: "udp", remote: "192.0.2.7:15000" },
  slot: 7,
  natKind: "eim",
  rttMs: 12.34567,
  jitterMs: 0.5,
  lossPct: 0,
  counters: {
    rxPackets: 1,
    rxBytes: 100,
    txPackets: 2,
    txBytes: 200,
    ipRxPackets: 0,
    ipTxPackets: 0,
    transitPackets: 0,
  },
  since: Date.UTC(2026, 0, 2, 3, 4, 5),
  silent: false,
  history: [{ at: Date.UTC(2026, 0, 2), event: "direct", text: "Direct by UDP" }],
};
const RELAYED: PeerView = {
  ringAddress: address("12ff"),
  name: "pc8",
  virtualIp: "172.16.1.8",
  kinds: ["shortcut"],
  path: { kind: "tunnel", relay: DIRECT.ringAddress },
  slot: 8,
  natKind: "edm-random",
  silent: true,
  notDirectBecause: {
    code: "oneHard",
    text: "Hard NAT.",
    remedy: "Open a port.",
    tried: [{ transport: "udp", to: "192.0.2.8:1", at: Date.UTC(2026, 0, 2), result: "no answer" }],
    evidence: { hard: "peer", nextAt: Date.UTC(2026, 0, 3) },
  },
  history: [],
};
const ROUTED: PeerView = { ringAddress: address("f"), kinds: [], natKind: "unknown", silent: false, history: [] };

describe("views", () => {
  it("of a peer have every field of the contract, unknown ones null", () => {
    for (const peer of [DIRECT, RELAYED, ROUTED]) {
      const row = calls.peers.reply.parse([peerRow(facts(), peer)])[0];
      expect(Object.keys(row ?? {}).sort()).toEqual(Object.keys(calls.peers.reply.element.shape).sort());
    }
    expect(calls.peer.reply.parse(peerDetail(facts(), ROUTED))).toMatchObject({
      rttMs: null,
      transport: null,
      path: [],
      history: [],
    });
  });

  it.each([
    [
      "direct",
      DIRECT,
      {
        transport: "udp",
        via: null,
        remote: "192.0.2.7:15000",
        path: [DIRECT.ringAddress],
        rttMs: 12.346,
        txBytesPerS: 70,
      },
    ],
    [
      "relayed",
      RELAYED,
      { transport: "relay", via: DIRECT.ringAddress, remote: null, path: [DIRECT.ringAddress, RELAYED.ringAddress] },
    ],
    [
      "routed",
      ROUTED,
      { transport: null, via: null, remote: null, path: [], kinds: [], notDirectBecause: null, since: null },
    ],
  ])("of a %s peer say how packets go", (_what, peer, expected) => {
    expect(peerRow(facts(), peer)).toMatchObject(expected);
  });

  it("count each link once, under the first that fits", () => {
    expect(
      linkCounts([DIRECT, RELAYED, ROUTED, { ...DIRECT, kinds: ["leaf", "anchor"] }, { ...RELAYED, kinds: ["near"] }]),
    ).toEqual({
      near: 1,
      far: 0,
      shortcut: 0,
      leaf: 0,
      anchor: 1,
      relay: 2,
    });
  });

  it("of the ring have all members in ring order, this computer among them", () => {
    const ring = calls.ring.reply.parse(ringView(facts()));
    expect(ring.members.map(({ ringAddress }) => ringAddress)).toEqual([
      DIRECT.ringAddress,
      RELAYED.ringAddress,
      SELF,
      ROUTED.ringAddress,
    ]);
    expect(ring.members[2]).toEqual({ ringAddress: SELF, name: "this", silent: false });
    expect(ring.links.map(({ transport }) => transport)).toEqual(["udp", "relay"]);
  });

  it("of an affiliation give sockets as transport addresses", () => {
    expect(affiliationView(facts())).toMatchObject({
      reason: null,
      lease: null,
      virtualIp6: null,
      localTransportAddresses: ["ringway.udp://192.168.1.5:15000"],
      learnedTransportAddresses: ["ringway.udp://[2001:db8::1]:15000"],
      peersKnown: 3,
    });
  });
});

describe("a peer is found", () => {
  it.each([
    ["virtual IP", "172.16.1.8", RELAYED],
    ["host name", "PC7", DIRECT],
    ["name in the affiliation", "pc7.condor-wow.internal", DIRECT],
    ["first digits", "123", DIRECT],
    ["one digit", "f", ROUTED],
    ["whole ring address", RELAYED.ringAddress, RELAYED],
    ["base32 form", "ci2aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", DIRECT],
  ])("by %s", (_how, written, peer) => {
    expect(findPeer(facts(), written)).toBe(peer);
  });

  it.each([
    ["172.16.1.99", "UNKNOWN_PEER", "172.16.1.99"],
    ["pc7.other.internal", "UNKNOWN_PEER", "pc7.other.internal"],
    ["", "UNKNOWN_PEER", ""],
    ["12", "AMBIGUOUS_PEER", "123400000000 (pc7), 12ff00000000 (pc8)"],
    ["172.16.1.1", "UNKNOWN_PEER", "itself"],
    [SELF, "UNKNOWN_PEER", "itself"],
  ])("not by %j", (written, code, text) => {
    expect(() => findPeer(facts(), written)).toThrow(
      expect.objectContaining({ code, text: expect.stringContaining(text) }),
    );
  });
});

describe("calls", () => {
  it("answer with what the contract says", async () => {
    const { handlers, snapshot } = service([fake("condor wow")]);
    expect(calls.status.reply.parse(await handlers.status({}))).toMatchObject({
      version: "9.9.9",
      helper: { port: 15000 },
    });
    expect(await handlers.peers({})).toHaveLength(3);
    expect(await handlers.peer({ peer: "pc7" })).toMatchObject({ name: "pc7" });
    expect(await handlers.ring({ affiliation: "condor wow" })).toMatchObject({ self: SELF });
    expect(HelperSnapshot.parse({ seq: 1, ...snapshot() }).rings).toMatchObject([{ affiliation: "condor wow" }]);
  });

  it("name the affiliations where it is open which is meant", async () => {
    const none = service([]).handlers;
    await expect(none.peers({})).rejects.toMatchObject({ code: "UNKNOWN_AFFILIATION" });
    const two = service([fake("a"), fake("b")]).handlers;
    await expect(two.ring({})).rejects.toMatchObject({
      code: "AMBIGUOUS_AFFILIATION",
      text: expect.stringContaining('"a", "b"'),
    });
    await expect(two.ring({ affiliation: "c" })).rejects.toMatchObject({
      code: "UNKNOWN_AFFILIATION",
      text: expect.stringContaining('"c"'),
    });
    expect(await two.connect({ affiliation: "b" })).toMatchObject({ name: "b" });
  });

  it("ping as often as asked, and count what came back", async () => {
    const affiliation = fake("a");
    const answers = [4, undefined, 2];
    affiliation.ping = async () => answers.shift();
    const { handlers } = service([affiliation]);
    expect(await handlers.ping({ peer: "pc7", count: 3, timeoutMs: 10 })).toEqual({
      peer: DIRECT.ringAddress,
      name: "pc7",
      virtualIp: "172.16.1.7",
      sent: 3,
      received: 2,
      rttMs: { min: 2, median: 3, max: 4 },
    });
    affiliation.ping = async () => undefined;
    const lost = await handlers.ping({ peer: "pc7", count: 1, timeoutMs: 10 });
    expect(calls.ping.reply.parse(lost).rttMs).toEqual({ min: null, median: null, max: null });
  });

  it("let the doctor look at a computer that has joined nothing, or at the affiliation that is meant", async () => {
    const skipped = calls.doctor.reply.parse(await service([]).handlers.doctor({}));
    expect(skipped.affiliation).toBeNull();
    const two = service([fake("a"), fake("b")]).handlers;
    expect(await two.doctor({ affiliation: "b" })).toMatchObject({ affiliation: "b" });
    await expect(two.doctor({})).rejects.toMatchObject({ code: "AMBIGUOUS_AFFILIATION" });
  });

  it("do not ping off the ring, and say why", async () => {
    const affiliation = fake("a", { state: "connecting", reason: "Looking for a start address." });
    await expect(service([affiliation]).handlers.ping({ peer: "pc7", count: 1, timeoutMs: 10 })).rejects.toMatchObject({
      code: "NOT_CONNECTED",
      text: '"a" is not connected: looking for a start address.',
    });
  });
});

function facts(node: Partial<NodeView> = {}): AffiliationFacts {
  return {
    name: "condor wow",
    ownName: "this",
    id: "00",
    security: "open",
    interface: { name: "tap0", state: "up", mtuBytes: 1332 },
    interfaceWanted: true,
    virtualIp: "172.16.1.1",
    subnet: "172.16.0.0/16",
    startAddresses: [],
    warnings: [],
    ratesOf: (slot) => ({ txBytesPerS: 10 * (slot ?? 0), rxBytesPerS: 0 }),
    node: {
      state: "connected",
      ringAddress: SELF,
      virtualIp: "172.16.1.1",
      lease: null,
      natKind: "public",
      localTransportAddresses: ["192.168.1.5:15000"],
      learnedTransportAddresses: ["[2001:db8::1]:15000"],
      localStreamAddresses: [],
      sizeEstimate: 4,
      consistent: true,
      walked: false,
      peers: [DIRECT, RELAYED, ROUTED],
      drops: {},
      warnings: [],
      ...node,
    },
  };
}

function fake(name: string, node: Partial<NodeView> = {}): AffiliationPort {
  const notUsed = async () => {
    throw new Error("not part of this test");
  };
  return {
    name,
    facts: () => ({ ...facts(node), name }),
    disconnect: notUsed,
    up: notUsed,
    down: notUsed,
    ping: notUsed,
    trace: notUsed,
    speed: notUsed,
    walk: () => {},
    tryDirect: () => {},
    openShortcut: () => {},
    recorder: { history: () => ({ stepS: 1, points: [], events: [] }), throughput: () => ({ stepS: 1, points: [] }) },
    checkup: () => ({ overlap: undefined, uplinks: [], lacks: [] }),
  };
}

function service(all: AffiliationPort[]) {
  return controlService({
    version: "9.9.9",
    all,
    port: 15000,
    warnings: [],
    join: async () => {
      throw new HelperError("LIMIT", "Enough.", "Leave one.");
    },
    connect: async () => {},
    leave: async () => {},
    preview: () => {
      throw new Error("not part of this test");
    },
    configure: async () => {
      throw new Error("not part of this test");
    },
    wake: () => {},
  });
}
