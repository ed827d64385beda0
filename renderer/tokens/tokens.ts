// Made from tokens.json by build.mjs; edit that file instead.

/** Dash pattern of each kind of link, in CSS pixels; empty is solid. */
export const linkDash = {
  near: [],
  far: [9, 5],
  shortcut: [],
  relay: [7, 4, 1.5, 4],
  leaf: [1.5, 4],
  routed: [2, 2],
} as const satisfies Record<string, readonly number[]>;

/** Stroke width of each kind of link, in CSS pixels. */
export const linkWidth = {
  near: 2,
  far: 1.5,
  shortcut: 3,
  relay: 2,
  leaf: 1.75,
  path: 2,
} as const;

/** Height of one row of the peers table, in CSS pixels. */
export const rowHeight = 36;

/** Smallest and first size of the window, in CSS pixels. */
export const windowSize = {
  minWidth: 720,
  minHeight: 560,
  width: 1180,
  height: 780,
} as const;
