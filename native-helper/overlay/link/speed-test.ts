/**
 * How much a path carries (docs/protocol.md, "Speed test"): one side sends padded messages over the session's own path, the
 * other counts what arrives and tells it twenty times a second, which is also what the sender sets its rate by.
 *
 * A node takes part in one test at a time. A test takes 10 s and 200 MB at most, half of each in each direction; a sender
 * whose counts stop coming stops too, so that nobody is made to send to who does not listen.
 */
import type { SpeedOutcome } from "../boundary.ts";
import type { Core } from "../core.ts";
import { RateLimit } from "../rate-limit.ts";
import type { Timer } from "../timers.ts";
import { CTRL_HEAD_BYTES } from "../wire/ctrl.ts";
import type { MessageOf } from "../wire/types.ts";
import type { Control } from "./control.ts";
import type { Peer } from "./peer.ts";

/** In one direction. */
const TIME_LIMIT_MS = 5_000;
const BYTES_LIMIT = 100_000_000;
/** A whole message is as large as a packet of the virtual interface. */
const MESSAGE_BYTES = 1_332;
const PADDING_BYTES = MESSAGE_BYTES - CTRL_HEAD_BYTES - 8;
const TICK_MS = 5;
const BURST_LIMIT = 256;
const COUNT_PERIOD_MS = 50;
const START_BITS_PER_S = 8e6;
const LEAST_BITS_PER_S = 256e3;
const MOST_BITS_PER_S = 600e6;
/** Above this share lost, the sender goes below what arrived; above half of it, it stays as it is. */
const LOSS_LIMIT = 0.05;
const ASK_AGAIN_MS = 700;
const ASKS = 4;
/** Counts that do not come for so long end the sending. */
const SILENT_MS = 2_000;
/** A peer may begin a few tests at once, then one each 5 s. */
const ASKED_PER_S = 0.2;
const ASKED_BURST = 4;

interface Count {
  readonly elapsedMs: number;
  readonly packets: number;
  readonly bytes: number;
  readonly highest: number;
}

interface Sending {
  readonly peer: Peer;
  readonly test: number;
  readonly until: number;
  readonly done: (sent: number, counts: readonly Count[]) => void;
  readonly counts: Count[];
  bitsPerS: number;
  isStarting: boolean;
  owedBytes: number;
  packets: number;
  bytes: number;
  tickAt: number;
  countAt: number;
  adjustedAt: number;
  adjustedBy: Count;
  endsLeft: number;
  timer: Timer;
}

interface Receiving {
  readonly peer: Peer;
  readonly test: number;
  readonly done: (sent: number, counts: readonly Count[]) => void;
  readonly counts: Count[];
  readonly until: number;
  firstAt: number | undefined;
  lastAt: number;
  packets: number;
  bytes: number;
  highest: number;
  timer: Timer;
}

interface Asking {
  readonly peer: Peer;
  readonly timeMs: number;
  readonly then: (outcome: SpeedOutcome) => void;
  test: number;
  direction: "up" | "down";
  asksLeft: number;
  timer: Timer | undefined;
  up: Tally | undefined;
}

/** What one direction came to. */
interface Tally {
  readonly bitsPerS: number;
  readonly sent: number;
  readonly received: number;
}

const NOTHING: Count = { elapsedMs: 0, packets: 0, bytes: 0, highest: 0 };

export class SpeedTests {
  readonly #core: Core;
  readonly #control: Control;
  readonly #asked = new RateLimit(ASKED_PER_S, ASKED_BURST);
  #asking: Asking | undefined;
  #sending: Sending | undefined;
  #receiving: Receiving | undefined;
  /** The last one, for a sender that has not heard our last count. */
  #received: Receiving | undefined;

  constructor(core: Core, control: Control) {
    this.#core = core;
    this.#control = control;
  }

  /** Tests the path to a peer with a session, both ways one after the other. */
  start(peer: Peer, seconds: number, then: (outcome: SpeedOutcome) => void): void {
    if (this.#isBusy) return then({ kind: "busyHere" });
    const timeMs = Math.min(TIME_LIMIT_MS, Math.round((seconds * 1_000) / 2));
    this.#asking = { peer, timeMs, then, test: 0, direction: "up", asksLeft: 0, timer: undefined, up: undefined };
    this.#begin(this.#asking, "up");
  }

  onAsk(peer: Peer, { test, direction, timeMs }: MessageOf<"speedAsk">): void {
    const core = this.#core;
    const reply = (code: MessageOf<"speedReady">["code"]) =>
      this.#control.send(peer, { type: "speedReady", test, code });
    if (core.options.speedTests === false) return void reply("refused");
    // Asked again, because the answer was lost.
    if (isOf(this.#sending, peer, test) || isOf(this.#receiving, peer, test)) return void reply("ready");
    if (this.#isBusy || !this.#asked.allows(peer.slot, core.now)) return void reply("busy");
    reply("ready");
    const limitedMs = Math.min(TIME_LIMIT_MS, timeMs);
    if (direction === "up") this.#receive(peer, test, limitedMs, () => {});
    else this.#send(peer, test, limitedMs, () => {});
  }

  onReady(peer: Peer, { test, code }: MessageOf<"speedReady">): void {
    const asking = this.#asking;
    if (!isOf(asking, peer, test)) return this.#core.drop("speed test not asked for");
    if (code !== "ready") return this.#end({ kind: code });
    asking.timer?.cancel();
    if (asking.direction === "down" || this.#sending) return;
    this.#send(peer, test, asking.timeMs, (sent, counts) => {
      asking.up = tallyOf(sent, counts);
      this.#begin(asking, "down");
    });
  }

  onData(peer: Peer, { test, seq, padding }: MessageOf<"speedData">): void {
    const receiving = this.#receiving;
    if (!isOf(receiving, peer, test)) return this.#core.drop("speed test not running");
    const { now } = this.#core;
    receiving.firstAt ??= now;
    receiving.lastAt = now;
    receiving.packets++;
    receiving.bytes += padding + MESSAGE_BYTES - PADDING_BYTES;
    receiving.highest = Math.max(receiving.highest, seq + 1);
  }

  onCount(peer: Peer, count: MessageOf<"speedCount">): void {
    const receiving = this.#receiving;
    // The sender's own last count tells how many it sent; ours answers it.
    if (isOf(receiving, peer, count.test)) {
      if (count.last) this.#endReceiving(receiving, count.packets);
      return;
    }
    if (count.last && isOf(this.#received, peer, count.test)) return this.#count(this.#received, true);
    const sending = this.#sending;
    if (!isOf(sending, peer, count.test)) return this.#core.drop("speed test not running");
    sending.countAt = this.#core.now;
    if (count.packets > sending.packets || count.bytes > sending.bytes) return this.#core.drop("speed test overstated");
    sending.counts.push(count);
    if (count.last) return this.#endSending(sending);
    this.#adjust(sending, count);
  }

  gone(peer: Peer): void {
    if (this.#sending?.peer === peer) this.#endSending(this.#sending);
    if (this.#receiving?.peer === peer) this.#endReceiving(this.#receiving, this.#receiving.highest);
    if (this.#received?.peer === peer) this.#received = undefined;
    if (this.#asking?.peer === peer) this.#end({ kind: "silent" });
  }

  clear(): void {
    this.#asking = undefined;
    this.#sending = undefined;
    this.#receiving = undefined;
    this.#received = undefined;
    this.#asked.clear();
  }

  get #isBusy(): boolean {
    return this.#asking !== undefined || this.#sending !== undefined || this.#receiving !== undefined;
  }

  #begin(asking: Asking, direction: "up" | "down"): void {
    if (this.#asking !== asking) return;
    asking.direction = direction;
    asking.test = this.#core.entropy.u32();
    asking.asksLeft = ASKS;
    if (direction === "down") {
      this.#receive(asking.peer, asking.test, asking.timeMs, (sent, counts) => {
        const down = tallyOf(sent, counts);
        const { up } = asking;
        if (down.sent === 0 || !up) return this.#end({ kind: "silent" });
        const all = up.sent + down.sent;
        this.#end({
          kind: "measured",
          seconds: (2 * asking.timeMs) / 1_000,
          upBitsPerS: up.bitsPerS,
          downBitsPerS: down.bitsPerS,
          lossPct: all > 0 ? (100 * (all - up.received - down.received)) / all : undefined,
        });
      });
    }
    this.#ask(asking);
  }

  #ask(asking: Asking): void {
    const { peer, test, direction, timeMs } = asking;
    if (this.#asking !== asking) return;
    if (asking.asksLeft === 0) return this.#end({ kind: "silent" });
    asking.asksLeft--;
    this.#control.send(peer, { type: "speedAsk", test, direction, timeMs });
    const wait = Math.max(ASK_AGAIN_MS, 2 * (peer.srttMs ?? 0));
    asking.timer = this.#core.after(wait, "speed test", () => {
      if (asking.test === test && !this.#receiving?.packets && !this.#sending) this.#ask(asking);
    });
  }

  #end(outcome: SpeedOutcome): void {
    const asking = this.#asking;
    this.#asking = undefined;
    this.#sending = undefined;
    this.#receiving = undefined;
    asking?.timer?.cancel();
    asking?.then(outcome);
  }

  #send(peer: Peer, test: number, timeMs: number, done: Sending["done"]): void {
    const core = this.#core;
    const sending: Sending = {
      peer,
      test,
      until: core.now + timeMs,
      done,
      counts: [],
      bitsPerS: START_BITS_PER_S,
      isStarting: true,
      owedBytes: MESSAGE_BYTES,
      packets: 0,
      bytes: 0,
      tickAt: core.now,
      countAt: core.now,
      adjustedAt: core.now,
      adjustedBy: NOTHING,
      endsLeft: ASKS,
      timer: core.after(0, "speed test", () => this.#tick(sending)),
    };
    this.#sending = sending;
  }

  /** Sends what the rate allows since the last tick. */
  #tick(sending: Sending): void {
    const core = this.#core;
    if (this.#sending !== sending) return;
    if (core.now >= sending.until || sending.bytes >= BYTES_LIMIT || !sending.peer.up) return this.#tellEnd(sending);
    if (core.now - sending.countAt > SILENT_MS) return this.#endSending(sending);
    const passedMs = core.now - sending.tickAt;
    sending.tickAt = core.now;
    sending.owedBytes = Math.min(
      BURST_LIMIT * MESSAGE_BYTES,
      sending.owedBytes + (sending.bitsPerS * passedMs) / 8_000,
    );
    while (sending.owedBytes >= MESSAGE_BYTES) {
      sending.owedBytes -= MESSAGE_BYTES;
      const { test, packets: seq } = sending;
      this.#control.send(sending.peer, { type: "speedData", test, seq, padding: PADDING_BYTES });
      sending.packets++;
      sending.bytes += MESSAGE_BYTES;
    }
    sending.timer = core.after(TICK_MS, "speed test", () => this.#tick(sending));
  }

  /** Sets the rate by what arrived: doubled until it is too much, then close to what gets through. */
  #adjust(sending: Sending, count: Count): void {
    const core = this.#core;
    // What was sent at the present rate has to have been counted.
    if (core.now - sending.adjustedAt < COUNT_PERIOD_MS + (sending.peer.srttMs ?? 0)) return;
    const before = sending.counts.at(-2) ?? NOTHING;
    const passedMs = count.elapsedMs - before.elapsedMs;
    const expected = count.highest - before.highest;
    if (passedMs <= 0 || expected <= 0) return;
    const arrived = ((count.bytes - before.bytes) * 8_000) / passedMs;
    const loss = 1 - (count.packets - before.packets) / expected;
    sending.adjustedAt = core.now;
    if (loss > LOSS_LIMIT) {
      sending.isStarting = false;
      sending.bitsPerS = arrived * 0.9;
    } else if (arrived < 0.8 * sending.bitsPerS) {
      // Nothing is lost yet, but a queue fills on the way.
      sending.isStarting = false;
      sending.bitsPerS = arrived * 1.05;
    } else if (loss < LOSS_LIMIT / 2) {
      sending.bitsPerS *= sending.isStarting ? 2 : 1.1;
    }
    sending.bitsPerS = Math.max(LEAST_BITS_PER_S, Math.min(MOST_BITS_PER_S, sending.bitsPerS));
  }

  /** Says how many were sent, until the other side's last count comes. */
  #tellEnd(sending: Sending): void {
    if (this.#sending !== sending) return;
    if (sending.endsLeft === 0 || !sending.peer.up) return this.#endSending(sending);
    sending.endsLeft--;
    const { test, packets, bytes } = sending;
    this.#control.send(sending.peer, {
      type: "speedCount",
      test,
      last: true,
      packets,
      bytes,
      highest: packets,
      elapsedMs: 0,
    });
    const wait = Math.max(ASK_AGAIN_MS, 2 * (sending.peer.srttMs ?? 0));
    sending.timer = this.#core.after(wait, "speed test", () => this.#tellEnd(sending));
  }

  #endSending(sending: Sending): void {
    sending.timer.cancel();
    this.#sending = undefined;
    sending.done(sending.packets, sending.counts);
  }

  #receive(peer: Peer, test: number, timeMs: number, done: Receiving["done"]): void {
    const core = this.#core;
    const receiving: Receiving = {
      peer,
      test,
      done,
      counts: [],
      until: core.now + timeMs + 2 * SILENT_MS,
      firstAt: undefined,
      lastAt: core.now,
      packets: 0,
      bytes: 0,
      highest: 0,
      timer: core.after(COUNT_PERIOD_MS, "speed test", () => this.#tell(receiving)),
    };
    this.#receiving = receiving;
  }

  #tell(receiving: Receiving): void {
    const core = this.#core;
    if (this.#receiving !== receiving) return;
    if (core.now > receiving.until || !receiving.peer.up) return this.#endReceiving(receiving, receiving.highest);
    if (receiving.packets > 0) this.#count(receiving, false);
    receiving.timer = core.after(COUNT_PERIOD_MS, "speed test", () => this.#tell(receiving));
  }

  #count(receiving: Receiving, last: boolean): void {
    const { peer, test, packets, bytes, highest, firstAt, lastAt } = receiving;
    const count = { packets, bytes, highest, elapsedMs: lastAt - (firstAt ?? lastAt) };
    receiving.counts.push(count);
    this.#control.send(peer, { type: "speedCount", test, last, ...count });
  }

  #endReceiving(receiving: Receiving, sent: number): void {
    receiving.timer.cancel();
    this.#count(receiving, true);
    this.#receiving = undefined;
    this.#received = receiving;
    receiving.done(Math.max(sent, receiving.highest), receiving.counts);
  }
}

function isOf<T extends { readonly peer: Peer; readonly test: number }>(
  part: T | undefined,
  peer: Peer,
  test: number,
): part is T {
  return part !== undefined && part.peer === peer && part.test === test;
}

/** The rate of the last two thirds, so that finding it does not count. */
function tallyOf(sent: number, counts: readonly Count[]): Tally {
  const last = counts.at(-1) ?? NOTHING;
  const first = counts.find(({ elapsedMs }) => elapsedMs >= last.elapsedMs / 3) ?? NOTHING;
  const from = last.elapsedMs - first.elapsedMs >= COUNT_PERIOD_MS ? first : NOTHING;
  const passedMs = last.elapsedMs - from.elapsedMs;
  const bitsPerS = passedMs > 0 ? ((last.bytes - from.bytes) * 8_000) / passedMs : 0;
  return { bitsPerS, sent, received: last.packets };
}
