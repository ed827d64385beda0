/**
 * Scenario `churn`: members come and go. Sessions of ten minutes in the mean, drawn from one distribution after the other;
 * every second one ends without a word, the others by leaving; who went is replaced by somebody new or comes back.
 */
import { checkRing } from "./checks.ts";
import { kindOf, START_SPREAD_MS, startAll } from "./crowd.ts";
import { mean, round } from "./figures.ts";
import type { Host } from "./host.ts";
import { lookupsRight } from "./lookup.ts";
import type { SeededEntropy } from "./random.ts";
import { atLeast, atMost, type Bar, type Report, type RunOptions } from "./report.ts";
import { SESSION_LENGTHS } from "./session-length.ts";
import { World } from "./world.ts";

const GROW_LIMIT_MS = 60_000;
const SETTLE_MS = 10_000;
const MEAN_SESSION_MS = 600_000;
const MEAN_AWAY_MS = 20_000;
/** For each distribution of session lengths. */
const PHASE_MS = 60_000;
const LOOK_EACH_MS = 1_000;
const LOOK_UPS = 100;
const SESSIONS_DRAWN = 64;
const WHOLE_LIMIT_MS = 60_000;
const RIGHT_BAR = 0.998;
const BYTES_BAR = 2_048;
const WHOLE_BAR_S = 30;

export function runChurn(options: RunOptions, progress: (text: string) => void): Report {
  const { nodes, seed, mix, trace, broken } = options;
  const replay = `npm run sim -- --scenario churn --nodes ${nodes} --seed ${seed} --mix ${mix}`;
  const world = new World({ seed, replay, ...(trace && { trace }), ...(broken && { broken }) });
  const entropy = world.entropy.fork("churn");
  startAll(world, nodes, mix, entropy);
  world.run(START_SPREAD_MS);
  const grown = world.runUntil(() => isWhole(world), GROW_LIMIT_MS);
  world.run(SETTLE_MS);
  progress(`${nodes} nodes, whole after ${grown ?? "too many"} ms`);

  const churn = new Churn(world, options, entropy);
  const right: number[] = [];
  const wrong: number[] = [];
  const sentBefore = sentOf(world);
  const nodeSeconds = { sum: 0 };
  for (const [name, lengthMs] of Object.entries(SESSION_LENGTHS)) {
    churn.lengthMs = () => lengthMs(MEAN_SESSION_MS, entropy);
    if (name === Object.keys(SESSION_LENGTHS)[0]) churn.begin();
    const until = world.now + PHASE_MS;
    while (world.now < until) {
      world.run(LOOK_EACH_MS);
      nodeSeconds.sum += (world.up.length * LOOK_EACH_MS) / 1000;
      right.push(lookupsRight(world.hosts, LOOK_UPS, entropy));
      wrong.push(checkRing(world.hosts.filter((host) => host.isMember)).wrong / world.up.length);
    }
    progress(`${name}: ${world.up.length} up, ${churn.ended} sessions ended, look-ups right ${round(mean(right), 4)}`);
  }
  churn.end();
  const bytesPerS = Math.round((sentOf(world) - sentBefore) / nodeSeconds.sum);
  const whole = world.runUntil(() => isWhole(world), WHOLE_LIMIT_MS);
  for (const fault of whole === undefined ? checkRing(world.hosts).faults : []) progress(fault);
  const figures = {
    sessionsEnded: churn.ended,
    lookupsRight: round(mean(right), 5),
    worstSecond: round(Math.min(...right), 3),
    faultsPerNode: round(mean(wrong), 4),
    bytesPerNodePerS: bytesPerS,
    wholeAfterS: whole === undefined ? null : round(whole / 1000, 1),
  };
  const bars: Bar[] = [
    atLeast("lookupsRight", "share", RIGHT_BAR, figures.lookupsRight),
    atMost("bytesPerNodePerS", "B/s", BYTES_BAR, bytesPerS),
    atMost("wholeAfterS", "s", WHOLE_BAR_S, figures.wholeAfterS),
  ];
  const consistent = grown !== undefined && whole !== undefined;
  const pass = consistent && bars.every((bar) => bar.pass);
  return { scenario: "churn", seed, nodes, mix, pass, ring: { consistent }, figures, bars };
}

/** Keeps about as many hosts up as there were. */
class Churn {
  ended = 0;
  lengthMs: () => number = () => MEAN_SESSION_MS;
  readonly #world: World;
  readonly #options: RunOptions;
  readonly #entropy: SeededEntropy;
  readonly #startAddresses: readonly string[];
  #isOver = false;

  constructor(world: World, options: RunOptions, entropy: SeededEntropy) {
    this.#world = world;
    this.#options = options;
    this.#entropy = entropy;
    this.#startAddresses = world.hosts.slice(0, 5).map((host) => host.options.socket.local);
  }

  /** Sessions that run already are somewhere in their middle, and long ones are met more often than short ones. */
  begin(): void {
    for (const host of this.#world.hosts) this.#endLater(host, this.#metLengthMs() * this.#entropy.fraction());
  }

  end(): void {
    this.#isOver = true;
  }

  /** The length of a session that runs at a moment: drawn in proportion to the lengths of many. */
  #metLengthMs(): number {
    const lengths = Array.from({ length: SESSIONS_DRAWN }, () => this.lengthMs());
    let rest = this.#entropy.fraction() * lengths.reduce((sum, length) => sum + length, 0);
    for (const length of lengths) {
      if (rest < length) return length;
      rest -= length;
    }
    return this.lengthMs();
  }

  #endLater(host: Host, afterMs: number): void {
    this.#world.queue.after(afterMs, () => {
      if (this.#isOver) return;
      this.ended++;
      if (this.#entropy.fraction() < 0.5) host.leave();
      else host.crash();
      this.#world.queue.after(MEAN_AWAY_MS * 2 * this.#entropy.fraction(), () => this.#replace(host));
    });
  }

  #replace(gone: Host): void {
    if (this.#isOver) return;
    const comesBack = this.#entropy.fraction() < 0.5;
    const host = comesBack
      ? gone
      : this.#world.addHost({
          kind: kindOf(this.#options.mix, this.#entropy.fraction()),
          startAddresses: this.#startAddresses,
        });
    host.start();
    this.#endLater(host, this.lengthMs());
  }
}

function sentOf(world: World): number {
  return world.hosts.reduce((sum, host) => sum + host.options.socket.sent.bytes, 0);
}

function isWhole(world: World): boolean {
  const { consistent, nearExact } = checkRing(world.hosts);
  return consistent && nearExact;
}
