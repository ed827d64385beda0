/** `ringway up` and `ringway down`: the virtual interface alone; the node stays on the ring and forwards for others. */
import { type CommandContext, ofAffiliation, print, withHelper } from "./command.ts";
import { stateLine } from "./text.ts";

export function registerUpAndDown(context: CommandContext): void {
  const switches = [
    ["up", "bring the virtual interface up"],
    ["down", "take the virtual interface away; the node stays on the ring"],
  ] as const;
  for (const [call, description] of switches) {
    context.program
      .command(call)
      .description(description)
      .argument("[name]", "the affiliation, where there are several")
      .action(async (name: string | undefined) => {
        await withHelper(context, async (helper) => {
          const view = await helper[call](ofAffiliation(name));
          print(context, view, stateLine(view));
        });
      });
  }
}
