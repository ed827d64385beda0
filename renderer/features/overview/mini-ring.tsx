import { Maximize2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "react-aria-components/Link";
import { hashOf } from "../../shell/route.ts";
import { useModel } from "../../store/context.tsx";
import { useText } from "../../words/words.tsx";
import { ringMembers } from "../ring-map/members.ts";
import { useRingWords } from "../ring-map/ring-map.tsx";
import { RingView } from "../ring-map/ring-view.ts";
import styles from "./mini-ring.module.css";

const NOBODY: ReadonlySet<string> = new Set();

/** The ring without words; it leads to the whole one. */
export function MiniRing() {
  const t = useText();
  const model = useModel();
  const words = useRingWords();
  const host = useRef<HTMLDivElement>(null);
  const members = useRef<HTMLCanvasElement>(null);
  const links = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!host.current || !members.current || !links.current) return;
    const ring = new RingView(host.current, { members: members.current, links: links.current });
    const show = () => {
      const state = model.store.getState();
      if (state.ring === undefined) return;
      ring.show({
        self: state.ring.self,
        members: ringMembers(state.peers),
        hovered: undefined,
        selected: undefined,
        found: undefined,
        hidden: NOBODY,
        widened: false,
        mini: true,
        words,
      });
    };
    show();
    let peers = model.store.getState().peers;
    const stop = model.store.subscribe((state) => {
      if (state.peers === peers) return;
      peers = state.peers;
      show();
    });
    return () => {
      stop();
      ring.close();
    };
  }, [model, words]);
  return (
    <div className={styles.mini} ref={host}>
      <div aria-hidden="true">
        <canvas ref={members} />
        <canvas ref={links} />
      </div>
      <Link className={styles.open ?? ""} href={hashOf("ring")} aria-label={t("overview.openRing")}>
        <Maximize2 size={14} aria-hidden />
      </Link>
    </div>
  );
}
