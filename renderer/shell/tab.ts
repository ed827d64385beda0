/** How the page looks from outside: the title, and in a browser the host's name and an icon of the state. */
import { useEffect } from "react";
import attentionOnDark from "../../assets/icons/tray-attention-on-dark.svg?no-inline";
import attentionOnLight from "../../assets/icons/tray-attention-on-light.svg?no-inline";
import connectedOnDark from "../../assets/icons/tray-connected-on-dark.svg?no-inline";
import connectedOnLight from "../../assets/icons/tray-connected-on-light.svg?no-inline";
import connectingOnDark from "../../assets/icons/tray-connecting-on-dark.svg?no-inline";
import connectingOnLight from "../../assets/icons/tray-connecting-on-light.svg?no-inline";
import disconnectedOnDark from "../../assets/icons/tray-disconnected-on-dark.svg?no-inline";
import disconnectedOnLight from "../../assets/icons/tray-disconnected-on-light.svg?no-inline";
import interfaceOffOnDark from "../../assets/icons/tray-interface-off-on-dark.svg?no-inline";
import interfaceOffOnLight from "../../assets/icons/tray-interface-off-on-light.svg?no-inline";
import type { Condition, Trouble } from "../store/condition.ts";
import { useDerived, useWindow } from "../store/context.tsx";
import { useText } from "../words/words.tsx";

/** For dark tabs and for light ones. */
const icons = {
  attention: [attentionOnDark, attentionOnLight],
  connected: [connectedOnDark, connectedOnLight],
  connecting: [connectingOnDark, connectingOnLight],
  off: [disconnectedOnDark, disconnectedOnLight],
  interfaceOff: [interfaceOffOnDark, interfaceOffOnLight],
} as const;
export type TabIcon = keyof typeof icons;

/** `spoken` is the state in one word, empty where there is none. */
export function useTab(spoken: string, condition: Condition, trouble: Trouble | undefined): void {
  const t = useText();
  const host = useWindow(({ reach }) => ("host" in reach ? reach.host : null));
  const warned = useDerived(
    ({ affiliation, snapshot }) => (affiliation?.warnings.length ?? 0) + (snapshot?.status.warnings.length ?? 0) > 0,
  );
  const icon = iconOf(condition, trouble, warned);
  useEffect(() => {
    if (spoken === "") document.title = host === null ? t("app.name") : `${host} · ${t("app.name")}`;
    else
      document.title =
        host === null ? t("window.title", { state: spoken }) : t("window.titleOf", { state: spoken, host });
  }, [spoken, host, t]);
  useEffect(() => {
    // Electron's window has no tab.
    if (host === null) return;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = () => {
      const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
      if (link !== null) link.href = icons[icon][dark.matches ? 0 : 1];
    };
    draw();
    dark.addEventListener("change", draw);
    return () => dark.removeEventListener("change", draw);
  }, [icon, host]);
}

/** The same pictures for the same states as in the tray. */
export function iconOf(condition: Condition, trouble: Trouble | undefined, warned: boolean): TabIcon {
  if (condition.kind === "opening") return "connecting";
  if (condition.kind === "noAffiliation") return "off";
  if (condition.kind !== "affiliation" || condition.state === "failed" || trouble !== undefined || warned) {
    return "attention";
  }
  return condition.state;
}
