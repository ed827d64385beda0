/** `ringway export`: the recorded history as a file of the calling user, whole or not at all. */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { type Args, DurationText, HelperError } from "#contract";
import type { HelperConnection } from "../control/client.ts";
import { type CommandContext, ofAffiliation, print, withHelper, wrongUse } from "./command.ts";
import { bytes } from "./text.ts";

const FORMATS = ["json", "csv"] as const;

interface Options {
  since?: string;
  format: string;
  peer?: string;
  force?: boolean;
  affiliation?: string;
}

export function registerExport(context: CommandContext): void {
  context.program
    .command("export")
    .description("writes what was recorded of the last day: peers, kinds of link, round trips, rates, path changes")
    .argument("<file>", "where to; one that exists is kept unless --force is given")
    .option("--since <time>", "only of so long ago, for instance 90s, 10m, 1h, 1d")
    .option("--format <format>", "json, or csv with one row for each peer and sample", "json")
    .option("--peer <peer>", "of one peer: virtual IP, host name, or first digits of the ring address")
    .option("--force", "write over an existing file")
    .option("--affiliation <name>", "the affiliation, where there are several")
    .action(async (file: string, options: Options) => {
      const format = FORMATS.find((known) => known === options.format);
      if (!format) throw wrongUse(`"${options.format}" is no format of an export.`, "Give json or csv.");
      if (options.since !== undefined && !DurationText.safeParse(options.since).success) {
        throw wrongUse(`"${options.since}" is no span of time.`, "Give a number and s, m, h or d, such as 10m.");
      }
      // Told before anything is asked; the rename below is what decides.
      if (existsSync(file) && options.force !== true) throw exists(file);
      await withHelper(context, async (helper) => {
        const size = await writeWhole(file, options.force === true, (write) =>
          exportAll(helper, write, {
            format,
            ...(options.since !== undefined && { since: options.since }),
            ...(options.peer !== undefined && { peer: options.peer }),
            ...ofAffiliation(options.affiliation),
          }),
        );
        print(context, { file, format, bytes: size }, `${file}: ${bytes(size)}`);
      });
    });
}

async function exportAll(helper: HelperConnection, write: (text: string) => void, args: Args<"export">): Promise<void> {
  let after: string | null = null;
  do {
    const part = await helper.export({ ...args, ...(after !== null && { after }) });
    write(part.text);
    after = part.next;
  } while (after !== null);
}

/** Writes beside the file and puts it in place when it is whole; gives its size. */
async function writeWhole(
  file: string,
  force: boolean,
  fill: (write: (text: string) => void) => Promise<void>,
): Promise<number> {
  const beside = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(4).toString("hex")}`);
  let size = 0;
  try {
    const descriptor = openSync(beside, "wx", 0o644);
    try {
      await fill((text) => {
        const bytesOfText = Buffer.from(text);
        let at = 0;
        while (at < bytesOfText.length) at += writeSync(descriptor, bytesOfText, at);
        size += bytesOfText.length;
      });
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (force) renameSync(beside, file);
    else linkSync(beside, file); // Unlike a rename, it fails where the name was taken meanwhile.
  } catch (error) {
    throw asHelperError(error, file);
  } finally {
    rmSync(beside, { force: true });
  }
  return size;
}

function asHelperError(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof HelperError || code === undefined) return error;
  if (code === "EEXIST") return exists(file);
  return new HelperError("BAD_ARGUMENT", `${file} cannot be written (${code}).`, "Name a file in a folder of yours.", {
    cause: error,
  });
}

function exists(file: string): HelperError {
  return new HelperError("BAD_ARGUMENT", `${file} exists already.`, "Name another file, or give --force.");
}
