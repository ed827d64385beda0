import { memo, useMemo } from "react";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";
import { places } from "../../shell/keys.ts";
import { useDerived, useModel, useWindow } from "../../store/context.tsx";
import { type KindFilter, matches, median, type Peer, peerKinds } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatDuration, formatRtt } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useCount, useText } from "../../words/words.tsx";
import { NoRing } from "../state/no-ring.tsx";
import { useWalk } from "../state/use-walk.ts";
import { FilterField } from "./filter-field.tsx";
import styles from "./peers-screen.module.css";
import { PeersTable } from "./peers-table.tsx";
import { tsvOf } from "./tsv.ts";

const filters = ["all", "linked", ...peerKinds] as const satisfies readonly KindFilter[];

/** The table of peers with its filter, what is known of the selected one, and the figures over all rows. */
export function PeersScreen() {
  const t = useText();
  useWalk();
  const size = useWindow((state) => state.peers.size);
  const isOnRing = useWindow((state) => state.ring !== undefined && isOnRingState(state.affiliation?.state));
  if (!isOnRing) return <NoRing />;
  return (
    <section className={styles.panel} aria-label={t("nav.peers")}>
      {size === 0 ? (
        <div className={styles.empty}>
          <h2>{t("peers.empty")}</h2>
          <p>{t("peers.emptyText")}</p>
        </div>
      ) : (
        <>
          <FilterBar filterId={places.filter} />
          <Rows tableId={places.table} />
          <Marked />
          <Foot />
        </>
      )}
    </section>
  );
}

const isOnRingState = (state: string | undefined) => state === "connected";

export function PeersFacts() {
  const t = useText();
  const size = useWindow((state) => state.peers.size);
  const isWalked = useWindow((state) => state.ring?.walked ?? false);
  return t(isWalked ? "peers.members" : "peers.about", { count: size + 1 });
}

export function PeersBadge() {
  const count = useCount();
  const size = useWindow((state) => state.peers.size);
  return size === 0 ? null : count(size);
}

function FilterBar({ filterId }: { readonly filterId: string }) {
  const t = useText();
  const model = useModel();
  const filter = useWindow((state) => state.filter);
  return (
    <div className={styles.bar}>
      <ToggleButtonGroup
        className={styles.chips ?? ""}
        aria-label={t("peers.byKind")}
        selectionMode="single"
        disallowEmptySelection
        selectedKeys={[filter.kind]}
        onSelectionChange={(keys) => model.setFilter({ kind: ([...keys][0] ?? "all") as KindFilter })}
      >
        {filters.map((kind) => (
          <ToggleButton key={kind} id={kind} className={styles.chip ?? ""}>
            {kind !== "all" && kind !== "linked" && <LinkGlyph kind={kind} transport={null} />}
            {kind === "all" || kind === "linked" ? t(`filter.${kind}`) : t(`link.${kind}`)}
            <span className={styles.number}>
              <Count of={kind} />
            </span>
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
      <FilterField id={filterId} />
    </div>
  );
}

function Count({ of }: { readonly of: KindFilter }) {
  const count = useCount();
  return count(useWindow((state) => countsOf(state.peers)[of]));
}

const counted = new WeakMap<ReadonlyMap<string, Peer>, Record<KindFilter, number>>();

/** Counted once for each picture, however often it is asked. */
function countsOf(peers: ReadonlyMap<string, Peer>): Record<KindFilter, number> {
  let counts = counted.get(peers);
  if (counts === undefined) {
    counts = countFilters(peers);
    counted.set(peers, counts);
  }
  return counts;
}

function countFilters(peers: ReadonlyMap<string, Peer>): Record<KindFilter, number> {
  const counts = { all: peers.size, linked: 0, shortcut: 0, near: 0, far: 0, relay: 0, leaf: 0, routed: 0 };
  for (const { kind } of peers.values()) counts[kind]++;
  counts.linked = peers.size - counts.routed;
  return counts;
}

function Rows({ tableId }: { readonly tableId: string }) {
  const t = useText();
  const model = useModel();
  const filter = useWindow((state) => state.filter);
  const any = useWindow((state) => {
    for (const peer of state.peers.values()) if (matches(peer, state.filter)) return true;
    return false;
  });
  if (any) return <PeersTable id={tableId} />;
  const nothing =
    filter.query.trim() !== "" || filter.kind === "all" || filter.kind === "linked"
      ? t("peers.noMatch", { query: filter.query.trim() })
      : t("peers.noneOfKind", { kind: t(`link.${filter.kind}`) });
  return (
    <div className={styles.empty} role="status">
      <h2>{nothing}</h2>
      <Button onPress={() => model.setFilter({ kind: "all", query: "" })}>{t("peers.clear")}</Button>
    </div>
  );
}

/** While several rows are marked: how many, and what can be done with them. */
function Marked() {
  const t = useText();
  const model = useModel();
  const marked = useWindow((state) => state.marked);
  if (marked.size < 2) return null;
  return (
    <div className={styles.marked} role="status">
      {t("peers.marked", { count: marked.size })}
      <CopyButton value={() => tsvOf(marked, model.store.getState().peers)} label={t("peers.copyRows")} />
      <Button look="quiet" onPress={() => model.mark(new Set())}>
        {t("peers.unmark")}
      </Button>
    </div>
  );
}

function Foot() {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  const filter = useWindow((state) => state.filter);
  const shown = useMemo(() => [...peers.values()].filter((peer) => matches(peer, filter)), [peers, filter]);
  return (
    <footer className={styles.foot}>
      <Message id="table.shown" count={shown.length} />
      <span className={styles.notice}>{t("peers.notice")}</span>
      <Message id="table.median" rtt={formatRtt(median(shown.map((peer) => peer.rttMs)))} />
      <Updated />
    </footer>
  );
}

/** A message whose words are put together anew only for other values. */
const Message = memo(function Message({
  id,
  ...values
}: { readonly id: "table.shown" | "table.median" } & Readonly<Record<string, string | number>>) {
  return <span>{useText()(id, values)}</span>;
});

function Updated() {
  const t = useText();
  const seconds = useDerived(({ newsAt }, now) => Math.floor((now - (newsAt ?? now)) / 1000));
  return <span className={styles.updated}>{t("table.updated", { duration: formatDuration(seconds) })}</span>;
}
