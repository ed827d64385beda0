import { ArrowDown, ArrowUp } from "lucide-react";
import { type ComponentType, memo, useEffect, useMemo, useRef, useState } from "react";
import { Column as AriaColumn, Cell, Row, Table, TableBody, TableHeader } from "react-aria-components/Table";
import { TableLayout, Virtualizer } from "react-aria-components/Virtualizer";
import { useModel, useWindow } from "../../store/context.tsx";
import {
  type Column,
  liveColumns,
  type Peer,
  type Sort,
  type SortValue,
  sortPeers,
  sortValues,
} from "../../store/peers.ts";
import { rowHeight } from "../../tokens/tokens.ts";
import { type MessageId, useText } from "../../words/words.tsx";
import { nameOfAddress } from "./names.ts";
import * as cells from "./peer-cells.tsx";
import styles from "./peers-table.module.css";

interface ColumnSpec {
  readonly id: Column;
  readonly title: MessageId;
  readonly cell: ComponentType<cells.CellProps>;
  /** A share of what is left, or pixels. */
  readonly width: `${number}fr` | number;
  readonly minWidth: number;
  /** Numbers stand at the end of their column. */
  readonly atEnd?: boolean;
  /** Shown where the table is at least this wide, in CSS pixels: room for the least width of every column shown there. */
  readonly from: number;
}

const columns: readonly ColumnSpec[] = [
  { id: "name", title: "col.name", cell: cells.NameCell, width: "1.3fr", minWidth: 120, from: 0 },
  { id: "site", title: "col.site", cell: cells.SiteCell, width: "1fr", minWidth: 110, from: 1016 },
  { id: "virtualIp", title: "fact.virtualIp", cell: cells.IpCell, width: "1fr", minWidth: 118, from: 0 },
  { id: "ringAddress", title: "fact.ringAddress", cell: cells.AddressCell, width: "1.2fr", minWidth: 160, from: 1320 },
  { id: "link", title: "col.link", cell: cells.LinkCell, width: "1.2fr", minWidth: 162, from: 0 },
  { id: "via", title: "col.via", cell: cells.ViaCell, width: "1fr", minWidth: 104, from: 1120 },
  { id: "rtt", title: "col.rtt", cell: cells.RttCell, width: "1.1fr", minWidth: 134, from: 536 },
  { id: "hops", title: "col.hops", cell: cells.HopsCell, width: "0.5fr", minWidth: 64, atEnd: true, from: 696 },
  {
    id: "received",
    title: "col.received",
    cell: cells.ReceivedCell,
    width: "0.8fr",
    minWidth: 96,
    atEnd: true,
    from: 632,
  },
  { id: "sent", title: "col.sent", cell: cells.SentCell, width: "0.8fr", minWidth: 96, atEnd: true, from: 860 },
  { id: "nat", title: "col.nat", cell: cells.NatCell, width: "0.8fr", minWidth: 112, from: 980 },
];

const HEAD_HEIGHT = 34;
/** Rows by a live column change places at most this often, and never under the pointer. */
const RESORT_MS = 2000;

/** The peers as a table: the equal of the ring, with the same selection. Only the rows on screen are in the page. */
export const PeersTable = memo(function PeersTable({ id }: { readonly id: string }) {
  const t = useText();
  const model = useModel();
  const [sort, setSort] = useState<Sort>({ column: "link", descending: false });
  const host = useRef<HTMLDivElement>(null);
  const width = useWidth(host);
  const addresses = useSorted(sort, host);
  const marked = useWindow((state) => state.marked);
  const items = useMemo(() => addresses.map(itemOf), [addresses]);
  const anySite = useWindow((state) => anyWith(state.peers, "site"));
  const shown = useMemo(
    () => columns.filter((column) => width >= column.from && (column.id !== "site" || anySite)),
    [width, anySite],
  );
  return (
    <div className={styles.host} ref={host} id={id}>
      <Virtualizer layout={TableLayout} layoutOptions={{ rowHeight, headingHeight: HEAD_HEIGHT }}>
        <Table
          className={styles.table ?? ""}
          aria-label={t("nav.peers")}
          selectionMode="multiple"
          selectionBehavior="replace"
          selectedKeys={marked}
          // The set is kept as it came: it remembers where a range begins that Shift widens.
          onSelectionChange={(keys) => model.mark(keys === "all" ? new Set(addresses) : (keys as Set<string>))}
          onRowAction={(address) => model.select(String(address))}
          sortDescriptor={{ column: sort.column, direction: sort.descending ? "descending" : "ascending" }}
          onSortChange={({ column, direction }) =>
            setSort({ column: column as Column, descending: direction === "descending" })
          }
        >
          <TableHeader columns={shown}>
            {(column) => (
              <AriaColumn
                id={column.id}
                className={styles.column ?? ""}
                allowsSorting
                isRowHeader={column.id === "name"}
                width={column.width}
                minWidth={column.minWidth}
                textValue={t(column.title)}
              >
                {({ sortDirection }) => (
                  <span className={styles.title} data-at-end={column.atEnd || undefined}>
                    {t(column.title)}
                    {sortDirection === "ascending" && <ArrowUp size={12} aria-hidden />}
                    {sortDirection === "descending" && <ArrowDown size={12} aria-hidden />}
                  </span>
                )}
              </AriaColumn>
            )}
          </TableHeader>
          <TableBody items={items} dependencies={[shown]}>
            {(item) => <PeerLine address={item.id} shown={shown} />}
          </TableBody>
        </Table>
      </Virtualizer>
    </div>
  );
});

const PeerLine = memo(function PeerLine({
  address,
  shown,
}: {
  readonly address: string;
  readonly shown: readonly ColumnSpec[];
}) {
  const model = useModel();
  return (
    <Row
      id={address}
      className={styles.row ?? ""}
      columns={shown}
      textValue={model.store.getState().peers.get(address)?.name ?? address}
      onHoverStart={() => model.hover(address)}
      onHoverEnd={() => model.hover(undefined)}
    >
      {(column) => {
        const Content = (column as ColumnSpec).cell;
        return (
          <Cell className={styles.cell ?? ""}>
            <Content address={address} />
          </Cell>
        );
      }}
    </Row>
  );
});

function anyWith(peers: ReadonlyMap<string, Peer>, key: "site"): boolean {
  for (const { row } of peers.values()) if (row[key]) return true;
  return false;
}

interface Item {
  readonly id: string;
}

/** The same object for the same address, so that the table keeps the rows that it has. */
const known = new Map<string, Item>();

function itemOf(address: string): Item {
  const item = known.get(address) ?? { id: address };
  known.set(address, item);
  return item;
}

/** The order of rows: new at once for what the user does and for who comes or goes, slowly where only values move. */
function useSorted(sort: Sort, host: React.RefObject<HTMLElement | null>): readonly string[] {
  const model = useModel();
  const filter = useWindow((state) => state.filter);
  const [order, setOrder] = useState<readonly string[]>([]);
  useEffect(() => {
    let sortedAt = Number.NEGATIVE_INFINITY;
    let before: ReadonlySet<string> = new Set();
    let keys: ReadonlyMap<string, SortValue> = new Map();
    const apply = () => {
      const { peers } = model.store.getState();
      // Nobody came, left or changed in what the rows are sorted by: then nothing is sorted again.
      const newKeys = sortValues(peers, filter, sort.column, (address) => nameOfAddress(peers, address));
      if (!liveColumns.has(sort.column) && sameValues(keys, newKeys)) return;
      keys = newKeys;
      const next = sortPeers(peers, filter, sort, (address) => nameOfAddress(peers, address));
      const now = performance.now();
      const others = next.length !== before.size || next.some((address) => !before.has(address));
      const underPointer = host.current?.matches(":hover") ?? false;
      if (!others && liveColumns.has(sort.column) && (underPointer || now - sortedAt < RESORT_MS)) return;
      sortedAt = now;
      before = new Set(next);
      setOrder((old) =>
        old.length === next.length && old.every((address, index) => address === next[index]) ? old : next,
      );
    };
    apply();
    let peers = model.store.getState().peers;
    return model.store.subscribe((state) => {
      if (state.peers === peers) return;
      peers = state.peers;
      apply();
    });
  }, [model, filter, sort, host]);
  return order;
}

function sameValues(a: ReadonlyMap<string, SortValue>, b: ReadonlyMap<string, SortValue>): boolean {
  if (a.size !== b.size || a.size === 0) return false;
  for (const [address, value] of b) if (a.get(address) !== value) return false;
  return true;
}

function useWidth(host: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(1200);
  useEffect(() => {
    if (host.current === null) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(host.current);
    return () => observer.disconnect();
  }, [host]);
  return width;
}
