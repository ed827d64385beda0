/**
 * The bridge of a plain browser to `ringway ui`: asks `/session` whether the page may be here, then opens a WebSocket to
 * the server that served the page. It tries again every second, and says what is wrong meanwhile.
 */
import { HelperError } from "#contract";
import {
  type Bridge,
  type PageRequest,
  PageSession,
  type Reach,
  type WindowCall,
  windowCalls,
} from "#contract/bridge.ts";
import { replyOf } from "./electron.ts";
import { Intake, type OtherMessage, type WindowBridge, type WindowEvent } from "./intake.ts";

const RETRY_MS = 1_000;
/** The server sends something every second; after this long without a word the line is taken for dead. */
const SILENT_MS = 6_000;
const CALL_TIMEOUT_MS = 20_000;

interface Waiting {
  readonly call: WindowCall;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class WebSocketBridge implements WindowBridge {
  readonly #origin: string;
  readonly #listeners = new Set<(event: WindowEvent) => void>();
  readonly #waiting = new Map<number, Waiting>();
  #reach: Reach = { kind: "opening" };
  #last: WindowEvent | undefined;
  #host: string | null = null;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #opening = false;
  #nextId = 0;

  readonly connect = this.#method("connect");
  readonly disconnect = this.#method("disconnect");
  readonly up = this.#method("up");
  readonly down = this.#method("down");
  readonly peer = this.#method("peer");
  readonly ping = this.#method("ping");
  readonly trace = this.#method("trace");
  readonly speed = this.#method("speed");
  readonly doctor = this.#method("doctor");
  readonly history = this.#method("history");
  readonly throughput = this.#method("throughput");
  readonly export = this.#method("export");
  readonly walk = this.#method("walk");
  readonly tryDirect = this.#method("tryDirect");
  readonly shortcut = this.#method("shortcut");
  readonly preview = this.#method("preview");
  readonly join = this.#method("join");
  readonly leave = this.#method("leave");
  readonly configure = this.#method("configure");

  constructor(origin: string = location.origin) {
    this.#origin = origin;
    dropToken();
    void this.#open();
  }

  watch(listener: (event: WindowEvent) => void): () => void {
    this.#listeners.add(listener);
    listener({ kind: "reach", reach: this.#reach });
    if (this.#last) listener(this.#last);
    return () => this.#listeners.delete(listener);
  }

  retry(): void {
    if (this.#reach.kind === "open") return;
    this.#socket?.close();
    this.#later(0);
  }

  #method<N extends WindowCall>(call: N): Bridge[N] {
    return ((args: unknown) => this.#call(call, args)) as Bridge[N];
  }

  async #open(): Promise<void> {
    // One attempt at a time: `retry` may be pressed while one is under way.
    if (this.#opening) return;
    this.#opening = true;
    try {
      const answer = await fetch(`${this.#origin}/session`, {
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(SILENT_MS),
      });
      if (answer.status === 403) {
        // Whoever has no cookie gets no host name either; the page keeps trying, since another tab may bring the cookie.
        this.#tell({ kind: "expired", host: this.#host });
        return this.#later(RETRY_MS);
      }
      if (!answer.ok) throw new Error(`/session answered ${answer.status}`);
      const session = PageSession.parse(await answer.json());
      this.#host = session.host;
      this.#listen(session);
    } catch {
      this.#tell({ kind: "noServer", host: this.#host });
      this.#later(RETRY_MS);
    } finally {
      this.#opening = false;
    }
  }

  #listen(session: PageSession): void {
    const socket = new WebSocket(`${this.#origin.replace(/^http/, "ws")}/bridge`);
    this.#socket = socket;
    this.#watch(socket);
    const intake = new Intake({
      hear: (event) => this.#see(event, session),
      other: (message) => this.#hear(message, session),
      lost: () => socket.close(),
    });
    socket.onmessage = ({ data }) => {
      this.#watch(socket);
      intake.take(data);
    };
    socket.onclose = () => {
      intake.close();
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      clearTimeout(this.#watchdog);
      this.#refuseAll();
      // A server that has just said that the helper is gone is itself there.
      if (this.#reach.kind !== "noHelper") this.#tell({ kind: "noServer", host: this.#host });
      this.#later(RETRY_MS);
    };
  }

  #see(event: WindowEvent, session: PageSession): void {
    if (event.kind === "snapshot") {
      this.#last = event;
      if (this.#reach.kind !== "open") this.#tell({ kind: "open", ...session });
    }
    this.#send(event);
  }

  #hear(message: OtherMessage, session: PageSession): void {
    switch (message.kind) {
      case "reach":
        return this.#tell(
          message.reach.kind === "noHelper" ? { ...message.reach, host: session.host } : { kind: "open", ...session },
        );
      case "reply": {
        const waiting = this.#waiting.get(message.id);
        if (waiting === undefined) return;
        this.#forget(message.id);
        try {
          waiting.resolve(replyOf(waiting.call, message.outcome));
        } catch (error) {
          waiting.reject(error as Error);
        }
      }
    }
  }

  #watch(socket: WebSocket): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#tell({ kind: "noServer", host: this.#host });
      socket.close();
      // A dead line may take minutes to say that it is closed.
      socket.onclose?.(new CloseEvent("close"));
    }, SILENT_MS);
  }

  #call(call: WindowCall, args: unknown): Promise<unknown> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(lost());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#forget(id);
        reject(new HelperError("TIMED_OUT", "The helper did not answer in time.", "Try again."));
      }, CALL_TIMEOUT_MS);
      this.#waiting.set(id, { call, resolve, reject, timer });
      socket.send(JSON.stringify({ id, call, args } satisfies PageRequest));
    });
  }

  #forget(id: number): void {
    clearTimeout(this.#waiting.get(id)?.timer);
    this.#waiting.delete(id);
  }

  #refuseAll(): void {
    for (const [id, waiting] of [...this.#waiting]) {
      this.#forget(id);
      waiting.reject(lost());
    }
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), ms);
  }

  #tell(reach: Reach): void {
    this.#reach = reach;
    this.#send({ kind: "reach", reach });
  }

  #send(event: WindowEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** The one-time token has become a cookie; it need not stay in the address bar or in the history. */
function dropToken(): void {
  const here = new URL(location.href);
  if (!here.searchParams.has("token")) return;
  here.searchParams.delete("token");
  history.replaceState(null, "", here);
}

function lost(): HelperError {
  return new HelperError("HELPER_NOT_RUNNING", "The line to the helper broke.", "Try again when it is back.");
}

/** Every call that a window may make has its method above; a missing one does not compile. */
windowCalls satisfies readonly (keyof WebSocketBridge)[];
