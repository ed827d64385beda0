/** The ring in characters: each member at the place of its address, clockwise from the top, marked by its kind of link. */

export interface RingMember {
  /** 40 hex digits. */
  readonly ringAddress: string;
  /** `self`, or a word for the link. */
  readonly link: string;
  readonly label: string;
}

const MARKS: Readonly<Record<string, string>> = {
  self: "@",
  near: "N",
  far: "F",
  shortcut: "S",
  relay: "R",
  leaf: "L",
  routed: "o",
};

const DEFAULT_COLUMNS = 80;
const LEAST_COLUMNS = 40;
const ROWS = 21;
const LABEL_LENGTH = 16;
/** What a label may cover: blanks and the line of the ring, no member and no other label. */
const EMPTY: ReadonlySet<string | undefined> = new Set([" ", "·"]);

/** Lines without trailing blanks; labels stand where there is room for them, and the table below has them all. */
export function ringPicture(members: readonly RingMember[], columns: number | undefined): string {
  const width = Math.max(LEAST_COLUMNS, Math.min(columns ?? DEFAULT_COLUMNS, 100));
  const grid = Array.from({ length: ROWS }, () => new Array<string>(width).fill(" "));
  const middle = { x: (width - 1) / 2, y: (ROWS - 1) / 2 };
  const radius = { x: Math.max(8, Math.min(middle.x - LABEL_LENGTH - 2, 2.1 * middle.y)), y: middle.y - 1 };

  /** The place of a fraction of the way around. */
  const at = (fraction: number) => {
    const angle = 2 * Math.PI * fraction;
    return {
      x: Math.round(middle.x + radius.x * Math.sin(angle)),
      y: Math.round(middle.y - radius.y * Math.cos(angle)),
    };
  };
  const put = (x: number, y: number, character: string) => {
    const row = grid[y];
    if (row && x >= 0 && x < width) row[x] = character;
  };

  for (let step = 0; step < 240; step++) {
    const { x, y } = at(step / 240);
    put(x, y, "·");
  }
  const marked = members.map((member) => ({ ...member, ...at(fractionOf(member.ringAddress)) }));
  // Own links over routed members, this computer over all, where several share a place.
  marked.sort((a, b) => rank(a.link) - rank(b.link));
  for (const { x, y, link } of marked) put(x, y, MARKS[link] ?? "L");
  for (const { x, y, label } of marked.toReversed()) {
    const text = [...label].slice(0, LABEL_LENGTH);
    const toTheRight = x >= middle.x;
    const start = toTheRight ? x + 2 : x - 1 - text.length;
    const row = grid[y];
    const isFree = row && start >= 0 && start + text.length <= width && text.every((_, i) => EMPTY.has(row[start + i]));
    if (isFree) for (const [i, character] of text.entries()) put(start + i, y, character);
  }
  const legend = "@ this computer  N near  F far  S shortcut  R relay  L leaf  o routed";
  return [...grid.map((row) => row.join("").trimEnd()), "", legend].join("\n");
}

function fractionOf(ringAddress: string): number {
  return Number.parseInt(ringAddress.slice(0, 8), 16) / 2 ** 32;
}

function rank(link: string): number {
  if (link === "self") return 2;
  return link === "routed" ? 0 : 1;
}
