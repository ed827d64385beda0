/** One value of one peer each: a tick re-renders the cells whose value changed and leaves the table alone. */
import type { PeerRow } from "#contract";
import { useWindow } from "../../store/context.tsx";
import { hopsOf, type Peer } from "../../store/peers.ts";
import { formatRate, formatRingAddress, formatRttOf, formatWholeRingAddress, UNKNOWN } from "../../ui/format.ts";
import { LinkGlyph } from "../../ui/link-glyph.tsx";
import { useText } from "../../words/words.tsx";
import { rttFraction } from "../ring-map/geometry.ts";
import { natWords } from "../state/nat-words.ts";
import { nameOfAddress } from "./names.ts";
import styles from "./peers-table.module.css";

function usePeer<T>(address: string, select: (peer: Peer) => T): T | undefined {
  return useWindow((state) => {
    const peer = state.peers.get(address);
    return peer && select(peer);
  });
}

const useRow = <K extends keyof PeerRow>(address: string, key: K) => usePeer(address, (peer) => peer.row[key]);

export interface CellProps {
  readonly address: string;
}

export function NameCell({ address }: CellProps) {
  const name = usePeer(address, (peer) => peer.name);
  return (
    <span className={styles.name} title={name}>
      <bdi>{name}</bdi>
    </span>
  );
}

export function IpCell({ address }: CellProps) {
  return <span className="mono">{useRow(address, "virtualIp") ?? UNKNOWN}</span>;
}

export function AddressCell({ address }: CellProps) {
  return (
    <span className="mono" title={formatWholeRingAddress(address)}>
      {formatRingAddress(address)}
    </span>
  );
}

export function LinkCell({ address }: CellProps) {
  const t = useText();
  const kind = usePeer(address, (peer) => peer.kind) ?? "routed";
  const transport = useRow(address, "transport") ?? null;
  return (
    <span className={styles.link} data-kind={kind}>
      <LinkGlyph kind={kind} transport={transport} />
      <span>{t(`link.${kind}`)}</span>
      {transport !== null && transport !== "relay" && <span className={styles.quiet}>{transport}</span>}
    </span>
  );
}

export function ViaCell({ address }: CellProps) {
  const via = useRow(address, "via");
  const name = useWindow((state) => (via ? nameOfAddress(state.peers, via) : undefined));
  if (name === undefined) return <span className={styles.quiet}>{UNKNOWN}</span>;
  return (
    <span className={styles.via} title={name}>
      {name}
    </span>
  );
}

export function RttCell({ address }: CellProps) {
  const measured = useRow(address, "rttMs") ?? null;
  const predicted = useRow(address, "rttEstimateMs") ?? null;
  const known = measured ?? predicted;
  return (
    <span className={styles.rtt}>
      <span>{formatRttOf(measured, predicted)}</span>
      {known !== null && (
        <span
          className={styles.bar}
          data-predicted={measured === null || undefined}
          style={{ width: `${Math.max(4, rttFraction(known) * 100)}%` }}
        />
      )}
    </span>
  );
}

export function SiteCell({ address }: CellProps) {
  const site = useRow(address, "site");
  return (
    <span className={styles.via} title={site ?? undefined}>
      {site ?? UNKNOWN}
    </span>
  );
}

export function HopsCell({ address }: CellProps) {
  const count = usePeer(address, (peer) => hopsOf(peer.row));
  return <span className={styles.rate}>{count ?? UNKNOWN}</span>;
}

export function NatCell({ address }: CellProps) {
  const t = useText();
  const kind = useRow(address, "natKind") ?? "unknown";
  return <span className={styles.via}>{t(natWords[kind])}</span>;
}

export function ReceivedCell({ address }: CellProps) {
  return <Rate value={useRow(address, "rxBytesPerS")} />;
}

export function SentCell({ address }: CellProps) {
  return <Rate value={useRow(address, "txBytesPerS")} />;
}

function Rate({ value }: { readonly value: number | undefined }) {
  const text = formatRate(value);
  return (
    <span className={styles.rate} data-zero={text === "0" || undefined}>
      {text}
    </span>
  );
}
