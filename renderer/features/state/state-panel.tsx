import { CircleAlert } from "lucide-react";
import type { AffiliationView } from "#contract";
import { go } from "../../shell/route.ts";
import { SLOW_AFTER_MS, type State, stateOf } from "../../store/condition.ts";
import { useModel, useNow, useWindow } from "../../store/context.tsx";
import { isOn } from "../../store/window-store.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatRingAddress, formatWholeRingAddress, UNKNOWN } from "../../ui/format.ts";
import { Switch } from "../../ui/switch.tsx";
import { type MessageId, type Text, useRichText, useText } from "../../words/words.tsx";
import { STARTS_FIELD } from "../settings/fields.ts";
import { natWords } from "./nat-words.ts";
import styles from "./state-panel.module.css";

/** The state in one word and one sentence, and the switch of the ring. */
export function StatePanel({
  affiliation,
  stopped,
}: {
  readonly affiliation: AffiliationView;
  readonly stopped: boolean;
}) {
  const t = useText();
  const model = useModel();
  const now = useNow();
  const guess = useWindow((state) => state.guesses.ring);
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const state = stateOf(affiliation);
  const isPending = affiliation.state === "connecting" || (guess !== undefined && now < guess.until);
  return (
    <section className={styles.panel} aria-label={t("state.label")}>
      <div className={styles.head}>
        <Switch
          size="large"
          label={t("switch.ring", { affiliation: affiliation.name })}
          isOn={!stopped && (guess ? guess.on : isOn(affiliation, "ring"))}
          isPending={isPending && !stopped}
          isDisabled={readOnly}
          onChange={(on) => void model.setSwitch("ring", on)}
        />
        <div>
          <h2 className={styles.word} data-state={state}>
            {stopped ? t("state.stopped") : word(t, state, affiliation.interface.name)}
          </h2>
          <Line state={stopped ? "stopped" : state} affiliation={affiliation} />
        </div>
      </div>
      {!stopped && <Sentence state={state} affiliation={affiliation} />}
      <Facts affiliation={affiliation} />
    </section>
  );
}

/** The state in one word; `iface` is the name of the interface. */
export function word(t: Text, state: State, iface: string): string {
  switch (state) {
    case "connected":
      return t("state.connected");
    case "connecting":
      return t("state.connecting");
    case "interfaceOff":
      return t("state.interfaceOff", { iface });
    case "failed":
      return t("state.setupNeeded");
    case "off":
      return t("state.off");
  }
}

const lines = {
  off: "overview.offLine",
  connecting: "overview.joining",
  failed: "overview.joining",
  connected: "overview.on",
  interfaceOff: "overview.on",
  stopped: "overview.lastSeen",
} as const satisfies Record<State | "stopped", MessageId>;

function Line({ state, affiliation }: { readonly state: keyof typeof lines; readonly affiliation: AffiliationView }) {
  const rich = useRichText();
  return (
    <p className={styles.line}>{rich(lines[state], { affiliation: <strong key="name">{affiliation.name}</strong> })}</p>
  );
}

function Sentence({ state, affiliation }: { readonly state: State; readonly affiliation: AffiliationView }) {
  const t = useText();
  const rich = useRichText();
  const peers = useWindow((window) => window.peers);
  if (state === "failed") {
    return (
      <p className={styles.sentence}>
        <CircleAlert size={16} className={styles.danger} aria-hidden /> {affiliation.reason}
      </p>
    );
  }
  if (state === "off") return <p className={styles.sentence}>{t("overview.offText")}</p>;
  if (state === "connecting") return <Waiting affiliation={affiliation} />;
  if (state === "interfaceOff") return <InterfaceOff iface={affiliation.interface.name} />;
  if (peers.size === 0) return <p className={styles.sentence}>{t("peers.emptyText")}</p>;
  const reachable = [...peers.values()].filter((peer) => !peer.silent).length;
  return (
    <p className={styles.sentence}>
      {rich("overview.reachable", {
        count: <strong key="count">{t("overview.reachCount", { reachable, total: peers.size })}</strong>,
      })}
    </p>
  );
}

/** On the ring with the interface down: others are helped, and one press brings it up. */
function InterfaceOff({ iface }: { readonly iface: string }) {
  const t = useText();
  const model = useModel();
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  return (
    <div className={styles.sentence}>
      <p>{t("interface.offText")}</p>
      {!readOnly && (
        <div className={styles.actions}>
          <Button onPress={() => void model.setSwitch("interface", true)}>{t("command.interfaceOn", { iface })}</Button>
        </div>
      )}
    </div>
  );
}

/** What to say while the ring is not found, and what a person can look at once that takes long. */
function Waiting({ affiliation }: { readonly affiliation: AffiliationView }) {
  const t = useText();
  const now = useNow();
  const since = useWindow((state) => state.connectingSince) ?? now;
  const readOnly = useWindow((state) => state.reach.kind !== "open" || state.reach.readOnly);
  const waited = now - since;
  const { reasonCode, silentS } = affiliation;
  const starts = affiliation.startTransportAddresses.map((address) => address.replace(/^[a-z.]+:\/\//, ""));
  const noStart = reasonCode === "noStartAddressAnswers" && starts.length > 0;
  const isLong = reasonCode !== null || waited > SLOW_AFTER_MS;
  return (
    <div className={styles.sentence}>
      {noStart ? (
        <>
          <h3>{t("connect.noBootstrap", { count: starts.length })}</h3>
          <p>{t("connect.noBootstrapText", { list: starts.slice(0, STARTS_NAMED).join(", ") })}</p>
        </>
      ) : reasonCode === "nobodyAnswers" && silentS !== null ? (
        <p>{t("connect.noProof", { seconds: silentS })}</p>
      ) : (
        <p>{isLong ? t("connect.slow", { seconds: Math.floor(waited / 1000) }) : t("connect.usual")}</p>
      )}
      {isLong && (
        <div className={styles.actions}>
          <Button onPress={() => go("diagnostics")}>{t("connect.action.test")}</Button>
          {noStart && !readOnly && (
            <Button onPress={() => go("settings", `#${STARTS_FIELD}`)}>{t("connect.editStarts")}</Button>
          )}
        </div>
      )}
    </div>
  );
}

const STARTS_NAMED = 4;

function Facts({ affiliation }: { readonly affiliation: AffiliationView }) {
  const t = useText();
  const port = useWindow((state) => state.snapshot?.status.helper.port ?? null);
  return (
    <dl className={styles.facts}>
      <div>
        <dt>{t("fact.virtualIp")}</dt>
        <dd className={styles.copied}>
          <span className="mono">{affiliation.virtualIp ?? UNKNOWN}</span>
          {affiliation.virtualIp !== null && <CopyButton value={affiliation.virtualIp} label={t("peer.copyIp")} />}
        </dd>
      </div>
      <div>
        <dt>{t("fact.interface")}</dt>
        <dd>
          {affiliation.interface.name}
          <span className={styles.quiet}>{t("interface.mtu", { bytes: String(affiliation.interface.mtuBytes) })}</span>
        </dd>
      </div>
      <div>
        <dt>{t("fact.network")}</dt>
        <dd>
          {t(natWords[affiliation.natKind])}
          {port !== null && <span className={styles.quiet}> {t("fact.port", { port: String(port) })}</span>}
        </dd>
      </div>
      <div>
        <dt>{t("fact.ringAddress")}</dt>
        <dd className={styles.copied}>
          <span className="mono" title={formatWholeRingAddress(affiliation.ringAddress)}>
            {formatRingAddress(affiliation.ringAddress)}
          </span>
          <CopyButton value={affiliation.ringAddress} label={t("copy.ringAddress")} />
        </dd>
      </div>
    </dl>
  );
}
