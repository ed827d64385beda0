import { afterEach, describe, expect, it, vi } from "vitest";
import { HelperError } from "#contract";
import { type WindowCalls, windowCalls } from "#contract/bridge.ts";
import type { WindowBridge, WindowEvent } from "../bridge/intake.ts";
import { type SceneName, ScriptedBridge } from "../bridge/scripted.ts";
import { conditionOf, connectProgress, STALE_AFTER_MS, stateOf, troubleOf } from "./condition.ts";
import { createWindowModel, GUESS_MS, type WindowModel } from "./window-store.ts";

let now = 0;
const models: WindowModel[] = [];

function modelOf(bridge: WindowBridge): WindowModel {
  const model = createWindowModel({ bridge, clock: () => now });
  models.push(model);
  return model;
}

function open(scene: SceneName = "connected") {
  const bridge = new ScriptedBridge({ scene, peers: 11, delayMs: 0 });
  const model = modelOf(bridge);
  return { bridge, model, state: () => model.store.getState() };
}

afterEach(() => {
  for (const model of models.splice(0)) model.close();
  now = 0;
});

describe("the state", () => {
  it.each([
    ["connected", "connected"],
    ["connecting", "connecting"],
    ["off", "off"],
    ["interfaceOff", "interfaceOff"],
    ["failed", "failed"],
  ] as const)("of scene %s is %s", (scene, expected) => {
    const { state } = open(scene);
    const { affiliation, reach, snapshot } = state();
    expect(affiliation && stateOf(affiliation)).toBe(expected);
    expect(conditionOf(reach, snapshot, affiliation)).toEqual({ kind: "affiliation", state: expected });
  });

  it.each([
    ["opening", "opening"],
    ["noHelper", "noHelper"],
    ["expired", "expired"],
    ["noAffiliation", "noAffiliation"],
  ] as const)("without a picture, of scene %s, is %s", (scene, kind) => {
    const { state } = open(scene);
    expect(conditionOf(state().reach, state().snapshot, state().affiliation).kind).toBe(kind);
  });

  it("keeps the last picture while the helper is stopped, and says what is wrong", () => {
    const { state } = open("helperStopped");
    expect(conditionOf(state().reach, state().snapshot, state().affiliation).kind).toBe("affiliation");
    expect(troubleOf(state().reach, state().newsAt, now)).toMatchObject({ kind: "noHelper" });
  });

  it("is old after 5 s without news and new again with the next snapshot", () => {
    const { bridge, state } = open();
    now = STALE_AFTER_MS;
    expect(troubleOf(state().reach, state().newsAt, now)).toBeUndefined();
    now++;
    expect(troubleOf(state().reach, state().newsAt, now)).toEqual({ kind: "stale", silentMs: STALE_AFTER_MS + 1 });
    bridge.tick();
    expect(troubleOf(state().reach, state().newsAt, now)).toBeUndefined();
  });
});

describe("connecting", () => {
  it("is at its second step until a link is open", () => {
    const { affiliation } = open("noBootstrap").state();
    if (affiliation === undefined) throw new Error("no affiliation");
    expect(connectProgress(affiliation)).toEqual({ done: new Set(["helper"]), now: "neighbours" });
    const linked = { ...affiliation, links: { ...affiliation.links, leaf: 1 } };
    expect(connectProgress(linked).now).toBe("confirm");
    expect(connectProgress({ ...linked, state: "connected" }).now).toBe("interface");
  });

  it("counts from when this window first saw it", () => {
    now = 1_000;
    const { bridge, state } = open("connecting");
    now = 9_000;
    bridge.tick();
    expect(state().connectingSince).toBe(1_000);
    bridge.play("connected");
    expect(state().connectingSince).toBeUndefined();
  });
});

describe("a switch", () => {
  /** A bridge whose calls a test answers by hand. */
  function slowBridge() {
    let listener: ((event: WindowEvent) => void) | undefined;
    const world = new ScriptedBridge({ peers: 11, delayMs: 0 });
    let answer: { resolve: () => void; reject: (error: Error) => void } | undefined;
    const call = vi.fn(
      () =>
        new Promise<never>((resolve, reject) => {
          answer = { resolve: () => resolve(model.store.getState().affiliation as never), reject };
        }),
    );
    const bridge: WindowBridge = {
      ...(Object.fromEntries(windowCalls.map((name) => [name, call])) as unknown as WindowCalls),
      retry: () => {},
      watch: (hear) => {
        listener = hear;
        return world.watch(hear);
      },
    };
    const model = modelOf(bridge);
    return {
      model,
      call,
      tick: () => world.tick(),
      tell: (event: WindowEvent) => listener?.(event),
      answer: () => answer,
    };
  }

  it("shows the order at once and gives the guess up when the helper does not follow", async () => {
    const { model, tick } = slowBridge();
    void model.setSwitch("interface", false);
    expect(model.store.getState().guesses.interface?.on).toBe(false);
    tick();
    expect(model.store.getState().guesses.interface?.on).toBe(false);
    now = GUESS_MS;
    tick();
    expect(model.store.getState().guesses.interface).toBeUndefined();
  });

  it("drops the guess and keeps the reason when the helper refuses", async () => {
    const { model, answer } = slowBridge();
    const order = model.setSwitch("ring", false);
    answer()?.reject(new HelperError("NOT_ALLOWED", "Not you.", "Ask."));
    await order;
    expect(model.store.getState().guesses.ring).toBeUndefined();
    expect(model.store.getState().fault).toEqual({
      of: "ring",
      error: { code: "NOT_ALLOWED", text: "Not you.", remedy: "Ask." },
    });
    model.dismissFault();
    expect(model.store.getState().fault).toBeUndefined();
  });

  it("confirms the guess with the snapshot that shows it", async () => {
    const { model, bridge, state } = open();
    await model.setSwitch("interface", false);
    expect(state().affiliation?.interface.state).toBe("down");
    expect(state().guesses).toEqual({});
    expect(bridge.made).toEqual([{ call: "down", affiliation: "condor wow" }]);
  });

  it("does nothing without an affiliation", async () => {
    const { model, bridge } = open("noAffiliation");
    await model.setSwitch("ring", true);
    expect(bridge.made).toEqual([]);
  });
});

describe("what is looked at", () => {
  it("stays selected from snapshot to snapshot, and not when it has left", () => {
    const { bridge, model, state } = open();
    const [address] = state().peers.keys();
    model.select(address);
    model.hover(address);
    bridge.tick();
    expect(state().selected).toBe(address);
    bridge.play("alone");
    expect([state().selected, state().hovered]).toEqual([undefined, undefined]);
  });

  it("does not wake readers of peers that did not change", () => {
    const { bridge, state } = open();
    const before = state().peers;
    bridge.tick();
    const unchanged = [...state().peers].filter(([address, peer]) => before.get(address) === peer);
    expect(unchanged.length).toBeGreaterThan(0);
    expect(state().peers).not.toBe(before);
  });
});
