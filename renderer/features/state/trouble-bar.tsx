import { CloudOff, TriangleAlert } from "lucide-react";
import type { Trouble } from "../../store/condition.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { formatDuration } from "../../ui/format.ts";
import { Notice } from "../../ui/notice.tsx";
import { Told } from "../../words/told.tsx";
import { useText, useTime } from "../../words/words.tsx";
import { HelperStopped } from "../helper/helper-stopped.tsx";
import styles from "./trouble-bar.module.css";

/** Why the picture below is old. The last good picture stays, dimmed. */
export function TroubleBar({ trouble }: { readonly trouble: Trouble }) {
  const t = useText();
  const time = useTime();
  const model = useModel();
  const newsTime = useWindow((state) => state.newsTime);
  const tryNow = <Button onPress={() => model.retry()}>{t("common.tryNow")}</Button>;
  if (trouble.kind === "noHelper") {
    return (
      <div className={styles.bar}>
        {trouble.error.code === "HELPER_NOT_RUNNING" ? (
          <HelperStopped />
        ) : (
          <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
            <div>
              <Told of={trouble.error} />
            </div>
            {tryNow}
          </Notice>
        )}
      </div>
    );
  }
  if (trouble.kind === "garbled" || trouble.kind === "flood") {
    return (
      <div className={styles.bar}>
        <Notice tone="warn" icon={<TriangleAlert size={16} aria-hidden />} role="status">
          <div>
            <strong>{t(`noise.${trouble.kind}.title`)}</strong> {t(`noise.${trouble.kind}.text`)}
          </div>
        </Notice>
      </div>
    );
  }
  const seconds = Math.floor(trouble.silentMs / 1000);
  return (
    <div className={styles.bar}>
      <Notice tone="warn" icon={<CloudOff size={16} aria-hidden />}>
        <div>
          {trouble.kind === "noServer"
            ? t("browser.lost", { host: trouble.host ?? t("ring.thisComputer"), seconds })
            : t("peers.stale", { duration: formatDuration(seconds), time: newsTime ? time(newsTime, new Date()) : "" })}
        </div>
        {trouble.kind === "noServer" && tryNow}
      </Notice>
    </div>
  );
}
