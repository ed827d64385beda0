import { useModel, useWindow } from "../../store/context.tsx";
import { FRAME_EVERY_MS } from "../../store/past.ts";
import { Button } from "../../ui/button.tsx";
import { useText, useTime } from "../../words/words.tsx";
import styles from "./ring-screen.module.css";

/** Which moment of the last ten minutes the ring shows, as far back as this window has seen it. */
export function TimeSlider() {
  const t = useText();
  const time = useTime();
  const model = useModel();
  const past = useWindow((state) => state.past);
  const at = useWindow((state) => state.look.at);
  const first = past[0]?.at;
  const last = past.at(-1)?.at;
  if (first === undefined || last === undefined || (first === last && at === undefined)) return null;
  const shown = at ?? last;
  const words = at === undefined ? t("ring.now") : time(new Date(at), new Date(last));
  return (
    <div className={styles.slider} data-past={at !== undefined || undefined}>
      <input
        type="range"
        aria-label={t("ring.moment")}
        aria-valuetext={words}
        min={first}
        max={last}
        step={FRAME_EVERY_MS}
        value={shown}
        onChange={({ target }) => {
          const chosen = Number(target.value);
          model.setLook({ at: chosen > last - FRAME_EVERY_MS ? undefined : chosen });
        }}
      />
      <span className={styles.moment}>{words}</span>
      {at !== undefined && (
        <Button look="quiet" onPress={() => model.setLook({ at: undefined })}>
          {t("ring.toNow")}
        </Button>
      )}
    </div>
  );
}
