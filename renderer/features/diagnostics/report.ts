/** The report of Diagnostics: plain text for whoever helps, in English whatever the window speaks. */
import type { AffiliationView, Check, ErrorView } from "#contract";

export interface ReportOptions {
  readonly version: string;
  readonly at: Date;
  readonly affiliation: AffiliationView | undefined;
  readonly checks: readonly Check[];
  /** Replaces addresses of the public network. */
  readonly hideAddresses: boolean;
  /** The helper has ended: what follows is the last that it told. */
  readonly stopped?: { readonly lastNews: Date | undefined; readonly error: ErrorView | undefined };
}

const WORDS = { fail: "FAIL", warn: "WARN", pass: "PASS", skip: "SKIP" } as const;

export function reportOf({ version, at, affiliation, checks, hideAddresses, stopped }: ReportOptions): string {
  const lines = [`Ringway ${version}  ${withOffset(at)}`];
  if (stopped) {
    const { lastNews, error } = stopped;
    lines.push(
      `helper       stopped${error === undefined ? "" : `: ${error.text}`}`,
      `last news    ${lastNews === undefined ? "none" : withOffset(lastNews)}; what follows is of then`,
    );
  }
  if (affiliation) {
    const { links } = affiliation;
    lines.push(
      `affiliation  ${affiliation.name}`,
      `state        ${affiliation.state}${affiliation.reason === null ? "" : `: ${affiliation.reason}`}`,
      `interface    ${affiliation.interface.name} ${affiliation.interface.state}, ${affiliation.virtualIp ?? "no address"}, MTU ${affiliation.interface.mtuBytes}`,
      `ring         ${affiliation.ringAddress}  ${affiliation.peersKnown} peers`,
      `links        ${Object.entries(links)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(", ")}`,
      `nat          ${affiliation.natKind}`,
    );
  }
  if (checks.length > 0) lines.push("");
  for (const { id, result, cause, evidence } of inOrder(checks)) {
    lines.push(`${WORDS[result]} ${id}`);
    for (const text of [cause, evidence]) if (text !== null) lines.push(`     ${text}`);
  }
  const text = `${lines.join("\n")}\n`;
  return hideAddresses ? withoutAddresses(text) : text;
}

/** Failures first. */
export function inOrder(checks: readonly Check[]): Check[] {
  const rank = { fail: 0, warn: 1, pass: 2, skip: 3 };
  return checks.toSorted((a, b) => rank[a.result] - rank[b.result]);
}

/** Private and virtual addresses stay: they say nothing about where this computer is. */
function withoutAddresses(text: string): string {
  return text
    .replace(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, (ip) =>
      /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|0\.|255\.)/.test(ip) ? ip : "x.x.x.x",
    )
    .replace(/(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]*[0-9a-f]/gi, (ip) => (/^f[cde]/i.test(ip) ? ip : "x:x::x"));
}

/** ISO 8601 with the offset of this computer. */
function withOffset(at: Date): string {
  const offset = -at.getTimezoneOffset();
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
}
