/** All affiliations of this computer, each with its own ring, key and interface; joining and leaving. */

import { Plus, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { type AffiliationView, type ErrorView, errorView } from "#contract";
import { useAppModel } from "../../store/app-store.tsx";
import { stateOf } from "../../store/condition.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { monogram, UNKNOWN } from "../../ui/format.ts";
import { Notice } from "../../ui/notice.tsx";
import { Switch } from "../../ui/switch.tsx";
import { Told } from "../../words/told.tsx";
import { useCount, useText } from "../../words/words.tsx";
import { word } from "../state/state-panel.tsx";
import styles from "./affiliations-screen.module.css";

const NONE: readonly AffiliationView[] = [];

export function AffiliationsScreen() {
  const t = useText();
  const app = useAppModel();
  const affiliations = useWindow((state) => state.snapshot?.status.affiliations) ?? NONE;
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const [leaving, setLeaving] = useState<string>();
  return (
    <div className={styles.page}>
      <div className={styles.lead}>
        <p>{t("aff.lead")}</p>
        {!readOnly && (
          <Button look="primary" onPress={() => app.join()}>
            <Plus size={16} aria-hidden />
            {t("aff.join")}
          </Button>
        )}
      </div>
      {affiliations.length === 0 ? (
        <p className={styles.none}>{t("aff.none")}</p>
      ) : (
        <ul className={styles.list} aria-label={t("nav.affiliations")}>
          {affiliations.map((affiliation) => (
            <Membership key={affiliation.name} affiliation={affiliation} readOnly={readOnly} onLeave={setLeaving} />
          ))}
        </ul>
      )}
      {leaving !== undefined && <LeaveQuestion name={leaving} onClose={() => setLeaving(undefined)} />}
    </div>
  );
}

export function AffiliationsBadge() {
  const count = useCount();
  return <>{count(useWindow((state) => state.snapshot?.status.affiliations.length) ?? 0)}</>;
}

interface MembershipProps {
  readonly affiliation: AffiliationView;
  readonly readOnly: boolean;
  readonly onLeave: (name: string) => void;
}

function Membership({ affiliation, readOnly, onLeave }: MembershipProps) {
  const t = useText();
  const model = useModel();
  const [wish, setWish] = useState<boolean>();
  const [fault, setFault] = useState<ErrorView>();
  const isOn = affiliation.state !== "off";
  const flip = async (on: boolean) => {
    if (!on && !(await model.mayCut(affiliation.name))) return;
    setWish(on);
    setFault(undefined);
    try {
      await model.calls[on ? "connect" : "disconnect"]({ affiliation: affiliation.name });
    } catch (error) {
      setFault(errorView(error));
    } finally {
      setWish(undefined);
    }
  };
  return (
    <li>
      <div className={styles.row}>
        <span className={styles.monogram} aria-hidden="true">
          {monogram(affiliation.name)}
        </span>
        <div className={styles.facts}>
          <h2>{affiliation.name}</h2>
          <p>
            {t("aff.facts", {
              state: word(t, stateOf(affiliation), affiliation.interface.name),
              iface: affiliation.interface.name,
              ip: affiliation.virtualIp ?? UNKNOWN,
              count: affiliation.peersKnown,
            })}
          </p>
          <p>{t("aff.security", { kind: affiliation.security })}</p>
        </div>
        <Switch
          label={t("switch.ring", { affiliation: affiliation.name })}
          isOn={wish ?? isOn}
          isPending={wish !== undefined || affiliation.state === "connecting"}
          isDisabled={readOnly}
          onChange={(on) => void flip(on)}
        />
        {!readOnly && (
          <Button
            look="quiet"
            label={t("aff.leave", { affiliation: affiliation.name })}
            onPress={() => onLeave(affiliation.name)}
          >
            {t("aff.leaveShort")}
          </Button>
        )}
      </div>
      {fault && (
        <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
          <div>
            <Told of={fault} />
          </div>
        </Notice>
      )}
    </li>
  );
}

function LeaveQuestion({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const t = useText();
  const model = useModel();
  const [fault, setFault] = useState<ErrorView>();
  const leave = async () => {
    if (!(await model.mayCut(name))) return;
    model.calls.leave({ affiliation: name }).then(onClose, (error: unknown) => setFault(errorView(error)));
  };
  return (
    <Dialog
      title={t("aff.leaveTitle", { affiliation: name })}
      isAlert
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" onPress={() => void leave()}>
            {t("aff.leave", { affiliation: name })}
          </Button>
        </>
      }
    >
      <p>{t("aff.leaveOpen")}</p>
      {fault && (
        <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
          <div>
            <Told of={fault} />
          </div>
        </Notice>
      )}
    </Dialog>
  );
}
