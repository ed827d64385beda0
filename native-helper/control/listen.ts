/** The helper's listening socket: made safely, a dead predecessor's replaced, a live one's left alone. */
import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { createConnection, type Server } from "node:net";
import { dirname } from "node:path";
import { HelperError } from "../contract/contract.ts";

export interface ListenOptions {
  readonly socketPath: string;
  /** The user who owns the socket file beside root; undefined: the user of this process. */
  readonly ownerUid: number | undefined;
  /** The group that may open the socket; undefined: none. */
  readonly groupId: number | undefined;
}

const PROBE_TIMEOUT_MS = 1_000;

/** Listens on `socketPath`; throws SOCKET_IN_USE or STATE_UNUSABLE. */
export async function listenOn(server: Server, options: ListenOptions): Promise<void> {
  const { socketPath } = options;
  makeFolder(socketPath);
  await removeDeadSocket(socketPath);
  // The file is born without rights for others; they are widened once it is there.
  const formerMask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    throw unusable(socketPath, error);
  } finally {
    process.umask(formerMask);
  }
  giveAccess(options);
}

function makeFolder(socketPath: string): void {
  try {
    mkdirSync(dirname(socketPath), { recursive: true, mode: 0o755 });
  } catch (error) {
    throw unusable(socketPath, error);
  }
}

async function removeDeadSocket(socketPath: string): Promise<void> {
  let isSocket: boolean;
  try {
    isSocket = lstatSync(socketPath).isSocket();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw unusable(socketPath, error);
  }
  if (!isSocket) {
    throw new HelperError(
      "STATE_UNUSABLE",
      `${socketPath} exists and is not a socket.`,
      "Move that file away, or name another place with --socket PATH.",
    );
  }
  if (await someoneAnswers(socketPath)) {
    throw new HelperError(
      "SOCKET_IN_USE",
      `Another helper already runs on ${socketPath}.`,
      "Stop it first, or give this one a socket of its own with --socket PATH.",
    );
  }
  try {
    unlinkSync(socketPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unusable(socketPath, error);
  }
}

/** Whether a process accepts connections; a file whose process is dead refuses them. Doubt counts as yes. */
function someoneAnswers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(socketPath);
    const done = (answers: boolean) => {
      probe.destroy();
      resolve(answers);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => done(true));
    probe.once("connect", () => done(true));
    probe.once("error", (fault: NodeJS.ErrnoException) =>
      done(fault.code !== "ECONNREFUSED" && fault.code !== "ENOENT"),
    );
  });
}

function giveAccess({ socketPath, ownerUid, groupId }: ListenOptions): void {
  const uid = process.getuid?.();
  const isRoot = uid === 0;
  try {
    if (isRoot && (ownerUid !== undefined || groupId !== undefined)) chownSync(socketPath, ownerUid ?? 0, groupId ?? 0);
    // A helper without root's rights cannot give the file away: then everyone may knock, and the uid decides.
    const isForAnother = !isRoot && ownerUid !== undefined && ownerUid !== uid;
    chmodSync(socketPath, isForAnother ? 0o666 : isRoot && groupId !== undefined ? 0o660 : 0o600);
  } catch (error) {
    throw unusable(socketPath, error);
  }
}

function unusable(socketPath: string, fault: unknown): HelperError {
  const { code, message } = fault as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new HelperError(
      "NOT_PERMITTED",
      `The helper may not make its socket ${socketPath} (${code}).`,
      "Start the helper as root, or name a place of your own with --socket PATH.",
      { cause: fault },
    );
  }
  return new HelperError(
    "STATE_UNUSABLE",
    `The helper cannot make its socket ${socketPath} (${code ?? message}).`,
    "Name another place with --socket PATH.",
    { cause: fault },
  );
}
