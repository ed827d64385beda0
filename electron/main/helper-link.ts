/** The main process's line to the helper: kept up, tried again every second when it is down, and told to whoever asks. */
import { errorView, HelperError, type HelperSnapshot } from "#contract";
import type { BridgeEvent, Reach, WindowCall } from "#contract/bridge.ts";
import { callByName } from "#contract/client.ts";
import type { HelperConnection } from "../../native-helper/control/client.ts";

export interface HelperLinkOptions {
  readonly connect: () => Promise<HelperConnection>;
  readonly retryMs?: number;
}

/** Pictures are told so often at most, the newest of each while: a helper gone wild must not keep the app busy. */
export const PICTURE_EVERY_MS = 200;

export class HelperLink {
  readonly #connect: () => Promise<HelperConnection>;
  readonly #retryMs: number;
  readonly #listeners = new Set<(event: BridgeEvent) => void>();
  #helper: HelperConnection | undefined;
  #reach: Reach = { kind: "opening" };
  #snapshot: HelperSnapshot | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The newest picture that waits to be told, while one may not. */
  #waiting: HelperSnapshot | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #connecting = false;
  #closed = false;

  constructor({ connect, retryMs = 1_000 }: HelperLinkOptions) {
    this.#connect = connect;
    this.#retryMs = retryMs;
    void this.#open();
  }

  /** Tells what is known now and every later event. */
  watch(listener: (event: BridgeEvent) => void): () => void {
    this.#listeners.add(listener);
    listener({ kind: "reach", reach: this.#reach });
    if (this.#snapshot) listener({ kind: "snapshot", snapshot: this.#snapshot });
    return () => this.#listeners.delete(listener);
  }

  retry(): void {
    if (this.#helper === undefined) void this.#open();
  }

  /** Makes a call; rejects with the helper's own error, or HELPER_NOT_RUNNING. */
  async call(call: WindowCall | "wake", args: unknown): Promise<unknown> {
    if (this.#helper === undefined) {
      throw new HelperError("HELPER_NOT_RUNNING", "No helper answers.", "Start it: sudo ringway helper");
    }
    return callByName(this.#helper, call, args);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#pause);
    this.#helper?.close();
  }

  async #open(): Promise<void> {
    if (this.#connecting || this.#closed) return;
    this.#connecting = true;
    clearTimeout(this.#timer);
    let helper: HelperConnection | undefined;
    try {
      helper = await this.#connect();
      if (this.#closed) return helper.close();
      helper.onSnapshot((snapshot) => this.#picture(snapshot));
      const snapshot = await helper.subscribe({});
      const open = helper;
      this.#helper = open;
      open.onClose(() => this.#lost(open));
      this.#tell({ kind: "reach", reach: { kind: "open", host: null, readOnly: false } });
      this.#picture(snapshot);
    } catch (error) {
      helper?.close();
      this.#fail(error);
    } finally {
      this.#connecting = false;
    }
  }

  #picture(snapshot: HelperSnapshot): void {
    if (this.#closed) return;
    if (this.#pause !== undefined) {
      this.#waiting = snapshot;
      return;
    }
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      const next = this.#waiting;
      this.#waiting = undefined;
      // One that came before the line broke is no news.
      if (next !== undefined && this.#helper !== undefined) this.#picture(next);
    }, PICTURE_EVERY_MS);
    this.#tell({ kind: "snapshot", snapshot });
  }

  #lost(helper: HelperConnection): void {
    if (this.#helper !== helper || this.#closed) return;
    this.#helper = undefined;
    this.#fail(new HelperError("HELPER_NOT_RUNNING", "The helper ended.", "Start it: sudo ringway helper"));
  }

  #fail(error: unknown): void {
    this.#tell({ kind: "reach", reach: { kind: "noHelper", host: null, error: errorView(error) } });
    if (!this.#closed) this.#timer = setTimeout(() => void this.#open(), this.#retryMs);
  }

  #tell(event: BridgeEvent): void {
    if (event.kind === "reach") this.#reach = event.reach;
    else this.#snapshot = event.snapshot;
    for (const listener of this.#listeners) listener(event);
  }
}
