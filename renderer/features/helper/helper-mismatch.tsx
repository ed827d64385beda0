/** The helper that answers is of another version than the app; it works, so the user may leave it so. */
import { TriangleAlert } from "lucide-react";
import { useApp, useAppModel } from "../../store/app-store.tsx";
import { Button } from "../../ui/button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { useText } from "../../words/words.tsx";
import { HelperRefused } from "./helper-refused.tsx";

export function HelperMismatch() {
  const t = useText();
  const model = useAppModel();
  const { version, helper } = useApp((state) => state.app);
  const order = useApp((state) => state.order);
  const mismatch = helper?.mismatch;
  if (mismatch === undefined || mismatch === null) return null;
  const versions = { app: version ?? "", helper: mismatch.version };
  return (
    <Notice tone="warn" icon={<TriangleAlert size={16} aria-hidden />} role="status">
      <div>
        <strong>{t("helper.mismatch.title")}.</strong>{" "}
        {t(mismatch.newer ? "helper.newer.text" : "helper.mismatch.text", versions)}
        {order !== undefined && order !== "asking" && order.result !== "done" && <HelperRefused outcome={order} />}
      </div>
      {helper?.installed && (
        <Button isDisabled={order === "asking"} onPress={() => void model.order("installHelper")}>
          {mismatch.newer ? t("helper.newer.action", versions) : t("helper.mismatch.action")}
        </Button>
      )}
      <Button onPress={() => void model.stayOnHelper()}>{t("helper.mismatch.stay", versions)}</Button>
    </Notice>
  );
}
