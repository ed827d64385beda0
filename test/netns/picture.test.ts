import { describe, expect, it } from "vitest";
import { linkTable, matrixTable, ringPicture } from "./picture.ts";
import { demoReport, type NodeSeen } from "./report.ts";

const address = (place: number) => place.toString(16).padStart(4, "0").padEnd(40, "0");

function nodes(count: number): NodeSeen[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `n${index}`,
    kind: "public",
    virtualIp: `172.16.1.${index + 1}`,
    ringAddress: address(index),
    peers: Array.from({ length: count }, (_, other) => ({
      ringAddress: address(other),
      kinds: ["near"],
      transport: other % 2 === 1 ? "relay" : "udp",
      via: other % 2 === 1 ? address(0) : null,
      rttMs: 12.345,
    })).filter((_, other) => other !== index),
  }));
}

/** The labels of a picture, clockwise from the top. */
function clockwise(picture: string): string[] {
  const found = (pattern: RegExp) =>
    picture.split("\n").flatMap((line) => [...line.matchAll(pattern)].map((match) => match[1] as string));
  return [...found(/● (n\d+) [0-9a-f]{4}/g), ...found(/(n\d+) [0-9a-f]{4} ●/g).reverse()];
}

describe("the picture of a ring", () => {
  it.each([1, 2, 3, 10, 11, 20, 21, 118])("shows %d members once, clockwise in the order of the ring", (count) => {
    const picture = ringPicture(nodes(count).toReversed(), ["condor wow"]);
    expect(clockwise(picture)).toEqual(nodes(count).map((node) => node.name));
    for (const line of picture.split("\n")) expect(line.length).toBeLessThanOrEqual(78);
  });

  it("says in the middle what it is told to", () => {
    expect(ringPicture(nodes(11), ["condor wow", "11 members"])).toMatch(/condor wow[\s\S]*11 members/);
  });
});

describe("the tables", () => {
  it("say how packets of each pair go", () => {
    const seen = nodes(3);
    const pings = [{ from: "n0", to: "n1", answered: true, rttMs: [30, 20, 25] }];
    const lines = linkTable(seen, pings, demoReport(seen, pings, [])).split("\n");
    expect(lines).toEqual([
      "from           to             kinds  transport  packets go  round trip  ping",
      "n0 172.16.1.1  n1 172.16.1.2  near   relay      via n0      12.3 ms     25.0 ms",
      "n0 172.16.1.1  n2 172.16.1.3  near   udp        direct      12.3 ms     -",
      "n1 172.16.1.2  n2 172.16.1.3  near   relay      via n0      12.3 ms     -",
    ]);
  });

  it("are summed up by kinds of site where there are too many pairs", () => {
    const seen = nodes(30);
    const report = demoReport(seen, [], []);
    expect(linkTable(seen, [], report)).toBe(matrixTable(report));
    expect(matrixTable(report).split("\n")).toEqual([
      "between  and     pairs  direct  relayed  routed",
      "public   public  435    105     330      0",
    ]);
  });
});
