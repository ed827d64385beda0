/** Planted faults of the engine: switched on in the simulator alone, to prove that its checkers find them. */
export const BREAKABLE = {
  "lease-quorum":
    "an owner takes one consent for a majority, whatever is held, and replicas let another's lease be replaced",
  "past-peers": "a node that has edges asks no start address and no past peer: rings that were parted never meet again",
  "trim-near": "an edge between ring neighbours is closed like any other when it is old enough",
} as const satisfies Record<string, string>;

export type Breakable = keyof typeof BREAKABLE;

export interface Debug {
  readonly broken: ReadonlySet<Breakable>;
}
