/**
 * The server of `ringway ui`: the window's files and one WebSocket on 127.0.0.1, as the calling user. A one-time token in
 * the address becomes a cookie; every request must name this server as Host and, where a browser says it, as Origin.
 *
 * Each page has its own connection to the helper, so the helper decides about each call by the uid of this process.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { hostname } from "node:os";
import path from "node:path";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { errorView, HelperError, type HelperSnapshot } from "#contract";
import {
  type Outcome,
  PAGE_MESSAGE_LIMIT_BYTES,
  type PageMessage,
  PageRequest,
  type PageSession,
  type Reach,
} from "#contract/bridge.ts";
import { callByName } from "#contract/client.ts";
import { deltaOf } from "#contract/delta.ts";
import { isLooking } from "#contract/window-calls.ts";
import { connectHelper, type HelperConnection } from "../control/client.ts";

export interface UiServerOptions {
  /** The helper's socket. */
  readonly socketPath: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where the port belongs to another program, take any free one instead of refusing. */
  readonly orAnyPort?: boolean;
  /** Calls of pages that change something are refused; looking stays. */
  readonly readOnly: boolean;
  /** Folder of the built window. */
  readonly folder: string;
  /** The address of this computer by which the user comes, where it is known: to the server all come from loopback. */
  readonly through?: string;
  /** A line about something refused; never holds a token or a cookie. */
  readonly log?: (line: string) => void;
  readonly connect?: (socketPath: string) => Promise<HelperConnection>;
}

export interface UiServer {
  /** Another than the one asked for, where that was taken and `orAnyPort` allowed it. */
  readonly port: number;
  /** The address with the one-time token. */
  readonly url: string;
  close(): Promise<void>;
}

/** Pages open at a time; each holds one connection to the helper. */
const PAGES_LIMIT = 8;
const CALLS_AT_ONCE = 8;
/** A page that takes its snapshots too slowly misses some rather than filling memory. */
const BACKLOG_LIMIT_BYTES = 8 * 1024 * 1024;
const LOOPBACK_NAMES = new Set(["127.0.0.1", "localhost", "[::1]"]);

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Starts to listen. Throws PORT_IN_USE, or STATE_UNUSABLE where the window's files are missing. */
export async function startUiServer(options: UiServerOptions): Promise<UiServer> {
  const { socketPath, readOnly, log = () => {}, connect = connectHelper } = options;
  const files = await readWindow(options.folder);
  const token = randomBytes(32).toString("base64url");
  const session = randomBytes(32).toString("base64url");
  // Cookies know no port, so two servers on one computer need two names.
  const cookieName = `ringway-${randomBytes(6).toString("hex")}`;
  let tokenUsed = false;

  const hasCookie = (request: IncomingMessage) => {
    const cookies = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim());
    return cookies.some(
      (pair) => pair.startsWith(`${cookieName}=`) && same(pair.slice(cookieName.length + 1), session),
    );
  };
  const takesToken = (url: URL) => {
    const given = url.searchParams.get("token");
    if (tokenUsed || given === null || !same(given, token)) return false;
    tokenUsed = true;
    return true;
  };

  const server = createServer((request, response) => {
    const refusal = foreign(request);
    for (const [name, value] of Object.entries(securityHeaders(request))) response.setHeader(name, value);
    if (refusal !== undefined) return refuse(response, `${refusal}`);
    if (request.method !== "GET" && request.method !== "HEAD")
      return answer(response, 405, "Only GET is served here.\n");
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname === "/" && !hasCookie(request) && takesToken(url)) {
      response.setHeader("set-cookie", `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`);
    } else if (!hasCookie(request)) {
      return refuse(response, `a request without a valid session for ${url.pathname}`);
    }
    if (url.pathname === "/session") {
      response.setHeader("cache-control", "no-store");
      return answer(
        response,
        200,
        JSON.stringify({
          host: hostname(),
          readOnly,
          ...(options.through !== undefined && { through: options.through }),
        } satisfies PageSession),
        "application/json",
      );
    }
    const file = files.get(url.pathname === "/" ? "/index.html" : url.pathname);
    if (file === undefined) return answer(response, 404, "There is no such page.\n");
    // Names of assets hold a hash of their content; the page itself must be asked for anew.
    response.setHeader(
      "cache-control",
      file.type.startsWith("text/html") ? "no-store" : "private, max-age=31536000, immutable",
    );
    answer(response, 200, file.content, file.type);
  });
  const refuse = (response: ServerResponse, why: string) => {
    log(`refused: ${why}`);
    response.setHeader("cache-control", "no-store");
    answer(response, 403, REFUSAL, types[".html"]);
  };

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: PAGE_MESSAGE_LIMIT_BYTES,
    perMessageDeflate: false,
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const why =
      foreign(request) ??
      (request.headers.origin === undefined ? "a WebSocket without Origin" : undefined) ??
      (hasCookie(request) ? undefined : "a WebSocket without a valid session") ??
      (request.url === "/bridge" ? undefined : "a WebSocket to an unknown path") ??
      (sockets.clients.size < PAGES_LIMIT ? undefined : `more than ${PAGES_LIMIT} pages at a time`);
    if (why === undefined) {
      sockets.handleUpgrade(request, socket, head, (page) => void serve(page, { socketPath, readOnly, connect }));
      return;
    }
    log(`refused: ${why}`);
    socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });

  const port = await listen(server, options.port).catch((error: unknown) => {
    if (options.orAnyPort && error instanceof HelperError && error.code === "PORT_IN_USE") return listen(server, 0);
    throw error;
  });
  return {
    port,
    url: `http://127.0.0.1:${port}/?token=${token}`,
    close: async () => {
      for (const page of sockets.clients) page.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One page: its own line to the helper, its snapshots, and its calls. Ends when either side does. */
async function serve(
  page: WebSocket,
  { socketPath, readOnly, connect }: Required<Pick<UiServerOptions, "socketPath" | "readOnly" | "connect">>,
): Promise<void> {
  const send = (message: PageMessage) => {
    if (page.readyState === page.OPEN) page.send(JSON.stringify(message));
  };
  let shown: HelperSnapshot | undefined;
  /** A whole picture first, then what changed since the one that was sent before. */
  const show = (snapshot: HelperSnapshot) => {
    if (page.bufferedAmount > BACKLOG_LIMIT_BYTES) return;
    const delta = shown && deltaOf(shown, snapshot);
    send(delta ? { kind: "delta", delta } : { kind: "snapshot", snapshot });
    shown = snapshot;
  };
  const give = (error: unknown) => {
    send({ kind: "reach", reach: { kind: "noHelper", host: null, error: errorView(error) } satisfies Reach });
    // The page asks again by itself, and shows meanwhile what was just said.
    page.close(1000);
  };
  page.on("error", () => page.terminate());
  let gone = false;
  page.on("close", () => {
    gone = true;
  });
  let helper: HelperConnection;
  try {
    helper = await connect(socketPath);
  } catch (error) {
    return give(error);
  }
  if (gone) return helper.close();
  page.on("close", () => helper.close());
  helper.onClose(() =>
    give(
      new HelperError(
        "HELPER_NOT_RUNNING",
        `The helper on ${socketPath} ended.`,
        "Start it again: sudo ringway helper",
      ),
    ),
  );
  let calls = 0;
  page.on("message", (data, isBinary) => {
    const request = isBinary ? undefined : PageRequest.safeParse(parseJson(String(data)));
    // Our page sends nothing else, so this is not our page.
    if (!request?.success) return page.close(1008, "not understood");
    const { id, call, args } = request.data;
    const reply = (outcome: Outcome) => send({ kind: "reply", id, outcome });
    const refused =
      readOnly && !isLooking(call)
        ? new HelperError(
            "NOT_ALLOWED",
            "This page was opened for looking only.",
            "Start `ringway ui` without --read-only.",
          )
        : calls >= CALLS_AT_ONCE
          ? new HelperError("LIMIT", `More than ${CALLS_AT_ONCE} calls at a time.`, "Wait for the earlier ones.")
          : undefined;
    if (refused) return reply({ ok: false, error: refused.view() });
    calls++;
    // The helper parses the arguments again and decides; this process only carries them.
    callByName(helper, call, args)
      .then((view) => reply({ ok: true, reply: view }))
      .catch((error: unknown) => reply({ ok: false, error: errorView(error) }))
      .finally(() => {
        calls--;
      });
  });
  helper.onSnapshot(show);
  try {
    const snapshot = await helper.subscribe({});
    send({ kind: "reach", reach: { kind: "open", host: null, readOnly } });
    show(snapshot);
  } catch (error) {
    give(error);
  }
}

/** Why a request is not for us: a foreign Host (DNS rebinding) or a foreign Origin; undefined where it is. */
function foreign({ headers }: IncomingMessage): string | undefined {
  const host = headers.host ?? "";
  // Any port: through `ssh -L` the page's port is another than ours.
  if (!LOOPBACK_NAMES.has(host.replace(/:\d{1,5}$/, ""))) return `a foreign Host, ${printable(host)}`;
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return `a foreign Origin, ${printable(origin)}`;
  return undefined;
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function securityHeaders({ headers }: IncomingMessage): Record<string, string> {
  const host = LOOPBACK_NAMES.has((headers.host ?? "").replace(/:\d{1,5}$/, "")) ? ` ws://${headers.host}` : "";
  return {
    "content-security-policy": [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "font-src 'self'",
      `connect-src 'self'${host}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
  };
}

/** What a browser without a session sees; it needs no script and no file of ours. */
const REFUSAL =
  "<!doctype html><meta charset=utf-8><title>Ringway</title><h1>This link has expired</h1>" +
  `<p>A link of <code>ringway ui</code> opens once. Run <code>ringway ui</code> on ${hostname().replace(/[<>&]/g, "")} for a new one.</p>`;

function answer(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  type = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

interface WindowFile {
  readonly type: string;
  readonly content: Buffer;
}

/** All files of the window by path, read once: what is not in this map is not served, whatever a path says. */
async function readWindow(folder: string): Promise<ReadonlyMap<string, WindowFile>> {
  const files = new Map<string, WindowFile>();
  try {
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      const type = types[path.extname(entry.name)];
      if (!entry.isFile() || type === undefined || entry.name === "dev.html") continue;
      const full = path.join(entry.parentPath, entry.name);
      const name = `/${path.relative(folder, full).split(path.sep).join("/")}`;
      files.set(name, { type, content: await readFile(full) });
    }
  } catch (cause) {
    throw missingWindow(folder, cause);
  }
  if (!files.has("/index.html")) throw missingWindow(folder, undefined);
  return files;
}

function missingWindow(folder: string, cause: unknown): HelperError {
  return new HelperError(
    "STATE_UNUSABLE",
    `The files of the window are not in ${folder}.`,
    "In a clone, make them with: npm run build. Else install Ringway again.",
    { cause },
  );
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === "EADDRINUSE"
          ? new HelperError(
              "PORT_IN_USE",
              `Port ${port} of 127.0.0.1 belongs to another program.`,
              "End that program (perhaps another `ringway ui`), or choose another port with --port N.",
              { cause },
            )
          : new HelperError(
              "NOT_PERMITTED",
              `This user may not listen on port ${port} of 127.0.0.1 (${cause.code ?? cause.message}).`,
              "Choose another port with --port N.",
              { cause },
            ),
      );
    server.once("error", refuse);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", refuse);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** Equal texts, in a time that does not tell where they differ. */
function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
