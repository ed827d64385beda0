import { describe, expect, it } from "vitest";
import { configOf, LEAST_NODES, MOST_NODES, planDemo } from "./demo-plan.ts";

const all = (nodes: number) => {
  const plan = planDemo(nodes);
  return [...plan.publicNodes, ...plan.sites.flatMap((site) => site.nodes)];
};

describe("the plan of a demo", () => {
  it("has the promised mix at eleven nodes", () => {
    const { publicNodes, sites } = planDemo(11);
    expect(publicNodes).toHaveLength(3);
    expect(sites.map((site) => `${site.kind} ${site.nodes.length}`)).toEqual([
      "cone 1",
      "cone 1",
      "cone 2",
      "cone 2",
      "symmetric 1",
      "symmetric 1",
    ]);
    expect(sites[2]?.nodes.map((node) => node.port)).toEqual([15_000, 15_001]);
  });

  it.each([LEAST_NODES, 12, 13, 50, 118, MOST_NODES])("has as many nodes as it was asked for: %d", (count) => {
    const nodes = all(count);
    expect(nodes).toHaveLength(count);
    expect(new Set(nodes.map((node) => node.name)).size).toBe(count);
    expect(new Set(nodes.map((node) => node.virtualIp)).size).toBe(count);
    for (const node of nodes)
      expect(node.virtualIp).toMatch(/^172\.16\.\d{1,2}\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/);
    for (const kind of ["public", "cone", "symmetric"]) expect(nodes.some((node) => node.kind === kind)).toBe(true);
  });

  it.each([0, 9, 401, 11.5, Number.NaN])("refuses %d nodes", (count) => {
    expect(() => planDemo(count)).toThrow(/from 10 to 400/);
  });

  it("gives each node a file that says what was planned, in one of the two formats", () => {
    for (const node of all(11)) {
      const { fileName, text } = configOf(node, ["192.0.2.10:15000"]);
      expect(fileName).toBe(`${node.name}.${node.site === undefined ? "txt" : "toml"}`);
      for (const words of ["condor wow", String(node.port), ".udp://192.0.2.10:15000", "tap0", node.virtualIp]) {
        expect(text).toContain(words);
      }
      if (node.site !== undefined) expect(text).toContain(`site = "${node.site}"`);
    }
    expect(all(11).filter((node) => node.site === undefined)).toHaveLength(5);
  });

  it("lets every node use TCP alone where that is asked for", () => {
    const { publicNodes, sites } = planDemo(11, "tcp");
    for (const node of [...publicNodes, ...sites.flatMap((site) => site.nodes)]) {
      const { text } = configOf(node, ["192.0.2.10:15000"]);
      expect(text).toMatch(/#transport\ntcp\n|transport = "tcp"\n/);
      expect(text).toContain(".tcp://192.0.2.10:15000");
      expect(text).not.toContain("udp");
    }
  });
});
