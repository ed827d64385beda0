/** What the system gives to the app: files and links, as arguments of a start or as events. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { CONFIG_LIMIT_BYTES } from "#contract";
import type { Opened } from "#contract/app-bridge.ts";

/** Links that invite into an affiliation. What follows may be secret: it is neither logged nor kept. */
export const LINK_SCHEME = "ringway";
const FILE_ENDINGS = /\.(ringway|toml|txt|conf|config)$/i;

/** The first file or link among the arguments of a start, the program itself left out; undefined where there is none. */
export function openedBy(args: readonly string[], folder: string): Opened | undefined {
  for (const argument of args) {
    if (isLink(argument)) return { kind: "link" };
    if (!argument.startsWith("-") && FILE_ENDINGS.test(argument)) return openedFile(path.resolve(folder, argument));
  }
  return undefined;
}

/** What an entry of the desktop's own menu asks for, see electron-builder.yml. */
export type RingOrder = "connect" | "disconnect";

/** The order among the arguments of a start; undefined where there is none. */
export function orderedBy(args: readonly string[]): RingOrder | undefined {
  if (args.includes("--disconnect")) return "disconnect";
  return args.includes("--connect") ? "connect" : undefined;
}

export function isLink(text: string): boolean {
  return text.toLowerCase().startsWith(`${LINK_SCHEME}:`);
}

/** The text of a file, or why it cannot be one of ours. No more than the limit is ever read. */
export function openedFile(file: string): Opened {
  const name = path.basename(file);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const found = fstatSync(descriptor);
    if (!found.isFile()) return { kind: "unreadable", name, why: "folder" };
    if (found.size > CONFIG_LIMIT_BYTES) return { kind: "unreadable", name, why: "large" };
    const bytes = Buffer.alloc(CONFIG_LIMIT_BYTES + 1);
    const length = readSync(descriptor, bytes, 0, bytes.length, 0);
    if (length > CONFIG_LIMIT_BYTES) return { kind: "unreadable", name, why: "large" };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
    return text.includes("\0") ? { kind: "unreadable", name, why: "binary" } : { kind: "file", name, text };
  } catch (error) {
    if (error instanceof TypeError) return { kind: "unreadable", name, why: "binary" };
    return { kind: "unreadable", name, why: (error as NodeJS.ErrnoException).code === "EISDIR" ? "folder" : "missing" };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
