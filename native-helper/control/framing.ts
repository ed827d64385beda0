/**
 * JSON-RPC messages on a local socket: `Content-Length: N\r\n\r\n` and N bytes of UTF-8 JSON, one object each.
 *
 * The library's own reader takes any length and queues any message; this one has bounds, and ends the connection of a
 * caller who breaks them.
 */
import type { Socket } from "node:net";
import {
  AbstractMessageReader,
  createMessageConnection,
  type DataCallback,
  type Disposable,
  type Message,
  type MessageConnection,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";

const HEADER_LIMIT_BYTES = 256;
const HEADER = /^Content-Length: ([0-9]{1,9})\r\n(?:Content-Type: [^\r\n]*\r\n)?\r\n$/i;
/** Calls of one connection that are worked on at a time; the others wait in the socket's order. */
const CALLS_AT_ONCE = 16;

/** A connection over `socket` that refuses messages longer than `limitBytes`. It listens once `listen()` is called. */
export function messageConnection(socket: Socket, limitBytes: number): MessageConnection {
  const connection = createMessageConnection(
    new BoundedReader(socket, limitBytes),
    new StreamMessageWriter(socket),
    undefined,
    { maxParallelism: CALLS_AT_ONCE },
  );
  connection.onError(() => socket.destroy());
  return connection;
}

export class BoundedReader extends AbstractMessageReader {
  readonly #socket: Socket;
  readonly #limitBytes: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Length of the body that is being read; undefined while a header is. */
  #bodyBytes: number | undefined;
  #broken = false;

  constructor(socket: Socket, limitBytes: number) {
    super();
    this.#socket = socket;
    this.#limitBytes = limitBytes;
  }

  listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer) => this.#take(chunk, callback);
    this.#socket.on("data", onData);
    this.#socket.on("error", (error) => this.fireError(error));
    this.#socket.on("close", () => this.fireClose());
    return { dispose: () => this.#socket.off("data", onData) };
  }

  #take(chunk: Buffer, callback: DataCallback): void {
    if (this.#broken) return;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    try {
      for (let message = this.#next(); message !== undefined; message = this.#next()) {
        // Cancellation is not part of the contract, and the library remembers each one for ever.
        if (!isProtocolNotice(message)) callback(message);
      }
    } catch (error) {
      this.#broken = true;
      this.#held = [];
      this.fireError(error);
    }
  }

  /** The next whole message, or undefined until more bytes come. Throws on what is no message. */
  #next(): Message | undefined {
    if (this.#bodyBytes === undefined) {
      const joined = this.#join();
      const end = joined.subarray(0, HEADER_LIMIT_BYTES).indexOf("\r\n\r\n");
      if (end < 0) {
        if (joined.length >= HEADER_LIMIT_BYTES) throw new Error("a message header is too long");
        return undefined;
      }
      const match = HEADER.exec(joined.toString("latin1", 0, end + 4));
      if (!match) throw new Error("a message header is malformed");
      const bytes = Number(match[1]);
      if (bytes > this.#limitBytes)
        throw new Error(`a message of ${bytes} bytes is over the limit of ${this.#limitBytes}`);
      this.#hold(joined.subarray(end + 4));
      this.#bodyBytes = bytes;
    }
    if (this.#heldBytes < this.#bodyBytes) return undefined;
    const joined = this.#join();
    const body = joined.toString("utf8", 0, this.#bodyBytes);
    this.#hold(joined.subarray(this.#bodyBytes));
    this.#bodyBytes = undefined;
    const message: unknown = JSON.parse(body);
    if (!isMessage(message)) throw new Error("a message is no JSON-RPC object");
    return message;
  }

  #join(): Buffer {
    if (this.#held.length !== 1) this.#hold(Buffer.concat(this.#held));
    return this.#held[0] as Buffer;
  }

  #hold(bytes: Buffer): void {
    this.#held = [bytes];
    this.#heldBytes = bytes.length;
  }
}

function isMessage(value: unknown): value is Message {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const message = value as { jsonrpc?: unknown; id?: unknown; method?: unknown };
  if (message.jsonrpc !== "2.0") return false;
  if ("method" in message && typeof message.method !== "string") return false;
  return message.id === undefined || typeof message.id === "number" || typeof message.id === "string";
}

function isProtocolNotice(message: Message): boolean {
  return "method" in message && typeof message.method === "string" && message.method.startsWith("$/");
}
