/** The ring as a whole screen: the picture, what it shows of the links, and the ways to change that. */
import {
  ArrowDown,
  ArrowLeft,
  ArrowRight,
  ArrowUp,
  Crosshair,
  Download,
  List,
  Maximize,
  Minus,
  Plus,
} from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { Menu, MenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { errorView } from "#contract";
import { focusOf, isWriting, places } from "../../shell/keys.ts";
import { go } from "../../shell/route.ts";
import { stateOf } from "../../store/condition.ts";
import { useModel, useWindow } from "../../store/context.tsx";
import { median } from "../../store/peers.ts";
import { Button } from "../../ui/button.tsx";
import { formatRtt } from "../../ui/format.ts";
import menu from "../../ui/menu.module.css";
import { saveFile } from "../../ui/save-file.ts";
import { Segments } from "../../ui/segments.tsx";
import { useMedia } from "../../ui/use-media.ts";
import { useText } from "../../words/words.tsx";
import { onRing } from "../overview/overview-screen.tsx";
import { FilterField } from "../peers/filter-field.tsx";
import { PeersScreen } from "../peers/peers-screen.tsx";
import { NoRing } from "../state/no-ring.tsx";
import { useWalk } from "../state/use-walk.ts";
import { Legend } from "./legend.tsx";
import { foundIn, type RingControls, RingMap } from "./ring-map.tsx";
import styles from "./ring-screen.module.css";
import { type Look, ZOOM_MOST } from "./scene.ts";
import { TimeSlider } from "./time-slider.tsx";

export function RingScreen() {
  const isOnRing = useWindow((state) => state.affiliation !== undefined && onRing(stateOf(state.affiliation)));
  const isNarrow = useMedia("(max-width: 420px)");
  if (!isOnRing) return <NoRing />;
  // At 400 % zoom the picture has no room: the table says the same.
  return isNarrow ? <PeersScreen /> : <Ring />;
}

const NEARER = 1.4;
const STEP_PX = 80;

type Nearness = "whole" | "near" | "nearest";

function nearnessOf({ zoom }: Look): Nearness {
  if (zoom >= ZOOM_MOST) return "nearest";
  return zoom > 1 ? "near" : "whole";
}

function Ring() {
  const t = useText();
  useWalk();
  const controls = useRef<RingControls>(null);
  // Only what the buttons show of it: the picture moves sixty times a second, and they stand still.
  const [nearness, setNearness] = useState<Nearness>("whole");
  const onLook = useCallback((look: Look) => setNearness(nearnessOf(look)), []);
  const isInspecting = useWindow((state) => state.selected !== undefined);
  useZoomKeys(controls);
  return (
    <section className={styles.screen} aria-label={t("nav.ring")}>
      <RingMap id={places.ring} controls={controls} onLook={onLook} />
      <Tools controls={controls} />
      <div className={styles.corner} data-side="start">
        <Legend isFlat={isInspecting} />
      </div>
      <div className={styles.corner} data-side="end">
        <TimeSlider />
        <Zoom controls={controls} nearness={nearness} />
      </div>
    </section>
  );
}

function Tools({ controls }: { readonly controls: React.RefObject<RingControls | null> }) {
  const t = useText();
  const model = useModel();
  const { widened, allLinks } = useWindow((state) => state.look);
  return (
    <div className={styles.tools}>
      <Segments
        label={t("ring.whose")}
        options={[
          { id: "my", text: t("ring.myLinks") },
          { id: "all", text: t("ring.allLinks") },
        ]}
        chosen={allLinks ? "all" : "my"}
        onChoose={(id) => model.setLook({ allLinks: id === "all" })}
      />
      <ToggleButton
        className={styles.tool ?? ""}
        isSelected={widened}
        onChange={(wide) => model.setLook({ widened: wide })}
      >
        <Crosshair size={14} aria-hidden />
        <span className={styles.toolText}>{t("ring.widen")}</span>
      </ToggleButton>
      <span className={styles.grow} />
      <div className={styles.stack}>
        <div className={styles.pair}>
          <SaveMenu controls={controls} />
          <Button onPress={() => go("peers", focusOf.table)}>
            <List size={14} aria-hidden />
            <span className={styles.toolText}>{t("ring.asTable")}</span>
            <span className={styles.key} aria-hidden="true">
              T
            </span>
          </Button>
        </div>
        <FilterField id={places.filter} />
        <Found />
      </div>
    </div>
  );
}

/** How many the filter finds, and the way out of it. */
function Found() {
  const t = useText();
  const model = useModel();
  const filter = useWindow((state) => state.filter);
  const peers = useWindow((state) => state.peers);
  const found = foundIn(peers, filter);
  return (
    <span role="status" className={styles.found}>
      {found && (
        <>
          {t("ring.found", { count: found.size })}
          <Button look="quiet" onPress={() => model.setFilter({ kind: "all", query: "" })}>
            {t("peers.clear")}
          </Button>
        </>
      )}
    </span>
  );
}

function SaveMenu({ controls }: { readonly controls: React.RefObject<RingControls | null> }) {
  const t = useText();
  const [fault, setFault] = useState("");
  const save = async (format: string) => {
    try {
      const picture = format === "svg" ? controls.current?.svg() : await controls.current?.png();
      if (picture) saveFile(`ringway-ring.${format}`, picture);
      setFault("");
    } catch (error) {
      setFault(errorView(error).text);
    }
  };
  return (
    <MenuTrigger>
      <AriaButton className={styles.iconTool ?? ""} aria-label={t("ring.save")}>
        <Download size={15} aria-hidden />
      </AriaButton>
      <Popover className={menu.popover ?? ""} placement="bottom end">
        <Menu aria-label={t("ring.save")} onAction={(format) => void save(String(format))}>
          <MenuItem id="png" className={menu.item ?? ""}>
            {"PNG"}
          </MenuItem>
          <MenuItem id="svg" className={menu.item ?? ""}>
            {"SVG"}
          </MenuItem>
        </Menu>
      </Popover>
      <span className={styles.fault} role="status">
        {fault}
      </span>
    </MenuTrigger>
  );
}

/** Zoom by buttons, and arrows that move the picture as dragging does. */
function Zoom({
  controls,
  nearness,
}: {
  readonly controls: React.RefObject<RingControls | null>;
  readonly nearness: Nearness;
}) {
  const t = useText();
  const move = (dx: number, dy: number) => controls.current?.moveBy(dx * STEP_PX, dy * STEP_PX);
  const isNear = nearness !== "whole";
  const arrows = [
    [ArrowLeft, t("ring.moveLeft"), 1, 0],
    [ArrowRight, t("ring.moveRight"), -1, 0],
    [ArrowUp, t("ring.moveUp"), 0, 1],
    [ArrowDown, t("ring.moveDown"), 0, -1],
  ] as const;
  return (
    <fieldset className={styles.zoom}>
      <legend className="spoken">{t("ring.zoom")}</legend>
      {isNear &&
        arrows.map(([Icon, label, dx, dy]) => (
          <Button key={label} look="icon" label={label} onPress={() => move(dx, dy)}>
            <Icon size={14} aria-hidden />
          </Button>
        ))}
      <Button
        look="icon"
        label={t("ring.zoomOut")}
        isDisabled={!isNear}
        onPress={() => controls.current?.zoomBy(1 / NEARER)}
      >
        <Minus size={14} aria-hidden />
      </Button>
      <Button
        look="icon"
        label={t("ring.zoomIn")}
        isDisabled={nearness === "nearest"}
        onPress={() => controls.current?.zoomBy(NEARER)}
      >
        <Plus size={14} aria-hidden />
      </Button>
      <Button look="icon" label={t("ring.whole")} isDisabled={!isNear} onPress={() => controls.current?.whole()}>
        <Maximize size={14} aria-hidden />
      </Button>
    </fieldset>
  );
}

function useZoomKeys(controls: React.RefObject<RingControls | null>): void {
  const onKey = useCallback(
    (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      if (event.key === "+" || event.key === "=") controls.current?.zoomBy(NEARER);
      else if (event.key === "-") controls.current?.zoomBy(1 / NEARER);
      else if (event.key === "0") controls.current?.whole();
      else return;
      event.preventDefault();
    },
    [controls],
  );
  useEffect(() => {
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onKey]);
}

/** `118 peers · 23 links · median 268 ms` */
export function RingFacts() {
  const t = useText();
  const peers = useWindow((state) => state.peers);
  let links = 0;
  const rtts: (number | null)[] = [];
  for (const peer of peers.values()) {
    if (peer.kind !== "routed") links++;
    rtts.push(peer.rttMs);
  }
  const isWalked = useWindow((state) => state.ring?.walked ?? false);
  return t(isWalked ? "ring.facts" : "ring.factsAbout", { peers: peers.size, links, rtt: formatRtt(median(rtts)) });
}
