/** Size of a new window in CSS pixels, and the least that it can have; the same numbers as in renderer/tokens/tokens.json. */
export const windowSize = { width: 1180, height: 780, minWidth: 720, minHeight: 560 } as const;
