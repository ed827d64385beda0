/** The frame of the window: sidebar, top bar, the screen that the address names, and the inspector beside it. */
import { Info, X } from "lucide-react";
import { memo, useDeferredValue, useEffect } from "react";
import { HelperMismatch } from "./features/helper/helper-mismatch.tsx";
import { Inspector } from "./features/inspector/inspector.tsx";
import { CutQuestion } from "./features/interface-switch/cut-question.tsx";
import { JoinDialog } from "./features/join/join-dialog.tsx";
import { readDropped } from "./features/join/read-file.ts";
import { Fault } from "./features/state/fault.tsx";
import { word } from "./features/state/state-panel.tsx";
import { TroubleBar } from "./features/state/trouble-bar.tsx";
import { WarningNotice } from "./features/state/warning-notice.tsx";
import { WholePage } from "./features/state/whole-page.tsx";
import { screens } from "./screens.tsx";
import { CommandField } from "./shell/command-field.tsx";
import { KeyList } from "./shell/key-list.tsx";
import { useKeys } from "./shell/keys.ts";
import { useRoute } from "./shell/route.ts";
import { type ScreenSpec, ScreensProvider } from "./shell/screen.tsx";
import { SideBar } from "./shell/side-bar.tsx";
import { useTab } from "./shell/tab.ts";
import { TopBar } from "./shell/top-bar.tsx";
import { useApp, useAppearance, useAppModel } from "./store/app-store.tsx";
import { conditionOf, type Trouble, troubleOf } from "./store/condition.ts";
import { useDerived, useModel, useWindow } from "./store/context.tsx";
import type { WindowState } from "./store/window-store.ts";
import { Button } from "./ui/button.tsx";
import { Notice } from "./ui/notice.tsx";
import { Toast } from "./ui/toast.tsx";
import styles from "./window.module.css";
import { useText } from "./words/words.tsx";

export const MAIN = "main";

export function Window() {
  const t = useText();
  const route = useRoute();
  const { condition, trouble, iface } = useDerived(frameOf);
  const stopped = trouble?.kind === "noHelper";
  const screen = screens.find(({ id }) => id === route) ?? (screens[0] as ScreenSpec);
  // The frame answers a key at once; what the screen shows may take longer to draw.
  const drawn = useDeferredValue(screen);
  const spoken =
    condition.kind === "affiliation" ? (stopped ? t("state.stopped") : word(t, condition.state, iface)) : "";
  const model = useModel();
  const overlay = useWindow((state) => state.overlay);
  const closeOverlay = () => model.showOverlay(undefined);
  useKeys(screens);
  useAppearance();
  useDrops();
  const joining = useApp((state) => state.joining);
  useTab(spoken, condition, trouble);
  return (
    <ScreensProvider value={screens}>
      <div className={styles.window}>
        <a className={styles.skip} href={`#${MAIN}`} onClick={skip}>
          {t("skip.content")}
        </a>
        <SideBar route={screen.id} stopped={stopped} />
        <div className={styles.frame}>
          <TopBar screen={screen} stands={drawn === screen} withFacts={condition.kind === "affiliation"} />
          <p className="spoken" role="status">
            {spoken}
          </p>
          <div className={styles.body} data-dim={(trouble !== undefined && trouble.kind !== "flood") || undefined}>
            <main id={MAIN} tabIndex={-1} data-region className={styles.main} data-fills={drawn.fills}>
              {trouble && <TroubleBar trouble={trouble} />}
              {condition.kind === "affiliation" ? (
                <>
                  <AppNotices />
                  <Notices />
                  <Content screen={drawn} />
                </>
              ) : drawn.always ? (
                <>
                  <AppNotices />
                  <Content screen={drawn} />
                </>
              ) : (
                <>
                  <AppNotices />
                  <WholePage condition={condition} />
                </>
              )}
            </main>
            {condition.kind === "affiliation" && drawn.inspector && <Beside />}
          </div>
        </div>
        <Toast />
        <CommandField isOpen={overlay === "command"} onClose={closeOverlay} />
        <KeyList isOpen={overlay === "keys"} onClose={closeOverlay} />
        <CutQuestion />
      </div>
      {joining && <JoinDialog opened={joining.opened} />}
    </ScreensProvider>
  );
}

/** What the frame shows of the state: it is drawn anew when one of these changes, not with every second's values. */
function frameOf({ reach, noise, snapshot, affiliation, newsAt }: WindowState, now: number) {
  const condition = conditionOf(reach, snapshot, affiliation, noise);
  const trouble = condition.kind === "affiliation" ? troubleOf(reach, newsAt, now, noise) : undefined;
  return { condition, trouble: trouble && inSeconds(trouble), iface: affiliation?.interface.name ?? "" };
}

function inSeconds(trouble: Trouble): Trouble {
  return "silentMs" in trouble ? { ...trouble, silentMs: Math.floor(trouble.silentMs / 1000) * 1000 } : trouble;
}

const Beside = memo(Inspector);

/** The second hand of the frame does not draw the screen again. */
const Content = memo(function Content({ screen: { Screen } }: { readonly screen: ScreenSpec }) {
  return <Screen />;
});

/** What the helper warns of, and why it refused the last order: above every screen, because a key can give an order anywhere. */
function Notices() {
  const warnings = useWindow((state) => state.affiliation?.warnings);
  const helperWarnings = useWindow((state) => state.snapshot?.status.warnings);
  const all = [...(warnings ?? []), ...(helperWarnings ?? [])];
  const fault = useWindow((state) => state.fault);
  if (all.length === 0 && fault === undefined) return null;
  return (
    <div className={styles.notices}>
      <Fault />
      {all.map((warning) => (
        <WarningNotice key={`${warning.code} ${warning.text}`} warning={warning} />
      ))}
    </div>
  );
}

/** What the app around the window has to say, until it is closed. */
function AppNotices() {
  const t = useText();
  const app = useAppModel();
  const notices = useApp((state) => state.app.notices);
  const mismatch = useApp((state) => state.app.helper?.mismatch ?? null);
  if (notices.length === 0 && mismatch === null) return null;
  return (
    <div className={styles.notices}>
      <HelperMismatch />
      {notices.map(({ code, detail }) => (
        <Notice key={`${code} ${detail}`} tone="info" icon={<Info size={16} aria-hidden />}>
          <div>{t(`notice.${code}`, { detail })}</div>
          <Button look="icon" label={t("common.close")} onPress={() => void app.dismissNotices()}>
            <X size={14} aria-hidden />
          </Button>
        </Notice>
      ))}
    </div>
  );
}

/** A file dropped anywhere opens the join dialogue; nothing that is dropped ever replaces the page. */
function useDrops(): void {
  const app = useAppModel();
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      if (event.dataTransfer) void readDropped(event.dataTransfer).then((opened) => opened && app.join(opened));
    };
    window.addEventListener("dragover", over);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("drop", drop);
    };
  }, [app]);
}

/** The hash belongs to the screens, so the link to the content moves focus instead. */
function skip(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById(MAIN)?.focus();
}
