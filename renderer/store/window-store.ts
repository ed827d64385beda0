/**
 * Everything that the window knows: the newest snapshot, how far it reaches, and what the user looks at. Lives outside
 * React, so that a tick re-renders the cells whose values changed and nothing else; read it through narrow selectors
 * that return stored values.
 */

import { createStore, type StoreApi } from "zustand/vanilla";
import { type AffiliationView, type ErrorView, errorView, type HelperSnapshot, type RingView } from "#contract";
import type { Bridge, BridgeEvent, Reach } from "#contract/bridge.ts";
import type { SwitchCall } from "#contract/window-calls.ts";
import { type Filter, type Peer, peersOf } from "./peers.ts";

/** What the user ordered and the helper has not yet shown; it expires. */
export interface Guess {
  readonly on: boolean;
  readonly until: number;
}

export type SwitchName = "ring" | "interface";

export interface WindowState {
  readonly reach: Reach;
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
  readonly fault: { readonly of: SwitchName; readonly error: ErrorView } | undefined;
  readonly selected: string | undefined;
  readonly hovered: string | undefined;
  readonly filter: Filter;
}

export type WindowStore = StoreApi<WindowState>;

export interface StoreOptions {
  readonly bridge: Bridge;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
}

/** A guess is given up when the helper has not confirmed it by then. */
export const GUESS_MS = 5_000;

const initial: WindowState = {
  reach: { kind: "opening" },
  snapshot: undefined,
  newsAt: undefined,
  newsTime: undefined,
  affiliationName: undefined,
  affiliation: undefined,
  ring: undefined,
  peers: new Map(),
  connectingSince: undefined,
  guesses: {},
  fault: undefined,
  selected: undefined,
  hovered: undefined,
  filter: { kind: "all", query: "" },
};

/** The store and what a user can do to it. `close` ends the watch on the bridge. */
export interface WindowModel {
  readonly store: WindowStore;
  readonly clock: () => number;
  setSwitch(name: SwitchName, on: boolean): Promise<void>;
  dismissFault(): void;
  retry(): void;
  select(ringAddress: string | undefined): void;
  hover(ringAddress: string | undefined): void;
  setFilter(filter: Partial<Filter>): void;
  showAffiliation(name: string): void;
  close(): void;
}

export function createWindowModel({ bridge, clock = () => performance.now() }: StoreOptions): WindowModel {
  const store = createStore<WindowState>(() => initial);
  const close = bridge.watch((event) => store.setState((state) => afterEvent(state, event, clock())));
  return {
    store,
    clock,
    close,
    retry: () => bridge.retry(),
    dismissFault: () => store.setState({ fault: undefined }),
    select: (selected) => store.setState({ selected }),
    hover: (hovered) => {
      if (store.getState().hovered !== hovered) store.setState({ hovered });
    },
    setFilter: (filter) => store.setState((state) => ({ filter: { ...state.filter, ...filter } })),
    showAffiliation: (affiliationName) =>
      store.setState((state) => ({
        ...shown({ ...state, affiliationName }, state.snapshot, clock()),
        affiliationName,
        selected: undefined,
        guesses: {},
      })),
    async setSwitch(name, on) {
      const affiliation = store.getState().affiliation?.name;
      if (affiliation === undefined) return;
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
}

function callOf(name: SwitchName, on: boolean): SwitchCall {
  if (name === "ring") return on ? "connect" : "disconnect";
  return on ? "up" : "down";
}

/** The state after one event of the bridge. */
export function afterEvent(state: WindowState, event: BridgeEvent, now: number): WindowState {
  if (event.kind === "reach") return { ...state, reach: event.reach };
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
    connectingSince:
      affiliation?.state === "connecting" ? ((sameOne ? state.connectingSince : undefined) ?? now) : undefined,
    guesses: openGuesses(state.guesses, affiliation, now),
    selected: state.selected !== undefined && peers.has(state.selected) ? state.selected : undefined,
    hovered: state.hovered !== undefined && peers.has(state.hovered) ? state.hovered : undefined,
  };
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
