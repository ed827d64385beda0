/**
 * One JSON file of the state directory.
 *
 * A file is replaced as a whole (write beside it, fsync, rename, fsync of the folder), so that a kill or a power cut
 * leaves the old one or the new one. What cannot be read as what it should be is set aside under a dated name and reported.
 */
import { readFileSync, renameSync, rmSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type * as z from "zod";
import { HelperError, type Warning } from "#contract";

export type ReadResult<T> =
  | { readonly kind: "read"; readonly value: T }
  | { readonly kind: "absent" }
  | { readonly kind: "setAside"; readonly warning: Warning };

const SIZE_LIMIT_BYTES = 1024 * 1024;

export class StateFile<T> {
  readonly path: string;
  readonly #schema: z.ZodType<T>;
  readonly #mode: number;
  /** The newest value not yet on disk; writes that overtake each other are dropped. */
  #wanted: { value: T } | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, schema: z.ZodType<T>, mode = 0o600) {
    this.path = path;
    this.#schema = schema;
    this.#mode = mode;
  }

  /** `wall` (Unix ms) dates the name of a file that is set aside. Throws STATE_UNUSABLE where the file cannot be read at all. */
  read(wall: number): ReadResult<T> {
    rmSync(this.#besidePath(), { force: true });
    let text: string;
    try {
      text = readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "absent" };
      throw unusable("read", this.path, error);
    }
    const parsed = this.#schema.safeParse(text.length > SIZE_LIMIT_BYTES ? undefined : jsonOf(text));
    return parsed.success ? { kind: "read", value: parsed.data } : { kind: "setAside", warning: this.#setAside(wall) };
  }

  /** Resolves when `value`, or a later one, is on disk. Throws STATE_UNUSABLE. */
  async write(value: T): Promise<void> {
    this.#wanted = { value };
    while (this.#wanted) {
      this.#writing ??= this.#writeWanted().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  /** Waits for a write under way, then removes the file. */
  async remove(): Promise<void> {
    this.#wanted = undefined;
    await this.#writing?.catch(() => {}); // A failed write is no hindrance to removing what is there.
    await rm(this.path, { force: true });
    await rm(this.#besidePath(), { force: true });
  }

  async #writeWanted(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (!wanted) return;
    const beside = this.#besidePath();
    try {
      const file = await open(beside, "w", this.#mode);
      try {
        await file.chmod(this.#mode);
        await file.writeFile(`${JSON.stringify(wanted.value, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.path);
      await syncFolder(dirname(this.path));
    } catch (error) {
      throw unusable("write", this.path, error);
    }
  }

  #setAside(wall: number): Warning {
    const date = new Date(wall)
      .toISOString()
      .replaceAll(":", "-")
      .replace(/\.\d+Z$/, "Z");
    const aside = `${this.path}.damaged-${date}`;
    try {
      renameSync(this.path, aside);
    } catch (error) {
      throw unusable("set aside", this.path, error);
    }
    return {
      code: "STATE_SET_ASIDE",
      text: `The state file ${this.path} was torn or not Ringway's; it was set aside as ${basename(aside)}.`,
      remedy: "Put a good copy back while the helper is stopped, or remove the file that was set aside.",
    };
  }

  #besidePath(): string {
    return join(dirname(this.path), `.${basename(this.path)}.new`);
  }
}

/** Makes the names in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function unusable(what: string, path: string, fault: unknown): HelperError {
  const { code, message } = fault as NodeJS.ErrnoException;
  const notPermitted = code === "EACCES" || code === "EPERM" || code === "EROFS";
  return new HelperError(
    notPermitted ? "NOT_PERMITTED" : "STATE_UNUSABLE",
    `The helper cannot ${what} ${path} (${code ?? message}).`,
    notPermitted
      ? "Start the helper as root, or name a folder of your own with --state DIR."
      : "Look at the disk and the folder's rights, or name another one with --state DIR.",
    { cause: fault },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
