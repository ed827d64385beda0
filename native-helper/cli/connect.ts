/** `ringway connect` and `ringway disconnect`: on and off the ring; the membership stays. */
import { type CommandContext, ofAffiliation, print, printWarnings, withHelper } from "./command.ts";
import { stateLine } from "./text.ts";
import { untilConnected } from "./wait.ts";

export function registerConnect(context: CommandContext): void {
  context.program
    .command("connect")
    .description("go on the ring; waits until connected, 30 s at most")
    .argument("[name]", "the affiliation, where there are several")
    .action(async (name: string | undefined) => {
      await withHelper(context, async (helper) => {
        const begun = await helper.connect(ofAffiliation(name));
        printWarnings(context, begun.warnings);
        const view = await untilConnected(helper, begun.name, {
          terminal: context.terminal,
          showProgress: !context.globals().json,
        });
        print(context, view, stateLine(view));
      });
    });

  context.program
    .command("disconnect")
    .description("leave the ring, telling the neighbours; the membership stays")
    .argument("[name]", "the affiliation, where there are several")
    .action(async (name: string | undefined) => {
      await withHelper(context, async (helper) => {
        const view = await helper.disconnect(ofAffiliation(name));
        print(context, view, stateLine(view));
      });
    });
}
