import { useEffect, useImperativeHandle, useMemo, useRef, useState } from "react";
import { useModel, useWindow } from "../../store/context.tsx";
import { type Filter, matches, type Peer } from "../../store/peers.ts";
import { ringShown, type WindowState } from "../../store/window-store.ts";
import { formatRate, formatRtt, formatRttOf } from "../../ui/format.ts";
import { useText } from "../../words/words.tsx";
import { nameOfAddress } from "../peers/names.ts";
import { angleFrom } from "./geometry.ts";
import { meshOf, ringMembers, withTrace } from "./members.ts";
import type { RingWords } from "./paint.ts";
import styles from "./ring-map.module.css";
import { RingView } from "./ring-view.ts";
import type { Look } from "./scene.ts";

export interface RingControls {
  zoomBy(factor: number): void;
  moveBy(dx: number, dy: number): void;
  whole(): void;
  png(): Promise<Blob>;
  svg(): Blob;
}

export interface RingMapProps {
  /** Id given to the list over the picture, so that a key can move focus to it. */
  readonly id: string;
  readonly controls: React.Ref<RingControls>;
  readonly onLook: (look: Look) => void;
}

/**
 * The ring as a picture, and over it an invisible list of the linked peers in ring order for keyboard and screen reader.
 */
export function RingMap({ id, controls, onLook }: RingMapProps) {
  const model = useModel();
  const host = useRef<HTMLDivElement>(null);
  const mesh = useRef<HTMLCanvasElement>(null);
  const members = useRef<HTMLCanvasElement>(null);
  const links = useRef<HTMLCanvasElement>(null);
  const view = useRef<RingView>(undefined);
  const words = useRingWords();
  const [isNear, setNear] = useState(false);

  useEffect(() => {
    if (!host.current || !members.current || !links.current || !mesh.current) return;
    const ring = new RingView(host.current, { mesh: mesh.current, members: members.current, links: links.current });
    view.current = ring;
    ring.onLook = (look) => {
      setNear(look.zoom > 1);
      onLook(look);
    };
    const show = () => showState(ring, model.store.getState(), words);
    show();
    const stop = model.store.subscribe(show);
    return () => {
      stop();
      ring.close();
      view.current = undefined;
    };
  }, [model, words, onLook]);
  useImperativeHandle(controls, () => ({
    zoomBy: (factor) => view.current?.zoomBy(factor),
    moveBy: (dx, dy) => view.current?.moveBy(dx, dy),
    whole: () => view.current?.whole(),
    png: () => view.current?.png() ?? Promise.reject(new Error("The ring is not drawn.")),
    svg: () => {
      if (view.current === undefined) throw new Error("The ring is not drawn.");
      return view.current.svg();
    },
  }));

  const pointer = usePointer(host, view);
  return (
    <div className={styles.host} ref={host} data-near={isNear || undefined}>
      <div aria-hidden="true">
        <canvas ref={mesh} className={styles.layer} />
        <canvas ref={members} className={styles.layer} />
        <canvas ref={links} className={styles.layer} />
      </div>
      <RingList id={id} {...pointer} />
      <RingCard placeOf={(address) => view.current?.placeOf(address)} host={host} />
    </div>
  );
}

function showState(ring: RingView, state: WindowState, words: RingWords): void {
  if (state.ring === undefined) return;
  const { hovered, selected, look, traced } = state;
  const peers = ringShown(state);
  const plain = ringMembers(peers);
  const isTraced = traced !== undefined && traced.peer === selected && look.at === undefined;
  ring.show({
    self: state.ring.self,
    members: isTraced ? tracedMembers(plain, traced) : plain,
    hovered,
    selected,
    found: foundIn(peers, state.filter),
    hidden: look.hidden,
    widened: look.widened,
    mesh: look.allLinks ? meshOf(plain) : undefined,
    quiet: selected !== undefined,
    words,
  });
}

/** The newest result is kept, because the picture is drawn anew only for new members. */
let newestTraced:
  | { readonly of: readonly unknown[]; readonly by: object; readonly members: ReturnType<typeof withTrace> }
  | undefined;

function tracedMembers(...[members, traced]: Parameters<typeof withTrace>): ReturnType<typeof withTrace> {
  if (newestTraced?.of !== members || newestTraced.by !== traced) {
    newestTraced = { of: members, by: traced, members: withTrace(members, traced) };
  }
  return newestTraced.members;
}

let newestFound:
  | { readonly peers: ReadonlyMap<string, Peer>; readonly filter: Filter; readonly found: ReadonlySet<string> }
  | undefined;

/** Who the filter finds; undefined while nothing is filtered. */
export function foundIn(peers: ReadonlyMap<string, Peer>, filter: Filter): ReadonlySet<string> | undefined {
  if (filter.kind === "all" && filter.query.trim() === "") return undefined;
  if (newestFound?.peers !== peers || newestFound.filter !== filter) {
    const found = new Set(
      [...peers.values()].filter((peer) => matches(peer, filter)).map(({ row }) => row.ringAddress),
    );
    newestFound = { peers, filter, found };
  }
  return newestFound.found;
}

const WHEEL_STEP = 1.0016;
const DRAG_FROM = 4;

/** Hover and click find members; the wheel and two fingers zoom; dragging moves what is zoomed. */
function usePointer(host: React.RefObject<HTMLDivElement | null>, view: React.RefObject<RingView | undefined>) {
  const model = useModel();
  const drag = useRef<{ x: number; y: number; moved: boolean }>(undefined);
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const speed = event.ctrlKey ? 6 : 1;
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      view.current?.zoomBy(WHEEL_STEP ** (-pixels * speed), {
        x: event.clientX - box.left,
        y: event.clientY - box.top,
      });
    };
    // React's own wheel listener is passive and could not keep the page from scrolling.
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [host, view]);
  const memberAt = (event: React.MouseEvent) => {
    const box = host.current?.getBoundingClientRect();
    return box && view.current?.memberAt(event.clientX - box.left, event.clientY - box.top);
  };
  return {
    onPointerDown: (event: React.PointerEvent) => {
      if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, moved: false };
    },
    onPointerMove: (event: React.PointerEvent) => {
      const from = drag.current;
      if (from && event.buttons === 1 && (view.current?.look.zoom ?? 1) > 1) {
        const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
        if (from.moved || Math.hypot(dx, dy) > DRAG_FROM) {
          view.current?.moveBy(dx, dy);
          drag.current = { x: event.clientX, y: event.clientY, moved: true };
          return;
        }
      }
      model.hover(memberAt(event)?.ringAddress);
    },
    onPointerLeave: () => {
      drag.current = undefined;
      model.hover(undefined);
    },
    onClick: (event: React.MouseEvent) => {
      if (!drag.current?.moved) model.select(memberAt(event)?.ringAddress);
      drag.current = undefined;
    },
  };
}

export function useRingWords(): RingWords {
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

interface RingListProps {
  readonly id: string;
  readonly onPointerDown: (event: React.PointerEvent) => void;
  readonly onPointerMove: (event: React.PointerEvent) => void;
  readonly onPointerLeave: () => void;
  readonly onClick: (event: React.MouseEvent) => void;
}

const OPTIONS_LIMIT = 300;

function RingList({ id, ...pointer }: RingListProps) {
  const t = useText();
  const model = useModel();
  const peers = useWindow(ringShown);
  const hidden = useWindow((state) => state.look.hidden);
  const filter = useWindow((state) => state.filter);
  const self = useWindow((state) => state.ring?.self);
  const selected = useWindow((state) => state.selected);
  const [active, setActive] = useState<string>();
  const options = useMemo(() => {
    if (self === undefined) return [];
    const clockwise = (peer: Peer) => (angleFrom(self, peer.row.ringAddress) + Math.PI * 2) % (Math.PI * 2);
    const found = foundIn(peers, filter);
    return [...peers.values()]
      .filter((peer) => (found ? found.has(peer.row.ringAddress) : peer.kind !== "routed" && !hidden.has(peer.kind)))
      .sort((a, b) => clockwise(a) - clockwise(b))
      .slice(0, OPTIONS_LIMIT);
  }, [peers, self, hidden, filter]);
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
        model.closeInspector();
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
  const peers = useWindow(ringShown);
  const hovered = useWindow((state) => state.hovered);
  const peer = hovered === undefined ? undefined : peers.get(hovered);
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
