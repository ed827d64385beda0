import { describe, expect, it } from "vitest";
import { type Carrier, greet, helperClient } from "./client.ts";
import {
  CONTRACT_VERSION,
  callNames,
  calls,
  errorView,
  exitStatusOf,
  HelperError,
  OPERATING_ERROR,
  parseArgs,
} from "./contract.ts";

describe("the table of calls", () => {
  it("names only error codes that have an exit status", () => {
    for (const name of callNames) {
      for (const code of calls[name].errors) expect(exitStatusOf[code]).toBeGreaterThan(0);
    }
  });

  it.each([
    [
      "join",
      { kind: "open", affiliation: " condor wow ", startAddresses: ["brunet.udp://h:1"] },
      { kind: "open", affiliation: "condor wow", startAddresses: ["brunet.udp://h:1"] },
    ],
    ["leave", { affiliation: "Cafe\u0301" }, { affiliation: "Caf\u00e9" }],
    ["ping", { peer: "pc7" }, { peer: "pc7", count: 5, timeoutMs: 2000 }],
    ["peers", {}, {}],
  ] as const)("takes what %s may be given", (name, args, parsed) => {
    expect(parseArgs(name, args)).toEqual({ ok: true, args: parsed });
  });

  it.each([
    ["join", { kind: "open", affiliation: "", startAddresses: [] }, "affiliation"],
    ["join", { kind: "open", affiliation: "é".repeat(33), startAddresses: [] }, "64 bytes"],
    ["join", { kind: "open", affiliation: "a\u0007", startAddresses: [] }, "control"],
    ["join", { kind: "open", affiliation: "\ud800", startAddresses: [] }, "well-formed"],
    ["join", { kind: "open", affiliation: "a", startAddresses: ["http://x:1"] }, "startAddresses.0"],
    ["join", { kind: "open", affiliation: "a", startAddresses: [], run: "x" }, "run"],
    ["join", { kind: "invite" }, "kind"],
    ["ping", { peer: "a", count: 0 }, "count"],
    ["ping", { peer: "a", count: 1e9 }, "count"],
    ["peer", {}, "peer"],
    ["status", { verbose: true }, "verbose"],
    ["status", null, "status"],
    ["leave", { affiliation: 7 }, "affiliation"],
  ] as const)("refuses for %s: %j", (name, args, what) => {
    const result = parseArgs(name, args);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.text).toContain(what);
  });
});

describe("the client", () => {
  const carrier = (answer: (method: string) => Promise<unknown>): Carrier => ({
    request: answer,
    onNotification: () => {},
  });

  it("throws operating errors as they were thrown", async () => {
    const thrown = new HelperError("UNKNOWN_PEER", "No such peer.", "Name another.");
    const client = helperClient(
      carrier(() => Promise.reject(Object.assign(new Error(), { code: OPERATING_ERROR, data: thrown.view() }))),
    );
    const caught = await client.peer({ peer: "x" }).catch((error: unknown) => error);
    expect(caught).toBeInstanceOf(HelperError);
    expect((caught as HelperError).view()).toEqual(thrown.view());
  });

  it("passes on faults of the carrier", async () => {
    const fault = new Error("the wire broke");
    await expect(helperClient(carrier(() => Promise.reject(fault))).status({})).rejects.toBe(fault);
  });

  it("refuses a reply of another shape, naming the place", async () => {
    const client = helperClient(carrier(async () => ({ version: "1", helper: {} })));
    await expect(client.status({})).rejects.toMatchObject({
      code: "VERSION_MISMATCH",
      text: expect.stringContaining("helper.pid"),
    });
  });

  it("refuses a helper of another version", async () => {
    const client = helperClient(
      carrier(async () => ({ contractVersion: CONTRACT_VERSION + 1, version: "9", rights: "owner" })),
    );
    await expect(greet(client)).rejects.toMatchObject({ code: "VERSION_MISMATCH", values: { helper: "9" } });
  });

  it("hands on snapshots that are whole and drops others", () => {
    let notify: (method: string, params: unknown) => void = () => {};
    const client = helperClient({ request: async () => null, onNotification: (listener) => (notify = listener) });
    const got: number[] = [];
    client.onSnapshot(({ seq }) => got.push(seq));
    const status = { version: "1", helper: { pid: 1, uptimeS: 1, port: null }, affiliations: [], warnings: [] };
    notify("snapshot", { seq: 1, at: "2026-01-01T00:00:00.000Z", status, rings: [] });
    notify("snapshot", { seq: 2 });
    notify("other", { seq: 3, at: "2026-01-01T00:00:00.000Z", status, rings: [] });
    expect(got).toEqual([1]);
  });
});

describe("an error's view", () => {
  it("of an unforeseen fault is INTERNAL with its message", () => {
    expect(errorView(new Error("boom"))).toMatchObject({ code: "INTERNAL", text: expect.stringContaining("boom") });
    expect(errorView("boom")).toMatchObject({ code: "INTERNAL", text: expect.stringContaining("boom") });
  });
});
