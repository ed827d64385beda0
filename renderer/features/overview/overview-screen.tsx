/** The state in one word, the switch of the ring, and what matters about the links. */
import { stateOf, troubleOf } from "../../store/condition.ts";
import { useNow, useWindow } from "../../store/context.tsx";
import { NoRing } from "../state/no-ring.tsx";
import { StatePanel } from "../state/state-panel.tsx";
import { LinksCard } from "./links-card.tsx";
import styles from "./overview-screen.module.css";

export function OverviewScreen() {
  const affiliation = useWindow((state) => state.affiliation);
  const reach = useWindow((state) => state.reach);
  const newsAt = useWindow((state) => state.newsAt);
  const now = useNow();
  if (affiliation === undefined) return null;
  const state = stateOf(affiliation);
  const stopped = troubleOf(reach, newsAt, now)?.kind === "noHelper";
  return (
    <div className={styles.page}>
      <StatePanel affiliation={affiliation} stopped={stopped} />
      {state === "connected" || state === "interfaceOff" ? <LinksCard /> : <NoRing />}
    </div>
  );
}
