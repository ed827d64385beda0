/** Rows of peers as tab-separated values, which spreadsheets take from the clipboard. */
import type { Peer } from "../../store/peers.ts";
import { nameOfAddress } from "./names.ts";

const HEAD = [
  "name",
  "site",
  "virtualIp",
  "ringAddress",
  "link",
  "transport",
  "via",
  "rttMs",
  "hops",
  "rxBytesPerS",
  "txBytesPerS",
  "natKind",
  "version",
];

export function tsvOf(addresses: Iterable<string>, peers: ReadonlyMap<string, Peer>): string {
  const lines = [HEAD];
  for (const address of addresses) {
    const peer = peers.get(address);
    if (peer === undefined) continue;
    const { row, kind } = peer;
    lines.push([
      row.name ?? "",
      row.site ?? "",
      row.virtualIp ?? "",
      row.ringAddress,
      kind,
      row.transport ?? "",
      row.via === null ? "" : nameOfAddress(peers, row.via),
      row.rttMs === null ? "" : String(row.rttMs),
      row.path.length === 0 ? "" : String(row.path.length),
      String(Math.round(row.rxBytesPerS)),
      String(Math.round(row.txBytesPerS)),
      row.natKind,
      row.version ?? "",
    ]);
  }
  return `${lines.map((line) => line.map(cell).join("\t")).join("\n")}\n`;
}

/** A tab or a new line in a name would break the row; a formula must stay text in a spreadsheet. */
function cell(text: string): string {
  const flat = text.replaceAll(/[\t\r\n]/g, " ");
  return /^[=+\-@]/.test(flat) && Number.isNaN(Number(flat)) ? `'${flat}` : flat;
}
