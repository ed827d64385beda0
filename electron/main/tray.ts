/** The icon in the tray and its menu; what they say is decided in tray-menu.ts. */
import path from "node:path";
import type { Menu, MenuItemConstructorOptions, NativeImage, NativeTheme, Tray } from "electron";
import type { TrayAction, TrayEntry, TrayIcon, TrayPicture } from "./tray-menu.ts";

export interface TrayOptions {
  readonly Tray: new (image: NativeImage | string) => Tray;
  readonly Menu: Pick<typeof Menu, "buildFromTemplate">;
  readonly nativeTheme: Pick<NativeTheme, "shouldUseDarkColors" | "on">;
  readonly platform: NodeJS.Platform;
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
  #shown = "";

  constructor(options: TrayOptions, picture: TrayPicture) {
    this.#options = options;
    this.#picture = picture;
    this.#tray = new options.Tray(this.#file(picture.icon));
    // macOS opens the menu itself; on Linux a click comes only where the host sends it, so the menu has everything.
    if (options.platform !== "darwin") this.#tray.on("click", () => options.onClick());
    options.nativeTheme.on("updated", () => this.#draw());
    this.#draw();
  }

  show(picture: TrayPicture): void {
    this.#picture = picture;
    // A menu that is set anew closes under the user's hand on some systems: only where it says something else.
    if (JSON.stringify(picture.entries) + picture.icon !== this.#shown) this.#draw();
    else this.#tray.setToolTip(picture.tooltip);
  }

  destroy(): void {
    this.#tray.destroy();
  }

  #draw(): void {
    const { icon, tooltip, entries } = this.#picture;
    this.#shown = JSON.stringify(entries) + icon;
    this.#tray.setImage(this.#file(icon));
    this.#tray.setToolTip(tooltip);
    // Linux takes changes of a menu only with the whole menu.
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
    const { platform, folder, nativeTheme } = this.#options;
    if (platform === "darwin") return path.join(folder, `tray-${icon}Template.png`);
    const ground = nativeTheme.shouldUseDarkColors ? "dark" : "light";
    return path.join(folder, `tray-${icon}-on-${ground}.${platform === "win32" ? "ico" : "png"}`);
  }
}
