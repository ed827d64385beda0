/** The icon in the tray and its menu; what they say is decided in tray-menu.ts. */
import path from "node:path";
import type { Menu, MenuItemConstructorOptions, NativeImage, NativeTheme, Tray } from "electron";
import type { TrayAction, TrayEntry, TrayIcon, TrayPicture } from "./tray-menu.ts";

export interface TrayOptions {
  readonly Tray: new (image: NativeImage | string) => Tray;
  readonly Menu: Pick<typeof Menu, "buildFromTemplate">;
  readonly nativeTheme: Pick<NativeTheme, "shouldUseDarkColors" | "shouldUseDarkColorsForSystemIntegratedUI" | "on">;
  readonly platform: NodeJS.Platform;
  /** Desktops that the session names itself, as in XDG_CURRENT_DESKTOP. */
  readonly desktop: string;
  /** Folder of the pictures that tools/tray-icons.mjs made. */
  readonly folder: string;
  readonly onAction: (action: TrayAction) => void;
  /** The icon itself was clicked, where the system says so. */
  readonly onClick: () => void;
}

export class TrayIconView {
  readonly #options: TrayOptions;
  readonly #tray: Tray;
  #picture: TrayPicture;
  /** What is shown, so that nothing is set anew that has not changed. */
  #image: string;
  #toolTip = "";
  #entries = "";

  constructor(options: TrayOptions, picture: TrayPicture) {
    this.#options = options;
    this.#picture = picture;
    this.#image = this.#file(picture.icon);
    this.#tray = new options.Tray(this.#image);
    // macOS opens the menu itself; on Linux a click comes only where the host sends it, so the menu has everything.
    if (options.platform !== "darwin") this.#tray.on("click", () => options.onClick());
    options.nativeTheme.on("updated", () => this.#draw());
    this.#draw();
  }

  show(picture: TrayPicture): void {
    this.#picture = picture;
    this.#draw();
  }

  destroy(): void {
    this.#tray.destroy();
  }

  #draw(): void {
    const { icon, tooltip, entries } = this.#picture;
    const image = this.#file(icon);
    if (image !== this.#image) this.#tray.setImage(image);
    this.#image = image;
    if (tooltip !== this.#toolTip) this.#tray.setToolTip(tooltip);
    this.#toolTip = tooltip;
    // A menu that is set anew closes under the user's hand on some systems: only where it says something else. Linux takes
    // changes of a menu only with the whole menu.
    const said = JSON.stringify(entries);
    if (said === this.#entries) return;
    this.#entries = said;
    this.#tray.setContextMenu(this.#options.Menu.buildFromTemplate(entries.map((entry) => this.#item(entry))));
  }

  #item(entry: TrayEntry): MenuItemConstructorOptions {
    switch (entry.kind) {
      case "line":
        return { type: "separator" };
      case "text":
        return { label: entry.label, enabled: false };
      case "menu":
        return { label: entry.label, submenu: entry.entries.map((each) => this.#item(each)) };
      case "action":
        return {
          label: entry.label,
          ...(entry.checked === undefined ? {} : { type: "checkbox", checked: entry.checked }),
          click: () => this.#options.onAction(entry.action),
        };
    }
  }

  /** Light on dark panels, dark on light ones; macOS colours templates itself. */
  #file(icon: TrayIcon): string {
    const { platform, folder } = this.#options;
    if (platform === "darwin") return path.join(folder, `tray-${icon}Template.png`);
    const ground = this.#isPanelDark() ? "dark" : "light";
    return path.join(folder, `tray-${icon}-on-${ground}.${platform === "win32" ? "ico" : "png"}`);
  }

  #isPanelDark(): boolean {
    const { platform, desktop, nativeTheme } = this.#options;
    // Windows has a theme of its own for the taskbar, and GNOME's top bar is black whatever the windows are.
    if (platform === "win32") return nativeTheme.shouldUseDarkColorsForSystemIntegratedUI;
    return /\bGNOME\b|\bUnity\b/i.test(desktop) || nativeTheme.shouldUseDarkColors;
  }
}
