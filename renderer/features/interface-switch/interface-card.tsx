import { ArrowDown, ArrowUp } from "lucide-react";
import { useMemo } from "react";
import type { AffiliationView } from "#contract";
import { useModel, useNow, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { isOn } from "../../store/window-store.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatRate, UNKNOWN } from "../../ui/format.ts";
import { Switch } from "../../ui/switch.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./interface-card.module.css";

/** The virtual interface: its address, its own switch (the ring stays), and what goes over it. */
export function InterfaceCard({ affiliation }: { readonly affiliation: AffiliationView }) {
  const t = useText();
  const model = useModel();
  const now = useNow();
  const guess = useWindow((state) => state.guesses.interface);
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const { name } = affiliation.interface;
  return (
    <section className={styles.card} aria-label={t("interface.title", { iface: name })}>
      <div className={styles.head}>
        <div className={styles.names}>
          <p className={styles.name}>
            <strong>{name}</strong> <span className={styles.quiet}>{t("interface.word")}</span>
          </p>
          <p className={styles.address}>
            <span className="mono">{affiliation.virtualIp ?? UNKNOWN}</span>
            {affiliation.virtualIp !== null && <CopyButton value={affiliation.virtualIp} label={t("peer.copyIp")} />}
          </p>
        </div>
        <Switch
          label={t("tray.interface", { iface: name })}
          isOn={guess ? guess.on : isOn(affiliation, "interface")}
          isPending={guess !== undefined && now < guess.until}
          isDisabled={readOnly || affiliation.state === "off"}
          onChange={(on) => void model.setSwitch("interface", on)}
        />
      </div>
      <Rates isUp={affiliation.interface.state === "up"} />
    </section>
  );
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
