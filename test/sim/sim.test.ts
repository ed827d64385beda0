import { describe, expect, it } from "vitest";
import type { Report } from "./report.ts";
import { main } from "./sim-command.ts";

function run(...args: string[]): { status: number; out: string; err: string } {
  let out = "";
  let err = "";
  const status = main(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { status, out, err };
}

describe("npm run sim", () => {
  it.each([
    [["--scenario", "nonsense", "--nodes", "5"], 'no scenario is called "nonsense"'],
    [["--scenario", "toString", "--nodes", "5"], 'no scenario is called "toString"'],
    [["--nodes", "0"], "--nodes must be a whole number from 1 to 100000"],
    [["--nodes", "1e3"], "--nodes must be a whole number from 1 to 100000"],
    [["--nodes", "5", "--seed", "seven"], "--seed must be a whole number from 0"],
    [["--nodes", "5", "--seed", "99999999999999999"], "--seed must be a whole number from 0"],
    [["--nodes", "5", "--mix", "moon"], 'no mix is called "moon"'],
    [["--nodes", "5", "--what"], "--what"],
    [["--scenario", "join", "more"], "more"],
  ])("refuses %j and lists what is allowed", (args, reason) => {
    const { status, out, err } = run(...args);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(reason);
    expect(err).toContain("--scenario  join");
    expect(err).toContain("--mix       public, typical, campus, hostile");
  });

  it("prints the same bytes for the same seed, with every figure", () => {
    const first = run("--nodes", "40", "--seed", "7", "--json");
    const report = JSON.parse(first.out) as Report;
    expect(report).toMatchObject({ scenario: "join", seed: 7, nodes: 40, mix: "public", ring: { consistent: true } });
    expect(report.figures.timeToConvergeS).toBeGreaterThan(0);
    expect(report.figures.meanHops).toBeGreaterThan(0.9);
    expect(report.figures.routesArrived).toBe(1000);
    expect(report.figures.exchangesAnswered).toBe(300);
    expect(report.pass).toBe(report.bars.every((bar) => bar.pass));
    expect(first.status).toBe(report.pass ? 0 : 1);
    expect(run("--nodes", "40", "--seed", "7", "--json").out).toBe(first.out);
    expect(run("--nodes", "40", "--seed", "8", "--json").out).not.toBe(first.out);
  });

  it("reaches every node of the typical mix of NAT kinds", () => {
    const report = JSON.parse(run("--nodes", "60", "--seed", "3", "--mix", "typical", "--json").out) as Report;
    expect(report.ring.consistent).toBe(true);
    expect(report.figures.exchangesAnswered).toBe(300);
  });

  it("prints text for people without --json", () => {
    const { out } = run("--nodes", "3", "--seed", "1");
    expect(out).toContain("join: 3 nodes, mix public, seed 1: ring whole");
    expect(out).toMatch(/pass {2}ringConsistent/);
  });
});
