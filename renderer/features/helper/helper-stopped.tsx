/** The helper ended while its picture was shown: whether it comes back by itself, and a button that does not wait. */
import { TriangleAlert } from "lucide-react";
import { useApp, useAppModel } from "../../store/app-store.tsx";
import { useModel, useNow, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { useText } from "../../words/words.tsx";
import { reportOf } from "../diagnostics/report.ts";
import { HelperRefused } from "./helper-refused.tsx";

export function HelperStopped() {
  const t = useText();
  const model = useModel();
  const app = useAppModel();
  const iface = useWindow((state) => state.affiliation?.interface.name) ?? "";
  const helper = useApp((state) => state.app.helper);
  const order = useApp((state) => state.order);
  /** What was known when it stopped, and since when nothing is; addresses of the public network left out. */
  const report = () => {
    const { snapshot, affiliation, newsTime, reach } = model.store.getState();
    return reportOf({
      version: snapshot?.status.version ?? "",
      at: new Date(),
      affiliation,
      checks: [],
      hideAddresses: true,
      stopped: { lastNews: newsTime, error: reach.kind === "noHelper" ? reach.error : undefined },
    });
  };
  return (
    <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />}>
      <div>
        <strong role="alert">{t("helper.stopped.title")}</strong> <Waiting iface={iface} />
        {order !== undefined && order !== "asking" && order.result !== "done" && <HelperRefused outcome={order} />}
      </div>
      {helper === null ? (
        <Button onPress={() => model.retry()}>{t("common.tryNow")}</Button>
      ) : (
        <Button isDisabled={order === "asking"} onPress={() => void app.order("startHelper")}>
          {t("helper.startNow")}
        </Button>
      )}
      <CopyButton value={report} label={t("diag.copy")} look="plain" />
    </Notice>
  );
}

/** Counts down, and is therefore no alert: nobody wants each second read out. */
function Waiting({ iface }: { readonly iface: string }) {
  const t = useText();
  useNow();
  const restartAt = useApp((state) => state.restartAt);
  if (restartAt === undefined) return t("helper.stopped.still", { iface });
  const seconds = Math.ceil((restartAt - performance.now()) / 1_000);
  return seconds > 0 ? t("helper.stopped.text", { seconds, iface }) : t("helper.stopped.now", { iface });
}
