/** The state in one word, the switch of the ring, what goes over the links, and what needs attention. */
import { type State, stateOf, troubleOf } from "../../store/condition.ts";
import { useNow, useWindow } from "../../store/context.tsx";
import { NoRing } from "../state/no-ring.tsx";
import { StatePanel } from "../state/state-panel.tsx";
import { AttentionCard } from "./attention-card.tsx";
import { BusiestCard } from "./busiest-card.tsx";
import { LinksCard } from "./links-card.tsx";
import { MiniRing } from "./mini-ring.tsx";
import styles from "./overview-screen.module.css";
import { ThroughputCard } from "./throughput-card.tsx";

export function OverviewScreen() {
  const affiliation = useWindow((state) => state.affiliation);
  const reach = useWindow((state) => state.reach);
  const newsAt = useWindow((state) => state.newsAt);
  const now = useNow();
  if (affiliation === undefined) return null;
  const state = stateOf(affiliation);
  const stopped = troubleOf(reach, newsAt, now)?.kind === "noHelper";
  const isOnRing = onRing(state);
  return (
    <div className={styles.page}>
      <div className={styles.hero}>
        <StatePanel affiliation={affiliation} stopped={stopped} />
        {isOnRing && <MiniRing />}
      </div>
      {isOnRing ? (
        <div className={styles.cards}>
          <ThroughputCard />
          <LinksCard />
          <BusiestCard />
          <AttentionCard />
        </div>
      ) : (
        <NoRing />
      )}
    </div>
  );
}

export const onRing = (state: State): boolean => state === "connected" || state === "interfaceOff";
