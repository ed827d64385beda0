/** Whether packets go straight to the peer, else the one cause, what was tried, and what can be done about it. */

import { CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { NotDirectBecause } from "#contract";
import { go } from "../../shell/route.ts";
import { useOrder } from "../../store/asking.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatRtt } from "../../ui/format.ts";
import { Told } from "../../words/told.tsx";
import { useClockTime, useText } from "../../words/words.tsx";
import { nameOfAddress } from "../peers/names.ts";
import { SHORTCUTS_FIELD, TRANSPORT_FIELD } from "../settings/fields.ts";
import styles from "./inspector.module.css";
import { adviceOf, cureOf, lineForOwner, sentenceOf } from "./why-words.ts";

const LONG_HOPS = 3;
const LONG_MS = 250;
const TRIES_SHOWN = 4;
/** What the helper calls an address that nothing came back from. */
const NO_ANSWER = "no answer";

export function WhyBox({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const { row, kind } = peer;
  const because = row.notDirectBecause;
  if (because === null || (row.transport !== null && row.transport !== "relay")) {
    if (row.transport === null) return null;
    return (
      <section className={styles.section}>
        <div className={styles.why} data-tone="ok">
          <h3>
            <CircleCheck size={16} aria-hidden />
            {t("direct.title", { transport: row.transport.toUpperCase() })}
          </h3>
          {kind !== "routed" && <p>{t(`link.${kind}.help`)}</p>}
        </div>
      </section>
    );
  }
  return (
    <section className={styles.section}>
      <NotDirect peer={peer} because={because} />
    </section>
  );
}

function NotDirect({ peer, because }: { readonly peer: Peer; readonly because: NotDirectBecause }) {
  const t = useText();
  const clock = useClockTime();
  const model = useModel();
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const affiliation = useWindow((state) => state.affiliation?.name) ?? "";
  const relay = useWindow((state) => (peer.row.via === null ? undefined : nameOfAddress(state.peers, peer.row.via)));
  const traced = useWindow((state) => (state.traced?.peer === peer.row.ringAddress ? state.traced : undefined));
  const ask = { affiliation, peer: peer.row.ringAddress };
  const [direct, tryDirect] = useOrder(() => model.calls.tryDirect(ask), peer.row.ringAddress);
  const [shortcut, build] = useOrder(() => model.calls.shortcut(ask), peer.row.ringAddress);
  const order = shortcut.kind !== "idle" ? shortcut : direct;
  const cure = cureOf(because);
  const advice = adviceOf(t, because);
  const hops = traced?.hops.length ?? peer.row.path.length;
  const rttMs = traced?.hops.at(-1)?.rttMs ?? peer.row.rttMs;
  const long = peer.kind === "routed" && (hops > LONG_HOPS || (rttMs !== null && rttMs > LONG_MS));
  const tried = because.tried.slice(-TRIES_SHOWN);
  return (
    <div className={styles.why} data-tone={peer.kind === "relay" ? "warn" : "info"}>
      <h3>
        {peer.kind === "relay" ? <TriangleAlert size={16} aria-hidden /> : <Info size={16} aria-hidden />}
        {t("why.title")}
      </h3>
      <p>{sentenceOf(t, because, { peer, relay, clock: (at) => clock(Date.parse(at) / 1000) })}</p>
      {(relay !== undefined || long || tried.length > 0) && (
        <ul>
          {relay !== undefined && <li>{t("why.relayCarries", { via: relay })}</li>}
          {long && rttMs !== null && (
            <li>
              {peer.row.rttEstimateMs !== null
                ? t("why.longPath", { rtt: formatRtt(rttMs), hops, estimate: formatRtt(peer.row.rttEstimateMs) })
                : t("why.longWay", { rtt: formatRtt(rttMs), hops })}
            </li>
          )}
          {tried.map(({ transport, to, at, result }) => (
            <li key={`${at} ${to}`}>
              {t("why.tried", {
                time: clock(Date.parse(at) / 1000),
                transport,
                to,
                result: result === NO_ANSWER ? t("why.noAnswer") : result,
              })}
            </li>
          ))}
        </ul>
      )}
      {advice !== undefined && <p>{advice}</p>}
      {cure !== undefined && (!readOnly || cure === "test" || cure === "copyLine") && (
        <div className={styles.actions}>
          {cure === "test" && <Button onPress={() => go("diagnostics")}>{t("connect.action.test")}</Button>}
          {cure === "copyLine" && (
            <CopyButton value={() => lineForOwner(t, peer, because)} label={t("why.copyLine")} look="plain" />
          )}
          {cure === "build" && (
            <Button onPress={build} isDisabled={shortcut.kind === "waiting"}>
              {t("why.build")}
            </Button>
          )}
          {(cure === "direct" || cure === "local") && (
            <Button onPress={tryDirect} isDisabled={direct.kind === "waiting"}>
              {t(cure === "local" ? "why.useLocal" : "why.tryDirect")}
            </Button>
          )}
          {(cure === "shortcuts" || cure === "transport") && (
            <Button onPress={() => go("settings", `#${cure === "shortcuts" ? SHORTCUTS_FIELD : TRANSPORT_FIELD}`)}>
              {t("nav.settings")}
            </Button>
          )}
        </div>
      )}
      <p className={styles.outcome} role="status">
        {order.kind === "done" && t(order === shortcut ? "why.building" : "why.tryingNow")}
        {order.kind === "failed" && <Told of={order.error} plain />}
      </p>
    </div>
  );
}
