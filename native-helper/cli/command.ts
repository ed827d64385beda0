/** What all commands share: the options that any takes, the way to the helper, and how errors reach people and programs. */
import type { Command } from "commander";
import { errorView, exitStatusOf, HelperError, type Warning } from "#contract";
import { connectHelper, defaultSocketPath, type HelperConnection } from "../control/client.ts";

export interface Globals {
  readonly socket: string;
  readonly json: boolean;
}

/** Where a command writes and what it asks; in tests a record of it. */
export interface Terminal {
  out(text: string): void;
  /** For people only: progress, warnings, errors. */
  err(text: string): void;
  /** Whether someone sits there who can answer. */
  readonly isInteractive: boolean;
  /** Columns of the output; undefined where it is no terminal. */
  readonly columns: number | undefined;
  ask(question: string): Promise<string>;
}

export interface CommandContext {
  readonly program: Command;
  readonly terminal: Terminal;
  globals(): Globals;
}

/** The value of `--socket`, or the default. */
export function globalsOf(program: Command): Globals {
  const { socket, json } = program.opts<{ socket?: string; json?: boolean }>();
  return { socket: socket ?? defaultSocketPath(), json: json === true };
}

/** Runs `act` with a connection to the helper, which ends with it. */
export async function withHelper<T>(
  context: CommandContext,
  act: (helper: HelperConnection) => Promise<T>,
): Promise<T> {
  const helper = await connectHelper(context.globals().socket);
  try {
    return await act(helper);
  } finally {
    helper.close();
  }
}

/** Prints a result: one JSON document, or the text for people. */
export function print(context: CommandContext, document: unknown, text: string): void {
  if (context.globals().json) context.terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  else if (text !== "") context.terminal.out(text.endsWith("\n") ? text : `${text}\n`);
}

/** Says an error in its form, and gives its exit status. */
export function reportError(terminal: Terminal, json: boolean, error: unknown): number {
  const view = errorView(error);
  if (json) terminal.out(`${JSON.stringify({ error: view }, null, 2)}\n`);
  else terminal.err(`ringway: ${view.text} ${view.remedy}\n`);
  return exitStatusOf[view.code];
}

/** Warnings go where progress goes: the JSON document has them anyway. */
export function printWarnings(context: CommandContext, warnings: readonly Warning[]): void {
  if (context.globals().json) return;
  for (const { text, remedy } of warnings) context.terminal.err(`warning: ${text} ${remedy}\n`);
}

export function wrongUse(text: string, remedy: string): HelperError {
  return new HelperError("BAD_ARGUMENT", text, remedy);
}

/** Arguments of a call that may name an affiliation. */
export function ofAffiliation(name: string | undefined): { affiliation?: string } {
  return name === undefined ? {} : { affiliation: name };
}
