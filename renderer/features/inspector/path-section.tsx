/** The way of packets to the peer, hop by hop, with the time that each hop adds where it was traced. */

import { useCallback, useEffect } from "react";
import type { TraceView } from "#contract";
import { useOrder } from "../../store/asking.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { formatRtt, UNKNOWN } from "../../ui/format.ts";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";
import { nameOfAddress } from "../peers/names.ts";
import styles from "./inspector.module.css";

interface Hop {
  readonly ringAddress: string;
  readonly name: string;
  readonly site: string | null;
  /** Added by this hop; null where it is not known. */
  readonly addedMs: number | null;
}

export function PathSection({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const model = useModel();
  const affiliation = useWindow((state) => state.affiliation?.name) ?? "";
  const peers = useWindow((state) => state.peers);
  const address = peer.row.ringAddress;
  const ask = useCallback(() => model.calls.trace({ affiliation, peer: address }), [model, affiliation, address]);
  const [order, trace] = useOrder(ask, address);
  useEffect(() => {
    if (order.kind === "done") model.trace(order.value);
  }, [model, order]);
  const traced = useWindow((state) => (state.traced?.peer === address ? state.traced : undefined));
  const hops = hopsOf(peer, traced, peers);
  return (
    <section className={styles.section} aria-label={t("insp.path")}>
      <div className={styles.chartHead}>
        <h3>{t("insp.path")}</h3>
        <span className={styles.quiet}>{hops.length > 0 && t("peer.hops", { count: hops.length })}</span>
        <Button onPress={trace} isDisabled={order.kind === "waiting"}>
          {t("insp.trace")}
        </Button>
      </div>
      {hops.length === 0 ? (
        <p className={styles.quiet}>{t("insp.pathUnknown")}</p>
      ) : (
        <ol className={styles.hops} data-relay={peer.kind === "relay" || undefined}>
          <li data-self>
            <i aria-hidden="true" />
            <span>{t("ring.thisComputer")}</span>
          </li>
          {hops.map((hop, index) => (
            <li key={hop.ringAddress} data-last={index === hops.length - 1 || undefined}>
              <i aria-hidden="true">{index + 1}</i>
              <span>
                <bdi>{hop.name}</bdi> {hop.site !== null && <bdi className={styles.quiet}>{hop.site}</bdi>}
              </span>
              <span>{hop.addedMs === null ? UNKNOWN : `+${formatRtt(hop.addedMs)}`}</span>
            </li>
          ))}
        </ol>
      )}
      <p className={styles.outcome} role="status">
        {order.kind === "waiting" && t("insp.tracing")}
        {order.kind === "failed" && <Told of={order.error} plain />}
      </p>
    </section>
  );
}

function hopsOf(peer: Peer, traced: TraceView | undefined, peers: ReadonlyMap<string, Peer>): readonly Hop[] {
  const site = (address: string) => peers.get(address)?.row.site ?? null;
  if (traced && traced.hops.length > 0) {
    let before = 0;
    return traced.hops.map(({ ringAddress, name, rttMs }) => {
      const addedMs = rttMs === null ? null : Math.max(0, rttMs - before);
      if (rttMs !== null) before = rttMs;
      return { ringAddress, name: name ?? nameOfAddress(peers, ringAddress), site: site(ringAddress), addedMs };
    });
  }
  const { path, rttMs } = peer.row;
  return path.map((ringAddress, index) => {
    const whole = index === path.length - 1 && path.length === 1 ? rttMs : null;
    const first = index === 0 && path.length > 1 ? (peers.get(ringAddress)?.row.rttMs ?? null) : whole;
    return { ringAddress, name: nameOfAddress(peers, ringAddress), site: site(ringAddress), addedMs: first };
  });
}
