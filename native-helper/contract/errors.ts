/** Operating errors that cross a process boundary: their codes, what each means for an exit status, and the error itself. */
import * as z from "zod";

/** Exit status of the command line by error code: 1 failed, 2 wrong use, 3 helper not running, 4 not permitted, 5 timed out. */
export const exitStatusOf = {
  /** A fault in Ringway itself; the text says where. */
  INTERNAL: 1,
  /** The call does not have the shape that the contract says. */
  BAD_ARGUMENT: 2,
  /** A configuration file is malformed; the text begins with file and line. */
  BAD_CONFIG: 2,
  /** No helper answers on the socket. */
  HELPER_NOT_RUNNING: 3,
  /** The helper speaks another version of this contract. */
  VERSION_MISMATCH: 1,
  /** The helper refuses this call to this user. */
  NOT_ALLOWED: 4,
  /** The system refuses something to the helper (capabilities). */
  NOT_PERMITTED: 4,
  /** The helper did not become connected, or a peer did not answer, in the time allowed. */
  TIMED_OUT: 5,
  /** The helper has no affiliation of this name, or none at all. */
  UNKNOWN_AFFILIATION: 1,
  /** Several affiliations, and none was named. */
  AMBIGUOUS_AFFILIATION: 2,
  ALREADY_JOINED: 1,
  UNKNOWN_PEER: 1,
  /** Several peers match; the text lists them. */
  AMBIGUOUS_PEER: 2,
  /** The peer answers, and does not want to do it. */
  PEER_REFUSED: 1,
  /** The call needs a node that is on the ring. */
  NOT_CONNECTED: 1,
  /** The virtual subnet overlaps an address or a route of this computer. */
  SUBNET_OVERLAP: 1,
  /** An interface of this name exists and is not ours. */
  INTERFACE_EXISTS: 1,
  /** The system has no TAP device. */
  NO_TUN_DEVICE: 1,
  /** The UDP port belongs to another process. */
  PORT_IN_USE: 1,
  /** Another helper runs on this state directory. */
  STATE_IN_USE: 1,
  /** Another helper answers on this socket. */
  SOCKET_IN_USE: 1,
  /** A file or folder of the helper cannot be read or written. */
  STATE_UNUSABLE: 1,
  /** A named limit (affiliations, connections) is reached. */
  LIMIT: 1,
} as const satisfies Record<string, 1 | 2 | 3 | 4 | 5>;

export type ErrorCode = keyof typeof exitStatusOf;

export const ErrorCode = z.enum(Object.keys(exitStatusOf) as [ErrorCode, ...ErrorCode[]]);

/** What people and programs get to read: one sentence that says what and where, and one that says what to do. */
export const ErrorView = z.object({
  code: ErrorCode,
  text: z.string(),
  remedy: z.string(),
  /** What the text names, for who says it in other words: VERSION_MISMATCH has `helper`, the version of Ringway there. */
  values: z.record(z.string(), z.string()).exactOptional(),
});
export type ErrorView = z.infer<typeof ErrorView>;

/** An operating error. `text` and `remedy` are sentences for people; the underlying fault goes in `cause`. */
export class HelperError extends Error {
  readonly code: ErrorCode;
  readonly text: string;
  readonly remedy: string;
  readonly values: ErrorView["values"];

  constructor(
    code: ErrorCode,
    text: string,
    remedy: string,
    { values, ...options }: { cause?: unknown; values?: ErrorView["values"] | undefined } = {},
  ) {
    super(`${code}: ${text}`, options);
    this.name = "HelperError";
    this.code = code;
    this.text = text;
    this.remedy = remedy;
    this.values = values;
  }

  view(): ErrorView {
    const { code, text, remedy, values } = this;
    return { code, text, remedy, ...(values && { values }) };
  }
}

/** What a reader of `error` is told; a fault that no one foresaw becomes INTERNAL with its own message. */
export function errorView(error: unknown): ErrorView {
  if (error instanceof HelperError) return error.view();
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "INTERNAL",
    text: `Ringway met a fault of its own: ${message}.`,
    remedy: "Please report it, with the log of the helper.",
  };
}
