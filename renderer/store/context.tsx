/** The window's model for components, and the second hand of the window. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { useStore } from "zustand";
import type { WindowModel, WindowState } from "./window-store.ts";

const Context = createContext<WindowModel | undefined>(undefined);

export function ModelProvider({ model, children }: { readonly model: WindowModel; readonly children: ReactNode }) {
  return <Context value={model}>{children}</Context>;
}

export function useModel(): WindowModel {
  const model = useContext(Context);
  if (model === undefined) throw new Error("A view of the window stands outside ModelProvider.");
  return model;
}

/** A stored value of the window; give a narrow selector that returns what is stored, not something new. */
export function useWindow<T>(selector: (state: WindowState) => T): T {
  return useStore(useModel().store, selector);
}

/** The window's clock, read once a second. */
export function useNow(): number {
  const { clock } = useModel();
  const [now, setNow] = useState(clock);
  useEffect(() => {
    const timer = setInterval(() => setNow(clock()), 1000);
    return () => clearInterval(timer);
  }, [clock]);
  return now;
}

/**
 * What follows from the state and the time, looked at with each change and each second, and drawn again only when it
 * comes out different. The selector may build a small new object; times in it are to be whole seconds.
 */
export function useDerived<T>(select: (state: WindowState, now: number) => T): T {
  const { store, clock } = useModel();
  const kept = useRef<{ readonly value: T; readonly text: string }>(undefined);
  const subscribe = useCallback(
    (wake: () => void) => {
      const stop = store.subscribe(wake);
      const timer = setInterval(wake, 1000);
      return () => {
        stop();
        clearInterval(timer);
      };
    },
    [store],
  );
  return useSyncExternalStore(subscribe, () => {
    const value = select(store.getState(), clock());
    const text = JSON.stringify(value) ?? "";
    if (kept.current?.text !== text) kept.current = { value, text };
    return kept.current.value;
  });
}
