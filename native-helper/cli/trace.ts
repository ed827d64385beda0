/** `ringway trace`: the members that packets to a peer pass, each with its time. */
import type { TraceView } from "#contract";
import { type CommandContext, ofAffiliation, print, withHelper } from "./command.ts";
import { milliseconds, table } from "./text.ts";

export function registerTrace(context: CommandContext): void {
  context.program
    .command("trace")
    .description("the way to a member, hop by hop, with the time to each; exit status 5 if nobody on it answers")
    .argument("<peer>", "virtual IP, host name, or first digits of the ring address")
    .option("--affiliation <name>", "the affiliation, where there are several")
    .action(async (peer: string, { affiliation }: { affiliation?: string }) => {
      await withHelper(context, async (helper) => {
        const trace = await helper.trace({ peer, ...ofAffiliation(affiliation) });
        print(context, trace, traceText(trace));
      });
    });
}

export function traceText({ peer, name, virtualIp, hops }: TraceView): string {
  const rows = hops.map((hop, place) => [
    String(place + 1),
    hop.name ?? "-",
    hop.ringAddress.slice(0, 12),
    hop.transport ?? "-",
    milliseconds(hop.rttMs),
  ]);
  const lines = [table(["hop", "name", "ring address", "transport", "round trip"], rows, ["hop", "round trip"])];
  if (hops.at(-1)?.ringAddress !== peer)
    lines.push("", `${name ?? virtualIp ?? peer.slice(0, 12)} itself did not answer.`);
  return lines.join("\n");
}
