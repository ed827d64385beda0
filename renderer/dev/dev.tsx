/**
 * The page of `npm run dev:web`: the window over the scripted bridge, with a menu of all its states. The address takes
 * `?scene=connected&peers=118&menu=0`, and `&app=electron` (with `&installed=1`, `&notice=1`) for the app around it; with `&still=1` time stands until `window.scripted.tick()` is called.
 */
import "../bridge/parsing.ts";
import { createRoot } from "react-dom/client";
import { showWindow } from "../app.tsx";
import { type SceneName, ScriptedBridge, sceneNames, worldSizes } from "../bridge/scripted.ts";
import { ScriptedApp } from "../bridge/scripted-app.ts";
import { DevMenu } from "./dev-menu.tsx";

const asked = new URLSearchParams(location.search);
const scene = sceneNames.find((name) => name === asked.get("scene")) ?? ("connected" satisfies SceneName);
const peers = Number(asked.get("peers") ?? 118);
const still = asked.get("still") === "1";
const bridge = new ScriptedBridge({
  scene,
  peers: worldSizes.find((size) => size === peers) ?? 118,
  delayMs: still ? 0 : 400,
});
window.scripted = bridge;
if (!still) setInterval(() => bridge.tick(), 1000);

const place = document.getElementById("window");
if (place === null) throw new Error('dev.html has no element "window" to draw into.');
const app = new ScriptedApp({
  electron: asked.get("app") === "electron",
  installed: asked.get("installed") === "1",
  notice: asked.get("notice") === "1",
});
window.scriptedApp = app;
const model = showWindow(bridge, place, app);

/** A state of the window itself: the others are the helper's. */
function filterNothing(): void {
  bridge.play("connected");
  model.setFilter({ query: "wn99" });
  location.hash = "#/peers";
}

if (asked.get("menu") !== "0") {
  const menu = document.createElement("div");
  document.body.append(menu);
  createRoot(menu).render(
    <DevMenu
      scene={scene}
      peers={peers}
      onPlay={(name) => bridge.play(name)}
      onFilterNothing={filterNothing}
      onApp={(name) => app.play(name)}
    />,
  );
}
