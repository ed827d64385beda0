/** `ringway speed`: what the path to a member carries, each way. */
import { SPEED_SECONDS_LIMIT, type SpeedView } from "#contract";
import { type CommandContext, ofAffiliation, print, withHelper, wrongUse } from "./command.ts";
import { bitsPerS } from "./text.ts";

interface Options {
  seconds: string;
  affiliation?: string;
}

export function registerSpeed(context: CommandContext): void {
  context.program
    .command("speed")
    .description("throughput to a member and back, 200 MB at most; the member may refuse")
    .argument("<peer>", "virtual IP, host name, or first digits of the ring address")
    .option("-s, --seconds <n>", `how long, both ways together, from 1 to ${SPEED_SECONDS_LIMIT}`, "6")
    .option("--affiliation <name>", "the affiliation, where there are several")
    .action(async (peer: string, { seconds: written, affiliation }: Options) => {
      const seconds = /^[0-9]{1,4}$/.test(written) ? Number(written) : 0;
      if (seconds < 1 || seconds > SPEED_SECONDS_LIMIT) {
        throw wrongUse(
          `"${written}" is not a number of seconds for a speed test.`,
          `Give a number from 1 to ${SPEED_SECONDS_LIMIT}.`,
        );
      }
      await withHelper(context, async (helper) => {
        if (!context.globals().json) context.terminal.err(`testing the path to ${peer} for ${seconds} s\n`);
        const speed = await helper.speed({ peer, seconds, ...ofAffiliation(affiliation) });
        print(context, speed, speedText(speed));
      });
    });
}

export function speedText({ peer, name, virtualIp, upBitsPerS, downBitsPerS, lossPct }: SpeedView): string {
  const loss = lossPct === null ? "" : `, ${lossPct} % lost`;
  return `${name ?? virtualIp ?? peer.slice(0, 12)}: up ${bitsPerS(upBitsPerS)}, down ${bitsPerS(downBitsPerS)}${loss}`;
}
