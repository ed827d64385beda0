/** What every entry shares: the page drawn for one bridge. */
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./tokens/tokens.css";
import "./ui/base.css";
import { StrictMode } from "react";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { createRoot } from "react-dom/client";
import type { AppBridge } from "#contract/app-bridge.ts";
import type { WindowBridge } from "./bridge/intake.ts";
import { focusScreen } from "./shell/keys.ts";
import { AppProvider, createAppModel, useLanguage } from "./store/app-store.tsx";
import { ModelProvider } from "./store/context.tsx";
import { createWindowModel, type WindowModel } from "./store/window-store.ts";
import { Window } from "./window.tsx";
import { Words } from "./words/words.tsx";

export function showWindow(bridge: WindowBridge, place: HTMLElement, appBridge: AppBridge): WindowModel {
  const app = createAppModel(appBridge);
  const model = createWindowModel({ bridge, onInspectorClosed: focusScreen });
  createRoot(place).render(
    <StrictMode>
      <AppProvider model={app}>
        <Page model={model} />
      </AppProvider>
    </StrictMode>,
  );
  return model;
}

/** The page in the language of the user. */
function Page({ model }: { readonly model: WindowModel }) {
  const language = useLanguage();
  return (
    <I18nProvider locale={language}>
      <Words language={language}>
        <ModelProvider model={model}>
          <Window />
        </ModelProvider>
      </Words>
    </I18nProvider>
  );
}
