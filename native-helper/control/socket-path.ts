/** Where the helper listens. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const SYSTEM_SOCKET = "/run/ringway/ringway.sock";
const WINDOWS_PIPE = "\\\\.\\pipe\\ringway";

interface Surroundings {
  readonly platform?: NodeJS.Platform;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly exists?: (path: string) => boolean;
  readonly uid?: number;
}

/** The socket to call: RINGWAY_SOCKET, else that of the system's helper, else that of a helper started by this user. */
export function defaultSocketPath(surroundings: Surroundings = {}): string {
  const { platform = process.platform, env = process.env, exists = existsSync } = surroundings;
  if (env.RINGWAY_SOCKET) return env.RINGWAY_SOCKET;
  if (platform === "win32") return WINDOWS_PIPE;
  const own = userSocket(env);
  return own !== undefined && !exists(SYSTEM_SOCKET) && exists(own) ? own : SYSTEM_SOCKET;
}

/** The socket that a helper makes where it is told none: the system's one for root, else one in the user's run directory. */
export function helperSocketPath(surroundings: Surroundings = {}): string {
  const { platform = process.platform, env = process.env, uid = process.getuid?.() } = surroundings;
  if (env.RINGWAY_SOCKET) return env.RINGWAY_SOCKET;
  if (platform === "win32") return WINDOWS_PIPE;
  return (uid === 0 ? undefined : userSocket(env)) ?? SYSTEM_SOCKET;
}

function userSocket(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, "ringway.sock") : undefined;
}
