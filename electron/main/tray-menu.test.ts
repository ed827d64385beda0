import { readFileSync } from "node:fs";
import path from "node:path";
import { createIntl } from "@formatjs/intl";
import { describe, expect, it } from "vitest";
import type { HelperSnapshot } from "#contract";
import type { Reach } from "#contract/bridge.ts";
import { makeWorld, type WorldChange } from "../../renderer/bridge/world.ts";
import { BusiestPeers, type TrayEntry, trayPicture } from "./tray-menu.ts";

const catalogue: Record<string, { defaultMessage: string }> = JSON.parse(
  readFileSync(path.join(import.meta.dirname, "../../renderer/words/en.json"), "utf8"),
);
const intl = createIntl({
  locale: "en",
  messages: Object.fromEntries(Object.entries(catalogue).map(([id, { defaultMessage }]) => [id, defaultMessage])),
  onError: (error) => {
    throw error;
  },
});
const t = (id: string, values?: Readonly<Record<string, string | number>>) =>
  String(intl.formatMessage({ id }, values));

const open: Reach = { kind: "open", host: null, readOnly: false };
const snapshotOf = (change: WorldChange = {}): HelperSnapshot => makeWorld(11).next(change);
const pictureOf = (snapshot: HelperSnapshot | undefined, reach: Reach = open) => trayPicture(reach, snapshot, t);
const labels = (entries: readonly TrayEntry[]) =>
  entries.map((entry) => (entry.kind === "line" ? "─" : entry.kind === "menu" ? `${entry.label} ▸` : entry.label));

describe("the tray", () => {
  it("has the menu of the design, in its order", () => {
    const { icon, tooltip, entries } = pictureOf(snapshotOf());
    expect(icon).toBe("connected");
    expect(tooltip).toMatch(/^Ringway: connected to condor wow, 11 peers, ↓ .* ↑ .*/);
    expect(labels(entries)).toEqual([
      "● Connected to condor wow",
      expect.stringMatching(/^172\.16\.\d+\.\d+, \d+ of 11 peers$/),
      "─",
      "Disconnect condor wow",
      "Interface tap0",
      expect.stringMatching(/^Copy 172\.16\./),
      "Affiliations ▸",
      "Busiest peers ▸",
      "─",
      "Open Ringway",
      "Diagnostics",
      "─",
      "Quit and stay connected",
      "Disconnect and quit",
    ]);
    const busiest = entries.find((entry) => entry.kind === "menu" && entry.label === "Busiest peers");
    expect(busiest?.kind === "menu" && busiest.entries.length).toBeLessThanOrEqual(8);
  });

  const tap = (state: "up" | "down") => ({ name: "tap0", state, mtuBytes: 1332 });
  it.each([
    ["off", { affiliation: { state: "off" as const, interface: tap("down") } }, "disconnected", "○ Off"],
    ["connecting", { affiliation: { state: "connecting" as const } }, "connecting", "● Connecting to condor wow…"],
    [
      "the interface off",
      { affiliation: { interface: tap("down") } },
      "interface-off",
      "● On the ring of condor wow, interface off",
    ],
  ])("shows %s by its own icon and words", (_state, change, icon, line) => {
    const picture = pictureOf(snapshotOf(change));
    expect([picture.icon, labels(picture.entries)[0]]).toEqual([icon, line]);
  });

  it("names the first problem, and opens Diagnostics with it", () => {
    const warning = { code: "SUBNET_OVERLAP", text: "A lab network uses part of your range.", remedy: "Move it." };
    const { icon, entries } = pictureOf(snapshotOf({ affiliation: { warnings: [warning] } }));
    expect(icon).toBe("attention");
    expect(entries.find((entry) => entry.kind === "action" && entry.label.startsWith("1 problem"))).toMatchObject({
      label: "1 problem: A lab network uses part of your range.",
      action: { kind: "open", screen: "diagnostics" },
    });
  });

  it("offers no switch while no helper answers, and says why", () => {
    const error = { code: "HELPER_NOT_RUNNING" as const, text: "No helper answers.", remedy: "Start it." };
    const { icon, tooltip, entries } = pictureOf(snapshotOf(), { kind: "noHelper", host: null, error });
    expect([icon, tooltip]).toEqual(["attention", "Ringway: No helper answers."]);
    expect(labels(entries)).toEqual([
      "○ Off",
      "─",
      "1 problem: No helper answers.",
      "Open Ringway",
      "Diagnostics",
      "─",
      "Quit",
    ]);
  });

  it("has a checkbox for each affiliation, and of the eight busiest peers what a click copies", () => {
    const snapshot = snapshotOf();
    const [first] = snapshot.status.affiliations;
    if (first === undefined) throw new Error("The scripted world has no affiliation.");
    snapshot.status.affiliations.push({ ...first, name: "lss imaging", state: "off" });
    for (const [n, peer] of (snapshot.rings[0]?.peers ?? []).entries())
      Object.assign(peer, { rxBytesPerS: 1_000 * (n + 1), txBytesPerS: 0 });
    const menuOf = (label: string) => {
      const found = pictureOf(snapshot).entries.find((entry) => entry.kind === "menu" && entry.label === label);
      return found?.kind === "menu" ? found.entries : [];
    };
    expect(menuOf("Affiliations")).toMatchObject([
      { label: "condor wow", checked: true, action: { call: "disconnect", affiliation: "condor wow" } },
      { label: "lss imaging", checked: false, action: { call: "connect", affiliation: "lss imaging" } },
    ]);
    const peers = (snapshot.rings[0]?.peers ?? []).toReversed().slice(0, 8);
    expect(menuOf("Busiest peers")).toMatchObject(
      peers.map(({ name, virtualIp }) => ({
        label: `${name}  ${virtualIp}`,
        action: { kind: "copy", text: virtualIp },
      })),
    );
  });

  it("stays the same menu while only rates change, and chooses the busiest anew after 30 s", () => {
    const peers = snapshotOf().rings[0]?.peers ?? [];
    const busiest = new BusiestPeers();
    const rated = (rate: (n: number) => number) =>
      peers.map((peer, n) => ({ ...peer, rxBytesPerS: rate(n), txBytesPerS: 0 }));
    const namesOf = (chosen: readonly { name: string | null }[]) => chosen.map(({ name }) => name);
    const first = namesOf(
      busiest.of(
        0,
        "condor wow",
        rated((n) => n + 1),
      ),
    );
    expect(
      namesOf(
        busiest.of(
          29_999,
          "condor wow",
          rated((n) => 100 - n),
        ),
      ),
    ).toEqual(first);
    expect(
      namesOf(
        busiest.of(
          30_000,
          "condor wow",
          rated((n) => 100 - n),
        ),
      ),
    ).toEqual(namesOf(peers.slice(0, 8)));
    expect(busiest.of(30_001, "another", [])).toEqual([]);
  });

  it("shows names of others as text: cut, without marks that turn it round", () => {
    const names = ["\u202egnirts&desrever", `x${"y".repeat(199)}`];
    const snapshot = snapshotOf({ names });
    for (const peer of snapshot.rings[0]?.peers ?? []) peer.rxBytesPerS = names.includes(peer.name ?? "") ? 1e6 : 0;
    const menu = pictureOf(snapshot).entries.find((entry) => entry.kind === "menu" && entry.label === "Busiest peers");
    const shown = menu?.kind === "menu" ? labels(menu.entries).join("\n") : "";
    expect(shown).toContain("gnirts&&desrever");
    expect(shown).not.toContain("\u202e");
    expect(shown).toContain("y…");
  });
});
