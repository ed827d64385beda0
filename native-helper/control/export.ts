/** The recorded history as a document to attach to results: JSON, or CSV by RFC 4180 with one row for each peer and sample. */
import type { ExportView, HistoryEvent, HistoryRange, HistoryView, ParsedArgs } from "../contract/contract.ts";
import type { PeerView } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import type { MeasuringPort } from "./measures.ts";
import { findPeer } from "./peer-names.ts";
import { type AffiliationFacts, peerRow } from "./present.ts";

/** A part ends after the peer with which it has as many samples; its text stays far below the limit of a message. */
const SAMPLES_PER_PART = 20_000;
const RANGES: readonly HistoryRange[] = ["5m", "1h", "1d"];

interface Sample extends Point {
  readonly stepS: number;
}
type Point = HistoryView["points"][number];

const COLUMNS = [
  "at",
  "stepS",
  "ringAddress",
  "name",
  "virtualIp",
  "kind",
  "rttMs",
  "rttP5Ms",
  "rttP95Ms",
  "lossPct",
  "txBytesPerS",
  "rxBytesPerS",
  "events",
] as const;

/** One part; `now` is the time by the helper's clock. */
export function exportHistory(
  affiliation: Pick<MeasuringPort, "facts" | "recorder">,
  { peer: written, since, format, after }: ParsedArgs<"export">,
  now: Date,
): ExportView {
  const facts = affiliation.facts();
  const from = since === undefined ? Number.NEGATIVE_INFINITY : now.getTime() - durationMs(since);
  const wanted = written === undefined ? facts.node.peers : [findPeer(facts, written)];
  const peers = [...wanted].sort(byAddress).filter(({ ringAddress }) => after === undefined || ringAddress > after);
  const parts: string[] = [];
  let samples = 0;
  let done = 0;
  for (const peer of peers) {
    const recorded = recordOf(affiliation, facts, peer, from, now);
    // Each peer of JSON brings the comma before itself, but for the first of all.
    const isFirst = after === undefined && done === 0;
    parts.push(format === "csv" ? csvRows(recorded) : `${isFirst ? "" : ","}\n${JSON.stringify(recorded)}`);
    samples += recorded.samples.length;
    done++;
    if (samples >= SAMPLES_PER_PART) break;
  }
  const next = done < peers.length ? (peers[done - 1] as PeerView).ringAddress : null;
  const head = after === undefined ? headOf(format, facts, since, now) : "";
  const foot = next === null && format === "json" ? "\n]}\n" : "";
  const day = now.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return { text: head + parts.join("") + foot, fileName: `ringway-${day}.${format}`, next };
}

/** Milliseconds of `90s`, `10m`, `1h`, `1d`. */
export function durationMs(text: string): number {
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[text.at(-1) as "s" | "m" | "h" | "d"];
  return Number(text.slice(0, -1)) * unit;
}

interface Recorded {
  readonly ringAddress: RingAddress;
  readonly name: string | null;
  readonly virtualIp: string | null;
  /** As it is now. */
  readonly transport: string | null;
  readonly events: readonly HistoryEvent[];
  readonly samples: readonly Sample[];
}

/** What is known of one peer since `from`: each time at the finest step that is kept, and the present where nothing is. */
function recordOf(
  { recorder }: Pick<MeasuringPort, "recorder">,
  facts: AffiliationFacts,
  peer: PeerView,
  from: number,
  now: Date,
): Recorded {
  const samples: Sample[] = [];
  const events = new Map<string, HistoryEvent>();
  let until = Number.POSITIVE_INFINITY;
  for (const range of RANGES) {
    const { stepS, points, events: noted } = recorder.history(peer.ringAddress, range);
    for (const event of noted) if (Date.parse(event.at) >= from) events.set(`${event.at} ${event.text}`, event);
    const older = points.filter(({ at }) => Date.parse(at) <= until && Date.parse(at) >= from);
    samples.unshift(...older.map((point) => ({ stepS, ...point })));
    const [first] = points;
    if (first) until = Math.min(until, Date.parse(first.at) - stepS * 1_000);
  }
  const row = peerRow(facts, peer);
  if (samples.length === 0) {
    samples.push({
      at: now.toISOString(),
      stepS: 0,
      rttMs: row.rttMs,
      rttP5Ms: null,
      rttP95Ms: null,
      lossPct: row.lossPct,
      txBytesPerS: row.txBytesPerS,
      rxBytesPerS: row.rxBytesPerS,
      kind: kindOf(row),
    });
  }
  const { ringAddress, name, virtualIp, transport } = row;
  return { ringAddress: ringAddress as RingAddress, name, virtualIp, transport, events: [...events.values()], samples };
}

function headOf(format: "json" | "csv", facts: AffiliationFacts, since: string | undefined, now: Date): string {
  if (format === "csv") return `${COLUMNS.join(",")}\r\n`;
  const about = {
    version: 1,
    exportedAt: now.toISOString(),
    since: since ?? null,
    affiliation: facts.name,
    ringAddress: facts.node.ringAddress,
    name: facts.ownName,
    virtualIp: facts.virtualIp,
  };
  return `${JSON.stringify(about).slice(0, -1)},"peers":[`;
}

/** Each event stands in the row of the step that it falls into; one outside of every step has a row of its own. */
function csvRows({ ringAddress, name, virtualIp, events, samples }: Recorded): string {
  const left = new Set(events);
  const lines: { readonly at: string; readonly cells: readonly (string | number | null)[] }[] = samples.map(
    (sample) => {
      const end = Date.parse(sample.at);
      const own = [...left].filter(({ at }) => Date.parse(at) <= end && Date.parse(at) > end - sample.stepS * 1_000);
      for (const event of own) left.delete(event);
      const { at, stepS, kind, rttMs, rttP5Ms, rttP95Ms, lossPct, txBytesPerS, rxBytesPerS } = sample;
      const measures = [rttMs, rttP5Ms, rttP95Ms, lossPct, txBytesPerS, rxBytesPerS];
      const notes = own.map(({ text }) => text).join("; ");
      return { at, cells: [at, stepS, ringAddress, name, virtualIp, kind, ...measures, notes] };
    },
  );
  for (const { at, text } of left) {
    const nothing = new Array(7).fill(null);
    lines.push({ at, cells: [at, 0, ringAddress, name, virtualIp, ...nothing, text] });
  }
  lines.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return lines.map(({ cells }) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

/** RFC 4180. What others named themselves must not become a formula in a spreadsheet. */
export function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return `${value}`;
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function kindOf({ kinds, transport }: ReturnType<typeof peerRow>): Point["kind"] {
  if (kinds.length === 0) return "routed";
  if (transport === "relay") return "relay";
  return (["shortcut", "near", "far"] as const).find((kind) => kinds.includes(kind)) ?? "leaf";
}

function byAddress(a: PeerView, b: PeerView): number {
  return a.ringAddress < b.ringAddress ? -1 : 1;
}
