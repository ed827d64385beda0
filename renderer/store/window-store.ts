/**
 * Everything that the window knows: the newest snapshot, how far it reaches, and what the user looks at. Lives outside
 * React, so that a tick re-renders the cells whose values changed and nothing else; read it through narrow selectors
 * that return stored values.
 */

import { createStore, type StoreApi } from "zustand/vanilla";
import {
  type AffiliationView,
  type ErrorView,
  errorView,
  type HelperSnapshot,
  type HistoryView,
  type RingView,
  type TraceView,
} from "#contract";
import type { Reach, WindowCalls } from "#contract/bridge.ts";
import type { SwitchCall } from "#contract/window-calls.ts";
import { type Noise, QUIET, type WindowBridge, type WindowEvent } from "../bridge/intake.ts";
import type { LinkKind } from "../features/ring-map/scene.ts";
import type { MessageId, Values } from "../words/words.tsx";
import { keep, kept } from "./kept.ts";
import { type Frame, frameAt, withFrame } from "./past.ts";
import { type Filter, type Peer, peersOf } from "./peers.ts";

/** What the user ordered and the helper has not yet shown; it expires. */
export interface Guess {
  readonly on: boolean;
  readonly until: number;
}

export type SwitchName = "ring" | "interface";

/** Switched off for good, or taken down for a moment because a setting changes. */
export type Cut = "off" | "change";

export interface WindowState {
  readonly reach: Reach;
  /** What is wrong with the messages that come in. */
  readonly noise: Noise;
  readonly snapshot: HelperSnapshot | undefined;
  /** When the newest snapshot came, by the window's monotonic clock; undefined before the first. */
  readonly newsAt: number | undefined;
  /** The same on the wall clock, for showing. */
  readonly newsTime: Date | undefined;
  /** Name of the affiliation shown. */
  readonly affiliationName: string | undefined;
  readonly affiliation: AffiliationView | undefined;
  readonly ring: RingView | undefined;
  readonly peers: ReadonlyMap<string, Peer>;
  /** Since when the affiliation shown has been connecting, as far as this window has seen it. */
  readonly connectingSince: number | undefined;
  readonly guesses: Readonly<Partial<Record<SwitchName, Guess>>>;
  /** What this page comes through would be switched off, or changed: the user is asked. */
  readonly cutting: { readonly iface: string; readonly how: Cut } | undefined;
  readonly fault: { readonly of: SwitchName; readonly error: ErrorView } | undefined;
  /** The peer that the inspector explains and the ring shows the way to. */
  readonly selected: string | undefined;
  /** Rows of the table that are marked for copying; the one selected is among them. */
  readonly marked: ReadonlySet<string>;
  readonly hovered: string | undefined;
  readonly filter: Filter;
  readonly look: RingLook;
  readonly past: readonly Frame[];
  /** The newest trace, drawn on the ring while its peer is selected. */
  readonly traced: TraceView | undefined;
  /** Whether single letters are keys (WCAG 2.1.4). */
  readonly letterKeys: boolean;
  /** The newest short word to the user, shown for some seconds. */
  readonly said: Said | undefined;
  /** What lies over the window, if anything. */
  readonly overlay: "command" | "keys" | undefined;
  /** What the helper last told of the past of the selected peer. */
  readonly recorded: HistoryView | undefined;
}

/** What the ring shows, kept while another screen is looked at. */
export interface RingLook {
  /** Kinds of link that are left out. */
  readonly hidden: ReadonlySet<LinkKind>;
  readonly widened: boolean;
  /** Also the links of other members, as far as they are known. */
  readonly allLinks: boolean;
  /** A moment of the last ten minutes, by the wall clock in milliseconds; undefined is now. */
  readonly at: number | undefined;
}

/** A message of the catalogue by its id. */
export interface Said {
  readonly id: MessageId;
  readonly values?: Values;
}

export type WindowStore = StoreApi<WindowState>;

export interface StoreOptions {
  readonly bridge: WindowBridge;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
  /** Where the keyboard goes when the inspector closes. */
  readonly onInspectorClosed?: () => void;
}

/** A guess is given up when the helper has not confirmed it by then. */
export const GUESS_MS = 5_000;

const LETTER_KEYS = "ringway.letterKeys";

const initial: WindowState = {
  reach: { kind: "opening" },
  noise: QUIET,
  snapshot: undefined,
  newsAt: undefined,
  newsTime: undefined,
  affiliationName: undefined,
  affiliation: undefined,
  ring: undefined,
  peers: new Map(),
  connectingSince: undefined,
  guesses: {},
  cutting: undefined,
  fault: undefined,
  selected: undefined,
  marked: new Set(),
  hovered: undefined,
  filter: { kind: "all", query: "" },
  look: { hidden: new Set(), widened: true, allLinks: false, at: undefined },
  past: [],
  traced: undefined,
  recorded: undefined,
  letterKeys: true,
  overlay: undefined,
  said: undefined,
};

/** The store and what a user can do to it. `close` ends the watch on the bridge. */
export interface WindowModel {
  readonly store: WindowStore;
  readonly clock: () => number;
  /** The helper's calls, for what is asked and shown once. */
  readonly calls: WindowCalls;
  setSwitch(name: SwitchName, on: boolean): Promise<void>;
  /** Asks before an affiliation is switched off or changed that this page comes through; true at once where it is not so. */
  mayCut(affiliation: string, how?: Cut): true | Promise<boolean>;
  /** The answer to that question. */
  answerCut(sure: boolean): void;
  /** Turns a switch over, where it may be turned. */
  toggleSwitch(name: SwitchName): void;
  dismissFault(): void;
  retry(): void;
  select(ringAddress: string | undefined): void;
  /** Marks rows; the one of a single row is also selected. */
  mark(ringAddresses: ReadonlySet<string>): void;
  hover(ringAddress: string | undefined): void;
  setLook(look: Partial<RingLook>): void;
  /** Ends the selection; the screen takes the keyboard back. */
  closeInspector(): void;
  trace(traced: TraceView): void;
  setLetterKeys(on: boolean): void;
  showOverlay(overlay: WindowState["overlay"]): void;
  announce(said: Said | undefined): void;
  record(recorded: HistoryView): void;
  setFilter(filter: Partial<Filter>): void;
  showAffiliation(name: string): void;
  close(): void;
}

export function createWindowModel({
  bridge,
  clock = () => performance.now(),
  onInspectorClosed = () => {},
}: StoreOptions): WindowModel {
  const store = createStore<WindowState>(() => ({ ...initial, letterKeys: kept(LETTER_KEYS) ?? true }));
  let answer: (sure: boolean) => void = () => {};
  const close = bridge.watch((event) => store.setState((state) => afterEvent(state, event, clock())));
  const model: WindowModel = {
    store,
    clock,
    calls: bridge,
    close,
    retry: () => bridge.retry(),
    dismissFault: () => store.setState({ fault: undefined }),
    select: (selected) => store.setState({ selected, marked: new Set(selected === undefined ? [] : [selected]) }),
    mark: (marked) => store.setState({ marked, ...(marked.size === 1 ? { selected: [...marked][0] } : {}) }),
    closeInspector: () => {
      store.setState({ selected: undefined, marked: new Set(), traced: undefined });
      onInspectorClosed();
    },
    trace: (traced) => store.setState({ traced }),
    setLetterKeys: (letterKeys) => {
      store.setState({ letterKeys });
      keep(LETTER_KEYS, letterKeys);
    },
    announce: (said) => store.setState({ said }),
    showOverlay: (overlay) => store.setState({ overlay }),
    record: (recorded) => store.setState({ recorded }),
    setLook: (look) => store.setState((state) => ({ look: { ...state.look, ...look } })),
    toggleSwitch(name) {
      const { affiliation, reach, guesses } = store.getState();
      if (affiliation === undefined || reach.kind !== "open" || reach.readOnly) return;
      if (name === "interface" && affiliation.state === "off") return;
      void model.setSwitch(name, !(guesses[name]?.on ?? isOn(affiliation, name)));
    },
    hover: (hovered) => {
      if (store.getState().hovered !== hovered) store.setState({ hovered });
    },
    setFilter: (filter) => store.setState((state) => ({ filter: { ...state.filter, ...filter } })),
    showAffiliation: (affiliationName) =>
      store.setState((state) => ({
        ...shown({ ...state, affiliationName }, state.snapshot, clock()),
        affiliationName,
        selected: undefined,
        marked: new Set(),
        guesses: {},
      })),
    mayCut(affiliation, how = "off") {
      const iface = cutBy(store.getState(), affiliation);
      if (iface === undefined) return true;
      answer(false); // A question that still stands is taken back.
      store.setState({ cutting: { iface, how } });
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
    answerCut(sure) {
      store.setState({ cutting: undefined });
      answer(sure);
    },
    async setSwitch(name, on) {
      const affiliation = store.getState().affiliation?.name;
      if (affiliation === undefined) return;
      const sure = on || model.mayCut(affiliation);
      if (sure !== true && !(await sure)) return;
      const guess: Guess = { on, until: clock() + GUESS_MS };
      store.setState((state) => ({ guesses: { ...state.guesses, [name]: guess }, fault: undefined }));
      try {
        const view = await bridge[callOf(name, on)]({ affiliation });
        store.setState((state) => (state.affiliation?.name === view.name ? { affiliation: view } : {}));
      } catch (error) {
        store.setState((state) => ({
          guesses: state.guesses[name] === guess ? without(state.guesses, name) : state.guesses,
          fault: { of: name, error: errorView(error) },
        }));
      }
    },
  };
  return model;
}

/** The interface that this page comes through, where it is that of the affiliation; undefined where it is not, or not known. */
function cutBy({ reach, snapshot }: WindowState, affiliation: string): string | undefined {
  if (reach.kind !== "open" || reach.through === undefined) return undefined;
  const view = snapshot?.status.affiliations.find(({ name }) => name === affiliation);
  if (view === undefined || view.interface.state === "down") return undefined;
  return [view.virtualIp, view.virtualIp6].includes(reach.through) ? view.interface.name : undefined;
}

function callOf(name: SwitchName, on: boolean): SwitchCall {
  if (name === "ring") return on ? "connect" : "disconnect";
  return on ? "up" : "down";
}

/** The state after one event of the bridge. */
export function afterEvent(state: WindowState, event: WindowEvent, now: number): WindowState {
  if (event.kind === "noise") return { ...state, noise: event.noise };
  if (event.kind === "reach") {
    // Said again and again, it wakes nobody.
    return JSON.stringify(event.reach) === JSON.stringify(state.reach) ? state : { ...state, reach: event.reach };
  }
  const { snapshot } = event;
  return {
    ...state,
    snapshot,
    newsAt: now,
    newsTime: new Date(),
    ...shown(state, snapshot, now),
  };
}

/** What of a snapshot is shown: the affiliation chosen, else the first. */
function shown(state: WindowState, snapshot: HelperSnapshot | undefined, now: number): Partial<WindowState> {
  const affiliations = snapshot?.status.affiliations ?? [];
  const affiliation = affiliations.find(({ name }) => name === state.affiliationName) ?? affiliations[0];
  const part = snapshot?.rings.find((ring) => ring.affiliation === affiliation?.name);
  const sameOne = affiliation?.id === state.affiliation?.id;
  const peers = part ? peersOf(part.peers, part.ring, sameOne ? state.peers : new Map()) : new Map<string, Peer>();
  return {
    affiliation,
    ring: part?.ring,
    peers,
    past: part ? withFrame(sameOne ? state.past : [], { at: Date.now(), self: part.ring.self, peers }) : [],
    connectingSince:
      affiliation?.state === "connecting" ? ((sameOne ? state.connectingSince : undefined) ?? now) : undefined,
    guesses: openGuesses(state.guesses, affiliation, now),
    selected: state.selected !== undefined && peers.has(state.selected) ? state.selected : undefined,
    marked: stillThere(state.marked, peers),
    hovered: state.hovered !== undefined && peers.has(state.hovered) ? state.hovered : undefined,
  };
}

/** The ring that is looked at: as it is, or as it was. */
export function ringShown(state: WindowState): Frame["peers"] {
  return (state.look.at === undefined ? undefined : frameAt(state.past, state.look.at)?.peers) ?? state.peers;
}

/** The same set while everybody in it is there. */
function stillThere(marked: ReadonlySet<string>, peers: ReadonlyMap<string, Peer>): ReadonlySet<string> {
  for (const address of marked) {
    if (!peers.has(address)) return new Set([...marked].filter((each) => peers.has(each)));
  }
  return marked;
}

function openGuesses(
  guesses: WindowState["guesses"],
  affiliation: AffiliationView | undefined,
  now: number,
): WindowState["guesses"] {
  let open = guesses;
  for (const name of ["ring", "interface"] as const) {
    const guess = guesses[name];
    if (guess && (affiliation === undefined || now >= guess.until || isOn(affiliation, name) === guess.on)) {
      open = without(open, name);
    }
  }
  return open;
}

function without(guesses: WindowState["guesses"], name: SwitchName): WindowState["guesses"] {
  const { [name]: _gone, ...rest } = guesses;
  return rest;
}

/** Whether a switch of the window stands on by what the helper says. */
export function isOn(affiliation: AffiliationView, name: SwitchName): boolean {
  return name === "ring" ? affiliation.state !== "off" : affiliation.interface.state === "up";
}
