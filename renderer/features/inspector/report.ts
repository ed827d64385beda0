/** What is known of a peer as text, to paste into a mail. */

import { useModel } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { formatRate, formatRttOf, formatWholeRingAddress } from "../../ui/format.ts";
import { useText } from "../../words/words.tsx";
import { nameOfAddress } from "../peers/names.ts";
import { natWords } from "../state/nat-words.ts";

export function useReport(peer: Peer): () => string {
  const t = useText();
  const model = useModel();
  return () => {
    const { row, kind } = peer;
    const { peers } = model.store.getState();
    const lines: [string, string | null][] = [
      [t("col.name"), peer.name],
      [t("fact.virtualIp"), row.virtualIp],
      [t("fact.ringAddress"), formatWholeRingAddress(row.ringAddress)],
      [
        t("insp.link"),
        [t(`link.${kind}`), row.transport, row.via && nameOfAddress(peers, row.via)].filter(Boolean).join(" "),
      ],
      [t("insp.roundTrip"), formatRttOf(row.rttMs, row.rttEstimateMs)],
      [t("insp.throughput"), `↓ ${formatRate(row.rxBytesPerS)} ↑ ${formatRate(row.txBytesPerS)}`],
      [t("insp.path"), row.path.map((address) => nameOfAddress(peers, address)).join(" → ")],
      [t("insp.publicAddress"), row.remote],
      [t("insp.natKind"), t(natWords[row.natKind])],
      [t("insp.version"), row.version],
      [t("why.title"), row.notDirectBecause && `${row.notDirectBecause.text} ${row.notDirectBecause.remedy}`],
    ];
    return `${lines
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => `${name}: ${value?.replaceAll("\u00a0", " ")}`)
      .join("\n")}\n`;
  };
}
