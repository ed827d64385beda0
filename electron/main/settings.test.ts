import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultSettings } from "#contract/app-bridge.ts";
import { type MakeStore, SETTINGS_VERSION, SettingsFile, type Stored } from "./settings.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ringway-app-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => path.join(folder, "config.json");
/** As electron-store does: what the file holds over the defaults, each write of the whole. */
const makeStore: MakeStore = ({ cwd, name, defaults }) => {
  const place = path.join(cwd, `${name}.json`);
  const read = (): Stored => {
    try {
      return { ...defaults, ...JSON.parse(readFileSync(place, "utf8")) };
    } catch {
      return defaults;
    }
  };
  return {
    get store() {
      return read();
    },
    set store(value) {
      writeFileSync(place, JSON.stringify(value));
    },
  };
};
const open = () => new SettingsFile(folder, makeStore, () => Date.UTC(2026, 2, 12, 14, 15));

describe("the settings file", () => {
  it("begins with the defaults, and keeps what is changed", () => {
    const settings = open();
    expect([settings.app, settings.setAside]).toEqual([defaultSettings, undefined]);
    settings.change({ theme: "dark", language: "ja" });
    settings.savePlace("1920x1080+0+0", { x: 10, y: 20, width: 1180, height: 780 });
    const again = open();
    expect(again.app).toMatchObject({ theme: "dark", language: "ja", closeToTray: true });
    expect(again.placeOn("1920x1080+0+0")).toEqual({ x: 10, y: 20, width: 1180, height: 780 });
    expect([again.placeOn("800x600+0+0"), again.setAside]).toEqual([undefined, undefined]);
  });

  it("brings a file of the first builds up to this version", () => {
    writeFileSync(file(), JSON.stringify({ startAtLogin: true }));
    const settings = open();
    expect(settings.app).toEqual({ ...defaultSettings, startAtLogin: true });
    expect([JSON.parse(readFileSync(file(), "utf8")).version, settings.setAside]).toEqual([
      SETTINGS_VERSION,
      undefined,
    ]);
  });

  it("brings a file of version 1 up to this one, with what it holds", () => {
    const app = { ...defaultSettings, theme: "dark" };
    const places = { d: { x: 1, y: 2, width: 800, height: 600 } };
    writeFileSync(file(), JSON.stringify({ version: 1, app, places, saidNoTray: true }));
    const settings = open();
    expect([settings.app, settings.placeOn("d"), settings.saidNoTray]).toEqual([app, places.d, true]);
    expect([settings.saidTrayHidden, settings.stayOnHelper, settings.setAside]).toEqual([false, null, undefined]);
    settings.stayOn("0.0.9");
    settings.noteTrayHidden();
    expect([open().stayOnHelper, open().saidTrayHidden]).toEqual(["0.0.9", true]);
  });

  it.each([
    ["torn", '{"version": 1, "app": {"theme": "da'],
    ["of a newer version", JSON.stringify({ version: SETTINGS_VERSION + 1, app: { theme: "dark" } })],
    ["of another program", JSON.stringify({ version: 1, app: { ...defaultSettings, theme: "pink" }, places: {} })],
    ["no settings at all", "[]"],
    ["empty", ""],
  ])("%s is set aside and said, and the defaults are used", (_what, text) => {
    writeFileSync(file(), text);
    const settings = open();
    expect(settings.app).toEqual(defaultSettings);
    expect(settings.setAside).toBe("config.json.set-aside-2026-03-12T14-15-00Z");
    expect(readFileSync(path.join(folder, settings.setAside ?? ""), "utf8")).toBe(text);
    settings.change({ theme: "light" });
    expect(open().app.theme).toBe("light");
  });

  it("refuses a value that is none", () => {
    expect(() => open().change({ theme: "pink" as never })).toThrow();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("keeps the places of 16 displays", () => {
    const settings = open();
    for (let n = 0; n < 20; n++) settings.savePlace(`d${n}`, { x: n, y: 0, width: 1, height: 1 });
    expect([settings.placeOn("d3"), settings.placeOn("d19")?.x]).toEqual([undefined, 19]);
  });
});
