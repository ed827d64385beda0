import { describe, expect, it } from "vitest";
import type { PeerRow } from "#contract";
import { makeWorld } from "../bridge/world.ts";
import { kindOf, matches, median, nameOf, type Peer, peersOf, type Sort, sortPeers } from "./peers.ts";

const snapshot = makeWorld(118).next();
const [part] = snapshot.rings;
if (part === undefined) throw new Error("the scripted world has no ring");
const { ring } = part;
const rows = part.peers;
const peers = peersOf(rows, ring, new Map());
const sample = rows[0] as PeerRow;

describe("the one kind of a peer", () => {
  it.each([
    [["near", "far"], "relay", "relay"],
    [["near", "shortcut"], "udp", "shortcut"],
    [["far", "near"], "tcp", "near"],
    [["leaf", "far"], "udp", "far"],
    [["leaf"], "udp", "leaf"],
    [["anchor"], "udp", "leaf"],
    [[], null, "routed"],
    [[], "udp", "shortcut"],
    [["near"], null, "near"],
  ] as const)("%j over %s is %s", (kinds, transport, kind) => {
    expect(kindOf({ kinds: [...kinds], transport })).toBe(kind);
  });
});

describe("names", () => {
  it("are the host name, else the virtual IP, else the start of the ring address", () => {
    expect(nameOf({ ...sample, name: "pc7" })).toBe("pc7");
    expect(nameOf({ ...sample, name: "", virtualIp: "172.16.1.9" })).toBe("172.16.1.9");
    expect(nameOf({ ...sample, name: null, virtualIp: null })).toBe(sample.ringAddress.slice(0, 8));
  });
});

describe("peers of a snapshot", () => {
  it("are called by their virtual IP where two have one name", () => {
    const twins = rows.slice(0, 3).map((row, index) => ({ ...row, name: index < 2 ? "vm" : "pc7" }));
    const labels = [...peersOf(twins, ring, new Map()).values()].map(({ label }) => label);
    expect(labels).toEqual([twins[0]?.virtualIp, twins[1]?.virtualIp, "pc7"]);
  });

  it("stay the same objects while nothing about them changed", () => {
    const changed = rows.map((row, index) => (index === 3 ? { ...row, rttMs: 77 } : { ...row, kinds: [...row.kinds] }));
    const next = peersOf(changed, ring, peers);
    const kept = [...next].filter(([address, peer]) => peers.get(address) === peer);
    expect(kept).toHaveLength(rows.length - 1);
    expect(next.get(rows[3]?.ringAddress ?? "")?.rttMs).toBe(77);
  });

  it("become silent and loud again by the ring", () => {
    const address = sample.ringAddress;
    const quiet = { ...ring, members: [{ ringAddress: address, name: null, silent: true }] };
    expect(peersOf(rows, quiet, peers).get(address)?.silent).toBe(true);
  });

  it("leave this computer out", () => {
    expect(peersOf([{ ...sample, ringAddress: ring.self }], ring, new Map()).size).toBe(0);
  });

  it("use a predicted round trip where none is measured, and say so", () => {
    const [routed] = peersOf([{ ...sample, rttMs: null, rttEstimateMs: 41 }], ring, new Map()).values();
    expect([routed?.rttMs, routed?.predicted]).toEqual([41, true]);
  });
});

describe("the filter", () => {
  const peer = [...peers.values()].find(({ row }) => row.site === "Gainesville") as Peer;
  it.each([
    ["", true],
    [peer.name.toUpperCase(), true],
    [peer.row.virtualIp ?? "", true],
    ["gainesville", true],
    [peer.row.ringAddress.slice(0, 6), true],
    [`${peer.row.ringAddress.slice(0, 4)} ${peer.row.ringAddress.slice(4, 8)}`, true],
    [peer.row.ringAddress.slice(1, 9), false],
    ["wn99", false],
  ])("by %j", (query, found) => expect(matches(peer, { kind: "all", query })).toBe(found));

  it("by kind", () => {
    expect(matches(peer, { kind: peer.kind, query: "" })).toBe(true);
    expect(matches(peer, { kind: "linked", query: "" })).toBe(peer.kind !== "routed");
  });
});

describe("sorting", () => {
  const order = (sort: Sort) =>
    sortPeers(peers, { kind: "all", query: "" }, sort, (address) => peers.get(address)?.name ?? address).map(
      (address) => peers.get(address) as Peer,
    );
  it("by link puts shortcuts first and routed peers last, the nearest of each first", () => {
    const sorted = order({ column: "link", descending: false });
    expect(sorted[0]?.kind).toBe("shortcut");
    expect(sorted.at(-1)?.kind).toBe("routed");
    const near = sorted.filter(({ kind }) => kind === "near").map(({ rttMs }) => rttMs);
    expect(near).toEqual(near.toSorted((a, b) => Number(a) - Number(b)));
  });
  it("by virtual IP counts, so that .9 comes before .10", () => {
    const last = order({ column: "virtualIp", descending: false }).map(({ row }) =>
      Number(row.virtualIp?.split(".")[3]),
    );
    expect(last).toEqual(last.toSorted((a, b) => a - b));
  });
  it("keeps what is unknown at the end, either way", () => {
    for (const descending of [true, false]) {
      const sorted = order({ column: "via", descending });
      expect(sorted.slice(0, 3).every(({ row }) => row.via !== null)).toBe(true);
      expect(sorted.at(-1)?.row.via).toBeNull();
    }
  });
});

describe("the median", () => {
  it.each([
    [[], null],
    [[null], null],
    [[3, 1, 2], 2],
    [[4, null, 1, 2, 3], 2],
  ])("of %j is %s", (values, middle) => expect(median(values)).toBe(middle));
});
