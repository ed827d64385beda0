import { useCallback } from "react";
import { useAsked } from "../../store/asking.ts";
import { useModel, useWindow } from "../../store/context.tsx";

const WALK_EVERY_MS = 5_000;

/** While a screen shows the whole ring, the helper goes on learning who is on it. */
export function useWalk(): void {
  const model = useModel();
  const affiliation = useWindow((state) => state.affiliation?.name);
  const ask = useCallback(
    () => model.calls.walk(affiliation === undefined ? {} : { affiliation }),
    [model, affiliation],
  );
  useAsked(affiliation === undefined ? undefined : ask, WALK_EVERY_MS);
}
