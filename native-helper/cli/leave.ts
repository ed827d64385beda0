/** `ringway leave`: gives up a membership with its key and address, after asking. */
import { type CommandContext, print, withHelper, wrongUse } from "./command.ts";

export function registerLeave(context: CommandContext): void {
  context.program
    .command("leave")
    .description("give up a membership, its key and its address, after asking")
    .argument("<name>", "the affiliation")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const { terminal } = context;
      if (!yes) {
        if (!terminal.isInteractive) {
          throw wrongUse("leave asks before it gives up the key for good, and nobody can answer here.", "Add --yes.");
        }
        const answer = await terminal.ask(`Leave "${name}"? Its key and address are given up for good. [y/N] `);
        if (!/^y(es)?$/i.test(answer.trim())) throw wrongUse("Nothing was changed.", "Answer y to leave.");
      }
      await withHelper(context, async (helper) => {
        const left = await helper.leave({ affiliation: name });
        print(context, left, `left ${left.affiliation}`);
      });
    });
}
