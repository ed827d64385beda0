import { Info, TriangleAlert } from "lucide-react";
import type { JoinPreview } from "#contract";
import { Button } from "../../ui/button.tsx";
import { monogram } from "../../ui/format.ts";
import { Notice } from "../../ui/notice.tsx";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./join-dialog.module.css";

/** What a user may do about an overlap: keep the interface down, or take that of another affiliation down. */
export type WayOut = "withoutInterface" | "switch";

export interface JoinPreviewProps {
  readonly preview: JoinPreview;
  readonly fromFile: boolean;
  readonly wayOut: WayOut | undefined;
  readonly onWayOut: (way: WayOut) => void;
  readonly onAgain: () => void;
}

/** What joining would do, before it is done. */
export function JoinPreviewCard({ preview, fromFile, wayOut, onWayOut, onAgain }: JoinPreviewProps) {
  const t = useText();
  const { affiliation, clash, startAddresses, transport, virtualIp, warnings } = preview;
  const facts: readonly (readonly [string, string])[] = [
    [t("set.transport"), t("join.transport", { transport })],
    [
      t("join.starts"),
      startAddresses.map((each) => each.replace(/^[a-z.]+:\/\//, "")).join(", ") || t("join.noStarts"),
    ],
    [t("fact.virtualIp"), t("join.address", { ip: virtualIp ?? t("join.automatic"), iface: preview.interface })],
    [t("join.subnet"), preview.subnet],
  ];
  return (
    <>
      <section className={styles.card} aria-label={t("join.preview")}>
        <header>
          <span className={styles.monogram} aria-hidden="true">
            {monogram(affiliation)}
          </span>
          <div>
            <h3>{affiliation}</h3>
            <p>{t("aff.security", { kind: preview.security })}</p>
          </div>
        </header>
        <dl>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      {preview.alreadyJoined && (
        <Notice tone="info" icon={<Info size={16} aria-hidden />} role="status">
          <div>{t("join.already", { affiliation })}</div>
        </Notice>
      )}
      {warnings.map((warning) => (
        <Notice key={`${warning.code} ${warning.text}`} tone="warn" icon={<TriangleAlert size={16} aria-hidden />}>
          <div>
            <Told of={warning} />
          </div>
        </Notice>
      ))}
      {preview.security === "open" && (
        <Notice tone="warn" icon={<TriangleAlert size={16} aria-hidden />}>
          <div>{t(fromFile ? "join.openFile" : "join.open")}</div>
        </Notice>
      )}
      {clash && !preview.alreadyJoined && (
        <fieldset className={styles.clash}>
          <legend>
            {t("join.clashNow", {
              range: clash.ours,
              other: clash.other,
              owner: clash.affiliation ?? (clash.owner || t("ring.thisComputer")),
            })}
          </legend>
          <label>
            <input
              type="radio"
              name="way-out"
              checked={wayOut === "withoutInterface"}
              onChange={() => onWayOut("withoutInterface")}
            />
            {t("join.clashWithout", { iface: preview.interface })}
          </label>
          {clash.affiliation !== null && (
            <label>
              <input type="radio" name="way-out" checked={wayOut === "switch"} onChange={() => onWayOut("switch")} />
              {t("join.clashSwitch", { iface: clash.owner, affiliation: clash.affiliation })}
            </label>
          )}
          <Button onPress={onAgain}>{t("join.clashAgain")}</Button>
        </fieldset>
      )}
    </>
  );
}
