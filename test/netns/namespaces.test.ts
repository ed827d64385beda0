import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { NamespaceSet, removeLeftovers } from "./namespaces.ts";
import { ended, must, run, until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const namespaces = async () => (await must(["ip", "netns", "list"])).split("\n").map((line) => line.split(" ")[0]);

describeOnBed("a set of namespaces", () => {
  it("takes its programs, namespaces and folder away with it", async () => {
    const set = await NamespaceSet.open();
    const name = await set.add("host");
    expect(await namespaces()).toContain(name);
    const child = set.start(["ip", "netns", "exec", name, "sleep", "1000"], { stdio: "ignore" });
    await set.close();
    await ended(child);
    expect(await namespaces()).not.toContain(name);
    expect(existsSync(set.folder)).toBe(false);
    await set.close();
  });

  it("removes what a dead run left, with its programs, and nothing of a living one", async () => {
    const dead = spawn("true");
    await ended(dead);
    const leftover = `ringway-${dead.pid}-1-1-host`;
    await must(["ip", "netns", "add", leftover]);
    mkdirSync(join(tmpdir(), leftover));
    const orphan = spawn("ip", ["netns", "exec", leftover, "sleep", "1000"], { stdio: "ignore" });
    await until(
      "the program to be inside",
      10_000,
      async () => (await must(["ip", "netns", "pids", leftover])) !== "",
      20,
    );
    const living = await NamespaceSet.open();
    const kept = await living.add("host");
    try {
      // `open` has done it already; once more finds nothing.
      expect(await removeLeftovers()).toEqual([]);
      expect(await namespaces()).not.toContain(leftover);
      expect(await namespaces()).toContain(kept);
      expect(existsSync(join(tmpdir(), leftover))).toBe(false);
      expect(existsSync(living.folder)).toBe(true);
      await ended(orphan);
    } finally {
      await living.close();
      await run(["ip", "netns", "delete", leftover]);
    }
  });
});
