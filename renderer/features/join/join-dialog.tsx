/** Joining: by name, or by a configuration file. Nothing is saved before the last button. */

import { TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { type Args, type ErrorView, errorView, type JoinPreview } from "#contract";
import type { Opened } from "#contract/app-bridge.ts";
import { go } from "../../shell/route.ts";
import { useApp, useAppModel } from "../../store/app-store.tsx";
import { useModel, useWindow } from "../../store/context.tsx";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/field.tsx";
import { Notice } from "../../ui/notice.tsx";
import { Told } from "../../words/told.tsx";
import { type MessageId, type Text, useText } from "../../words/words.tsx";
import { HelperRefused } from "../helper/helper-refused.tsx";
import styles from "./join-dialog.module.css";
import { JoinPreviewCard, type WayOut } from "./join-preview.tsx";
import { isInvite, readOpened } from "./read-file.ts";

type Way = "name" | "file";
/** Arguments of a join without what the preview asks. */
type Wanted = Args<"preview">;

export function JoinDialog({ opened }: { readonly opened: Opened | undefined }) {
  const t = useText();
  const app = useAppModel();
  const model = useModel();
  const helper = useApp((state) => state.app.helper);
  const order = useApp((state) => state.order);
  const isOpen = useWindow((state) => state.reach.kind === "open");
  const readOnly = useWindow((state) => state.reach.kind === "open" && state.reach.readOnly);
  const [way, setWay] = useState<Way>(opened === undefined ? "name" : "file");
  const [name, setName] = useState("");
  const [starts, setStarts] = useState("");
  const [file, setFile] = useState<Opened | undefined>(opened);
  const [wanted, setWanted] = useState<Wanted>();
  const [preview, setPreview] = useState<JoinPreview>();
  const [fault, setFault] = useState<ErrorView>();
  const [wayOut, setWayOut] = useState<WayOut>();
  const [isJoining, setJoining] = useState(false);
  /** The user has ordered all of it: once the helper answers and nothing stands in the way, join. */
  const [goesOn, setGoesOn] = useState(false);
  const [again, setAgain] = useState(0);

  useEffect(() => {
    setFile(opened);
    if (opened !== undefined) setWay("file");
  }, [opened]);
  useEffect(() => {
    if (way === "file") setWanted(wantedOf(file));
  }, [way, file]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` asks once more what was asked.
  useEffect(() => {
    setPreview(undefined);
    setFault(undefined);
    setWayOut(undefined);
    if (wanted === undefined || !isOpen) return;
    let over = false;
    model.calls.preview(wanted).then(
      (seen) => !over && setPreview(seen),
      (error) => !over && setFault(errorView(error)),
    );
    return () => {
      over = true;
    };
  }, [wanted, isOpen, model, again]);

  const unreadable = way === "file" ? refusal(t, file) : undefined;
  const mayJoin =
    preview !== undefined && !preview.alreadyJoined && (preview.clash === null || wayOut !== undefined) && !isJoining;
  const join = async () => {
    if (wanted === undefined || preview === undefined) return;
    const other = preview.clash?.affiliation;
    if (wayOut === "switch" && other && !(await model.mayCut(other))) return;
    setJoining(true);
    setFault(undefined);
    try {
      if (wayOut === "switch" && other) await model.calls.down({ affiliation: other });
      const view = await model.calls.join({ ...wanted, interfaceUp: wayOut !== "withoutInterface" });
      app.closeJoin();
      model.showAffiliation(view.name);
      go("overview");
    } catch (error) {
      setFault(errorView(error));
    } finally {
      setJoining(false);
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: what comes of the look at it decides, and `join` is of this rendering.
  useEffect(() => {
    if (!goesOn || (preview === undefined && fault === undefined)) return;
    setGoesOn(false);
    if (mayJoin) void join();
  }, [goesOn, preview, fault]);
  const check = () => {
    const startAddresses = starts.split(/[\s,;]+/).filter((each) => each !== "");
    setWanted({ kind: "open", affiliation: name, startAddresses: startAddresses.map(withScheme) });
    setAgain((before) => before + 1);
  };

  /** Without a helper: one order and one prompt for it and for joining. */
  const isMissing = !isOpen && helper !== null;
  const getHelper = async () => {
    if (way === "name") check();
    const { result } = await app.order(helper?.installed ? "startHelper" : "installHelper");
    setGoesOn(result === "done");
  };
  const isWaiting = order === "asking" || goesOn;
  const canOrder = way === "name" ? name.trim() !== "" : wanted !== undefined;

  return (
    <Dialog
      title={t("join.title")}
      onClose={() => app.closeJoin()}
      foot={isOpen ? t("join.noPrompt") : isWaiting ? t("state.opening") : helper !== null && t("join.prompt")}
      actions={
        <>
          <Button onPress={() => app.closeJoin()}>{t("common.cancel")}</Button>
          {isMissing ? (
            <Button look="primary" isDisabled={!canOrder || isWaiting} onPress={() => void getHelper()}>
              {t(helper.installed ? "join.startConnect" : "join.installConnect")}
            </Button>
          ) : way === "name" && preview === undefined ? (
            <Button look="primary" isDisabled={name.trim() === "" || !isOpen || readOnly} onPress={check}>
              {t("join.check")}
            </Button>
          ) : (
            <Button look="primary" isDisabled={!mayJoin || readOnly} onPress={() => void join()}>
              {t("join.action")}
            </Button>
          )}
        </>
      }
    >
      <fieldset className={styles.ways}>
        <legend className="spoken">{t("join.way")}</legend>
        {(["name", "file"] as const).map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="way"
              checked={way === each}
              onChange={() => {
                setWay(each);
                setWanted(undefined);
                setPreview(undefined);
                setFault(undefined);
              }}
            />
            {t(each === "name" ? "join.byName" : "join.byFile")}
          </label>
        ))}
      </fieldset>
      {way === "name" ? (
        <>
          <TextField
            label={t("join.name")}
            value={name}
            autoFocus
            onChange={(text) => {
              setName(text);
              setPreview(undefined);
            }}
          />
          <TextField
            label={t("join.starts")}
            hint={t("join.startsHint")}
            value={starts}
            lines={2}
            onChange={(text) => {
              setStarts(text);
              setPreview(undefined);
            }}
          />
        </>
      ) : (
        <FilePlace file={file} onFile={setFile} />
      )}
      {isMissing && order !== undefined && order !== "asking" && order.result !== "done" && (
        <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
          <HelperRefused outcome={order} />
        </Notice>
      )}
      {unreadable !== undefined && (
        <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
          <div>{unreadable}</div>
        </Notice>
      )}
      {fault && (
        <Notice tone="danger" icon={<TriangleAlert size={16} aria-hidden />} role="alert">
          <div>
            <Told of={fault} />
          </div>
        </Notice>
      )}
      {preview && (
        <JoinPreviewCard
          preview={preview}
          fromFile={way === "file"}
          wayOut={wayOut}
          onWayOut={setWayOut}
          onAgain={() => setAgain((before) => before + 1)}
        />
      )}
    </Dialog>
  );
}

function FilePlace({ file, onFile }: { readonly file: Opened | undefined; readonly onFile: (file: Opened) => void }) {
  const t = useText();
  return (
    <div className={styles.file}>
      <span className={styles.fileName}>
        {file === undefined || file.kind === "link" ? t("join.dropHere") : file.name}
      </span>
      <label className={styles.pick}>
        {t(file === undefined || file.kind === "link" ? "join.choose" : "join.chooseOther")}
        <input
          type="file"
          className="spoken"
          onChange={({ target }) => {
            const [chosen] = target.files ?? [];
            if (chosen) void readOpened(chosen).then(onFile);
            target.value = "";
          }}
        />
      </label>
    </div>
  );
}

function wantedOf(file: Opened | undefined): Wanted | undefined {
  if (file?.kind !== "file" || isInvite(file)) return undefined;
  return { kind: "config", fileName: file.name, text: file.text };
}

const reasons = {
  folder: "import.folder",
  large: "import.large",
  missing: "import.missing",
  binary: "import.binary",
} as const satisfies Record<string, MessageId>;

/** Why a file or link cannot be looked at here; undefined where it can, or there is none. */
function refusal(t: Text, file: Opened | undefined): string | undefined {
  if (file === undefined) return undefined;
  if (file.kind === "link" || (file.kind === "file" && isInvite(file))) return t("import.invite");
  return file.kind === "unreadable" ? t(reasons[file.why], { name: file.name }) : undefined;
}

/** People write `host:port`. */
function withScheme(address: string): string {
  return address.includes("://") ? address : `ringway.udp://${address}`;
}
