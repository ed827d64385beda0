/** What the tray says: icon, tooltip and menu, derived from what is known. It knows nothing of Electron. */
import type { AffiliationView, HelperSnapshot, PeerRow } from "#contract";
import type { Reach } from "#contract/bridge.ts";
import type { Text } from "./words.ts";

export type TrayIcon = "disconnected" | "connecting" | "connected" | "interface-off" | "attention";

/** What an entry does. */
export type TrayAction =
  | { readonly kind: "call"; readonly call: "connect" | "disconnect" | "up" | "down"; readonly affiliation: string }
  | { readonly kind: "copy"; readonly text: string }
  | { readonly kind: "open"; readonly screen: "overview" | "diagnostics" }
  | { readonly kind: "quit"; readonly disconnect: boolean };

export type TrayEntry =
  | { readonly kind: "line" }
  | { readonly kind: "text"; readonly label: string }
  | {
      readonly kind: "action";
      readonly label: string;
      readonly action: TrayAction;
      /** A checkbox, and whether it is ticked. */
      readonly checked?: boolean;
    }
  | { readonly kind: "menu"; readonly label: string; readonly entries: readonly TrayEntry[] };

export interface TrayPicture {
  readonly icon: TrayIcon;
  readonly tooltip: string;
  readonly entries: readonly TrayEntry[];
}

const BUSIEST_LIMIT = 8;
/** Menus cut long labels in ways of their own; a name of a peer may have 200 characters. */
const LABEL_LIMIT = 48;

/** The busiest of an affiliation's peers, busiest first. */
export type BusiestOf = (affiliation: string, peers: readonly PeerRow[]) => readonly PeerRow[];

export function trayPicture(
  reach: Reach,
  snapshot: HelperSnapshot | undefined,
  t: Text,
  busiestOf: BusiestOf = (_affiliation, peers) => busiestNow(peers),
): TrayPicture {
  const running = reach.kind === "open" ? snapshot : undefined;
  const affiliations = running?.status.affiliations ?? [];
  const shown = affiliations.find(({ state }) => state !== "off") ?? affiliations[0];
  const peers = running?.rings.find(({ affiliation }) => affiliation === shown?.name)?.peers ?? [];
  const silent = new Set(
    running?.rings
      .find(({ affiliation }) => affiliation === shown?.name)
      ?.ring.members.filter((member) => member.silent)
      .map(({ ringAddress }) => ringAddress),
  );
  const problems = [
    ...(running?.status.warnings ?? []),
    ...affiliations.flatMap((affiliation) => affiliation.warnings),
  ].map(({ text }) => text);
  if (reach.kind === "noHelper") problems.unshift(reach.error.text);
  const state = stateOf(shown);
  const icon: TrayIcon =
    problems.length > 0 || shown?.state === "failed" ? "attention" : state === "off" ? "disconnected" : icons[state];
  const first = problems[0] ?? shown?.reason ?? "";
  const rates = sumOf(peers);
  return {
    icon,
    tooltip:
      icon === "attention"
        ? t("tray.tooltip.attention", { problem: cut(first, 120) })
        : state === "off" || shown === undefined
          ? t("tray.tooltip.off")
          : t("tray.tooltip.connected", { affiliation: cut(shown.name), count: peers.length, ...rates }),
    entries: [
      {
        kind: "text",
        label: `${state === "off" ? "○" : "●"} ${t("tray.line1", { state, affiliation: cut(shown?.name ?? "") })}`,
      },
      ...(shown !== undefined && state !== "off"
        ? [
            {
              kind: "text" as const,
              label: t("tray.line2", {
                ip: shown.virtualIp ?? "—",
                reachable: peers.filter(({ ringAddress }) => !silent.has(ringAddress)).length,
                total: peers.length,
              }),
            },
          ]
        : []),
      { kind: "line" },
      ...(shown === undefined ? [] : ofAffiliation(shown, affiliations, busiestOf(shown.name, peers), t)),
      ...(problems.length > 0
        ? [
            {
              kind: "action" as const,
              label: t("tray.problems", { count: problems.length, first: cut(first, 80) }),
              action: { kind: "open" as const, screen: "diagnostics" as const },
            },
          ]
        : []),
      { kind: "action", label: t("tray.open"), action: { kind: "open", screen: "overview" } },
      { kind: "action", label: t("nav.diagnostics"), action: { kind: "open", screen: "diagnostics" } },
      { kind: "line" },
      ...(state === "off"
        ? [{ kind: "action" as const, label: t("tray.quit"), action: { kind: "quit" as const, disconnect: false } }]
        : [
            {
              kind: "action" as const,
              label: t("tray.quitKeep"),
              action: { kind: "quit" as const, disconnect: false },
            },
            { kind: "action" as const, label: t("tray.quitOff"), action: { kind: "quit" as const, disconnect: true } },
          ]),
    ],
  };
}

const icons = { connected: "connected", connecting: "connecting", interfaceOff: "interface-off" } as const;

function stateOf(shown: AffiliationView | undefined): "connected" | "connecting" | "interfaceOff" | "off" {
  if (shown?.state === "connecting") return "connecting";
  if (shown?.state !== "connected") return "off";
  return shown.interface.state === "up" ? "connected" : "interfaceOff";
}

function ofAffiliation(
  shown: AffiliationView,
  all: readonly AffiliationView[],
  busiest: readonly PeerRow[],
  t: Text,
): TrayEntry[] {
  const isOn = shown.state !== "off";
  const isUp = shown.interface.state === "up";
  const name = shown.name;
  return [
    {
      kind: "action",
      label: t(isOn ? "tray.disconnect" : "tray.connect", { affiliation: cut(name) }),
      action: { kind: "call", call: isOn ? "disconnect" : "connect", affiliation: name },
    },
    ...(isOn
      ? [
          {
            kind: "action" as const,
            label: t("tray.interface", { iface: shown.interface.name }),
            checked: isUp,
            action: { kind: "call" as const, call: isUp ? ("down" as const) : ("up" as const), affiliation: name },
          },
        ]
      : []),
    ...(shown.virtualIp !== null
      ? [
          {
            kind: "action" as const,
            label: t("tray.copyIp", { ip: shown.virtualIp }),
            action: { kind: "copy" as const, text: shown.virtualIp },
          },
        ]
      : []),
    {
      kind: "menu",
      label: t("nav.affiliations"),
      entries: all.map((each) => ({
        kind: "action" as const,
        label: cut(each.name),
        checked: each.state !== "off",
        action: {
          kind: "call" as const,
          call: each.state === "off" ? ("connect" as const) : ("disconnect" as const),
          affiliation: each.name,
        },
      })),
    },
    ...(busiest.length > 0
      ? [
          {
            kind: "menu" as const,
            label: t("overview.busiest"),
            // What it copies stands beside the name. No rate: a menu that changes each second closes under the hand.
            entries: busiest.map(({ name, virtualIp }) => ({
              kind: "action" as const,
              label: [name === null ? [] : cut(name), virtualIp ?? []].flat().join("  "),
              action: { kind: "copy" as const, text: virtualIp ?? "" },
            })),
          },
        ]
      : []),
    { kind: "line" },
  ];
}

function busiestNow(peers: readonly PeerRow[]): PeerRow[] {
  return peers
    .filter(({ virtualIp }) => virtualIp !== null)
    .map((peer) => ({ peer, rate: peer.rxBytesPerS + peer.txBytesPerS }))
    .filter(({ rate }) => rate > 0)
    .sort((a, b) => b.rate - a.rate)
    .slice(0, BUSIEST_LIMIT)
    .map(({ peer }) => peer);
}

const BUSIEST_KEPT_MS = 30_000;

/** Chooses the busiest peers now and then only, since a menu is built anew with each change. */
export class BusiestPeers {
  #chosen: readonly string[] = [];
  #affiliation: string | undefined;
  #at = 0;

  /** `now` is monotonic. */
  of(now: number, affiliation: string, peers: readonly PeerRow[]): readonly PeerRow[] {
    const isKept = affiliation === this.#affiliation && this.#chosen.length > 0 && now - this.#at < BUSIEST_KEPT_MS;
    if (!isKept) {
      this.#affiliation = affiliation;
      this.#at = now;
      this.#chosen = busiestNow(peers).map(({ ringAddress }) => ringAddress);
    }
    const byAddress = new Map(peers.map((peer) => [peer.ringAddress, peer]));
    return this.#chosen.flatMap((ringAddress) => byAddress.get(ringAddress) ?? []);
  }
}

function sumOf(peers: readonly PeerRow[]): { rx: string; tx: string } {
  const rx = peers.reduce((sum, { rxBytesPerS }) => sum + rxBytesPerS, 0);
  const tx = peers.reduce((sum, { txBytesPerS }) => sum + txBytesPerS, 0);
  return { rx: rateText(rx), tx: rateText(tx) };
}

/** Powers of 1000, two digits below 10. */
function rateText(bytesPerS: number): string {
  const units = ["B/s", "kB/s", "MB/s", "GB/s"];
  let value = bytesPerS;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)}\u00a0${units[unit]}`;
}

/** Names come from other members: without control and direction marks, and cut, since a menu has no place for more. */
function cut(text: string, limit = LABEL_LIMIT): string {
  const clean = [...text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu, "")];
  // Some systems take an ampersand in a label for the mark of a key.
  const short = clean.length > limit ? `${clean.slice(0, limit - 1).join("")}…` : clean.join("");
  return short.replaceAll("&", "&&");
}
