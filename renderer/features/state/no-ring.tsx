import { useWindow } from "../../store/context.tsx";
import { useText } from "../../words/words.tsx";
import { ConnectSteps } from "./connect-steps.tsx";
import styles from "./no-ring.module.css";

/** In place of what needs the ring while this computer is not on it: the steps of connecting, or a ring of empty places. */
export function NoRing() {
  const t = useText();
  const affiliation = useWindow((state) => state.affiliation);
  if (affiliation === undefined) return null;
  return (
    <div className={styles.page}>
      {affiliation.state === "connecting" ? (
        <ConnectSteps affiliation={affiliation} />
      ) : (
        <>
          <EmptyRing />
          <p>{t("state.noRing")}</p>
        </>
      )}
    </div>
  );
}

/** The ring with nobody on it, as a drawing. */
export function EmptyRing() {
  return (
    <svg viewBox="0 0 300 300" className={styles.empty} aria-hidden="true">
      <circle
        cx="150"
        cy="150"
        r="120"
        fill="none"
        stroke="currentColor"
        strokeWidth="7"
        strokeLinecap="round"
        strokeDasharray="0 31.416"
      />
      <circle cx="150" cy="30" r="10" className={styles.self} />
    </svg>
  );
}
