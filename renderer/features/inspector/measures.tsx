/** What the user can have measured towards a peer, and the recorded history to take along. */

import { useState } from "react";
import { type Order, useOrder } from "../../store/asking.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { formatBits, formatRtt } from "../../ui/format.ts";
import { saveFile } from "../../ui/save-file.ts";
import { Segments } from "../../ui/segments.tsx";
import { Told } from "../../words/told.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./inspector.module.css";

const PARTS_LIMIT = 2_000;

export function Measures({ peer }: { readonly peer: Peer }) {
  const t = useText();
  const model = useModel();
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const affiliation = useWindow((state) => state.affiliation?.name) ?? "";
  const [format, setFormat] = useState<"csv" | "json">("csv");
  const address = peer.row.ringAddress;
  const ask = { affiliation, peer: address };
  const [ping, startPing] = useOrder(() => model.calls.ping({ ...ask, count: 5 }), address);
  const [speed, startSpeed] = useOrder(() => model.calls.speed(ask), address);
  const [saved, save] = useOrder(async () => {
    const texts: string[] = [];
    let after: string | null = null;
    let fileName = "";
    for (let part = 0; part < PARTS_LIMIT; part++) {
      const next: Awaited<ReturnType<typeof model.calls.export>> = await model.calls.export({
        ...ask,
        format,
        ...(after === null ? {} : { after }),
      });
      texts.push(next.text);
      fileName = next.fileName;
      after = next.next;
      if (after === null) break;
    }
    saveFile(fileName, new Blob(texts, { type: format === "csv" ? "text/csv" : "application/json" }));
    return fileName;
  }, `${address} ${format}`);
  return (
    <section className={styles.section} aria-label={t("insp.measure")}>
      <h3>{t("insp.measure")}</h3>
      <div className={styles.actions}>
        <Button onPress={startPing} isDisabled={ping.kind === "waiting"}>
          {t("insp.ping")}
        </Button>
        {!readOnly && (
          <Button onPress={startSpeed} isDisabled={speed.kind === "waiting"}>
            {t("insp.speed")}
          </Button>
        )}
      </div>
      <Outcome order={ping} waiting={t("insp.pinging")}>
        {({ sent, received, rttMs }) =>
          t("insp.pinged", {
            received,
            sent,
            min: formatRtt(rttMs.min),
            median: formatRtt(rttMs.median),
            max: formatRtt(rttMs.max),
          })
        }
      </Outcome>
      <Outcome order={speed} waiting={t("insp.speeding")}>
        {({ upBitsPerS, downBitsPerS, lossPct, seconds }) =>
          t("insp.speedIs", {
            up: formatBits(upBitsPerS),
            down: formatBits(downBitsPerS),
            loss: (lossPct ?? 0) / 100,
            seconds: Math.round(seconds),
          })
        }
      </Outcome>
      <div className={styles.actions}>
        <Button onPress={save} isDisabled={saved.kind === "waiting"}>
          {t("insp.export")}
        </Button>
        <Segments
          label={t("insp.format")}
          options={[
            { id: "csv", text: "CSV" },
            { id: "json", text: "JSON" },
          ]}
          chosen={format}
          onChoose={setFormat}
        />
      </div>
      <Outcome order={saved} waiting={t("insp.exporting")}>
        {(file) => t("insp.exported", { file })}
      </Outcome>
    </section>
  );
}

function Outcome<T>({
  order,
  waiting,
  children,
}: {
  readonly order: Order<T>;
  readonly waiting: string;
  readonly children: (value: T) => string;
}) {
  return (
    <p className={styles.outcome} role="status">
      {order.kind === "waiting" && waiting}
      {order.kind === "done" && children(order.value)}
      {order.kind === "failed" && <Told of={order.error} plain />}
    </p>
  );
}
