import { describe, expect, it } from "vitest";
import type { HistoryRange, HistoryView } from "../contract/contract.ts";
import type { PeerView } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { csvCell, durationMs, exportHistory } from "./export.ts";
import type { AffiliationFacts } from "./present.ts";

const NOW = new Date(Date.UTC(2026, 0, 1, 12));
const addressOf = (n: number) => n.toString(16).padStart(40, "0") as RingAddress;
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1_000).toISOString();

function peer(n: number, name = `pc${n}`): PeerView {
  return {
    ringAddress: addressOf(n),
    name,
    virtualIp: `172.16.1.${n}`,
    kinds: ["near"],
    natKind: "eim",
    silent: false,
    history: [],
  };
}

const point = (at: string): HistoryView["points"][number] => ({
  at,
  rttMs: 12.5,
  rttP5Ms: 12,
  rttP95Ms: 13,
  lossPct: 0,
  txBytesPerS: 5,
  rxBytesPerS: 6,
  kind: "near",
});

/** A peer recorded for `seconds`, with a path change 2.5 s ago. */
function recorder(seconds: number) {
  return {
    history: (_: RingAddress, range: HistoryRange) => {
      const stepS = { "5m": 1, "1h": 10, "1d": 300 }[range];
      const count = Math.min({ "5m": 300, "1h": 360, "1d": 288 }[range], Math.floor(seconds / stepS));
      const points = Array.from({ length: count }, (_each, place) => point(ago((count - 1 - place) * stepS)));
      return { stepS, points, events: seconds > 0 ? [{ at: ago(2.5), event: "path", text: "Direct by UDP" }] : [] };
    },
    throughput: () => ({ stepS: 1, points: [] }),
  };
}

function affiliation(peers: PeerView[], seconds: number) {
  const node = { ringAddress: addressOf(999), peers };
  const facts = {
    name: "condor wow",
    ownName: "me",
    virtualIp: "172.16.1.1",
    node,
    ratesOf: () => ({ txBytesPerS: 0, rxBytesPerS: 0 }),
  };
  return { facts: () => facts as unknown as AffiliationFacts, recorder: recorder(seconds) };
}

/** All parts, as the command line puts them together. */
function whole(from: ReturnType<typeof affiliation>, args: Parameters<typeof exportHistory>[1]) {
  const parts = [];
  let after: string | null = null;
  do {
    const part = exportHistory(from, { ...args, ...(after !== null && { after }) }, NOW);
    parts.push(part);
    after = part.next;
  } while (after !== null);
  return { text: parts.map(({ text }) => text).join(""), parts };
}

describe("an exported history", () => {
  it("as CSV has a header and a row for each peer and sample, the change in the row of its second", () => {
    const { text } = whole(affiliation([peer(1), peer(2, '=cmd|"x"')], 4), { format: "csv" });
    const lines = text.split("\r\n");
    expect(lines[0]).toBe(
      "at,stepS,ringAddress,name,virtualIp,kind,rttMs,rttP5Ms,rttP95Ms,lossPct,txBytesPerS,rxBytesPerS,events",
    );
    expect(lines).toHaveLength(1 + 2 * 4 + 1);
    expect(lines[1]).toBe(`${ago(3)},1,${addressOf(1)},pc1,172.16.1.1,near,12.5,12,13,0,5,6,`);
    expect(lines[2]).toBe(`${ago(2)},1,${addressOf(1)},pc1,172.16.1.1,near,12.5,12,13,0,5,6,Direct by UDP`);
    expect(lines[5]).toContain(`,"'=cmd|""x""",`);
    for (const line of lines.slice(0, -1)) expect(line.split(",")).toHaveLength(13);
  });

  it("as JSON has every peer with its samples and changes, each time once at the finest step", () => {
    const { text } = whole(affiliation([peer(2), peer(1)], 90_000), { format: "json" });
    const document = JSON.parse(text);
    expect(document).toMatchObject({ version: 1, affiliation: "condor wow", exportedAt: NOW.toISOString() });
    expect(document.peers.map(({ name }: { name: string }) => name)).toEqual(["pc1", "pc2"]);
    const [{ samples, events }] = document.peers;
    expect(events).toEqual([{ at: ago(2.5), event: "path", text: "Direct by UDP" }]);
    const steps = samples.map(({ stepS }: { stepS: number }) => stepS);
    expect(steps.filter((step: number) => step === 1)).toHaveLength(300);
    expect(steps).toEqual(steps.toSorted((a: number, b: number) => b - a));
    const times = samples.map(({ at }: { at: string }) => at);
    expect(times).toEqual(times.toSorted());
    expect(new Set(times).size).toBe(times.length);
  });

  it("is cut where `since` says, and to one peer", () => {
    const { text } = whole(affiliation([peer(1), peer(2)], 90_000), { format: "json", since: "2m", peer: "pc2" });
    const document = JSON.parse(text);
    expect(document.peers).toHaveLength(1);
    expect(document.peers[0].samples).toHaveLength(121);
    expect(document.peers[0].samples[0].at).toBe(ago(120));
  });

  it("has the present of a peer that nothing was recorded of", () => {
    const { text } = whole(affiliation([peer(1)], 0), { format: "csv" });
    expect(text.split("\r\n")[1]).toBe(`${NOW.toISOString()},0,${addressOf(1)},pc1,172.16.1.1,near,,,,,0,0,`);
    expect(JSON.parse(whole(affiliation([], 0), { format: "json" }).text).peers).toEqual([]);
  });

  it("comes in parts that stay far below the limit of a message, and make one document", () => {
    const peers = Array.from({ length: 60 }, (_, n) => peer(n + 1));
    const { text, parts } = whole(affiliation(peers, 90_000), { format: "json" });
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.text.length).toBeLessThan(8 * 1024 * 1024);
    expect(JSON.parse(text).peers).toHaveLength(60);
    const csv = whole(affiliation(peers, 90_000), { format: "csv" }).text;
    expect(csv.match(/^at,/gm)).toHaveLength(1);
  });

  it.each([
    ["90s", 90_000],
    ["10m", 600_000],
    ["1h", 3_600_000],
    ["1d", 86_400_000],
  ])("reads %s as %d ms", (text, ms) => expect(durationMs(text)).toBe(ms));

  it.each([
    ["plain", "plain"],
    [null, ""],
    [1.5, "1.5"],
    ['a "b", c', '"a ""b"", c"'],
    ["two\nlines", '"two\nlines"'],
    ["@sum", "'@sum"],
    ["-1", "'-1"],
  ])("writes the cell %j as %j", (value, cell) => expect(csvCell(value)).toBe(cell));
});
