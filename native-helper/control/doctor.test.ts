import { describe, expect, it } from "vitest";
import { type Check, DoctorView } from "../contract/contract.ts";
import type { NodeView, PeerView } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { type Checkup, doctor, type HelperFacts } from "./doctor.ts";
import type { AffiliationFacts } from "./present.ts";

const HELPER: HelperFacts = { version: "9.9.9", uptimeS: 60, port: 15_000, warnings: [] };
const CHECKUP: Checkup = { overlap: undefined, uplinks: [{ name: "eth0", mtuBytes: 1_500, ipv6: false }], lacks: [] };
const PEER: PeerView = {
  ringAddress: "a".repeat(40) as RingAddress,
  kinds: ["near"],
  path: { kind: "udp", remote: "192.0.2.1:1" },
  natKind: "public",
  silent: false,
  history: [],
};
const NODE: NodeView = {
  state: "connected",
  ringAddress: "b".repeat(40) as RingAddress,
  virtualIp: "172.16.1.1",
  lease: null,
  natKind: "eim",
  localTransportAddresses: [],
  localStreamAddresses: [],
  learnedTransportAddresses: ["203.0.113.5:15000"],
  sizeEstimate: 3,
  consistent: true,
  walked: false,
  clockOffsetMs: 120,
  peers: [PEER],
  drops: {},
  warnings: [],
};

function facts(node: Partial<NodeView> = {}, more: Partial<AffiliationFacts> = {}): AffiliationFacts {
  return {
    name: "condor wow",
    interface: { name: "tap0", state: "up", mtuBytes: 1_332 },
    interfaceWanted: true,
    virtualIp: "172.16.1.5",
    subnet: "172.16.0.0/16",
    warnings: [],
    node: { ...NODE, ...node },
    ...more,
  } as AffiliationFacts;
}

const down = { name: "tap0", state: "down", mtuBytes: 1_332 } as const;
const fault = { code: "SUBNET_OVERLAP", text: "It overlaps.", remedy: "Move it." };

describe("the doctor", () => {
  it("finds nothing wrong with a computer that is well", () => {
    const view = DoctorView.parse(doctor(HELPER, facts(), CHECKUP));
    expect(view.affiliation).toBe("condor wow");
    expect(view.checks.map(({ id, result }) => [id, result])).toEqual(
      ["helper", "interface", "route", "mtu", "udp", "nat", "neighbours", "clock"].map((id) => [id, "pass"]),
    );
  });

  it.each<
    [
      Check["id"],
      Check["result"],
      string,
      Partial<Check>,
      Partial<NodeView>,
      Partial<AffiliationFacts>,
      Partial<Checkup>,
    ]
  >([
    ["route", "fail", "the subnet overlaps", { remedy: "Move it." }, {}, {}, { overlap: fault }],
    ["nat", "warn", "the NAT is hard", {}, { natKind: "edm-random" }, {}, {}],
    ["nat", "fail", "UDP is blocked", {}, { natKind: "udp-blocked" }, {}, {}],
    ["nat", "skip", "nothing is known", {}, { natKind: "unknown" }, {}, {}],
    [
      "mtu",
      "warn",
      "packets do not fit",
      { remedy: "Lower the MTU of tap0 to 1160 bytes." },
      {},
      {},
      { uplinks: [{ name: "wg0", mtuBytes: 1_300, ipv6: false }] },
    ],
    ["mtu", "skip", "nobody says", {}, {}, {}, { uplinks: [{ name: "x", mtuBytes: null, ipv6: false }] }],
    ["interface", "warn", "it is switched off", { action: "up" }, {}, { interface: down, interfaceWanted: false }, {}],
    [
      "interface",
      "fail",
      "it cannot come up",
      { cause: "It overlaps.", action: "up" },
      {},
      { interface: down, warnings: [fault] },
      {},
    ],
    ["interface", "skip", "the affiliation is off", { action: "connect" }, { state: "off" }, { interface: down }, {}],
    [
      "udp",
      "fail",
      "nobody answers",
      { cause: "None answers." },
      { state: "connecting", reason: "None answers.", peers: [] },
      {},
      {},
    ],
    ["udp", "fail", "all are silent", {}, { peers: [{ ...PEER, silent: true }] }, {}, {}],
    [
      "udp",
      "warn",
      "the kernel neither cuts nor joins datagrams",
      { cause: expect.stringMatching(/UDP_SEGMENT.*UDP_GRO/) },
      {},
      {},
      { lacks: ["segmentation", "coalescing"] },
    ],
    ["udp", "pass", "only the interface lacks something", {}, {}, {}, { lacks: ["interfaceOffload"] }],
    ["interface", "warn", "it takes no super-packets", {}, {}, {}, { lacks: ["interfaceOffload"] }],
    ["udp", "skip", "it is alone", {}, { peers: [] }, {}, {}],
    ["udp", "skip", "it is off", { action: "connect" }, { state: "off", peers: [] }, {}, {}],
    ["neighbours", "warn", "a closer one is known", {}, { consistent: false }, {}, {}],
    ["neighbours", "skip", "it was not checked", {}, { consistent: null }, {}, {}],
    [
      "clock",
      "warn",
      "it is off by minutes",
      { evidence: "120.0 s behind the peers" },
      { clockOffsetMs: 120_000 },
      {},
      {},
    ],
    [
      "clock",
      "fail",
      "it is off by an hour",
      { evidence: "3600.0 s ahead of the peers" },
      { clockOffsetMs: -3_600_000 },
      {},
      {},
    ],
  ])("%s is %s where %s", (id, result, _where, expected, node, more, checkup) => {
    const { checks } = doctor(HELPER, facts(node, more), { ...CHECKUP, ...checkup });
    const check = checks.find((each) => each.id === id);
    expect(check).toMatchObject({ id, result, ...expected });
    expect(check?.cause).toMatch(/\.$/);
    if (result === "fail" || result === "warn") expect(check?.remedy).toMatch(/\.$/);
  });

  it("skips the clock while too few told theirs", () => {
    const { clockOffsetMs: _, ...node } = NODE;
    const { checks } = doctor(HELPER, { ...facts(), node }, CHECKUP);
    expect(checks.find(({ id }) => id === "clock")?.result).toBe("skip");
  });

  it("says what the helper itself complains about, also without any membership", () => {
    const view = DoctorView.parse(doctor({ ...HELPER, warnings: [fault] }));
    expect(view.affiliation).toBeNull();
    expect(view.checks.map(({ result }) => result)).toEqual(["warn", ...new Array(7).fill("skip")]);
  });
});
