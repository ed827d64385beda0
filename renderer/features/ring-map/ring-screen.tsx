/** The ring as a whole screen: the picture, what it shows of the links, and the ways to change that. */
import { Crosshair, List } from "lucide-react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { focusOf, places } from "../../shell/keys.ts";
import { go } from "../../shell/route.ts";
import { stateOf } from "../../store/condition.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { median } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { formatRtt } from "../../ui/format.ts";
import { useText } from "../../words/words.tsx";
import { NoRing } from "../state/no-ring.tsx";
import { Legend } from "./legend.tsx";
import { RingMap } from "./ring-map.tsx";
import styles from "./ring-screen.module.css";

export function RingScreen() {
  const isOnRing = useWindow((state) => state.affiliation !== undefined && isRingState(stateOf(state.affiliation)));
  return isOnRing ? <Ring /> : <NoRing />;
}

const isRingState = (state: string) => state === "connected" || state === "interfaceOff";

function Ring() {
  const t = useText();
  const model = useModel();
  const { hidden, widened } = useWindow((state) => state.look);
  return (
    <section className={styles.screen} aria-label={t("nav.ring")}>
      <div className={styles.tools}>
        <ToggleButton
          className={styles.tool ?? ""}
          isSelected={widened}
          onChange={(wide) => model.setLook({ widened: wide })}
        >
          <Crosshair size={14} aria-hidden />
          {t("ring.widen")}
        </ToggleButton>
        <span className={styles.grow} />
        <Button onPress={() => go("peers", focusOf.table)}>
          <List size={14} aria-hidden />
          {t("ring.asTable")}
          <span className={styles.key} aria-hidden="true">
            T
          </span>
        </Button>
      </div>
      <RingMap id={places.ring} hidden={hidden} widened={widened} />
      <div className={styles.corner} data-side="start">
        <Legend />
      </div>
    </section>
  );
}

/** `118 peers · 23 links · median 268 ms` */
export function RingFacts() {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  let links = 0;
  const rtts: (number | null)[] = [];
  for (const peer of peers.values()) {
    if (peer.kind !== "routed") links++;
    rtts.push(peer.rttMs);
  }
  return t("ring.facts", { peers: peers.size, links, rtt: formatRtt(median(rtts)) });
}
