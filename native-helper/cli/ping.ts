/** `ringway ping`: round trips over the overlay, without the interface. */
import { HelperError, PING_COUNT_LIMIT, type PingView } from "#contract";
import { type CommandContext, ofAffiliation, print, withHelper, wrongUse } from "./command.ts";
import { milliseconds } from "./text.ts";

const PAUSE_MS = 200;

interface Options {
  count: string;
  affiliation?: string;
}

export function registerPing(context: CommandContext): void {
  context.program
    .command("ping")
    .description("round trips to a member over the overlay; exit status 5 if none is answered")
    .argument("<peer>", "virtual IP, host name, or first digits of the ring address")
    .option("-c, --count <n>", "how many", "5")
    .option("--affiliation <name>", "the affiliation, where there are several")
    .action(async (peer: string, { count: written, affiliation }: Options) => {
      const count = /^[0-9]{1,4}$/.test(written) ? Number(written) : 0;
      if (count < 1 || count > PING_COUNT_LIMIT) {
        throw wrongUse(`"${written}" is not a count of pings.`, `Give a number from 1 to ${PING_COUNT_LIMIT}.`);
      }
      await withHelper(context, async (helper) => {
        const one = () => helper.ping({ peer, count: 1, ...ofAffiliation(affiliation) });
        const result = await pingAll(one, count, (line) => {
          if (!context.globals().json) context.terminal.out(`${line}\n`);
        });
        print(context, result, summary(result));
        if (result.received === 0) throw new Unanswered(result);
      });
    });
}

/** Nothing more is to be printed: the result, which says that nothing came back, has been. */
export class Unanswered extends HelperError {
  constructor(result: PingView) {
    super("TIMED_OUT", `${nameOf(result)} answered none of ${result.sent} pings.`, "See ringway peer for its path.");
  }
}

async function pingAll(one: () => Promise<PingView>, count: number, line: (text: string) => void): Promise<PingView> {
  const rtts: number[] = [];
  for (let sent = 1; ; sent++) {
    const result = await one();
    const rttMs = result.rttMs.median;
    if (rttMs !== null) rtts.push(rttMs);
    line(`${nameOf(result)}: ${rttMs === null ? "no answer" : milliseconds(rttMs)}`);
    if (sent === count) {
      return {
        ...result,
        sent: count,
        received: rtts.length,
        rttMs: { min: least(rtts), median: median(rtts), max: greatest(rtts) },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function summary({ sent, received, rttMs }: PingView): string {
  const times =
    received > 0
      ? `, round trip min ${milliseconds(rttMs.min)}, median ${milliseconds(rttMs.median)}, max ${milliseconds(rttMs.max)}`
      : "";
  return `${sent} sent, ${received} answered${times}`;
}

function nameOf({ name, virtualIp, peer }: PingView): string {
  return name ?? virtualIp ?? peer.slice(0, 12);
}

function least(values: readonly number[]): number | null {
  return values.length > 0 ? Math.min(...values) : null;
}

function greatest(values: readonly number[]): number | null {
  return values.length > 0 ? Math.max(...values) : null;
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)];
  const high = sorted[Math.ceil(middle)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
