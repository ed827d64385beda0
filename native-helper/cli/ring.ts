/** `ringway ring`: the ring as this node sees it, as a picture and a table. */
import type { PeerRow, RingView } from "#contract";
import { type CommandContext, ofAffiliation, print, withHelper } from "./command.ts";
import { ringPicture } from "./ring-picture.ts";
import { linkWord, milliseconds, shortNames, table, transportWords } from "./text.ts";

export function registerRing(context: CommandContext): void {
  context.program
    .command("ring")
    .description("the ring as this node sees it")
    .argument("[name]", "the affiliation, where there are several")
    .action(async (name: string | undefined) => {
      await withHelper(context, async (helper) => {
        const ring = await helper.ring(ofAffiliation(name));
        const peers = context.globals().json ? [] : await helper.peers(ofAffiliation(name));
        print(context, ring, ringText(ring, peers, context.terminal.columns));
      });
    });
}

export function ringText(ring: RingView, peers: readonly PeerRow[], columns: number | undefined): string {
  const rows = new Map(peers.map((peer) => [peer.ringAddress, peer]));
  const nameOf = shortNames(peers);
  const members = ring.members.map(({ ringAddress, silent }) => {
    const peer = rows.get(ringAddress);
    const link = ringAddress === ring.self ? "self" : peer ? linkWord(peer) : "routed";
    return {
      ringAddress,
      link,
      silent,
      label: ringAddress === ring.self ? "this computer" : nameOf(ringAddress),
      peer,
    };
  });
  const check = { true: "whole", false: "not whole yet", null: "not checked yet" }[`${ring.consistent}`];
  const head = ["", "ring address", "name", "link", "transport", "round trip"];
  const lines = members.map(({ ringAddress, label, link, silent, peer }) => [
    link === "self" ? "@" : "",
    ringAddress.slice(0, 12),
    label,
    silent ? `${link}, silent` : link,
    peer ? transportWords(peer, nameOf) : "",
    peer ? milliseconds(peer.rttMs) : "",
  ]);
  return [
    ringPicture(members, columns),
    "",
    `${members.length} members known, about ${Math.max(1, Math.round(ring.sizeEstimate))} in all; seen from here the ring is ${check}.`,
    "",
    table(head, lines, ["round trip"]),
  ].join("\n");
}
