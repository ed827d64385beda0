/** `ringway peers` and `ringway peer`: the known members, and one of them in full. */
import type { PeerDetail, PeerRow } from "#contract";
import { type CommandContext, ofAffiliation, print, withHelper } from "./command.ts";
import { bytes, linkWord, milliseconds, natWords, shortNames, table, transportWords } from "./text.ts";

export function registerPeers(context: CommandContext): void {
  context.program
    .command("peers")
    .description("every known member: link, transport, via whom, round trip, bytes")
    .argument("[name]", "the affiliation, where there are several")
    .action(async (name: string | undefined) => {
      await withHelper(context, async (helper) => {
        const peers = await helper.peers(ofAffiliation(name));
        print(context, peers, peersText(peers));
      });
    });

  context.program
    .command("peer")
    .description("one member in full: its path, why it is not direct, its history")
    .argument("<peer>", "virtual IP, host name, or first digits of the ring address")
    .option("--affiliation <name>", "the affiliation, where there are several")
    .action(async (peer: string, { affiliation }: { affiliation?: string }) => {
      await withHelper(context, async (helper) => {
        const detail = await helper.peer({ peer, ...ofAffiliation(affiliation) });
        print(context, detail, peerText(detail, shortNames(await helper.peers(ofAffiliation(affiliation)))));
      });
    });
}

export function peersText(peers: readonly PeerRow[]): string {
  if (peers.length === 0) return "No other member is known yet.";
  const nameOf = shortNames(peers);
  const head = ["name", "virtual IP", "ring address", "link", "transport", "round trip", "received", "sent", "NAT"];
  const rows = peers.map((peer) => [
    peer.name ?? "-",
    peer.virtualIp ?? "-",
    peer.ringAddress.slice(0, 12),
    linkWord(peer),
    transportWords(peer, nameOf),
    milliseconds(peer.rttMs),
    bytes(peer.rxBytes),
    bytes(peer.txBytes),
    natWords[peer.natKind],
  ]);
  return table(head, rows, ["round trip", "received", "sent"]);
}

export function peerText(peer: PeerDetail, nameOf: (ringAddress: string) => string): string {
  const facts: [string, string | null][] = [
    ["name", peer.name],
    ["site", peer.site],
    ["virtual IP", peer.virtualIp],
    ["ring address", peer.ringAddress],
    ["version", peer.version],
    ["link", `${linkWord(peer)}${peer.kinds.length > 0 ? ` (${peer.kinds.join(", ")})` : ""}`],
    ["transport", transportWords(peer, nameOf)],
    ["remote", peer.remote],
    ["NAT", natWords[peer.natKind]],
    ["path", peer.path.length > 1 ? peer.path.map(nameOf).join(", ") : null],
    [
      "round trip",
      peer.rttMs === null
        ? null
        : `${milliseconds(peer.rttMs)}, least ${milliseconds(peer.rttMinMs)}, jitter ${milliseconds(peer.jitterMs)}`,
    ],
    ["loss", peer.lossPct === null ? null : `${peer.lossPct} %`],
    ["received", `${bytes(peer.rxBytes)}, ${bytes(peer.rxBytesPerS)}/s`],
    ["sent", `${bytes(peer.txBytes)}, ${bytes(peer.txBytesPerS)}/s`],
    ["since", peer.since],
  ];
  const lines = facts.flatMap(([title, value]) => (value === null ? [] : [`${title.padEnd(12)}  ${value}`]));
  if (peer.notDirectBecause) {
    const { text, remedy, tried } = peer.notDirectBecause;
    lines.push("", `Not direct: ${text} ${remedy}`);
    for (const { transport, to, at, result } of tried) lines.push(`  ${at}  ${transport} to ${to}: ${result}`);
  }
  if (peer.history.length > 0) lines.push("", "History");
  for (const { at, text } of peer.history) lines.push(`  ${at}  ${text}`);
  return lines.join("\n");
}
