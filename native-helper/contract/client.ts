/** The caller's side of the contract, over anything that carries requests: a socket, a WebSocket, Electron's IPC, a fake. */
import {
  type Args,
  type CallName,
  CONTRACT_VERSION,
  callNames,
  calls,
  ErrorView,
  HelperError,
  HelperSnapshot,
  OPERATING_ERROR,
  type Reply,
  SNAPSHOT_NOTIFICATION,
} from "./contract.ts";

/** Carries requests and notifications; `request` rejects with a JSON-RPC error object (`code`, `message`, `data`). */
export interface Carrier {
  request(method: string, args: unknown): Promise<unknown>;
  onNotification(listener: (method: string, params: unknown) => void): void;
}

/** One method for each call. Replies are parsed, so what they return has the shape that the contract says. */
export type HelperCalls = { [N in CallName]: (args: Args<N>) => Promise<Reply<N>> };

export interface HelperClient extends HelperCalls {
  /** Snapshots after `subscribe`. */
  onSnapshot(listener: (snapshot: HelperSnapshot) => void): void;
}

export function helperClient(carrier: Carrier): HelperClient {
  const methods: Record<string, (args: unknown) => Promise<unknown>> = {};
  for (const name of callNames) {
    methods[name] = async (args) => parseReply(name, await carrier.request(name, args).catch(throwOperatingError));
  }
  return {
    ...(methods as unknown as HelperCalls),
    onSnapshot: (listener) =>
      carrier.onNotification((method, params) => {
        if (method !== SNAPSHOT_NOTIFICATION) return;
        const snapshot = HelperSnapshot.safeParse(params);
        if (snapshot.success) listener(snapshot.data);
      }),
  };
}

/** Makes a call whose name is a variable; the helper parses the arguments. */
export function callByName(calling: Partial<HelperCalls>, name: CallName, args: unknown): Promise<unknown> {
  return (calling[name] as (written: unknown) => Promise<unknown>)(args);
}

/** Says hello; throws VERSION_MISMATCH where the helper speaks another version of the contract. */
export async function greet(client: HelperClient): Promise<Reply<"hello">> {
  const reply = await client.hello({ contractVersion: CONTRACT_VERSION });
  if (reply.contractVersion !== CONTRACT_VERSION) throw versionMismatch(reply, CONTRACT_VERSION);
  return reply;
}

/** What helper and caller say of each other; a helper's refusal and a caller's are the same. */
export function versionMismatch(helper: { version: string; contractVersion: number }, caller: number): HelperError {
  return new HelperError(
    "VERSION_MISMATCH",
    `The helper is Ringway ${helper.version} and speaks version ${helper.contractVersion} of its calls, this program version ${caller}.`,
    "Install the same version of Ringway on both sides and restart the helper.",
    { values: { helper: helper.version } },
  );
}

function parseReply(name: CallName, reply: unknown): unknown {
  const result = calls[name].reply.safeParse(reply);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new HelperError(
    "VERSION_MISMATCH",
    `The helper's reply to ${name} is not understood (${issue?.path.join(".") || "all of it"}: ${issue?.message ?? "wrong"}).`,
    "Install the same version of Ringway on both sides and restart the helper.",
    { cause: result.error },
  );
}

function throwOperatingError(fault: unknown): never {
  if (
    typeof fault === "object" &&
    fault !== null &&
    "code" in fault &&
    fault.code === OPERATING_ERROR &&
    "data" in fault
  ) {
    const view = ErrorView.safeParse(fault.data);
    if (view.success) {
      const { code, text, remedy, values } = view.data;
      throw new HelperError(code, text, remedy, { cause: fault, values });
    }
  }
  throw fault;
}
