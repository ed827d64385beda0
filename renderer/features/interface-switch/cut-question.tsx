/** Asks before what this page comes through is switched off or changed; whoever is far away could not switch it on again. */
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { useText } from "../../words/words.tsx";

export function CutQuestion() {
  const t = useText();
  const model = useModel();
  const cutting = useWindow((state) => state.cutting);
  if (cutting === undefined) return null;
  const { iface, how } = cutting;
  return (
    <Dialog
      title={t("browser.cutTitle")}
      isAlert
      onClose={() => model.answerCut(false)}
      actions={
        <>
          <Button onPress={() => model.answerCut(false)}>{t("common.cancel")}</Button>
          <Button look="primary" onPress={() => model.answerCut(true)}>
            {t(how === "off" ? "browser.cutAnyway" : "browser.cutChangeAnyway")}
          </Button>
        </>
      }
    >
      <p>{t(how === "off" ? "browser.cutSelf" : "browser.cutChange", { iface })}</p>
    </Dialog>
  );
}
