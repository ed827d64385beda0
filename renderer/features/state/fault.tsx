import { TriangleAlert, X } from "lucide-react";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";

/** What the helper said against the last order of a switch, until the user closes it or orders again. */
export function Fault() {
  const t = useText();
  const model = useModel();
  const fault = useWindow((state) => state.fault);
  if (fault === undefined) return null;
  return (
    <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
      <div>
        <Told of={fault.error} />
      </div>
      <Button look="icon" label={t("common.close")} onPress={() => model.dismissFault()}>
        <X size={14} aria-hidden />
      </Button>
    </Notice>
  );
}
