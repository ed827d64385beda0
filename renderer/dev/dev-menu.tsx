import { useState } from "react";
import { type SceneName, sceneNames, worldSizes } from "../bridge/scripted.ts";
import { type AppSceneName, appSceneNames } from "../bridge/scripted-app.ts";
import styles from "./dev-menu.module.css";

export interface DevMenuProps {
  readonly scene: SceneName;
  readonly peers: number;
  readonly onPlay: (scene: SceneName) => void;
  /** Shows a filter that finds nobody. */
  readonly onFilterNothing: () => void;
  /** Undefined: a browser. */
  readonly onApp: (scene: AppSceneName | undefined) => void;
}

/** For developers only, so its words are not in the catalogue: every state of the window and of the app around it, and three sizes of world. */
const FILTER = "filterNothing";

export function DevMenu({ scene, peers, onPlay, onFilterNothing, onApp }: DevMenuProps) {
  const [shown, setShown] = useState<SceneName | typeof FILTER>(scene);
  return (
    <nav className={styles.menu} aria-label="States">
      <select
        aria-label="State"
        value={shown}
        onChange={({ target }) => {
          setShown(target.value as SceneName | typeof FILTER);
          if (target.value === FILTER) onFilterNothing();
          else onPlay(target.value as SceneName);
        }}
      >
        {sceneNames.map((name) => (
          <option key={name}>{name}</option>
        ))}
        <option>{FILTER}</option>
      </select>
      <select
        aria-label="App around it"
        defaultValue=""
        onChange={({ target }) => onApp(target.value === "" ? undefined : (target.value as AppSceneName))}
      >
        <option value="">browser</option>
        {appSceneNames.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {worldSizes.map((size) => (
        <a
          key={size}
          href={`?scene=${shown === FILTER ? "connected" : shown}&peers=${size}`}
          aria-current={size === peers || undefined}
        >
          {size}
        </a>
      ))}
    </nav>
  );
}
