import { ArrowDown, ArrowUp } from "lucide-react";
import { useMemo } from "react";
import { useDerived, useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { isOn, type WindowState } from "../../store/window-store.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatRate, UNKNOWN } from "../../ui/format.ts";
import { Switch } from "../../ui/switch.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./interface-card.module.css";

/** The virtual interface: its address, its own switch (the ring stays), and what goes over it. */
export function InterfaceCard() {
  const t = useText();
  const model = useModel();
  const shown = useDerived(cardOf);
  if (shown === undefined) return null;
  const { name, virtualIp } = shown;
  return (
    <section className={styles.card} aria-label={t("interface.title", { iface: name })}>
      <div className={styles.head}>
        <div className={styles.names}>
          <p className={styles.name}>
            <strong>{name}</strong> <span className={styles.quiet}>{t("interface.word")}</span>
          </p>
          <p className={styles.address}>
            <span className="mono">{virtualIp ?? UNKNOWN}</span>
            {virtualIp !== null && <CopyButton value={virtualIp} label={t("peer.copyIp")} />}
          </p>
        </div>
        <Switch
          label={t("tray.interface", { iface: name })}
          isOn={shown.isOn}
          isPending={shown.isPending}
          isDisabled={shown.isFixed}
          onChange={(on) => void model.setSwitch("interface", on)}
        />
      </div>
      <Rates isUp={shown.isUp} />
    </section>
  );
}

function cardOf({ affiliation, guesses, reach }: WindowState, now: number) {
  if (affiliation === undefined) return undefined;
  const guess = guesses.interface;
  return {
    name: affiliation.interface.name,
    virtualIp: affiliation.virtualIp,
    isUp: affiliation.interface.state === "up",
    isOn: guess ? guess.on : isOn(affiliation, "interface"),
    isPending: guess !== undefined && now < guess.until,
    isFixed: reach.kind !== "open" || reach.readOnly || affiliation.state === "off",
  };
}

function Rates({ isUp }: { readonly isUp: boolean }) {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  const { rx, tx } = useMemo(() => sumRates(peers), [peers]);
  if (!isUp || rx + tx < 0.5) return <p className={styles.rates}>{t("interface.noTraffic")}</p>;
  return (
    <p className={styles.rates}>
      <span>
        <ArrowDown size={12} aria-hidden />
        <span className="spoken">{t("chart.received")}</span> {formatRate(rx)}
      </span>
      <span>
        <ArrowUp size={12} aria-hidden />
        <span className="spoken">{t("chart.sent")}</span> {formatRate(tx)}
      </span>
    </p>
  );
}

function sumRates(peers: ReadonlyMap<string, Peer>): { rx: number; tx: number } {
  let [rx, tx] = [0, 0];
  for (const { row } of peers.values()) {
    rx += row.rxBytesPerS;
    tx += row.txBytesPerS;
  }
  return { rx, tx };
}
