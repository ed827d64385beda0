import { describe, expect, it } from "vitest";
import type { AffiliationView } from "#contract";
import { defaultSettings } from "#contract/app-bridge.ts";
import type { Reach } from "#contract/bridge.ts";
import { makeWorld } from "../../renderer/bridge/world.ts";
import { Notifier } from "./notifications.ts";

const open: Reach = { kind: "open", host: null, readOnly: false };
const gone: Reach = {
  kind: "noHelper",
  host: null,
  error: { code: "HELPER_NOT_RUNNING", text: "No helper answers.", remedy: "Start it." },
};
const t = (id: string) => id;

function notifier(settings = defaultSettings) {
  const world = makeWorld(11);
  const machine = new Notifier();
  return (at: number, affiliation: Partial<AffiliationView> = {}, reach = open) =>
    machine.step(at, reach, world.next({ affiliation }), settings, t).map(({ title, opens }) => `${title} > ${opens}`);
}

describe("notifications", () => {
  it("tell a connection that stays lost for 10 s, once, and then that it is back", () => {
    const step = notifier();
    expect(step(0)).toEqual([]);
    expect(step(1_000, { state: "connecting" })).toEqual([]);
    expect(step(11_000, { state: "connecting" })).toEqual([]);
    expect(step(11_001, { state: "connecting" })).toEqual(["notify.lost > diagnostics"]);
    expect(step(20_000, { state: "connecting" })).toEqual([]);
    expect(step(21_000)).toEqual(["notify.back > overview"]);
    expect(step(22_000)).toEqual([]);
  });

  it("say nothing of a short break, of what the user did, or of the first connection", () => {
    const step = notifier();
    expect(step(0, { state: "connecting" })).toEqual([]);
    expect(step(60_000, { state: "connecting" })).toEqual([]);
    expect(step(61_000)).toEqual([]);
    expect(step(62_000, { state: "connecting" })).toEqual([]);
    expect(step(70_000)).toEqual([]);
    expect(step(71_000, { state: "off" })).toEqual([]);
    expect(step(99_000, { state: "off" })).toEqual([]);
    expect(step(99_500, { state: "connecting" })).toEqual([]);
    expect(step(199_000, { state: "connecting" })).toEqual([]);
  });

  it("count a helper that ended as lost", () => {
    const step = notifier();
    step(0);
    expect(step(1_000, {}, gone)).toEqual([]);
    expect(step(12_000, {}, gone)).toEqual(["notify.lost > diagnostics"]);
  });

  it("tell a problem that is new, not one that was there", () => {
    const step = notifier();
    const warning = (text: string) => ({ code: "SUBNET_OVERLAP", text, remedy: "Move it." });
    expect(step(0, { warnings: [warning("a")] })).toEqual([]);
    expect(step(1, { warnings: [warning("a"), warning("b")] })).toEqual(["b > diagnostics"]);
    expect(step(2, { warnings: [warning("a"), warning("b")] })).toEqual([]);
  });

  it("are switched off one kind at a time", () => {
    const step = notifier({ ...defaultSettings, notifyLost: false });
    step(0);
    step(1_000, { state: "connecting" });
    expect(step(20_000, { state: "connecting" })).toEqual([]);
    expect(step(21_000)).toEqual([]);
    expect(step(22_000, { warnings: [{ code: "X", text: "x", remedy: "y" }] })).toEqual(["x > diagnostics"]);
  });
});
