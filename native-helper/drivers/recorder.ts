/**
 * Remembers, for each peer with a session, round trip, loss, rates and kind of link: 5 minutes at 1 s, 1 hour at 10 s, 1 day
 * at 5 min, and what changed on its path. In memory only: it outlives every window, and ends with the helper.
 *
 * A peer takes 21 kB in ring buffers and at most 40 events, so that 1,000 peers stay under 32 MB.
 */
import type { HistoryEvent, HistoryRange, HistoryView, ShownKind, ThroughputView } from "#contract";
import type { Instant, LinkSample } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import type { Rates } from "./affiliation-rates.ts";

export const RECORDED_PEERS = 1_000;
const EVENTS_LIMIT = 40;
/** A measured round trip stands for the seconds until the next one is due; keep-alive asks every 15 s at the least. */
const RTT_STANDS_MS = 20_000;

const RANGES: Readonly<Record<HistoryRange, { readonly stepS: number; readonly length: number }>> = {
  "5m": { stepS: 1, length: 300 },
  "1h": { stepS: 10, length: 360 },
  "1d": { stepS: 300, length: 288 },
};

/** Place 0 is a gap. */
const KINDS: readonly (ShownKind | undefined)[] = [undefined, "routed", "relay", "shortcut", "near", "far", "leaf"];

type Point = HistoryView["points"][number];

/** One step as it lies in the buffers; NaN where nothing is known. */
interface Step {
  readonly kind: number;
  readonly rttMs: number;
  readonly p5Ms: number;
  readonly p95Ms: number;
  readonly lossPct: number;
  readonly tx: number;
  readonly rx: number;
}

export class Recorder {
  readonly #peers = new Map<RingAddress, Series>();
  readonly #all = new Series(false);
  #now: Instant = 0;
  #wall = 0;

  /** Peers that something is recorded of. */
  get size(): number {
    return this.#peers.size;
  }

  /** To be called about once a second. `now` never decreases; `wall` is the time that it is for people. */
  sample(now: Instant, wall: number, links: readonly LinkSample[], ratesOf: (link: LinkSample) => Rates): void {
    this.#now = now;
    this.#wall = wall;
    const second = Math.floor(now / 1_000);
    let tx = 0;
    let rx = 0;
    const seen = new Set<RingAddress>();
    for (const link of links) {
      const rates = ratesOf(link);
      tx += rates.txBytesPerS;
      rx += rates.rxBytesPerS;
      const series = this.#obtain(link.ringAddress);
      if (!series) continue;
      seen.add(link.ringAddress);
      const { measured } = link;
      const rttMs = measured && now - measured.at < RTT_STANDS_MS ? measured.rttMs : Number.NaN;
      series.add(second, {
        kind: kindOf(link),
        rttMs,
        p5Ms: rttMs,
        p95Ms: rttMs,
        lossPct: link.lossPct ?? Number.NaN,
        tx: rates.txBytesPerS,
        rx: rates.rxBytesPerS,
      });
      series.note(link.history);
    }
    for (const [address, series] of this.#peers) {
      if (!seen.has(address)) series.gone(wall);
    }
    this.#all.add(second, {
      kind: 1,
      rttMs: Number.NaN,
      p5Ms: Number.NaN,
      p95Ms: Number.NaN,
      lossPct: Number.NaN,
      tx,
      rx,
    });
  }

  history(peer: RingAddress, range: HistoryRange): Pick<HistoryView, "stepS" | "points" | "events"> {
    const series = this.#peers.get(peer);
    const { stepS } = RANGES[range];
    if (!series) return { stepS, points: [], events: [] };
    return { stepS, points: this.#points(series, range), events: series.events() };
  }

  throughput(range: HistoryRange): ThroughputView {
    const points = this.#points(this.#all, range);
    return {
      stepS: RANGES[range].stepS,
      points: points.map(({ at, txBytesPerS, rxBytesPerS }) => ({ at, txBytesPerS, rxBytesPerS })),
    };
  }

  #points(series: Series, range: HistoryRange): Point[] {
    const { stepS } = RANGES[range];
    const second = Math.floor(this.#now / 1_000);
    const shift = this.#wall - this.#now;
    // The running step ends when its last second does, which may still be to come: it is shown as of now.
    return series.steps(range, second).map(({ at, step }) => ({
      at: new Date(Math.round(Math.min((at + 1) * stepS * 1_000, this.#now) + shift)).toISOString(),
      rttMs: known(step.rttMs),
      rttP5Ms: known(step.p5Ms),
      rttP95Ms: known(step.p95Ms),
      lossPct: known(step.lossPct),
      txBytesPerS: Math.round(step.tx),
      rxBytesPerS: Math.round(step.rx),
      kind: KINDS[step.kind] ?? "routed",
    }));
  }

  #obtain(address: RingAddress): Series | undefined {
    const known = this.#peers.get(address);
    if (known) return known;
    if (this.#peers.size >= RECORDED_PEERS && !this.#forgetOldest()) return undefined;
    const series = new Series(true);
    this.#peers.set(address, series);
    return series;
  }

  /** Makes room by forgetting the peer that has been gone for longest; false where all are there. */
  #forgetOldest(): boolean {
    let oldest: { address: RingAddress; second: number } | undefined;
    for (const [address, { lastSecond }] of this.#peers) {
      if (!oldest || lastSecond < oldest.second) oldest = { address, second: lastSecond };
    }
    if (!oldest || oldest.second >= Math.floor(this.#now / 1_000) - 1) return false;
    this.#peers.delete(oldest.address);
    return true;
  }
}

/** The three ranges of one peer, or of the sum of all. */
class Series {
  readonly #seconds: Ring;
  readonly #tens: Ring;
  readonly #fives: Ring;
  readonly #events: { at: number; event: string; text: string }[] = [];
  #notedUntil = Number.NEGATIVE_INFINITY;
  #isGone = false;

  constructor(measured: boolean) {
    this.#seconds = new Ring(RANGES["5m"].length, measured ? ["rttMs", "lossPct", "tx", "rx"] : ["tx", "rx"]);
    const columns = measured ? (["rttMs", "p5Ms", "p95Ms", "lossPct", "tx", "rx"] as const) : (["tx", "rx"] as const);
    this.#tens = new Ring(RANGES["1h"].length, columns);
    this.#fives = new Ring(RANGES["1d"].length, columns);
  }

  get lastSecond(): number {
    return this.#seconds.last;
  }

  add(second: number, step: Step): void {
    const before = this.#seconds.last;
    if (before >= second) return; // Ticks of a busy computer may fall into one second.
    if (before >= 0) {
      this.#roll(this.#tens, RANGES["1h"].stepS, before, second);
      this.#roll(this.#fives, RANGES["1d"].stepS, before, second);
    }
    this.#seconds.set(second, step);
    this.#isGone = false;
  }

  /** Takes over what the engine noted since the last time. */
  note(history: LinkSample["history"]): void {
    const newest = history.at(-1);
    if (!newest || newest.at <= this.#notedUntil) return;
    for (const { at, event, text } of history) if (at > this.#notedUntil) this.#push(at, event, text);
    this.#notedUntil = newest.at;
  }

  gone(wall: number): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#push(Math.max(wall, this.#notedUntil), "gone", "No session any more");
  }

  events(): HistoryEvent[] {
    return this.#events.map(({ at, event, text }) => ({ at: new Date(at).toISOString(), event, text }));
  }

  /** What is kept of a range, oldest first, without gaps' places; the running step is made of the seconds it has so far. */
  steps(range: HistoryRange, second: number): { at: number; step: Step }[] {
    const { stepS, length } = RANGES[range];
    const current = Math.floor(second / stepS);
    const ring = { "5m": this.#seconds, "1h": this.#tens, "1d": this.#fives }[range];
    const steps: { at: number; step: Step }[] = [];
    for (let at = current - length + 1; at <= current; at++) {
      const isOpen = range !== "5m" && at === Math.floor(this.#seconds.last / stepS);
      const step = isOpen ? this.#summary(at * stepS, (at + 1) * stepS) : ring.get(at);
      if (step) steps.push({ at, step });
    }
    return steps;
  }

  /** Closes the step that `before` lies in, where `second` lies in a later one. */
  #roll(ring: Ring, stepS: number, before: number, second: number): void {
    const closed = Math.floor(before / stepS);
    if (closed === Math.floor(second / stepS)) return;
    const summary = this.#summary(closed * stepS, (closed + 1) * stepS);
    if (summary) ring.set(closed, summary);
  }

  #summary(from: number, to: number): Step | undefined {
    const rtts: number[] = [];
    let [count, tx, rx, loss, lossCount, kind] = [0, 0, 0, 0, 0, 0];
    for (let second = from; second < to; second++) {
      const step = this.#seconds.get(second);
      if (!step) continue;
      count++;
      tx += step.tx;
      rx += step.rx;
      kind = step.kind;
      if (!Number.isNaN(step.rttMs)) rtts.push(step.rttMs);
      if (Number.isNaN(step.lossPct)) continue;
      loss += step.lossPct;
      lossCount++;
    }
    if (count === 0) return undefined;
    rtts.sort((a, b) => a - b);
    return {
      kind,
      rttMs: quantile(rtts, 0.5),
      p5Ms: quantile(rtts, 0.05),
      p95Ms: quantile(rtts, 0.95),
      lossPct: lossCount > 0 ? loss / lossCount : Number.NaN,
      tx: tx / count,
      rx: rx / count,
    };
  }

  #push(at: number, event: string, text: string): void {
    this.#events.push({ at, event, text });
    if (this.#events.length > EVENTS_LIMIT) this.#events.shift();
  }
}

type Column = Exclude<keyof Step, "kind">;

/** The newest `length` steps, at the place of their number modulo `length`; what lies between two steps is a gap. */
class Ring {
  readonly #columns: readonly Column[];
  readonly #values: Float32Array;
  readonly #kinds: Uint8Array;
  readonly #length: number;
  /** Number of the newest step; -1 before the first. */
  last = -1;

  constructor(length: number, columns: readonly Column[]) {
    this.#columns = columns;
    this.#length = length;
    this.#values = new Float32Array(length * columns.length);
    this.#kinds = new Uint8Array(length);
  }

  set(at: number, step: Step): void {
    for (let gap = Math.max(this.last + 1, at - this.#length + 1); gap < at; gap++) this.#kinds[gap % this.#length] = 0;
    this.last = at;
    const place = at % this.#length;
    this.#kinds[place] = step.kind;
    this.#columns.forEach((column, index) => {
      this.#values[place * this.#columns.length + index] = step[column];
    });
  }

  get(at: number): Step | undefined {
    const place = at % this.#length;
    if (at < 0 || at > this.last || at <= this.last - this.#length || this.#kinds[place] === 0) return undefined;
    const of = (column: Column) => {
      const index = this.#columns.indexOf(column);
      return index < 0 ? Number.NaN : (this.#values[place * this.#columns.length + index] as number);
    };
    const rttMs = of("rttMs");
    return {
      kind: this.#kinds[place] as number,
      rttMs,
      p5Ms: this.#columns.includes("p5Ms") ? of("p5Ms") : rttMs,
      p95Ms: this.#columns.includes("p95Ms") ? of("p95Ms") : rttMs,
      lossPct: of("lossPct"),
      tx: of("tx"),
      rx: of("rx"),
    };
  }
}

/** The word that the peer is shown under: the first that fits of relay, shortcut, near, far, leaf; routed without a link. */
function kindOf({ kinds, path }: LinkSample): number {
  if (kinds.length === 0) return KINDS.indexOf("routed");
  if (path?.kind === "tunnel") return KINDS.indexOf("relay");
  return KINDS.indexOf((["shortcut", "near", "far"] as const).find((kind) => kinds.includes(kind)) ?? "leaf");
}

/** Of sorted values; NaN of none. */
function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)] as number;
  const high = sorted[Math.ceil(place)] as number;
  return low + (high - low) * (place - Math.floor(place));
}

/** Thousandths are below what is measured. */
function known(value: number): number | null {
  return Number.isNaN(value) ? null : Math.round(value * 1_000) / 1_000;
}
