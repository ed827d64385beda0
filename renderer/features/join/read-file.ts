/** Reads a file that was chosen or dropped, as far as it can be one of ours; nothing of it is kept. */
import { CONFIG_LIMIT_BYTES } from "#contract";
import type { Opened } from "#contract/app-bridge.ts";

export async function readOpened(file: File, isFolder = false): Promise<Opened> {
  const { name } = file;
  if (isFolder) return { kind: "unreadable", name, why: "folder" };
  if (file.size > CONFIG_LIMIT_BYTES) return { kind: "unreadable", name, why: "large" };
  let bytes: ArrayBuffer;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    // A folder that the browser did not call one cannot be read either.
    return { kind: "unreadable", name, why: "folder" };
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? { kind: "unreadable", name, why: "binary" } : { kind: "file", name, text };
  } catch {
    return { kind: "unreadable", name, why: "binary" };
  }
}

/** The first thing that was dropped; undefined where it was text or a link. */
export async function readDropped(data: DataTransfer): Promise<Opened | undefined> {
  const [item] = data.items;
  const isFolder = item?.webkitGetAsEntry?.()?.isDirectory === true;
  const [file] = data.files;
  return file && readOpened(file, isFolder);
}

/** Whether a text is an invite, which this version cannot take. */
export function isInvite({ name, text }: { readonly name: string; readonly text: string }): boolean {
  return /\.ringway$/i.test(name) || /^\s*ringway(\d+:|:\/\/)/i.test(text);
}
