import { ArrowDown, ArrowUp } from "lucide-react";
import { type ComponentType, memo, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Column as AriaColumn, Cell, Row, Table, TableBody, TableHeader } from "react-aria-components/Table";
import { Virtualizer } from "react-aria-components/Virtualizer";
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
import { RowsInOnePiece, RowsLayout } from "./table-rows.tsx";

interface ColumnSpec {
  readonly id: Column;
  readonly title: MessageId;
  readonly cell: ComponentType<cells.CellProps>;
  /** Its share of the width of the table. */
  readonly share: number;
  readonly minWidth: number;
  /** Numbers stand at the end of their column. */
  readonly atEnd?: boolean;
  /** Shown where the table is at least this wide, in CSS pixels: room for the least width of every column shown there. */
  readonly from: number;
}

const columns: readonly ColumnSpec[] = [
  { id: "name", title: "col.name", cell: cells.NameCell, share: 1.3, minWidth: 120, from: 0 },
  { id: "site", title: "col.site", cell: cells.SiteCell, share: 1, minWidth: 110, from: 1040 },
  { id: "virtualIp", title: "fact.virtualIp", cell: cells.IpCell, share: 1, minWidth: 118, from: 0 },
  { id: "ringAddress", title: "fact.ringAddress", cell: cells.AddressCell, share: 1.2, minWidth: 160, from: 1344 },
  { id: "link", title: "col.link", cell: cells.LinkCell, share: 1.2, minWidth: 186, from: 0 },
  { id: "via", title: "col.via", cell: cells.ViaCell, share: 1, minWidth: 104, from: 1144 },
  { id: "rtt", title: "col.rtt", cell: cells.RttCell, share: 1.1, minWidth: 134, from: 560 },
  { id: "hops", title: "col.hops", cell: cells.HopsCell, share: 0.5, minWidth: 64, atEnd: true, from: 720 },
  {
    id: "received",
    title: "col.received",
    cell: cells.ReceivedCell,
    share: 0.8,
    minWidth: 96,
    atEnd: true,
    from: 656,
  },
  { id: "sent", title: "col.sent", cell: cells.SentCell, share: 0.8, minWidth: 96, atEnd: true, from: 884 },
  { id: "nat", title: "col.nat", cell: cells.NatCell, share: 0.8, minWidth: 112, from: 1004 },
];

const HEAD_HEIGHT = 34;
const LAYOUT = { rowHeight, headingHeight: HEAD_HEIGHT };
/** Rows by a live column change places at most this often, and never under the pointer. */
const RESORT_MS = 2000;

/** The peers as a table: the equal of the ring, with the same selection. Only the rows on screen are in the page. */
export const PeersTable = memo(function PeersTable({ id }: { readonly id: string }) {
  const t = useText();
  const model = useModel();
  const [sort, setSort] = useState<Sort>({ column: "link", descending: false });
  const host = useRef<HTMLDivElement>(null);
  const table = useRef<HTMLTableElement & HTMLDivElement>(null);
  const width = useWidth(table);
  const addresses = useSorted(sort, host);
  const marked = useWindow((state) => state.marked);
  const items = useMemo(() => addresses.map(itemOf), [addresses]);
  const anySite = useWindow((state) => anyWith(state.peers, "site"));
  const shown = useMemo(
    () => columns.filter((column) => width >= column.from && (column.id !== "site" || anySite)),
    [width, anySite],
  );
  const sized = useMemo(() => sizedColumns(shown, width), [shown, width]);
  const template = { "--columns": sized.map((column) => `${column.width}px`).join(" ") } as React.CSSProperties;
  return (
    <div className={styles.host} ref={host} id={id} style={template}>
      <Virtualizer layout={RowsLayout} layoutOptions={LAYOUT}>
        <RowsInOnePiece>
          <Table
            ref={table}
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
            <TableHeader columns={sized}>
              {(column) => (
                <AriaColumn
                  id={column.id}
                  className={`${styles.column} ${column === sized[0] ? styles.first : ""} ${column === sized.at(-1) ? styles.last : ""}`}
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
        </RowsInOnePiece>
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

/** The width inside the table, its scroll bar left out. */
function useWidth(table: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(1200);
  useLayoutEffect(() => {
    const element = table.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [table]);
  return width;
}

/** The columns with whole pixels for each: its share, at least its least width; together the width of the table. */
function sizedColumns(
  shown: readonly ColumnSpec[],
  width: number,
): readonly (ColumnSpec & { readonly width: number })[] {
  let rest = width;
  let shares = shown.reduce((sum, { share }) => sum + share, 0);
  const least = new Set<ColumnSpec>();
  // Whoever's share is too small takes its least width from the others, which may make another one's too small.
  for (let before = -1; before !== least.size; ) {
    before = least.size;
    for (const column of shown) {
      if (least.has(column) || (rest * column.share) / shares >= column.minWidth) continue;
      least.add(column);
      rest -= column.minWidth;
      shares -= column.share;
    }
  }
  let end = 0;
  return shown.map((column) => {
    const start = Math.round(end);
    end += least.has(column) ? column.minWidth : (rest * column.share) / shares;
    return { ...column, width: Math.round(end) - start };
  });
}
