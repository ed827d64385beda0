/** One warning of the helper with its remedy; those that name what they are about are said in the window's own words. */

import { TriangleAlert } from "lucide-react";
import type { Warning } from "#contract";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Notice } from "../../ui/notice.tsx";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";

export function WarningNotice({ warning }: { readonly warning: Warning }) {
  const t = useText();
  const { code, values } = warning;
  const icon = <TriangleAlert size={16} aria-hidden />;
  if (code === "virtualIpChanged" && values?.old !== undefined && values.new !== undefined) {
    return (
      <Notice tone="warn" icon={icon}>
        <div>
          <strong>{t("lease.lostTitle")}</strong> {t("lease.lost", { old: values.old, new: values.new })}
        </div>
        <CopyButton value={values.new} label={t("lease.copyNew")} look="plain" />
      </Notice>
    );
  }
  return (
    <Notice tone="warn" icon={icon}>
      <div>
        <Told of={warning} />
      </div>
    </Notice>
  );
}
