import { TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { type AffiliationChange, type AffiliationSettings, type ErrorView, errorView } from "#contract";
import { tookFocus } from "../../shell/route.ts";
import { useModel } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Choice, Row, TextField } from "../../ui/field.tsx";
import { Notice } from "../../ui/notice.tsx";
import { Switch } from "../../ui/switch.tsx";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";
import { SHORTCUTS_FIELD, STARTS_FIELD, TRANSPORT_FIELD } from "./fields.ts";
import styles from "./settings-screen.module.css";

/** What stands in the fields. */
interface Draft {
  readonly interfaceName: string;
  readonly virtualIp: string;
  readonly mtuBytes: string;
  readonly transport: AffiliationSettings["transport"];
  readonly port: string;
  readonly startAddresses: string;
  readonly name: string;
  readonly site: string;
  readonly shortcuts: string;
  readonly relay: boolean;
}

/** The settings of one affiliation: read when they are shown, sent as a whole, judged by the helper. */
export function NetworkSettings({ affiliation }: { readonly affiliation: string }) {
  const t = useText();
  const model = useModel();
  const [saved, setSaved] = useState<AffiliationSettings>();
  const [draft, setDraft] = useState<Draft>();
  const [fault, setFault] = useState<ErrorView>();
  const [state, setState] = useState<"idle" | "saving" | "saved">("idle");

  useEffect(() => {
    let over = false;
    model.calls.configure({ affiliation, change: {} }).then(
      (settings) => {
        if (over) return;
        setSaved(settings);
        setDraft(draftOf(settings));
      },
      (error) => !over && setFault(errorView(error)),
    );
    return () => {
      over = true;
    };
  }, [model, affiliation]);

  useEffect(() => {
    if (saved !== undefined) tookFocus();
  }, [saved]);

  const refused = fault && (
    <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
      <div>
        <Told of={fault} />
      </div>
    </Notice>
  );
  if (saved === undefined || draft === undefined) return refused ?? null;
  const change = changeOf(saved, draft);
  const isChanged = Object.keys(change).length > 0;
  const set = (next: Partial<Draft>) => {
    setDraft({ ...draft, ...next });
    setState("idle");
  };
  const save = async () => {
    // Each of these takes the interface down, if only for a moment; a page that comes through it may not come back.
    const cuts = ["interfaceName", "virtualIp", "mtuBytes"].some((field) => field in change);
    const sure = !cuts || model.mayCut(affiliation, "change");
    if (sure !== true && !(await sure)) return;
    setState("saving");
    setFault(undefined);
    try {
      const settings = await model.calls.configure({ affiliation, change });
      setSaved(settings);
      setDraft(draftOf(settings));
      setState("saved");
    } catch (error) {
      setFault(errorView(error));
      setState("idle");
    }
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (isChanged && state !== "saving") void save();
      }}
    >
      <TextField
        label={t("set.interface")}
        value={draft.interfaceName}
        onChange={(interfaceName) => set({ interfaceName })}
      />
      <TextField
        label={t("fact.virtualIp")}
        hint={t("set.ipHint")}
        placeholder={t("join.automatic")}
        value={draft.virtualIp}
        onChange={(virtualIp) => set({ virtualIp })}
      />
      <TextField
        label={t("set.mtu")}
        hint={t("set.mtuText", { iface: saved.interfaceName })}
        placeholder={t("join.automatic")}
        value={draft.mtuBytes}
        onChange={(mtuBytes) => set({ mtuBytes: digits(mtuBytes) })}
      />
      <div className={styles.row}>
        <Row title={t("set.transport")} text={t("set.transportText")}>
          <Choice
            id={TRANSPORT_FIELD}
            label={t("set.transport")}
            value={draft.transport}
            onChange={(transport) => set({ transport })}
            options={[
              { id: "auto", text: t("set.transportAuto") },
              { id: "udp", text: t("set.transportUdp") },
              { id: "tcp", text: t("set.transportTcp") },
            ]}
          />
        </Row>
      </div>
      <TextField
        label={t("set.port")}
        hint={t("set.portHint")}
        placeholder={t("join.automatic")}
        value={draft.port}
        onChange={(port) => set({ port: digits(port) })}
      />
      <TextField
        id={STARTS_FIELD}
        label={t("set.bootstrap")}
        hint={t("set.bootstrapText")}
        lines={3}
        value={draft.startAddresses}
        onChange={(startAddresses) => set({ startAddresses })}
      />
      <TextField label={t("set.name")} hint={t("set.nameHint")} value={draft.name} onChange={(name) => set({ name })} />
      <TextField label={t("col.site")} hint={t("set.siteHint")} value={draft.site} onChange={(site) => set({ site })} />
      <TextField
        id={SHORTCUTS_FIELD}
        label={t("set.shortcuts")}
        hint={t("set.shortcutsHint")}
        value={draft.shortcuts}
        onChange={(shortcuts) => set({ shortcuts: digits(shortcuts) })}
      />
      <div className={styles.row}>
        <Row title={t("set.relay")} text={t("set.relayText")}>
          <Switch label={t("set.relay")} isOn={draft.relay} onChange={(relay) => set({ relay })} />
        </Row>
      </div>
      {refused}
      <div className={styles.save}>
        <Button look="primary" isDisabled={!isChanged || state === "saving"} onPress={() => void save()}>
          {t("set.save")}
        </Button>
        <Button isDisabled={!isChanged || state === "saving"} onPress={() => set(draftOf(saved))}>
          {t("set.undo")}
        </Button>
        <span role="status">{state === "saved" ? t("set.saved") : t("set.saveHint")}</span>
      </div>
    </form>
  );
}

function draftOf(settings: AffiliationSettings): Draft {
  return {
    interfaceName: settings.interfaceName,
    virtualIp: settings.virtualIp ?? "",
    mtuBytes: String(settings.mtuBytes),
    transport: settings.transport,
    port: settings.port === null ? "" : String(settings.port),
    startAddresses: settings.startAddresses.join("\n"),
    name: settings.name ?? "",
    site: settings.site ?? "",
    shortcuts: String(settings.shortcuts),
    relay: settings.relay,
  };
}

/** A field for a number takes nothing else. */
function digits(written: string): string {
  return written.replace(/\D/g, "").slice(0, 6);
}

/** What differs; an empty field means what is automatic. */
function changeOf(saved: AffiliationSettings, draft: Draft): AffiliationChange {
  const before = draftOf(saved);
  const differs = (field: Exclude<keyof Draft, "relay">) => draft[field].trim() !== before[field];
  const text = (value: string) => (value.trim() === "" ? null : value.trim());
  const number = (value: string) => (value === "" ? null : Number(value));
  return {
    ...(differs("interfaceName") && { interfaceName: draft.interfaceName.trim() }),
    ...(differs("virtualIp") && { virtualIp: text(draft.virtualIp) }),
    ...(differs("mtuBytes") && { mtuBytes: number(draft.mtuBytes) }),
    ...(differs("transport") && { transport: draft.transport }),
    ...(differs("port") && { port: number(draft.port) }),
    ...(differs("startAddresses") && {
      startAddresses: draft.startAddresses.split(/[\s,;]+/).filter((each) => each !== ""),
    }),
    ...(differs("name") && { name: text(draft.name) }),
    ...(differs("site") && { site: text(draft.site) }),
    ...(differs("shortcuts") && { shortcuts: number(draft.shortcuts) }),
    ...(draft.relay !== before.relay && { relay: draft.relay }),
  };
}
