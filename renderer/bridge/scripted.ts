/**
 * The bridge of `npm run dev:web` and of tests: plays any state of the window from a script. It obeys the calls as a
 * helper would (a switch takes a moment), and a test moves its time by hand.
 */
import {
  type AffiliationSettings,
  type AffiliationView,
  type Args,
  HelperError,
  type HelperSnapshot,
  type Reply,
} from "#contract";
import type { Reach, WindowCall } from "#contract/bridge.ts";
import { isLooking, type MeasureCall, type SwitchCall } from "#contract/window-calls.ts";
import { Intake, type WindowBridge, type WindowEvent } from "./intake.ts";
import { changedSettings, type JoinTrouble, scriptedPreview, scriptedSettings } from "./scripted-administration.ts";
import { ScriptedMeasures } from "./scripted-measures.ts";
import { scriptedReasons } from "./scripted-reasons.ts";
import { makeWorld, type World, type WorldChange } from "./world.ts";

declare global {
  interface Window {
    /** The bridge of the scripted page, for its tests. */
    scripted?: ScriptedBridge;
  }
}

/** The states that a person can choose on the development page; tests walk through all of them. */
export const scenes = {
  connected: { reach: "open" },
  connecting: { reach: "open", affiliation: { state: "connecting", natKind: "unknown" }, alone: true },
  noBootstrap: {
    reach: "open",
    alone: true,
    affiliation: {
      state: "connecting",
      natKind: "unknown",
      reason: "None of the 2 start addresses answers; trying again every 15 seconds.",
      reasonCode: "noStartAddressAnswers",
      interface: { name: "tap0", state: "down", mtuBytes: 1332 },
    },
  },
  /** Connecting takes long; the clock of a test has to move for it. */
  connectingLong: { reach: "open", affiliation: { state: "connecting", natKind: "unknown" }, alone: true },
  noProof: {
    reach: "open",
    affiliation: {
      state: "connecting",
      reason: "No member has answered for 14 s; trying other ways.",
      reasonCode: "nobodyAnswers",
      silentS: 14,
    },
  },
  leaseLost: {
    reach: "open",
    affiliation: {
      virtualIp: "172.16.44.2",
      warnings: [
        {
          code: "virtualIpChanged",
          text: "Another member (9f0c2d11) holds 172.16.1.5 by the older claim, since two rings became one.",
          remedy: "Nothing to do; programs that know this computer by the old address need the new one.",
          values: { old: "172.16.1.5", new: "172.16.44.2" },
        },
      ],
    },
  },
  off: {
    reach: "open",
    alone: true,
    affiliation: { state: "off", interface: { name: "tap0", state: "down", mtuBytes: 1332 } },
  },
  interfaceOff: {
    reach: "open",
    affiliation: { interface: { name: "tap0", state: "down", mtuBytes: 1332 }, interfaceWanted: false },
  },
  alone: { reach: "open", alone: true },
  failed: {
    reach: "open",
    alone: true,
    affiliation: {
      state: "failed",
      reason: "UDP port 15000 belongs to another program.",
      interface: { name: "tap0", state: "down", mtuBytes: 1332 },
    },
  },
  overlap: {
    reach: "open",
    affiliation: {
      interface: { name: "tap0", state: "down", mtuBytes: 1332 },
      warnings: [
        {
          code: "SUBNET_OVERLAP",
          text: "172.16.0.0/16 overlaps 172.16.4.0/24 of virbr1 on this computer, so tap0 stays down.",
          remedy: "Move virbr1 to another range, then turn tap0 on.",
        },
      ],
    },
  },
  strangeNames: {
    reach: "open",
    names: [
      "<img src=x onerror=alert(1)>",
      `long-${"x".repeat(195)}`,
      "\u202egnirts-desrever",
      "👩‍🔬-lab-🧪",
      "</script><script>alert(1)</script>",
    ],
  },
  reasons: { reach: "open", reasons: scriptedReasons },
  joinClash: { reach: "open", join: "clash" },
  joinOwnClash: { reach: "open", join: "ownClash" },
  readOnly: { reach: "readOnly" },
  noAffiliation: { reach: "open", none: true },
  opening: { reach: "opening", silent: true },
  noHelper: { reach: "noHelper", silent: true },
  notAllowed: { reach: "notAllowed", silent: true },
  mismatch: { reach: "mismatch", silent: true },
  mismatchNewer: { reach: "mismatchNewer", silent: true },
  helperStopped: { reach: "noHelper", silent: "later" },
  stale: { reach: "open", silent: "later" },
  noServer: { reach: "noServer", silent: "later" },
  expired: { reach: "expired", silent: true },
  garbled: { reach: "open", silent: "later", noise: "garbled" },
  garbledAtOnce: { reach: "open", silent: true, noise: "garbled" },
  flood: { reach: "open", noise: "flood" },
} as const satisfies Record<string, Scene>;

export type SceneName = keyof typeof scenes;
export const sceneNames = Object.keys(scenes) as SceneName[];
export const worldSizes = [11, 118, 1000] as const;

interface Scene extends WorldChange {
  readonly reach:
    | "open"
    | "readOnly"
    | "opening"
    | "noHelper"
    | "notAllowed"
    | "mismatch"
    | "mismatchNewer"
    | "noServer"
    | "expired";
  /** No snapshot at all, or none after the first. */
  readonly silent?: true | "later";
  /** What comes in besides: messages of a wrong shape, or far too many. */
  readonly noise?: "garbled" | "flood";
  /** What stands in the way of joining. */
  readonly join?: JoinTrouble;
}

const FLOOD_PER_S = 10_000;
const FLOOD_EVERY_MS = 20;

export interface ScriptedOptions {
  readonly scene?: SceneName;
  readonly peers?: number;
  /** How long a call takes to show, in ms. */
  readonly delayMs?: number;
}

export class ScriptedBridge implements WindowBridge {
  readonly #listeners = new Set<(event: WindowEvent) => void>();
  #scene: Scene;
  #world: World;
  #override: Partial<AffiliationView> = {};
  #reach: Reach = { kind: "opening" };
  #told = false;
  readonly #measures = new ScriptedMeasures();
  #settings: AffiliationSettings = scriptedSettings;
  readonly #delayMs: number;
  /** The newest snapshot: measures are those of its moment. */
  #last: HelperSnapshot | undefined;
  readonly #intake = new Intake({
    hear: (event) => this.#send(event),
    other: (message) => message.kind === "reach" && this.#send(message),
    lost: () => this.#begin(),
  });
  #flooding: ReturnType<typeof setInterval> | undefined;
  /** Calls made so far, for tests. */
  readonly made: { readonly call: WindowCall; readonly affiliation: string | undefined }[] = [];

  /** The affiliations as the helper would tell them now, for tests. */
  get shown(): readonly AffiliationView[] {
    return this.#snapshot().status.affiliations;
  }

  /** Changes of settings that were asked for. */
  readonly configured: Args<"configure">["change"][] = [];

  constructor({ scene = "connected", peers = 118, delayMs = 400 }: ScriptedOptions = {}) {
    this.#scene = scenes[scene];
    this.#world = makeWorld(peers);
    this.#delayMs = delayMs;
  }

  /** Changes to another state; the world stays. */
  play(scene: SceneName): void {
    this.#scene = scenes[scene];
    this.#override = {};
    this.#told = false;
    this.#begin();
  }

  watch(listener: (event: WindowEvent) => void): () => void {
    this.#listeners.add(listener);
    this.#begin();
    return () => this.#listeners.delete(listener);
  }

  /** One second of the helper: sends the next snapshot unless the scene is silent. */
  tick(): void {
    if (this.#scene.noise === "garbled" && this.#told)
      return this.#intake.take({ kind: "snapshot", snapshot: { seq: "x" } });
    if (this.#scene.silent === true || (this.#scene.silent === "later" && this.#told)) return;
    this.#told = true;
    this.#send({ kind: "snapshot", snapshot: this.#snapshot() });
  }

  retry(): void {
    this.#begin();
  }

  connect = (args: { affiliation?: string }) => this.#call("connect", args, { state: "connected" });
  disconnect = (args: { affiliation?: string }) => this.#call("disconnect", args, { state: "off" });
  up = (args: { affiliation?: string }) => this.#call("up", args, { interface: tap("up"), interfaceWanted: true });
  down = (args: { affiliation?: string }) =>
    this.#call("down", args, { interface: tap("down"), interfaceWanted: false });
  peer = (args: Args<"peer">) => this.#measure("peer", args);
  ping = (args: Args<"ping">) => this.#measure("ping", args);
  trace = (args: Args<"trace">) => this.#measure("trace", args);
  speed = (args: Args<"speed">) => this.#measure("speed", args);
  doctor = (args: Args<"doctor">) => this.#measure("doctor", args);
  history = (args: Args<"history">) => this.#measure("history", args);
  throughput = (args: Args<"throughput">) => this.#measure("throughput", args);
  export = (args: Args<"export">) => this.#measure("export", args);
  walk = (args: Args<"walk">) => this.#measure("walk", args);
  tryDirect = (args: Args<"tryDirect">) => this.#measure("tryDirect", args);
  shortcut = (args: Args<"shortcut">) => this.#measure("shortcut", args);

  preview = async (args: Args<"preview">) => {
    this.#made("preview", undefined);
    return scriptedPreview(args, this.#scene.join);
  };
  join = async (args: Args<"join">) => {
    this.#made("join", undefined);
    const { affiliation } = scriptedPreview(args, undefined);
    this.#scene = scenes.connected;
    return this.#show({ name: affiliation, state: "connected" });
  };
  leave = async ({ affiliation }: Args<"leave">) => {
    this.#made("leave", affiliation);
    this.play("noAffiliation");
    return { affiliation };
  };
  configure = async (args: Args<"configure">) => {
    this.#made("configure", args.affiliation);
    this.configured.push(args.change);
    this.#settings = changedSettings(this.#settings, args);
    return this.#settings;
  };

  #begin(): void {
    // A silent later scene first shows a whole picture, then falls silent.
    if (this.#scene.silent === "later") {
      this.#tell({ kind: "open", host: null, readOnly: false });
      this.tick();
    }
    this.#tell(reachOf(this.#scene));
    if (this.#scene.noise === "garbled") this.#intake.take({ kind: "snapshot", snapshot: { seq: "x" } });
    clearInterval(this.#flooding);
    if (this.#scene.noise === "flood") this.#flooding = setInterval(() => this.#flood(), FLOOD_EVERY_MS);
    if (this.#scene.silent === undefined) this.tick();
  }

  /** Some 10,000 messages a second: pictures, their likes of a wrong shape, and others. */
  #flood(): void {
    const picture = JSON.stringify({ kind: "snapshot", snapshot: this.#snapshot() });
    for (let message = 0; message < (FLOOD_PER_S * FLOOD_EVERY_MS) / 1_000; message++) {
      this.#intake.take(
        message % 2 === 0 ? picture : { kind: "reach", reach: { kind: "open", host: null, readOnly: false } },
      );
    }
  }

  #tell(reach: Reach): void {
    this.#reach = reach;
    this.#send({ kind: "reach", reach });
  }

  #send(event: WindowEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #call(call: SwitchCall, { affiliation }: { affiliation?: string }, change: Partial<AffiliationView>) {
    this.#made(call, affiliation);
    if (call === "up" && this.#scene === scenes.overlap) {
      const { text, remedy } = scenes.overlap.affiliation.warnings[0];
      throw new HelperError("SUBNET_OVERLAP", text, remedy);
    }
    if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    if (this.#scene.alone && call === "connect") this.#scene = scenes.connected;
    return this.#show(change);
  }

  /** Sends the state with a change in it, and gives the affiliation as it is then. */
  #show(change: Partial<AffiliationView>): AffiliationView {
    this.#override = { ...this.#override, ...change };
    const snapshot = this.#snapshot();
    this.#send({ kind: "snapshot", snapshot });
    const view = snapshot.status.affiliations[0];
    if (view === undefined) throw new HelperError("UNKNOWN_AFFILIATION", "There is no affiliation.", "Join one first.");
    return view;
  }

  async #measure<N extends MeasureCall>(call: N, args: Args<N>): Promise<Reply<N>> {
    this.#made(call, args.affiliation);
    if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    return this.#measures.answer(call, args, this.#last ?? this.#snapshot());
  }

  #made(call: WindowCall, affiliation: string | undefined): void {
    this.made.push({ call, affiliation });
    if (this.#reach.kind !== "open") {
      throw new HelperError("HELPER_NOT_RUNNING", "No helper answers.", "Start it: sudo ringway helper");
    }
    if (!this.#reach.readOnly || isLooking(call)) return;
    throw new HelperError("NOT_ALLOWED", "This page was opened for looking only.", "Start it without --read-only.");
  }

  #snapshot() {
    const change = { ...this.#scene.affiliation, ...this.#override };
    this.#last = this.#world.next({ ...this.#scene, affiliation: change, walked: this.#measures.walked });
    return this.#last;
  }
}

function tap(state: "up" | "down"): AffiliationView["interface"] {
  return { name: "tap0", state, mtuBytes: 1332 };
}

function reachOf(scene: Scene): Reach {
  switch (scene.reach) {
    case "open":
    case "readOnly":
      return { kind: "open", host: null, readOnly: scene.reach === "readOnly" };
    case "opening":
      return { kind: "opening" };
    case "noServer":
    case "expired":
      return { kind: scene.reach, host: "c01-n000" };
    case "noHelper":
      return noHelper(
        "HELPER_NOT_RUNNING",
        "No helper answers on /run/ringway/ringway.sock.",
        "Start it: sudo ringway helper",
      );
    case "notAllowed":
      return noHelper(
        "NOT_ALLOWED",
        "The helper refuses this account.",
        "Ask for your account to be added to the group ringway.",
      );
    case "mismatch":
      return noHelper(
        "VERSION_MISMATCH",
        "The helper is Ringway 0.0.9 and speaks version 1 of its calls, this program version 2.",
        "Install the same version of Ringway on both sides and restart the helper.",
        { helper: "0.0.9" },
      );
    case "mismatchNewer":
      return noHelper(
        "VERSION_MISMATCH",
        "The helper is Ringway 0.3.0 and speaks version 3 of its calls, this program version 2.",
        "Install the same version of Ringway on both sides and restart the helper.",
        { helper: "0.3.0" },
      );
  }
}

function noHelper(
  code: HelperError["code"],
  text: string,
  remedy: string,
  values?: Readonly<Record<string, string>>,
): Reach {
  return { kind: "noHelper", host: null, error: { code, text, remedy, ...(values && { values }) } };
}
