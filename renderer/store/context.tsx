/** The window's model for components, and the second hand of the window. */
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
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
