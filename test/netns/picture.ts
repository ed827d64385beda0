/** A demo's ring and links as people see them in a terminal. */
import { median } from "./figures.ts";
import {
  type DemoReport,
  inRingOrder,
  type NodeSeen,
  type PairPinged,
  type PairReport,
  pairReports,
} from "./report.ts";

const WIDTH = 78;
/** Half the width of the drawn ring. */
const RADIUS = 19;
/** Most pairs that are listed one by one; more are summed up by the matrix. */
const PAIRS_LISTED = 200;

/** The members in the order of the ring, clockwise from the top, with the first digits of their ring addresses. */
export function ringPicture(nodes: readonly NodeSeen[], middle: readonly string[]): string {
  const ring = inRingOrder(nodes);
  const right = Math.ceil(ring.length / 2);
  const rowsPerNode = ring.length <= 20 ? 2 : 1;
  const height = Math.max(1, (right - 1) * rowsPerNode + 1);
  const canvas = Array.from({ length: height }, () => new Array<string>(WIDTH).fill(" "));
  const write = (row: number, column: number, text: string) => {
    for (const [index, letter] of [...text].entries()) {
      const line = canvas[row];
      if (line && column + index >= 0 && column + index < WIDTH) line[column + index] = letter;
    }
  };
  const edge = (row: number) => {
    // The rows are the equal steps of a circle's height, so its width there follows from Pythagoras.
    const up = height === 1 ? 0 : (2 * (row + 0.5)) / height - 1;
    return Math.round(RADIUS * Math.sqrt(Math.max(0, 1 - up * up)));
  };
  const centre = Math.floor(WIDTH / 2);
  for (let row = 0; row < height; row++) {
    write(row, centre + edge(row), "·");
    write(row, centre - edge(row), "·");
  }
  for (const [index, text] of middle.entries()) {
    write(Math.floor((height - middle.length) / 2) + index, centre - Math.floor(text.length / 2), text);
  }
  for (const [index, node] of ring.entries()) {
    const onRight = index < right;
    const row = (onRight ? index : ring.length - 1 - index) * rowsPerNode;
    const label = `${node.name} ${node.ringAddress.slice(0, 4)}`;
    if (onRight) write(row, centre + edge(row), `● ${label}`);
    else write(row, centre - edge(row) - label.length - 1, `${label} ●`);
  }
  return canvas.map((line) => line.join("").trimEnd()).join("\n");
}

/** A line a pair: who, kinds of link, transport, direct or via whom, round trip of the link, median ping. */
export function linkTable(nodes: readonly NodeSeen[], pings: readonly PairPinged[], report: DemoReport): string {
  const pairs = pairReports(nodes);
  if (pairs.length > PAIRS_LISTED) return matrixTable(report);
  const pinged = new Map(pings.map((pair) => [`${pair.from} ${pair.to}`, pair.rttMs]));
  const names = new Map(nodes.map((node) => [node.ringAddress, node.name]));
  return table([
    ["from", "to", "kinds", "transport", "packets go", "round trip", "ping"],
    ...pairs.map((pair) => [
      `${pair.from.name} ${pair.from.virtualIp}`,
      `${pair.to.name} ${pair.to.virtualIp}`,
      pair.row?.kinds.join(", ") || "-",
      pair.row?.transport ?? "-",
      wayText(pair, names),
      milliseconds(pair.row?.rttMs ?? null),
      milliseconds(median(pinged.get(`${pair.from.name} ${pair.to.name}`) ?? [])),
    ]),
  ]);
}

/** Pairs by the kinds of their sites. */
export function matrixTable(report: DemoReport): string {
  return table([
    ["between", "and", "pairs", "direct", "relayed", "routed"],
    ...report.matrix.map((cell) =>
      [cell.from, cell.to, cell.pairs, cell.direct, cell.relayed, cell.routed].map(String),
    ),
  ]);
}

function wayText(pair: PairReport, names: ReadonlyMap<string, string>): string {
  if (pair.way === "direct") return "direct";
  if (pair.way === "routed") return "around the ring";
  const via = pair.row?.via;
  return via == null ? "via a relay" : `via ${names.get(via) ?? via.slice(0, 8)}`;
}

function milliseconds(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(1)} ms`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
