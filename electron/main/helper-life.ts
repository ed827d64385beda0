/**
 * The helper's life, as far as it needs an administrator: made a service or started once, brought to this version, removed.
 * Each is one prompt of the system's own, and nothing else in the app ever asks for one.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { HELPER_RESTART_S, type HelperOutcome } from "#contract/app-bridge.ts";

/** Runs a line of shell as an administrator, after the system has asked the user; rejects with what the system said. */
export type AsAdministrator = (line: string) => Promise<void>;

export interface HelperLifeOptions {
  readonly platform: NodeJS.Platform;
  /** The `ringway` command of this installation. */
  readonly command: string;
  /** The user that the helper is to obey. */
  readonly uid: number;
  readonly asAdministrator: AsAdministrator;
  /** Places to look for programs in. */
  readonly searchPath: readonly string[];
  readonly exists?: (path: string) => boolean;
}

const UNIT = "/etc/systemd/system/ringway-helper.service";
const SYSTEMD = "/run/systemd/system";

export class HelperLife {
  readonly #options: HelperLifeOptions;
  readonly #exists: (path: string) => boolean;
  #isAsking = false;
  /** Whether this app started one that the system knows nothing of. */
  #startedOnce = false;

  constructor(options: HelperLifeOptions) {
    this.#options = options;
    this.#exists = options.exists ?? existsSync;
  }

  state(): { installed: boolean; canInstall: boolean; command: string | null } {
    const installed = this.#exists(UNIT);
    const canInstall = this.#options.platform === "linux" && this.#exists(SYSTEMD);
    const owner = ["--owner", String(this.#options.uid)];
    const line = this.#line(canInstall ? ["helper", "install", ...owner] : ["helper", ...owner]);
    return { installed, canInstall, command: line === undefined ? null : `sudo ${line}` };
  }

  /** Whether a helper that fails is started again by itself: by the system, or by the shell that this app started. */
  isWatched(): boolean {
    return this.#startedOnce || this.#exists(UNIT);
  }

  /** Makes it a service of the system, of this version, where the system has services; else starts it once. */
  install(): Promise<HelperOutcome> {
    const { canInstall } = this.state();
    return canInstall ? this.#run(["helper", "install", "--owner", String(this.#options.uid)]) : this.start();
  }

  /** Starts it until the computer is switched off, or the service where there is one. */
  async start(): Promise<HelperOutcome> {
    if (this.#exists(UNIT)) return this.#ask("systemctl start ringway-helper.service");
    const outcome = await this.#run(["helper", "--owner", String(this.#options.uid)], { background: true });
    if (outcome.result === "done") this.#startedOnce = true;
    return outcome;
  }

  remove(): Promise<HelperOutcome> {
    return this.#run(["helper", "uninstall"]);
  }

  #run(words: readonly string[], { background = false } = {}): Promise<HelperOutcome> {
    const line = this.#line(words);
    if (line === undefined) {
      return Promise.resolve({ result: "failed", detail: "Node.js 20.19 or newer is not installed on this computer." });
    }
    // The prompt's own process must end; the helper goes on in a session of its own.
    return this.#ask(background ? `setsid sh -c ${quoted(watched(line))} >/dev/null 2>&1 &` : line);
  }

  /** The command with these words for a shell; undefined where no Node can run it. */
  #line(words: readonly string[]): string | undefined {
    const node = this.#node();
    return node === undefined ? undefined : [node, this.#options.command, ...words].map(quoted).join(" ");
  }

  /** Electron's own binary cannot run as Node (a fuse), so the helper needs the system's. */
  #node(): string | undefined {
    return this.#options.searchPath.map((folder) => path.join(folder, "node")).find((file) => this.#exists(file));
  }

  async #ask(line: string): Promise<HelperOutcome> {
    if (this.#isAsking) return { result: "failed", detail: "The system is asking already." };
    this.#isAsking = true;
    try {
      await this.#options.asAdministrator(line);
      return { result: "done", detail: "" };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return {
        result: /did not grant permission|dismissed|not authorized/i.test(detail) ? "denied" : "failed",
        detail,
      };
    } finally {
      this.#isAsking = false;
    }
  }
}

/** Failures after which a helper started once is left alone. */
const RESTARTS_LIMIT = 20;

/** Runs a line again when it fails, as the system does with a service; one that was told to end has not failed. */
function watched(line: string): string {
  return `n=0; until ${line}; do n=$((n+1)); [ $n -le ${RESTARTS_LIMIT} ] || exit 1; sleep ${HELPER_RESTART_S}; done`;
}

/** One word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
