import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { calls, HelperError } from "#contract";
import { affiliationView, FakeHelper, peerDetail } from "../../test/fake-helper.ts";
import { connectHelper } from "../control/client.ts";
import type { Terminal } from "./command.ts";
import { runCommandLine } from "./program.ts";
import { traceText } from "./trace.ts";
import { untilConnected } from "./wait.ts";

let folder: string;
let socketPath: string;
let helper: FakeHelper;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ringway-cli-"));
  socketPath = join(folder, "ringway.sock");
  helper = new FakeHelper();
  await helper.start(socketPath);
});

afterEach(async () => {
  await helper.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("every command", () => {
  const commands: string[][] = [
    ["status"],
    ["peers"],
    ["peer", "pc7"],
    ["ring"],
    ["ping", "pc7", "-c", "1"],
    ["trace", "pc7"],
    ["speed", "pc7", "-s", "1"],
    ["doctor"],
    ["connect"],
    ["disconnect"],
    ["up"],
    ["down"],
    ["leave", "condor wow", "--yes"],
    ["join", "--open", "condor wow", "--via", "ringway.udp://192.0.2.1:15000"],
  ];

  it.each(commands)("%s %s prints one JSON document with --json, text without", async (...args) => {
    helper.rtts = [1, 2];
    const json = await run(...args, "--json");
    expect(json.status).toBe(0);
    expect(JSON.parse(json.out)).toBeTypeOf("object");
    expect(json.err).toBe("");
    const text = await run(...args);
    expect(text.status).toBe(0);
    expect(text.out.trim()).not.toBe("");
    expect(text.out).not.toMatch(/^[{[]/);
  });

  it.each(commands)("%s %s says with 3 that no helper runs, and how to start one", async (...args) => {
    await helper.stop();
    const text = await run(...args);
    expect(text.status).toBe(3);
    expect(text.out).toBe("");
    expect(text.err).toMatch(/^ringway: No helper answers .* ringway helper/);
    const json = await run("--json", ...args);
    expect(json.status).toBe(3);
    expect(JSON.parse(json.out)).toMatchObject({
      error: { code: "HELPER_NOT_RUNNING", remedy: expect.stringContaining("ringway helper") },
    });
  });

  it.each([...commands, ["helper"], ["ui"]])("%s %s refuses an unknown option with 2", async (...args) => {
    const { status, out, err } = await run(...args, "--bogus");
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("--bogus");
    const json = await run(...args, "--bogus", "--json");
    expect(json.status).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({
      error: { code: "BAD_ARGUMENT", text: expect.stringContaining("--bogus") },
    });
  });

  it.each([...commands, ["helper"], ["ui"]])("%s explains itself", async (command) => {
    const { status, out } = await run(command ?? "", "--help");
    expect(status).toBe(0);
    expect(out).toContain(`Usage: ringway ${command}`);
    expect(out).toContain("--json");
  });
});

describe("wrong use", () => {
  it.each([
    [[], "Usage"],
    [["bogus"], "bogus"],
    [["peer"], "peer"],
    [["leave"], "name"],
    [["status", "extra"], "too many"],
    [["join"], "--open NAME or --config FILE"],
    [["join", "--open", "a", "--config", "f"], "not both"],
    [["join", "--config", "f", "--via", "ringway.udp://h:1"], "--via"],
    [["join", "--open", "a", "--via", "http://h:1"], "ringway.udp"],
    [["join", "--open", "x".repeat(65)], "64 bytes"],
    [["ping", "pc7", "-c", "0"], '"0"'],
    [["ping", "pc7", "-c", "many"], '"many"'],
    [["speed", "pc7", "-s", "11"], '"11"'],
    [["export"], "file"],
    [["export", "f", "--format", "xml"], '"xml"'],
    [["export", "f", "--since", "soon"], '"soon"'],
    [["helper", "--port", "70000"], '"70000"'],
    [["helper", "--log", "loud"], '"loud"'],
    [["leave", "condor wow"], "--yes"],
  ])("%j ends with 2", async (args, text) => {
    const result = await run(...args);
    expect(result.status).toBe(2);
    expect(result.err).toContain(text);
    expect(result.out).toBe("");
  });

  it("prints its version", async () => {
    expect(await run("--version")).toMatchObject({ status: 0, out: "1.2.3\n" });
  });
});

describe("what is measured and looked back on", () => {
  it("traces hop by hop, and says where the peer itself is silent", async () => {
    const { out } = await run("trace", "pc7");
    expect(out).toBe(
      ["hop  name  ring address  transport  round trip", "  1  pc7   300000000000  udp           12.5 ms", ""].join(
        "\n",
      ),
    );
    const { ringAddress } = helper.peers[0] as { ringAddress: string };
    const silent = {
      peer: ringAddress,
      name: "pc7",
      virtualIp: null,
      hops: [{ ringAddress: "b".repeat(40), name: null, transport: null, rttMs: null }],
    };
    expect(traceText(silent)).toContain("pc7 itself did not answer.");
  });

  it("tells the speed both ways", async () => {
    const { out, err } = await run("speed", "pc7");
    expect(out).toBe("pc7: up 94.0 Mbit/s, down 8.5 Mbit/s, 0.1 % lost\n");
    expect(err).toBe("testing the path to pc7 for 6 s\n");
    expect(helper.called.at(-1)).toEqual({ name: "speed", args: { peer: "pc7", seconds: 6 } });
  });

  it("ends with 1 where a check fails, what is worst first", async () => {
    helper.checks = [
      { id: "udp", result: "pass", cause: "UDP gets through.", evidence: "port 15000", remedy: null, action: null },
      { id: "clock", result: "skip", cause: "Nobody told.", evidence: null, remedy: null, action: null },
      { id: "interface", result: "fail", cause: "It is down.", evidence: "tap0", remedy: "Mend it.", action: "up" },
    ];
    const { status, out } = await run("doctor");
    expect(status).toBe(1);
    expect(out.split("\n")).toEqual([
      "FAILED   interface  It is down.",
      "                    tap0",
      "                    Mend it.",
      "skipped  clock      Nobody told.",
      "good     udp        UDP gets through.",
      "                    port 15000",
      "",
      "1 good, 0 warnings, 1 failed, 1 skipped",
      "",
    ]);
    const json = await run("doctor", "--json");
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ checks: [{ id: "udp" }, { id: "clock" }, { id: "interface" }] });
    expect((await run("status")).status).toBe(0);
  });

  it("exports all parts into one file, and keeps an existing one", async () => {
    const file = join(folder, "run.csv");
    helper.exported = ["head\r\n", "one\r\n", "two\r\n"];
    const json = await run("export", file, "--since", "10m", "--format", "csv", "--json");
    expect(json).toMatchObject({ status: 0, err: "" });
    expect(JSON.parse(json.out)).toEqual({ file, format: "csv", bytes: 16 });
    expect(readFileSync(file, "utf8")).toBe("head\r\none\r\ntwo\r\n");
    const asked = helper.called.filter(({ name }) => name === "export").map(({ args }) => args);
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual({ since: "10m", format: "csv" });
    expect(asked[2]).toMatchObject({ after: expect.stringMatching(/^[0-9a-f]{40}$/) });

    helper.exported = ["other"];
    const kept = await run("export", file);
    expect(kept).toMatchObject({ status: 2, out: "" });
    expect(kept.err).toContain("exists already");
    expect(readFileSync(file, "utf8")).toContain("head");
    expect((await run("export", file, "--force")).status).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("other");
    expect(readdirSync(folder).filter((name) => name.includes("run.csv"))).toEqual(["run.csv"]);
  });

  it("leaves no half of an export", async () => {
    helper.faults.set("export", new HelperError("UNKNOWN_PEER", "No such peer.", "Name another."));
    expect((await run("export", join(folder, "x.json"), "--peer", "pc9")).status).toBe(1);
    expect((await run("export", join(folder, "none", "x.json"))).err).toContain("ENOENT");
    expect(readdirSync(folder).filter((name) => name.includes("x.json"))).toEqual([]);
  });
});

describe("errors of the helper", () => {
  it.each([
    ["NOT_ALLOWED", 4],
    ["SUBNET_OVERLAP", 1],
    ["NO_TUN_DEVICE", 1],
    ["NOT_PERMITTED", 4],
    ["AMBIGUOUS_AFFILIATION", 2],
    ["UNKNOWN_AFFILIATION", 1],
  ] as const)("%s end with %d", async (code, status) => {
    helper.faults.set("up", new HelperError(code, "What went wrong.", "What to do."));
    expect(await run("up")).toEqual({ status, out: "", err: "ringway: What went wrong. What to do.\n" });
    const json = await run("up", "--json");
    expect(json.status).toBe(status);
    expect(JSON.parse(json.out)).toEqual({ error: { code, text: "What went wrong.", remedy: "What to do." } });
  });

  it("an unknown peer ends with 1", async () => {
    expect(await run("peer", "pc99")).toMatchObject({ status: 1, err: expect.stringContaining("pc99") });
  });

  it("whoever is nobody to the helper is not permitted", async () => {
    await helper.stop();
    await helper.start(socketPath, "none");
    expect(await run("status")).toMatchObject({ status: 4, err: expect.stringContaining("another account") });
  });
});

describe("join", () => {
  it("sends name and addresses of an open affiliation", async () => {
    await run("join", "--open", "condor wow", "--via", "ringway.udp://a:1", "brunet.udp://b:2");
    expect(argsOf("join")).toEqual({
      kind: "open",
      affiliation: "condor wow",
      startAddresses: ["ringway.udp://a:1", "brunet.udp://b:2"],
    });
  });

  it("sends the text of a file, which the helper reads", async () => {
    const file = join(folder, "ipop.config");
    writeFileSync(file, "#affiliation\ncondor wow\n");
    expect(await run("join", "--config", file)).toMatchObject({ status: 0 });
    expect(argsOf("join")).toEqual({ kind: "config", fileName: file, text: "#affiliation\ncondor wow\n" });
  });

  it("of a file that cannot be read ends with 2 and does not call", async () => {
    const { status, err } = await run("join", "--config", join(folder, "none"));
    expect(status).toBe(2);
    expect(err).toContain(join(folder, "none"));
    expect(helper.called).toEqual([]);
  });

  it("waits until the helper is connected", async () => {
    helper.affiliations = [affiliationView({ state: "connecting", reason: "Looking." })];
    const running = run("join", "--open", "condor wow", "--json");
    await vi.waitFor(() => expect(argsOf("join")).toBeDefined());
    helper.change({ state: "connected", reason: null });
    const { status, out } = await running;
    expect(status).toBe(0);
    expect(calls.join.reply.parse(JSON.parse(out))).toMatchObject({ state: "connected" });
  });

  it("says what failed, and what was disconnected meanwhile", async () => {
    helper.affiliations = [affiliationView({ state: "failed", reason: "No socket." })];
    expect(await run("connect")).toMatchObject({ status: 1, err: expect.stringContaining("No socket.") });
    helper.affiliations = [affiliationView({ state: "off" })];
    expect(await run("connect")).toMatchObject({ status: 1, err: expect.stringContaining("disconnected") });
  });

  it("gives up waiting with the reason, while the helper keeps trying", async () => {
    helper.affiliations = [affiliationView({ state: "connecting", reason: "None of the 2 start addresses answers." })];
    const connection = await connectHelper(socketPath);
    const { terminal, record } = fakeTerminal();
    const waiting = untilConnected(connection, "condor wow", { terminal, showProgress: true, withinMs: 1_500 });
    await expect(waiting).rejects.toMatchObject({
      code: "TIMED_OUT",
      text: expect.stringContaining("None of the 2 start addresses answers."),
      remedy: expect.stringContaining("keeps trying"),
    });
    connection.close();
    expect(record.err).toBe('connecting to "condor wow": None of the 2 start addresses answers.\n');
  });

  it("prints the warnings that came of the file on stderr", async () => {
    helper.affiliations = [
      affiliationView({ warnings: [{ code: "MAC_GROUP_BIT", text: "A MAC.", remedy: "Mend it." }] }),
    ];
    expect((await run("join", "--open", "condor wow")).err).toBe("warning: A MAC. Mend it.\n");
  });
});

describe("leave", () => {
  it("asks, and does nothing unless told yes", async () => {
    expect(await run("leave", "condor wow", { answer: "n" })).toMatchObject({
      status: 2,
      err: expect.stringContaining("Nothing was changed"),
    });
    expect(await run("leave", "condor wow", { answer: "" })).toMatchObject({ status: 2 });
    expect(helper.called).toEqual([]);
    expect(await run("leave", "condor wow", { answer: "y" })).toMatchObject({ status: 0, out: "left condor wow\n" });
    expect(argsOf("leave")).toEqual({ affiliation: "condor wow" });
  });
});

describe("ping", () => {
  it("shows each round trip and the middle of them", async () => {
    helper.rtts = [3, 1, 2];
    const { status, out } = await run("ping", "pc7", "-c", "3");
    expect(status).toBe(0);
    expect(out).toBe(
      "pc7: 3.00 ms\npc7: 1.00 ms\npc7: 2.00 ms\n3 sent, 3 answered, round trip min 1.00 ms, median 2.00 ms, max 3.00 ms\n",
    );
  });

  it("sends five without a count", async () => {
    helper.rtts = [1, 1, 1, 1];
    const { out } = await run("ping", "pc7", "--json");
    expect(calls.ping.reply.parse(JSON.parse(out))).toMatchObject({
      sent: 5,
      received: 4,
      rttMs: { min: 1, median: 1, max: 1 },
    });
  });

  it("that nobody answers ends with 5 and prints one document", async () => {
    const json = await run("ping", "pc7", "-c", "2", "--json");
    expect(json.status).toBe(5);
    expect(calls.ping.reply.parse(JSON.parse(json.out))).toMatchObject({
      sent: 2,
      received: 0,
      rttMs: { median: null },
    });
    const text = await run("ping", "pc7", "-c", "1");
    expect(text).toMatchObject({ status: 5, err: expect.stringContaining("answered none") });
  });
});

describe("what people read", () => {
  it("of the status has state, interface, addresses, links and warnings", async () => {
    helper.affiliations = [
      affiliationView({
        interface: { name: "tap0", state: "down", mtuBytes: 1332 },
        warnings: [{ code: "SUBNET_OVERLAP", text: "It overlaps.", remedy: "Move." }],
      }),
    ];
    const { out } = await run("status");
    for (const part of [
      "9.9.9",
      "condor wow",
      "unauthenticated",
      "connected",
      "tap0 down, although it is wanted",
      "172.16.1.5",
      "1 near",
      "easy NAT",
      "It overlaps. Move.",
    ]) {
      expect(out).toContain(part);
    }
  });

  it("of no affiliation says how to join one", async () => {
    helper.affiliations = [];
    expect((await run("status")).out).toContain("ringway join");
  });

  it("of peers names the relay, and what is routed", async () => {
    const relay = peerDetail({ ringAddress: "5".repeat(40), name: "hub" });
    helper.peers = [
      relay,
      peerDetail({
        ringAddress: "6".repeat(40),
        name: "lab",
        transport: "relay",
        via: relay.ringAddress,
        kinds: ["shortcut"],
      }),
      peerDetail({ ringAddress: "7".repeat(40), name: null, transport: null, kinds: [], rttMs: null }),
    ];
    const lines = (await run("peers")).out.split("\n");
    expect(lines[0]).toMatch(/name.*virtual IP.*link.*transport.*round trip/);
    expect(lines[1]).toMatch(/hub.*near\s+udp.*12\.5 ms\s+12 B\s+1\.5 MB/);
    expect(lines[2]).toMatch(/lab.*relay\s+relay via hub/);
    expect(lines[3]).toMatch(/-.*routed\s+over the ring\s+-/);
    helper.peers = [];
    expect((await run("peers")).out).toContain("No other member");
  });

  it("of a peer has why it is not direct, what was tried, and its history", async () => {
    helper.peers = [
      peerDetail({
        notDirectBecause: {
          code: "oneHard",
          text: "A hard NAT.",
          remedy: "Open a port.",
          tried: [{ transport: "udp", to: "192.0.2.9:1", at: "2026-01-01T00:00:00.000Z", result: "no answer" }],
          evidence: {},
        },
      }),
    ];
    const { out } = await run("peer", "172.16.1.7");
    for (const part of [
      "pc7",
      "Not direct: A hard NAT. Open a port.",
      "udp to 192.0.2.9:1: no answer",
      "Direct by UDP",
    ])
      expect(out).toContain(part);
  });

  it("of the ring is a picture with each member at its place, and a table", async () => {
    const { out } = await run("ring");
    const rows = out.split("\n").slice(0, 21);
    // 3/16 clockwise from the top is on the right, 10/16 at the lower left.
    const right = rows.findIndex((row) => /N.pc7/.test(row));
    const left = rows.findIndex((row) => /this computer.@/.test(row));
    expect(right).toBeGreaterThan(2);
    expect(right).toBeLessThan(10);
    expect(left).toBeGreaterThan(11);
    expect(out).toContain("seen from here the ring is whole");
    expect(out).toMatch(/^@ {2}a00000000000 {2}this computer {2}self/m);
  });
});

interface Result {
  status: number;
  out: string;
  err: string;
}

/** Runs a command line; a last argument `{answer}` sits at the terminal. */
async function run(...words: (string | { answer: string })[]): Promise<Result> {
  const args = words.filter((word) => typeof word === "string");
  const person = words.find((word) => typeof word !== "string");
  const { terminal, record } = fakeTerminal(person?.answer);
  const status = await runCommandLine(["--socket", socketPath, ...args], terminal, "1.2.3");
  return { status, ...record };
}

function fakeTerminal(answer?: string): { terminal: Terminal; record: { out: string; err: string } } {
  const record = { out: "", err: "" };
  const terminal: Terminal = {
    out: (text) => {
      record.out += text;
    },
    err: (text) => {
      record.err += text;
    },
    isInteractive: answer !== undefined,
    columns: 80,
    ask: async () => answer ?? "",
  };
  return { terminal, record };
}

function argsOf(name: string): unknown {
  return helper.called.find((call) => call.name === name)?.args;
}
