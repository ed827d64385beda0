/** Ids of the fields that other screens lead to. */
export const SHORTCUTS_FIELD = "set-shortcuts";
export const TRANSPORT_FIELD = "set-transport";
export const STARTS_FIELD = "set-starts";
