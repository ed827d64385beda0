/** Where the names beside the ring go: own links and the way to the one in focus, at most 24, pushed apart. */

import { rttFraction } from "./geometry.ts";
import { belongsTo, CORONA_GAP, isSeen, type Placed, point, type RingMember, type Scene } from "./scene.ts";

export interface Label {
  readonly member: RingMember;
  /** Foot of the leader line at the corona, its knee, and the end at which the text stands. */
  readonly foot: readonly [number, number];
  readonly knee: readonly [number, number];
  readonly end: readonly [number, number];
  /** 1: text runs to the right of `end`; -1: to the left. */
  readonly side: 1 | -1;
}

export const LABELS_MOST = 24;
const LINE = 18;
const TOP = 14;
const BOTTOM = 14;
const SELF_HALF_WIDTH = 58;
/** Room that a name and its round trip take beside a member. */
const NEAR_WIDTH = 150;
/** Corner below on the left that the legend covers. */
const LEGEND_WIDTH = 236;
const LEGEND_HEIGHT = 204;
/** Where the picture is narrower than this, names near the top would lie under the tools: they begin below these. */
const TOOLS_FREE_FROM = 1080;
const TOOLS_BOTTOM = { left: 62, right: 110 };
const RANK = { shortcut: 0, relay: 1, near: 2, far: 3, leaf: 4, routed: 5 } as const;

/** The members to name: those of the focus first, then links by how much they matter. */
export function toLabel(scene: Scene, focus: RingMember | undefined, hidden: ReadonlySet<string>): Placed[] {
  const ofFocus = focus === undefined ? [] : scene.placed.filter(({ member }) => belongsTo(member, focus));
  const links = scene.placed
    .filter(
      ({ member }) => member.kind !== "routed" && !hidden.has(member.kind) && !(focus && belongsTo(member, focus)),
    )
    .sort((a, b) => RANK[a.member.kind] - RANK[b.member.kind]);
  return [...ofFocus, ...links].slice(0, LABELS_MOST);
}

/** Baseline of the words "This computer" above the ring. */
export function selfLabelY(scene: Scene): number {
  return scene.centreY - scene.radius - CORONA_GAP - scene.corona - 14;
}

/**
 * Where the picture is zoomed, a name stands beside its member, wherever that is in sight; one that would cover another
 * is left out.
 */
export function placeLabelsNear(scene: Scene, members: readonly Placed[]): Label[] {
  const taken: { readonly left: number; readonly top: number }[] = [];
  return members.flatMap((placed) => {
    const side = Math.sin(placed.angle) >= 0 ? 1 : -1;
    const length = rttFraction(placed.member.rttMs ?? 1) * scene.corona;
    const foot = point(scene, placed.angle, scene.radius + CORONA_GAP + length + 3);
    const outside = point(scene, placed.angle, scene.radius + CORONA_GAP + length + 14);
    const fits = (x: number) => (side > 0 ? x < scene.width - NEAR_WIDTH : x > NEAR_WIDTH);
    if (!isSeen(scene, outside, -LINE / 2) || !fits(outside[0])) return [];
    const left = side > 0 ? outside[0] : outside[0] - NEAR_WIDTH;
    const top = outside[1] - LINE / 2;
    if (taken.some((each) => Math.abs(each.left - left) < NEAR_WIDTH && Math.abs(each.top - top) < LINE)) return [];
    taken.push({ left, top });
    return [{ member: placed.member, foot, knee: outside, end: outside, side }];
  });
}

export function placeLabels(scene: Scene, members: readonly Placed[]): Label[] {
  const outer = scene.radius + CORONA_GAP + scene.corona + 8;
  return ([1, -1] as const).flatMap((side) => {
    const column = members
      .filter(({ angle }) => (Math.sin(angle) >= 0 ? 1 : -1) === side)
      .map((placed) => {
        const knee = point(scene, placed.angle, outer);
        return { placed, knee, y: knee[1] };
      })
      .sort((a, b) => a.knee[1] - b.knee[1]);
    // On the left the legend stands below: names that would lie on it go above it, those near the middle stay.
    const legendTop = scene.height - LEGEND_HEIGHT;
    const above =
      side > 0 ? column : column.filter(({ knee }) => knee[1] < legendTop || knee[0] - NEAR_WIDTH < LEGEND_WIDTH);
    const below = column.slice(above.length);
    const tools = side > 0 ? TOOLS_BOTTOM.right : TOOLS_BOTTOM.left;
    spread(
      above,
      scene.width < TOOLS_FREE_FROM ? tools : TOP,
      (side > 0 ? scene.height : below.length > 0 || reachesLegend(above, legendTop) ? legendTop : scene.height) -
        BOTTOM,
    );
    spread(below, legendTop, scene.height - BOTTOM);
    return column.map(({ placed, knee, y }) => {
      const across = Math.sqrt(Math.max(0, outer * outer - (y - scene.centreY) ** 2)) + 12;
      // The top of the ring belongs to the name of this computer.
      const besideSelf = Math.abs(y - selfLabelY(scene)) < LINE ? SELF_HALF_WIDTH : 0;
      const reach = Math.max(Math.abs(knee[0] - scene.centreX) + 6, across, besideSelf);
      const length = rttFraction(placed.member.rttMs ?? 1) * scene.corona;
      return {
        member: placed.member,
        foot: point(scene, placed.angle, scene.radius + CORONA_GAP + length + 3),
        knee,
        end: [scene.centreX + side * reach, y] as const,
        side,
      };
    });
  });
}

function reachesLegend(column: readonly { readonly knee: readonly [number, number] }[], legendTop: number): boolean {
  return column.some(({ knee }) => knee[1] >= legendTop);
}

/** Moves `y` values (sorted) apart to one line each, staying within the bounds while they hold so many lines. */
export function spread(column: { y: number }[], top: number, bottom: number): void {
  const line = Math.min(LINE, (bottom - top) / Math.max(1, column.length - 1));
  // Blocks of lines that touch move as one, to the middle of where their members wanted to be.
  interface Block {
    wanted: number;
    count: number;
    start: number;
  }
  const blocks: Block[] = [];
  for (const { y } of column) {
    let block: Block = { wanted: y, count: 1, start: clamp(y, top, bottom) };
    for (
      let last = blocks[blocks.length - 1];
      last && last.start + last.count * line > block.start;
      last = blocks[blocks.length - 1]
    ) {
      blocks.pop();
      const count = last.count + block.count;
      // Sum over members of (wanted place - own offset in the block), so that the mean is the best start.
      const wanted = last.wanted + block.wanted - block.count * last.count * line;
      const best = wanted / count;
      block = { wanted, count, start: clamp(best, top, bottom - (count - 1) * line) };
    }
    blocks.push(block);
  }
  let index = 0;
  for (const block of blocks) {
    for (let i = 0; i < block.count; i++, index++) (column[index] as { y: number }).y = block.start + i * line;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
