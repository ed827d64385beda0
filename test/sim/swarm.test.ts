import { describe, expect, it } from "vitest";
import { main, worldOf } from "./swarm-command.ts";

async function run(...args: string[]) {
  let out = "";
  let err = "";
  const status = await main(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    workers: 1,
    startWorker: (broken) => ({ run: async (seed) => worldOf(seed, broken), stop: () => undefined }),
  });
  return { status, out, err };
}

describe("npm run sim:swarm", () => {
  it.each([
    [["--seconds", "0"], "--seconds must be a whole number from 1"],
    [["--seed", "seven"], "--seed must be a whole number from 0"],
    [["--break", "everything"], 'no planted fault is called "everything"'],
    [["--nodes", "5"], "--nodes"],
  ])("refuses %j and lists what is allowed", async (args, reason) => {
    const { status, out, err } = await run(...args);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(reason);
    expect(err).toContain("trim-near");
  });

  it("runs the world of a seed alone, and finds nothing wrong with it", async () => {
    const { status, out } = await run("--seed", "12");
    expect(out).toBe("1 runs, 1 seeds, 0 failures\n");
    expect(status).toBe(0);
  });

  it("finds a planted fault of the leases, and the command that it prints finds it again", async () => {
    const found = await run("--seconds", "60", "--break", "lease-quorum");
    expect(found.status).toBe(1);
    const [, words = ""] = /replay: npm run sim:swarm -- (.*)/.exec(found.out) ?? [];
    const [failure = "none"] = /world \d+: at .* both use .*/.exec(found.out) ?? [];
    const again = await run(...words.split(" "));
    expect(again.status).toBe(1);
    expect(again.out).toContain(failure);
  }, 120_000);
});
