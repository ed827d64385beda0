/** What every entry shares: the page drawn for one bridge. */
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./tokens/tokens.css";
import "./ui/base.css";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { createRoot } from "react-dom/client";
import type { WindowBridge } from "./bridge/intake.ts";
import { focusScreen } from "./shell/keys.ts";
import { ModelProvider } from "./store/context.tsx";
import { createWindowModel } from "./store/window-store.ts";
import { Window } from "./window.tsx";
import { Words } from "./words/words.tsx";

export function showWindow(bridge: WindowBridge, place: HTMLElement): void {
  const model = createWindowModel({ bridge, onInspectorClosed: focusScreen });
  createRoot(place).render(
    <StrictMode>
      <I18nProvider locale="en">
        <Words>
          <ModelProvider model={model}>
            <Window />
          </ModelProvider>
        </Words>
      </I18nProvider>
    </StrictMode>,
  );
}
