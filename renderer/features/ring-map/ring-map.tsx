import { useEffect, useMemo, useRef, useState } from "react";
import { useModel, useWindow } from "../../store/context.tsx";
import type { Peer } from "../../store/peers.ts";
import { formatRate, formatRtt, formatRttOf } from "../../ui/format.ts";
import { useText } from "../../words/words.tsx";
import { nameOfAddress } from "../peers/names.ts";
import { angleFrom } from "./geometry.ts";
import type { RingWords } from "./paint.ts";
import styles from "./ring-map.module.css";
import { RingView } from "./ring-view.ts";
import type { RingMember } from "./scene.ts";

export interface RingMapProps {
  readonly hidden: ReadonlySet<string>;
  readonly widened: boolean;
  /** Id given to the list over the picture, so that a key can move focus to it. */
  readonly id: string;
}

/**
 * The ring as a picture, and over it an invisible list of the linked peers in ring order for keyboard and screen reader.
 */
export function RingMap({ hidden, widened, id }: RingMapProps) {
  const model = useModel();
  const host = useRef<HTMLDivElement>(null);
  const members = useRef<HTMLCanvasElement>(null);
  const links = useRef<HTMLCanvasElement>(null);
  const view = useRef<RingView>(undefined);
  const words = useRingWords();

  useEffect(() => {
    if (!host.current || !members.current || !links.current) return;
    const ring = new RingView(host.current, members.current, links.current);
    view.current = ring;
    let peers: ReadonlyMap<string, Peer> | undefined;
    let drawn: readonly RingMember[] = [];
    const show = () => {
      const state = model.store.getState();
      if (state.ring === undefined) return;
      if (state.peers !== peers) drawn = [...state.peers.values()].map(toMember);
      peers = state.peers;
      const { hovered, selected } = state;
      ring.show({ self: state.ring.self, members: drawn, hovered, selected, hidden, widened, words });
    };
    show();
    const stop = model.store.subscribe(show);
    return () => {
      stop();
      ring.close();
      view.current = undefined;
    };
  }, [model, hidden, widened, words]);

  const memberAt = (event: React.MouseEvent) => {
    const box = host.current?.getBoundingClientRect();
    return box && view.current?.memberAt(event.clientX - box.left, event.clientY - box.top);
  };
  return (
    <div className={styles.host} ref={host}>
      <div aria-hidden="true">
        <canvas ref={members} className={styles.layer} />
        <canvas ref={links} className={styles.layer} />
      </div>
      <RingList
        id={id}
        hidden={hidden}
        onPointerMove={(event) => model.hover(memberAt(event)?.ringAddress)}
        onPointerLeave={() => model.hover(undefined)}
        onClick={(event) => model.select(memberAt(event)?.ringAddress)}
      />
      <RingCard placeOf={(address) => view.current?.placeOf(address)} host={host} />
    </div>
  );
}

function useRingWords(): RingWords {
  const t = useText();
  return useMemo(
    () => ({
      thisComputer: t("ring.thisComputer"),
      rtt: (member) => formatRttOf(member.predicted ? null : member.rttMs, member.rttMs),
      guide: (ms) => formatRtt(ms).replace(".0 ", " ").replace(".00", ""),
    }),
    [t],
  );
}

function toMember(peer: Peer): RingMember {
  const { ringAddress, transport, via, path } = peer.row;
  const { label, kind, rttMs, predicted, silent } = peer;
  return { ringAddress, name: label, kind, transport, rttMs, predicted, via, path, silent };
}

interface RingListProps {
  readonly id: string;
  readonly hidden: ReadonlySet<string>;
  readonly onPointerMove: (event: React.PointerEvent) => void;
  readonly onPointerLeave: () => void;
  readonly onClick: (event: React.MouseEvent) => void;
}

function RingList({ id, hidden, ...pointer }: RingListProps) {
  const t = useText();
  const model = useModel();
  const peers = useWindow((state) => state.peers);
  const self = useWindow((state) => state.ring?.self);
  const selected = useWindow((state) => state.selected);
  const [active, setActive] = useState<string>();
  const options = useMemo(() => {
    if (self === undefined) return [];
    const clockwise = (peer: Peer) => (angleFrom(self, peer.row.ringAddress) + Math.PI * 2) % (Math.PI * 2);
    return [...peers.values()]
      .filter((peer) => peer.kind !== "routed" && !hidden.has(peer.kind))
      .sort((a, b) => clockwise(a) - clockwise(b));
  }, [peers, self, hidden]);
  const counts = useMemo(() => countKinds(peers), [peers]);
  const at = options.findIndex((peer) => peer.row.ringAddress === active);
  const move = (index: number) => {
    if (options.length === 0) return;
    const next = options[(index + options.length) % options.length]?.row.ringAddress;
    setActive(next);
    model.hover(next);
  };
  /** True where the key is ours. */
  const onKey = (key: string): boolean => {
    switch (key) {
      case "ArrowRight":
      case "ArrowDown":
        move(at + 1);
        return true;
      case "ArrowLeft":
      case "ArrowUp":
        move(at < 0 ? -1 : at - 1);
        return true;
      case "Home":
        move(0);
        return true;
      case "End":
        move(-1);
        return true;
      case "Enter":
      case " ":
        model.select(active);
        return true;
      case "Escape":
        setActive(undefined);
        model.hover(undefined);
        model.select(undefined);
        return true;
      default:
        return false;
    }
  };
  const optionId = (ringAddress: string) => `${id}-${ringAddress}`;
  return (
    <div
      id={id}
      role="listbox"
      className={styles.list}
      tabIndex={0}
      aria-label={t("ring.summary", { count: peers.size, ...counts })}
      aria-activedescendant={at >= 0 && active ? optionId(active) : undefined}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (onKey(event.key)) event.preventDefault();
      }}
      onBlur={() => model.hover(undefined)}
      {...pointer}
    >
      {options.map((peer, index) => (
        // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the list, which names the active option (aria-activedescendant).
        <div
          key={peer.row.ringAddress}
          id={optionId(peer.row.ringAddress)}
          role="option"
          className="spoken"
          aria-selected={peer.row.ringAddress === selected}
        >
          {t("ring.item", {
            name: peer.label,
            type: peer.kind,
            via: peer.row.via === null ? "" : nameOfAddress(peers, peer.row.via),
            rtt: formatRttOf(peer.row.rttMs, peer.row.rttEstimateMs),
            index: index + 1,
            total: options.length,
          })}
        </div>
      ))}
    </div>
  );
}

function countKinds(peers: ReadonlyMap<string, Peer>) {
  const counts = { shortcut: 0, near: 0, far: 0, relay: 0, leaf: 0, routed: 0 };
  for (const peer of peers.values()) counts[peer.kind]++;
  return counts;
}

const CARD_WIDTH = 250;

/** What is known of the hovered peer, beside its place. The same stands in the table, so it is not spoken. */
function RingCard({
  placeOf,
  host,
}: {
  readonly placeOf: (address: string) => readonly [number, number] | undefined;
  readonly host: React.RefObject<HTMLDivElement | null>;
}) {
  const t = useText();
  const peer = useWindow((state) => (state.hovered === undefined ? undefined : state.peers.get(state.hovered)));
  const peers = useWindow((state) => state.peers);
  const place = peer && placeOf(peer.row.ringAddress);
  if (peer === undefined || place === undefined) return null;
  const { row } = peer;
  const [x, y] = place;
  const width = host.current?.clientWidth ?? 0;
  const height = host.current?.clientHeight ?? 0;
  const style = {
    left: Math.max(8, Math.min(x + 18, width - CARD_WIDTH - 8)),
    ...(y > height / 2 ? { bottom: height - y + 14 } : { top: y + 14 }),
  };
  return (
    <div className={styles.card} style={style} aria-hidden="true">
      <p>
        <strong>{peer.name}</strong> <span className="mono">{row.virtualIp}</span>
      </p>
      <p>
        {t(`link.${peer.kind}`)}
        {row.transport && row.transport !== "relay" && ` · ${row.transport}`}
        {row.via && ` · ${t("peer.via", { name: nameOfAddress(peers, row.via) })}`}
        {` · ${formatRttOf(row.rttMs, row.rttEstimateMs)}`}
      </p>
      <p className={styles.rates}>
        ↓ {formatRate(row.rxBytesPerS)} ↑ {formatRate(row.txBytesPerS)}
      </p>
    </div>
  );
}
