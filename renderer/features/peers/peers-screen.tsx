import { Info, Search } from "lucide-react";
import { useMemo } from "react";
import { Input } from "react-aria-components/Input";
import { SearchField } from "react-aria-components/SearchField";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";
import { places } from "../../shell/keys.ts";
import { useModel, useNow, useWindow } from "../../store/context.tsx";
import { type KindFilter, matches, median, type Peer, peerKinds } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { formatDuration, formatRtt, formatWholeRingAddress } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useCount, useText } from "../../words/words.tsx";
import { NoRing } from "../state/no-ring.tsx";
import { nameOfAddress } from "./names.ts";
import styles from "./peers-screen.module.css";
import { PeersTable } from "./peers-table.tsx";

const filters = ["all", "linked", ...peerKinds] as const satisfies readonly KindFilter[];

/** The table of peers with its filter, what is known of the selected one, and the figures over all rows. */
export function PeersScreen() {
  const t = useText();
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
          <Selection />
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
  return t("peers.members", { count: size + 1 });
}

export function PeersBadge() {
  const count = useCount();
  const size = useWindow((state) => state.peers.size);
  return size === 0 ? null : count(size);
}

function FilterBar({ filterId }: { readonly filterId: string }) {
  const t = useText();
  const count = useCount();
  const model = useModel();
  const filter = useWindow((state) => state.filter);
  const peers = useWindow((state) => state.peers);
  const counts = useMemo(() => countFilters(peers), [peers]);
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
            <span className={styles.number}>{count(counts[kind])}</span>
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
      <SearchField
        className={styles.search ?? ""}
        aria-label={t("peers.filter")}
        value={filter.query}
        onChange={(query) => model.setFilter({ query })}
      >
        <Search size={14} aria-hidden />
        <Input id={filterId} placeholder={t("filter.placeholder")} />
        <span className={styles.key} aria-hidden="true">
          /
        </span>
      </SearchField>
    </div>
  );
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

/** What the picture and the row cannot hold of the selected peer: its whole address, its way, why it is not direct. */
function Selection() {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  const peer = useWindow((state) => (state.selected === undefined ? undefined : state.peers.get(state.selected)));
  if (peer === undefined) return null;
  const { row } = peer;
  const hops = row.path.map((address) => nameOfAddress(peers, address)).join(" → ");
  return (
    <aside className={styles.selection} aria-label={t("peer.selected", { name: peer.label })}>
      <p>
        <strong>{peer.name}</strong>
        {row.site !== null && <span className={styles.quiet}>{row.site}</span>}
        <span className="mono">{formatWholeRingAddress(row.ringAddress)}</span>
        <CopyButton value={row.ringAddress} label={t("copy.ringAddress")} />
      </p>
      {row.path.length > 1 && <p className={styles.quiet}>{t("ring.path", { name: peer.label, hops })}</p>}
      {row.notDirectBecause !== null && peer.kind !== "shortcut" && (
        <p className={styles.why}>
          <Info size={14} aria-hidden />
          <span>
            <strong>{t("why.title")}</strong> {row.notDirectBecause.text} {row.notDirectBecause.remedy}
          </span>
        </p>
      )}
    </aside>
  );
}

function Foot() {
  const t = useText();
  const now = useNow();
  const newsAt = useWindow((state) => state.newsAt) ?? now;
  const peers = useWindow((state) => state.peers);
  const filter = useWindow((state) => state.filter);
  const shown = useMemo(() => [...peers.values()].filter((peer) => matches(peer, filter)), [peers, filter]);
  return (
    <footer className={styles.foot}>
      <span>{t("table.shown", { count: shown.length })}</span>
      <span>{t("table.median", { rtt: formatRtt(median(shown.map((peer) => peer.rttMs))) })}</span>
      <span className={styles.updated}>{t("table.updated", { duration: formatDuration((now - newsAt) / 1000) })}</span>
    </footer>
  );
}
