import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { HelperError, type HelperSnapshot } from "#contract";
import { PAGE_MESSAGE_LIMIT_BYTES, type PageMessage } from "#contract/bridge.ts";
import type { HelperConnection } from "../control/client.ts";
import { browserCommand, throughOf } from "./ui.ts";
import { startUiServer, type UiServer, type UiServerOptions } from "./ui-server.ts";

const snapshot: HelperSnapshot = {
  seq: 1,
  at: "2026-03-12T14:15:03Z",
  status: { version: "0.1.0", helper: { pid: 4711, uptimeS: 1, port: null }, affiliations: [], warnings: [] },
  rings: [],
};

/** Stands for the helper's connection: records calls and sends what a test tells it to. */
class FakeHelper {
  readonly made: [call: string, args: unknown][] = [];
  #closed: (() => void)[] = [];
  #snapshots: ((snapshot: HelperSnapshot) => void)[] = [];

  readonly connection = {
    subscribe: async () => snapshot,
    connect: async (args: unknown) => this.#answer("connect", args),
    disconnect: async (args: unknown) => this.#answer("disconnect", args),
    up: async () => {
      throw new HelperError("SUBNET_OVERLAP", "172.16.0.0/16 overlaps virbr1.", "Move virbr1.");
    },
    down: async (args: unknown) => this.#answer("down", args),
    doctor: async (args: unknown) => this.#answer("doctor", args),
    speed: async (args: unknown) => this.#answer("speed", args),
    onSnapshot: (listener: (snapshot: HelperSnapshot) => void) => this.#snapshots.push(listener),
    onClose: (listener: () => void) => this.#closed.push(listener),
    close: () => {},
  } as unknown as HelperConnection;

  send(): void {
    for (const listener of this.#snapshots) listener(snapshot);
  }

  end(): void {
    for (const listener of this.#closed) listener();
  }

  #answer(call: string, args: unknown): unknown {
    this.made.push([call, args]);
    return { name: "condor wow" };
  }
}

let folder: string;
let server: UiServer | undefined;
let helper: FakeHelper;
const log: string[] = [];
const pages: WebSocket[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "ringway-ui-test-"));
  await mkdir(path.join(folder, "assets"));
  await writeFile(path.join(folder, "index.html"), "<!doctype html><title>Ringway</title>");
  await writeFile(path.join(folder, "dev.html"), "scripted");
  await writeFile(path.join(folder, "assets", "app-1.js"), "export {};");
  helper = new FakeHelper();
  log.length = 0;
});

afterEach(async () => {
  for (const page of pages.splice(0)) page.terminate();
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

async function start(more: Partial<UiServerOptions> = {}): Promise<UiServer> {
  server = await startUiServer({
    socketPath: "/run/none.sock",
    port: 0,
    readOnly: false,
    folder,
    log: (line) => log.push(line),
    connect: async () => helper.connection,
    ...more,
  });
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function get(ui: UiServer, target: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: ui.port, path: target, method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

const targetOf = (ui: UiServer) => ui.url.slice(ui.url.indexOf("/?"));

/** Opens the one-time address and returns the cookie. */
async function logIn(ui: UiServer): Promise<string> {
  const { headers } = await get(ui, targetOf(ui));
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

interface Page {
  readonly socket: WebSocket;
  /** The next message that passes, however long ago it came. */
  next(kind: PageMessage["kind"]): Promise<PageMessage>;
  /** How it ended. */
  readonly closed: Promise<number>;
}

function openPage(ui: UiServer, headers: Record<string, string>): Page {
  const socket = new WebSocket(`ws://127.0.0.1:${ui.port}/bridge`, { headers });
  pages.push(socket);
  const messages: PageMessage[] = [];
  let wake = () => {};
  socket.on("message", (data) => {
    messages.push(JSON.parse(String(data)) as PageMessage);
    wake();
  });
  const closed = new Promise<number>((resolve) => {
    socket.on("close", (code) => resolve(code));
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.on("error", () => {});
  });
  return {
    socket,
    closed,
    async next(kind) {
      for (;;) {
        const index = messages.findIndex((message) => message.kind === kind);
        if (index >= 0) return messages.splice(index, 1)[0] as PageMessage;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const ownOrigin = (ui: UiServer) => `http://127.0.0.1:${ui.port}`;

describe("getting in", () => {
  it("takes the token once, for a cookie that scripts cannot read and other sites do not send", async () => {
    const ui = await start();
    const first = await get(ui, targetOf(ui));
    expect(first.status).toBe(200);
    expect(first.body).toContain("<title>Ringway</title>");
    expect(first.headers["set-cookie"]?.[0]).toMatch(
      /^ringway-[0-9a-f]{12}=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/,
    );
    expect((await get(ui, targetOf(ui))).status).toBe(403);
    expect(log).toEqual(["refused: a request without a valid session for /"]);
    const cookie = first.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    expect((await get(ui, targetOf(ui), { cookie })).status).toBe(200);
    expect((await get(ui, "/assets/app-1.js", { cookie })).status).toBe(200);
    expect(JSON.parse((await get(ui, "/session", { cookie })).body)).toMatchObject({ readOnly: false });
  });

  it.each(["/", "/session", "/assets/app-1.js", "/?token=guessed"])("refuses %s without a session", async (target) => {
    const ui = await start();
    const { status, body } = await get(ui, target);
    expect(status).toBe(403);
    expect(body).toContain("expired");
    expect(log).toHaveLength(1);
  });

  it("never writes the token or the cookie into its log", async () => {
    const ui = await start();
    const cookie = await logIn(ui);
    await get(ui, targetOf(ui));
    await get(ui, targetOf(ui), { host: "evil.example", cookie });
    expect(log.join("\n")).not.toContain(targetOf(ui).slice("/?token=".length));
    expect(log.join("\n")).not.toContain(cookie.split("=")[1]);
  });

  it("refuses a foreign Host without spending the token", async () => {
    const ui = await start();
    for (const host of ["evil.example", `evil.example:${ui.port}`, "127.0.0.1.evil.example"]) {
      expect((await get(ui, targetOf(ui), { host })).status).toBe(403);
      expect(log.pop()).toBe(`refused: a foreign Host, "${host}"`);
    }
    expect((await get(ui, targetOf(ui))).status).toBe(200);
  });

  it.each(["127.0.0.1:9000", "localhost:9000", "[::1]:9000"])("accepts %s, as through ssh -L", async (host) => {
    const ui = await start();
    expect((await get(ui, targetOf(ui), { host, origin: `http://${host}` })).status).toBe(200);
  });

  it("refuses a foreign Origin", async () => {
    const ui = await start();
    const cookie = await logIn(ui);
    for (const origin of ["http://evil.example", `https://127.0.0.1:${ui.port}`, "http://127.0.0.1:1", "null"]) {
      expect((await get(ui, "/session", { cookie, origin })).status).toBe(403);
      expect(log.pop()).toBe(`refused: a foreign Origin, "${origin}"`);
    }
  });
});

describe("files", () => {
  it("sends a strict content security policy and no guessing of types", async () => {
    const ui = await start();
    const { headers } = await get(ui, targetOf(ui));
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(headers["content-security-policy"]).toContain("script-src 'self'");
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
  });

  it("serves nothing outside the window's folder, nor the scripted page, nor other methods", async () => {
    const ui = await start();
    const cookie = await logIn(ui);
    for (const target of ["/../package.json", "/..%2f..%2fetc/passwd", "/assets/../../x", "/dev.html", "/missing.js"]) {
      expect((await get(ui, target, { cookie })).status).toBe(404);
    }
    expect((await get(ui, "/", { cookie }, "POST")).status).toBe(405);
    const head = await get(ui, "/", { cookie }, "HEAD");
    expect([head.status, head.body]).toEqual([200, ""]);
  });

  it("says what to do where the window was not built", async () => {
    await expect(start({ folder: path.join(folder, "none") })).rejects.toMatchObject({
      code: "STATE_UNUSABLE",
      remedy: expect.stringContaining("npm run build"),
    });
  });

  it("names a port in use and the option that changes it, or takes another where it may", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    try {
      await expect(start({ port })).rejects.toMatchObject({
        code: "PORT_IN_USE",
        text: expect.stringContaining(String(port)),
        remedy: expect.stringContaining("--port"),
      });
      const ui = await start({ port, orAnyPort: true });
      expect(ui.port).not.toBe(port);
      expect((await get(ui, targetOf(ui))).status).toBe(200);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
});

describe("the line of a page", () => {
  it("brings the first snapshot whole and at once, and of every later one what changed", async () => {
    const ui = await start();
    const page = openPage(ui, { cookie: await logIn(ui), origin: ownOrigin(ui) });
    expect(await page.next("reach")).toMatchObject({ reach: { kind: "open" } });
    expect(await page.next("snapshot")).toEqual({ kind: "snapshot", snapshot });
    helper.send();
    const { seq, at, status } = snapshot;
    // The same again: nothing changed.
    expect(await page.next("delta")).toEqual({
      kind: "delta",
      delta: {
        base: seq,
        seq,
        at,
        status,
        rings: snapshot.rings.map(({ affiliation }) => ({ affiliation, changed: [], gone: [], ring: null })),
      },
    });
  });

  it("carries calls, their replies and their errors", async () => {
    const ui = await start();
    const page = openPage(ui, { cookie: await logIn(ui), origin: ownOrigin(ui) });
    await page.next("snapshot");
    page.socket.send(JSON.stringify({ id: 7, call: "disconnect", args: { affiliation: "condor wow" } }));
    expect(await page.next("reply")).toEqual({
      kind: "reply",
      id: 7,
      outcome: { ok: true, reply: { name: "condor wow" } },
    });
    page.socket.send(JSON.stringify({ id: 8, call: "up", args: {} }));
    expect(await page.next("reply")).toMatchObject({
      id: 8,
      outcome: { ok: false, error: { code: "SUBNET_OVERLAP" } },
    });
    expect(helper.made).toEqual([["disconnect", { affiliation: "condor wow" }]]);
  });

  it("refuses calls of a page opened for looking", async () => {
    const ui = await start({ readOnly: true });
    const page = openPage(ui, { cookie: await logIn(ui), origin: ownOrigin(ui) });
    await page.next("snapshot");
    for (const call of ["disconnect", "speed"]) {
      page.socket.send(JSON.stringify({ id: 1, call, args: {} }));
      expect(await page.next("reply")).toMatchObject({ outcome: { ok: false, error: { code: "NOT_ALLOWED" } } });
    }
    expect(helper.made).toEqual([]);
    page.socket.send(JSON.stringify({ id: 2, call: "doctor", args: {} }));
    expect(await page.next("reply")).toMatchObject({ id: 2, outcome: { ok: true } });
    expect(helper.made).toEqual([["doctor", {}]]);
  });

  it.each([
    ["text that is no JSON", "{"],
    ["a call that windows may not make", JSON.stringify({ id: 1, call: "subscribe", args: {} })],
    ["a field too many", JSON.stringify({ id: 1, call: "up", args: {}, more: 1 })],
    ["a message that is too long", JSON.stringify({ id: 1, call: "up", args: "x".repeat(PAGE_MESSAGE_LIMIT_BYTES) })],
  ])("ends the line on %s", async (_name, message) => {
    const ui = await start();
    const page = openPage(ui, { cookie: await logIn(ui), origin: ownOrigin(ui) });
    await page.next("snapshot");
    page.socket.send(message);
    expect([1008, 1009]).toContain(await page.closed);
    expect(helper.made).toEqual([]);
  });

  it("refuses a line without cookie, without Origin, or from elsewhere", async () => {
    const ui = await start();
    const cookie = await logIn(ui);
    const origin = ownOrigin(ui);
    for (const headers of [
      { origin },
      { cookie },
      { cookie, origin: "http://evil.example" },
      { cookie, origin, host: "evil.example" },
    ]) {
      expect(await openPage(ui, headers as Record<string, string>).closed).toBe(403);
    }
    expect(log).toHaveLength(4);
  });

  it("holds no more than 8 pages", async () => {
    const ui = await start();
    const headers = { cookie: await logIn(ui), origin: ownOrigin(ui) };
    for (let i = 0; i < 8; i++) await openPage(ui, headers).next("snapshot");
    expect(await openPage(ui, headers).closed).toBe(403);
  });

  it("says why when no helper answers, then ends so that the page asks again", async () => {
    const ui = await start({
      connect: async () => {
        throw new HelperError("HELPER_NOT_RUNNING", "No helper answers.", "Start it.");
      },
    });
    const page = openPage(ui, { cookie: await logIn(ui), origin: ownOrigin(ui) });
    expect(await page.next("reach")).toMatchObject({
      reach: { kind: "noHelper", error: { code: "HELPER_NOT_RUNNING" } },
    });
    expect(await page.closed).toBe(1000);
  });

  it("says so when the helper ends", async () => {
    const ui = await start();
    const page = openPage(ui, { cookie: await logIn(ui), origin: ownOrigin(ui) });
    await page.next("snapshot");
    await page.next("reach");
    helper.end();
    expect(await page.next("reach")).toMatchObject({ reach: { kind: "noHelper" } });
    expect(await page.closed).toBe(1000);
  });
});

describe("the way that a page comes", () => {
  it.each([
    ["10.0.0.9 50000 172.16.1.5 22", "172.16.1.5"],
    ["fd00::9 50000 fd00::5 22", "fd00::5"],
    ["::ffff:10.0.0.9 50000 ::ffff:172.16.1.5 22", "172.16.1.5"],
    ["nonsense", undefined],
    [undefined, undefined],
  ])("is the server's address of %s", async (connection, address) => {
    expect(throughOf({ SSH_CONNECTION: connection }).through).toBe(address);
    const ui = await start(throughOf({ SSH_CONNECTION: connection }));
    expect(JSON.parse((await get(ui, "/session", { cookie: await logIn(ui) })).body).through).toBe(address);
  });
});

describe("opening a browser", () => {
  it.each([
    ["linux", { DISPLAY: ":0" }, ["xdg-open"]],
    ["linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open"]],
    ["linux", {}, undefined],
    ["linux", { DISPLAY: "localhost:10.0", SSH_CONNECTION: "1" }, undefined],
    ["darwin", {}, ["open"]],
  ] as const)("on %s with %o", (platform, env, command) => {
    expect(browserCommand(platform, env)).toEqual(command);
  });
});
