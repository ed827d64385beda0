/** The contract's client over the helper's local socket; for the command line, the browser bridge and Electron's main process. */
import { createConnection, type Socket } from "node:net";
import { ConnectionError } from "vscode-jsonrpc/node";
import { type Carrier, greet, type HelperClient, helperClient } from "../contract/client.ts";
import { HelperError, MESSAGE_LIMIT_BYTES } from "../contract/contract.ts";
import { messageConnection } from "./framing.ts";

export { defaultSocketPath } from "./socket-path.ts";

export interface HelperConnection extends HelperClient {
  /** Version of the helper, and what this user may call. */
  readonly helper: { readonly version: string; readonly rights: "owner" | "members" };
  /** Told once, when the connection ended, whoever ended it. */
  onClose(listener: () => void): void;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Connects and says hello. Throws HELPER_NOT_RUNNING, NOT_ALLOWED or VERSION_MISMATCH. Calls pending at the end reject. */
export async function connectHelper(socketPath: string): Promise<HelperConnection> {
  const socket = await openSocket(socketPath);
  const connection = messageConnection(socket, MESSAGE_LIMIT_BYTES);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const ended = closed.then(() => {
    throw new HelperError(
      "HELPER_NOT_RUNNING",
      `The helper on ${socketPath} ended the connection.`,
      "Look into the log of the helper, start it again and repeat the command.",
    );
  });
  ended.catch(() => {}); // Each pending call reports it; without one it is no fault.
  const carrier: Carrier = {
    request: async (method, args) => {
      try {
        return await Promise.race([connection.sendRequest<unknown>(method, args), ended]);
      } catch (fault) {
        if (fault instanceof ConnectionError) return ended;
        throw fault;
      }
    },
    onNotification: (listener) => {
      connection.onNotification((method, params) => listener(method, Array.isArray(params) ? params[0] : params));
    },
  };
  connection.listen();
  const client = helperClient(carrier);
  const close = () => {
    connection.dispose();
    socket.destroy();
  };
  try {
    const { version, rights } = await greet(client);
    return { ...client, helper: { version, rights }, close, onClose: (listener) => void closed.then(listener) };
  } catch (error) {
    close();
    throw error;
  }
}

function openSocket(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    const fail = (fault: NodeJS.ErrnoException) => {
      socket.destroy();
      reject(connectFault(socketPath, fault));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", fail);
      socket.on("error", () => socket.destroy());
      resolve(socket);
    });
  });
}

function connectFault(socketPath: string, fault: NodeJS.ErrnoException): HelperError {
  if (fault.code === "EACCES" || fault.code === "EPERM") {
    return new HelperError(
      "NOT_ALLOWED",
      `This user may not open the helper's socket ${socketPath}.`,
      'Ask an administrator to add you to the group "ringway", or run the command as the user who started the helper.',
      { cause: fault },
    );
  }
  return new HelperError(
    "HELPER_NOT_RUNNING",
    `No helper answers on ${socketPath} (${fault.code ?? fault.message}).`,
    "Start it with: sudo ringway helper. If it runs on another socket, name that with --socket PATH or RINGWAY_SOCKET.",
    { cause: fault },
  );
}
