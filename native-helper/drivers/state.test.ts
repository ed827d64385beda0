import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import type { RingAddress } from "../overlay/ring/address.ts";
import { StateFile } from "./state-file.ts";
import { type Membership, StateStore } from "./state-store.ts";

const WALL = Date.UTC(2026, 10, 23, 22, 5, 9, 123);
const Counter = z.strictObject({ version: z.literal(1), counter: z.int(), filling: z.string() });

let folder: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringway-state-"));
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

describe("a state file", () => {
  const file = () => new StateFile(join(folder, "counter.json"), Counter);

  it("reads what was written", async () => {
    expect(file().read(WALL)).toEqual({ kind: "absent" });
    await file().write({ version: 1, counter: 3, filling: "" });
    expect(file().read(WALL)).toEqual({ kind: "read", value: { version: 1, counter: 3, filling: "" } });
    expect(statSync(join(folder, "counter.json")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["counter.json"]);
  });

  it("ends with the newest of writes that overtake each other", async () => {
    const one = file();
    await Promise.all(Array.from({ length: 50 }, (_, counter) => one.write({ version: 1, counter, filling: "" })));
    expect(file().read(WALL)).toMatchObject({ value: { counter: 49 } });
  });

  it.each([
    ["torn", '{"version":1,"coun'],
    ["empty", ""],
    ["someone else's", '{"hello":"world"}'],
    ["of a later version", '{"version":2,"counter":1,"filling":""}'],
    ["far too long", " ".repeat(2_000_000)],
    ["not even text", Buffer.from([0xff, 0x00, 0xfe])],
  ])("that is %s is set aside under its date and reported", (_what, content) => {
    writeFileSync(join(folder, "counter.json"), content);
    const result = file().read(WALL);
    expect(result.kind).toBe("setAside");
    expect(readdirSync(folder)).toEqual(["counter.json.damaged-2026-11-23T22-05-09Z"]);
    const aside = readFileSync(join(folder, "counter.json.damaged-2026-11-23T22-05-09Z"));
    expect(aside.equals(Buffer.from(content))).toBe(true);
    if (result.kind === "setAside") {
      expect(result.warning.text).toContain(join(folder, "counter.json"));
      expect(result.warning.text).toContain("counter.json.damaged-2026-11-23T22-05-09Z");
    }
    expect(file().read(WALL)).toEqual({ kind: "absent" });
  });

  it("is whole whenever its writer is killed", async () => {
    // The child writes with the very code under test, over and over, until it is killed in the midst of it.
    const path = join(folder, "counter.json");
    const writer = join(folder, "writer.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("state-file.ts", import.meta.url))],
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: writer,
      logLevel: "error",
    });
    const script = `
      import { StateFile } from ${JSON.stringify(writer)};
      const file = new StateFile(${JSON.stringify(path)}, {});
      for (let counter = 0; ; counter++) {
        await file.write({ version: 1, counter, filling: "x".repeat(50_000) });
        if (counter === 0) process.send("going");
      }`;
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      children.push(child);
      await new Promise((resolve) => child.once("message", resolve));
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
      expect(file().read(WALL)).toMatchObject({ kind: "read" });
      expect(readdirSync(folder).sort()).toEqual(["counter.json", "writer.mjs"]);
    }
  });
});

describe("the state directory", () => {
  const free = () => ({ release: () => {} });

  it("makes keys on first use, for its own user only, and keeps them", async () => {
    const store = new StateStore(join(folder, "state"), free);
    expect(readdirSync(join(folder, "state"))).toEqual([]);
    const keys = await store.affiliation("condor wow").identity();
    expect([keys.edSeed.length, keys.xSecret.length, keys.salt.length]).toEqual([32, 32, 16]);
    const again = await new StateStore(join(folder, "state"), free).affiliation("condor wow").identity();
    expect(again).toEqual(keys);
    const path = join(store.affiliation("condor wow").folder, "identity.key");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "state")).mode & 0o777).toBe(0o700);
  });

  it("keeps the keys of affiliations apart", async () => {
    const store = new StateStore(folder, free);
    const one = await store.affiliation("Ring").identity();
    const other = await store.affiliation("ring!").identity();
    expect(one.edSeed).not.toEqual(other.edSeed);
    expect(store.affiliation("Ring").folder).not.toBe(store.affiliation("ring!").folder);
  });

  it("sets torn keys aside, says so, and makes new ones", async () => {
    const store = new StateStore(folder, free);
    const before = await store.affiliation("a").identity();
    const place = store.affiliation("a").folder;
    writeFileSync(join(place, "identity.key"), "torn");
    const after = await store.affiliation("a").identity();
    expect(after.edSeed).not.toEqual(before.edSeed);
    expect(store.warnings).toMatchObject([{ code: "STATE_SET_ASIDE" }]);
    expect(readdirSync(place).filter((name) => name.startsWith("identity.key.damaged-"))).toHaveLength(1);
  });

  it("lists memberships, and what the engine keeps", async () => {
    const store = new StateStore(folder, free);
    expect(store.memberships()).toEqual([]);
    await store.affiliation("b").saveMembership(membership("b"));
    await store.affiliation("a").saveMembership(membership("a"));
    const saved = { highestStamp: 7, cachedPeers: [{ address: "0".repeat(40) as RingAddress, remote: "192.0.2.1:1" }] };
    await store.affiliation("a").saveState(saved);
    const found = new StateStore(folder, free).memberships();
    expect(found.map(({ membership: { affiliation } }) => affiliation)).toEqual(["a", "b"]);
    expect(found[0]?.store.saved()).toEqual(saved);
    expect(found[1]?.store.saved()).toBeUndefined();
  });

  it("goes on without a membership that is torn, and says so", async () => {
    const store = new StateStore(folder, free);
    await store.affiliation("a").saveMembership(membership("a"));
    writeFileSync(join(store.affiliation("a").folder, "membership.json"), "{");
    const next = new StateStore(folder, free);
    expect(next.memberships()).toEqual([]);
    expect(next.warnings).toHaveLength(1);
  });

  it("does not take a folder for an affiliation that it is not", async () => {
    const store = new StateStore(folder, free);
    await store.affiliation("a").saveMembership(membership("b"));
    expect(store.memberships()).toEqual([]);
  });

  it("gives up all of an affiliation, and writes nothing of it later", async () => {
    const store = new StateStore(folder, free);
    const place = store.affiliation("a");
    await place.identity();
    await place.saveMembership(membership("a"));
    await place.remove();
    await place.saveState({ highestStamp: 1, cachedPeers: [] });
    expect(existsSync(place.folder)).toBe(false);
  });

  it("remembers the interface until it is taken away, within one run of the system", async () => {
    const place = new StateStore(folder, free).affiliation("a");
    await place.recordInterface("tap0");
    expect(place.leftInterface()).toBe("tap0");
    const path = join(place.folder, "interface.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(/"bootId": ".*"/, '"bootId": "another"'));
    expect(place.leftInterface()).toBeUndefined();
    await place.forgetInterface();
    expect(existsSync(path)).toBe(false);
    await place.recordInterface("tap1");
    expect(place.leftInterface()).toBe("tap1");
  });

  it("remembers the port", async () => {
    expect(new StateStore(folder, free).ports()).toEqual({ last: undefined, wanted: undefined });
    await new StateStore(folder, free).savePorts({ last: 15000, wanted: undefined });
    expect(new StateStore(folder, free).ports()).toEqual({ last: 15000, wanted: undefined });
    await new StateStore(folder, free).savePorts({ last: 15000, wanted: 16000 });
    expect(new StateStore(folder, free).ports()).toEqual({ last: 15000, wanted: 16000 });
  });

  it("is refused while another helper runs on it", () => {
    const asked: string[] = [];
    expect(() => new StateStore(folder, (path) => void asked.push(path))).toThrow(
      expect.objectContaining({ code: "STATE_IN_USE", text: expect.stringContaining(folder) }),
    );
    expect(asked).toEqual([join(folder, "lock")]);
  });

  it("says where it cannot be made", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => new StateStore(join(folder, "file", "state"), free)).toThrow(
      expect.objectContaining({ code: "STATE_UNUSABLE", text: expect.stringContaining(join(folder, "file", "state")) }),
    );
  });
});

function membership(affiliation: string): Membership {
  return {
    version: 1,
    affiliation,
    subnet: "172.16.0.0/16",
    startAddresses: ["ringway.udp://192.0.2.1:15000"],
    interfaceName: "tap0",
    mtuBytes: 1332,
    virtualIp: null,
    mac: null,
    name: null,
    site: null,
    transport: "auto",
    onRing: true,
    interfaceUp: true,
  };
}
