/** Asks before what this page comes through is switched off; whoever is far away could not switch it on again. */
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { useText } from "../../words/words.tsx";

export function CutQuestion() {
  const t = useText();
  const model = useModel();
  const iface = useWindow((state) => state.cutting);
  if (iface === undefined) return null;
  return (
    <Dialog
      title={t("browser.cutTitle")}
      isAlert
      onClose={() => model.answerCut(false)}
      actions={
        <>
          <Button onPress={() => model.answerCut(false)}>{t("common.cancel")}</Button>
          <Button look="primary" onPress={() => model.answerCut(true)}>
            {t("browser.cutAnyway")}
          </Button>
        </>
      }
    >
      <p>{t("browser.cutSelf", { iface })}</p>
    </Dialog>
  );
}
