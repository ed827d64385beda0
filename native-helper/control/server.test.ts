import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  callNames,
  HelperError,
  type HelperSnapshot,
  REQUEST_LIMIT_BYTES,
  type StatusView,
} from "../contract/contract.ts";
import type { Rights } from "./access.ts";
import { connectHelper, type HelperConnection } from "./client.ts";
import { ControlServer, type ControlService } from "./server.ts";

const status: StatusView = {
  version: "9.9.9",
  helper: { pid: 7, uptimeS: 1, port: 15000 },
  affiliations: [],
  warnings: [],
};

let folder: string;
let socketPath: string;
let server: ControlServer | undefined;
let clients: HelperConnection[] = [];
let joined: unknown[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringway-control-"));
  socketPath = join(folder, "sub", "ringway.sock");
  joined = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

describe("control server", () => {
  it("answers typed calls of the owner", async () => {
    await start();
    const client = await connect();
    expect(client.helper).toEqual({ version: "9.9.9", rights: "owner" });
    expect(await client.status({})).toEqual(status);
  });

  it("carries an operating error with code, text and remedy", async () => {
    await start();
    const client = await connect();
    const error = await client.leave({ affiliation: "nobody" }).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(HelperError);
    expect((error as HelperError).view()).toEqual({
      code: "UNKNOWN_AFFILIATION",
      text: "There is no nobody.",
      remedy: "Join it.",
    });
  });

  it("reports an unforeseen fault as INTERNAL and goes on", async () => {
    await start();
    const client = await connect();
    await expect(client.ring({})).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await client.status({})).toEqual(status);
  });

  it("refuses arguments that the contract does not know, by name", async () => {
    await start();
    const client = await connect();
    const bad = { affiliation: "x", run: "rm" } as unknown as { affiliation: string };
    await expect(client.leave(bad)).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      text: expect.stringContaining("run"),
    });
  });

  it.each<[Rights, string, number]>([
    ["owner", "LIMIT", 1],
    ["members", "NOT_ALLOWED", 0],
  ])("lets %s look, and answers a join with %s", async (rights, code, joins) => {
    await start({ rights: () => rights });
    const client = await connect();
    expect(await client.status({})).toEqual(status);
    await expect(client.join({ kind: "open", affiliation: "a", startAddresses: [] })).rejects.toMatchObject({ code });
    expect(joined.length).toBe(joins);
  });

  it("refuses everything to anyone else, before a call is read", async () => {
    await start({ rights: () => "none" });
    await expect(connectHelper(socketPath)).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  });

  it("refuses a caller whose uid the system does not tell", async () => {
    await start({ peerUid: () => undefined });
    await expect(connectHelper(socketPath)).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  });

  it("refuses calls before hello", async () => {
    await start();
    const reply = await rawCall(frame({ jsonrpc: "2.0", id: 1, method: "status", params: {} }));
    expect(reply).toContain("BAD_ARGUMENT");
    expect(reply).toContain("hello");
  });

  it("tells a client of another version so", async () => {
    await start();
    const reply = await rawCall(frame({ jsonrpc: "2.0", id: 1, method: "hello", params: { contractVersion: 99 } }));
    expect(reply).toContain("VERSION_MISMATCH");
  });

  it.each([
    ["a message over the limit", `Content-Length: ${REQUEST_LIMIT_BYTES + 1}\r\n\r\n{`],
    ["a header without end", "x".repeat(300)],
    ["a header without length", "Content-Type: json\r\n\r\n{}"],
    ["what is no JSON", "Content-Length: 3\r\n\r\n{{{"],
    ["a batch", frame([{ jsonrpc: "2.0", id: 1, method: "status" }])],
    ["a null id", frame({ jsonrpc: "2.0", id: null, method: "status" })],
  ])("ends the connection on %s and serves the others", async (_name, bytes) => {
    await start();
    const client = await connect();
    await connectionEnds(bytes);
    expect(await client.status({})).toEqual(status);
  });

  it("reads messages that come in pieces", async () => {
    await start();
    const socket = createConnection(socketPath);
    const bytes = Buffer.from(frame({ jsonrpc: "2.0", id: 1, method: "hello", params: { contractVersion: 1 } }));
    for (const byte of bytes) socket.write(Buffer.of(byte));
    const reply = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    socket.destroy();
    expect(reply).toContain('"version":"9.9.9"');
  });

  it("pushes numbered snapshots: at once on a change, and each second", async () => {
    await start();
    const client = await connect();
    const got: HelperSnapshot[] = [];
    client.onSnapshot((snapshot) => got.push(snapshot));
    const first = await client.subscribe({});
    server?.stateChanged();
    await vi.waitFor(() => expect(got.length).toBeGreaterThan(0), { timeout: 500 });
    expect(got[0]?.seq).toBe(first.seq + 1);
    await vi.waitFor(() => expect(got.length).toBeGreaterThan(1), { timeout: 3_000 });
    expect(got[1]?.seq).toBe(first.seq + 2);
  });

  it("sends many changes in few snapshots", async () => {
    await start();
    const client = await connect();
    const got: HelperSnapshot[] = [];
    client.onSnapshot((snapshot) => got.push(snapshot));
    await client.subscribe({});
    for (let i = 0; i < 1000; i++) server?.stateChanged();
    await vi.waitFor(() => expect(got.length).toBeGreaterThan(0), { timeout: 1_000 });
    for (let i = 0; i < 1000; i++) server?.stateChanged();
    await vi.waitFor(() => expect(got.length).toBeGreaterThan(1), { timeout: 2_000 });
    expect(got.length).toBeLessThanOrEqual(3);
  });

  it("lets callers wait until the helper is ready", async () => {
    let isReady: () => void = () => {};
    const order: string[] = [];
    await start({ ready: new Promise<void>((resolve) => (isReady = resolve)).then(() => void order.push("ready")) });
    const greeted = connect().then(() => order.push("greeted"));
    await vi.waitFor(() => expect(server?.connections).toBe(1));
    isReady();
    await greeted;
    expect(order).toEqual(["ready", "greeted"]);
  });

  it("keeps the socket from other users", async () => {
    await start();
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  it("removes the socket when it closes, and pending callers are told", async () => {
    await start();
    const client = await connect();
    const closed = new Promise<void>((resolve) => client.onClose(resolve));
    await server?.close();
    await closed;
    expect(existsSync(socketPath)).toBe(false);
    await expect(client.status({})).rejects.toMatchObject({ code: "HELPER_NOT_RUNNING" });
  });

  it("refuses a socket on which a helper answers", async () => {
    await start();
    await expect(makeServer()).rejects.toMatchObject({ code: "SOCKET_IN_USE" });
    expect(await (await connect()).status({})).toEqual(status);
  });

  it("replaces the socket of a killed helper", async () => {
    socketPath = join(folder, "dead.sock");
    const listenAndDie = `require("net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, "SIGKILL"))`;
    expect(() => execFileSync(process.execPath, ["-e", listenAndDie], { stdio: "ignore" })).toThrow();
    expect(existsSync(socketPath)).toBe(true);
    await start();
    expect(await (await connect()).status({})).toEqual(status);
  });

  it("leaves a file alone that is no socket", async () => {
    socketPath = join(folder, "notes.txt");
    writeFileSync(socketPath, "mine");
    await expect(makeServer()).rejects.toMatchObject({ code: "STATE_UNUSABLE" });
    expect(existsSync(socketPath)).toBe(true);
  });
});

describe("client", () => {
  it("says that no helper runs, and how to start one", async () => {
    await expect(connectHelper(join(folder, "none.sock"))).rejects.toMatchObject({
      code: "HELPER_NOT_RUNNING",
      remedy: expect.stringContaining("ringway helper"),
    });
  });

  it("ends a call when the helper goes away", async () => {
    const silent = createServer((socket) => socket.once("data", () => socket.destroy()));
    const path = join(folder, "silent.sock");
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    await expect(connectHelper(path)).rejects.toMatchObject({ code: "HELPER_NOT_RUNNING" });
    await new Promise((resolve) => silent.close(resolve));
  });
});

const unusedHandler = async () => {
  throw new Error("not part of these tests");
};

function service(): ControlService {
  return {
    version: "9.9.9",
    snapshot: () => ({ at: "2026-01-01T00:00:00.000Z", status, rings: [] }),
    handlers: {
      ...(Object.fromEntries(callNames.map((name) => [name, unusedHandler])) as unknown as ControlService["handlers"]),
      status: async () => status,
      peers: async () => [],
      join: async (args) => {
        joined.push(args);
        throw new HelperError("LIMIT", "Enough.", "Leave one.");
      },
      leave: async ({ affiliation }) => {
        throw new HelperError("UNKNOWN_AFFILIATION", `There is no ${affiliation}.`, "Join it.");
      },
    },
  };
}

interface Choices {
  rights?: (uid: number) => Rights;
  peerUid?: (socket: Socket) => number | undefined;
  ready?: Promise<void>;
}

function makeServer({
  rights = () => "owner",
  peerUid = () => 1234,
  ready = Promise.resolve(),
}: Choices = {}): Promise<ControlServer> {
  return ControlServer.start({
    socketPath,
    ownerUid: undefined,
    groupId: undefined,
    service: service(),
    owners: new Set(),
    log: { info: () => {}, warn: () => {} },
    peerUid,
    rights,
    ready,
  });
}

async function start(choices?: Choices): Promise<void> {
  server = await makeServer(choices);
}

async function connect(): Promise<HelperConnection> {
  const client = await connectHelper(socketPath);
  clients.push(client);
  return client;
}

function frame(message: unknown): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function rawCall(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.write(bytes);
  });
}

function connectionEnds(bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.on("error", () => {});
    socket.once("close", () => resolve());
    socket.resume();
    socket.write(bytes);
  });
}
