/**
 * The ring laid out for one size: who lies where. Made again when members, size or widening change; values that only
 * tick (round trips, rates) are read from the members themselves.
 */
import { angleFrom, type Lens, nearestAngle, neighbourLens } from "./geometry.ts";

export type LinkKind = "near" | "far" | "shortcut" | "relay" | "leaf";

/** What the ring draws of one peer. */
export interface RingMember {
  readonly ringAddress: string;
  /** What it is called: host name, else virtual IP, else the start of its address. */
  readonly name: string;
  readonly kind: LinkKind | "routed";
  readonly transport: string | null;
  /** Measured or predicted; null where neither is known. */
  readonly rttMs: number | null;
  readonly predicted: boolean;
  /** Ring address of the member that carries the packets of a relayed link. */
  readonly via: string | null;
  /** Ring addresses from the first hop to the peer itself; empty where the way is not known. */
  readonly path: readonly string[];
  /** Known, but has not answered lately. */
  readonly silent: boolean;
}

export interface Placed {
  readonly member: RingMember;
  readonly angle: number;
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly centreX: number;
  readonly centreY: number;
  readonly radius: number;
  /** Depth of the corona, outside `radius` plus a gap. */
  readonly corona: number;
  /** No room for labels beside the ring: only the one in focus is named, in a box. */
  readonly compact: boolean;
  /** A small picture without words. */
  readonly mini: boolean;
  /** 1 shows the whole ring. */
  readonly zoom: number;
  readonly lens: Lens;
  /** Sorted by angle. */
  readonly placed: readonly Placed[];
  readonly angles: readonly number[];
  readonly byAddress: ReadonlyMap<string, Placed>;
  readonly self: string;
}

/** Distance between the ring and the foot of the corona. */
export const CORONA_GAP = 9;
const LABEL_ROOM = 172;
const COMPACT_BELOW = 640;

export interface SceneInput {
  readonly self: string;
  readonly members: readonly RingMember[];
  readonly width: number;
  readonly height: number;
  /** 0 true angles, 1 neighbours widened. */
  readonly widen: number;
  readonly mini?: boolean;
  /** Beside the inspector, which needs the room of the labels. */
  readonly quiet?: boolean;
  readonly look?: Look;
}

/** How near the picture is seen, and by how many pixels its middle is moved. */
export interface Look {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export const WHOLE: Look = { zoom: 1, x: 0, y: 0 };
export const ZOOM_MOST = 8;

export function layOut(input: SceneInput): Scene {
  const { self, members, widen } = input;
  const truly = members.map((member) => ({ member, angle: angleFrom(self, member.ringAddress) }));
  const lens = neighbourLens(
    truly.map(({ angle }) => angle),
    widen,
  );
  const placed = truly.map(({ member, angle }) => ({ member, angle: lens(angle) })).sort((a, b) => a.angle - b.angle);
  return {
    ...frameOf(input),
    lens,
    placed,
    angles: placed.map(({ angle }) => angle),
    byAddress: new Map(placed.map((each) => [each.member.ringAddress, each])),
    self,
  };
}

type Framing = Pick<SceneInput, "width" | "height" | "mini" | "quiet" | "look">;

/** The same members in the same places, seen from nearer, farther or elsewhere. */
export function withLook(scene: Scene, framing: Framing): Scene {
  return { ...scene, ...frameOf(framing) };
}

function frameOf({ width, height, mini = false, quiet = false, look = WHOLE }: Framing) {
  const compact = !mini && (quiet || width < COMPACT_BELOW);
  const depth = mini ? 22 : Math.min(58, Math.max(22, height * 0.075));
  const side = mini ? 4 : compact ? 16 : LABEL_ROOM;
  const top = mini ? 2 : quiet ? 46 : 30;
  const whole = Math.max(40, Math.min(height / 2 - depth - CORONA_GAP - top, width / 2 - depth - CORONA_GAP - side));
  return {
    width,
    height,
    centreX: width / 2 + look.x,
    centreY: height / 2 + middleOffset(mini, quiet) + look.y,
    radius: whole * look.zoom,
    corona: depth * Math.min(2, Math.sqrt(look.zoom)),
    compact,
    mini,
    zoom: look.zoom,
  };
}

/** The middle lies below that of the host, to leave room for the name of this computer; above it where the legend is flat. */
function middleOffset(mini: boolean, quiet: boolean): number {
  if (mini) return 0;
  return quiet ? -10 : 10;
}

/** The same places with newer members in them; for ticks that move nobody. */
export function withMembers(scene: Scene, members: readonly RingMember[]): Scene {
  const fresh = new Map(members.map((member) => [member.ringAddress, member]));
  const placed = scene.placed.map((each) => ({ ...each, member: fresh.get(each.member.ringAddress) ?? each.member }));
  return { ...scene, placed, byAddress: new Map(placed.map((each) => [each.member.ringAddress, each])) };
}

/** True where the two lists hold the same peers in the same order, so that nobody moves. */
export function samePlaces(a: readonly RingMember[], b: readonly RingMember[]): boolean {
  return a.length === b.length && a.every((member, index) => member.ringAddress === b[index]?.ringAddress);
}

/** A point at an angle and a distance from the middle. */
export function point(scene: Scene, angle: number, distance: number): readonly [x: number, y: number] {
  return [scene.centreX + distance * Math.sin(angle), scene.centreY - distance * Math.cos(angle)];
}

/** Whether a point is in the picture, with some room around it. */
export function isSeen(scene: Scene, [x, y]: readonly [number, number], room = 0): boolean {
  return x >= -room && y >= -room && x <= scene.width + room && y <= scene.height + room;
}

/** A look nearer or farther by which the point under the pointer stays where it is. */
export function zoomed(look: Look, factor: number, x: number, y: number, width: number, height: number): Look {
  const zoom = Math.max(1, Math.min(ZOOM_MOST, look.zoom * factor));
  const share = zoom / look.zoom;
  const [fromX, fromY] = [x - width / 2, y - height / 2];
  return moved({ zoom, x: fromX - (fromX - look.x) * share, y: fromY - (fromY - look.y) * share }, 0, 0, width, height);
}

/** A look moved by some pixels, never so far that the ring is lost. */
export function moved(look: Look, dx: number, dy: number, width: number, height: number): Look {
  const most = (size: number) => ((look.zoom - 1) * size) / 2;
  const within = (value: number, bound: number) => Math.max(-bound, Math.min(bound, value));
  return { zoom: look.zoom, x: within(look.x + dx, most(width)), y: within(look.y + dy, most(height)) };
}

const PICK_WITHIN = 14;

/** The member under a pointer: the nearest by angle on the ring or its corona. */
export function pick(scene: Scene, x: number, y: number): RingMember | undefined {
  const dx = x - scene.centreX;
  const dy = y - scene.centreY;
  const distance = Math.hypot(dx, dy);
  if (distance < scene.radius - 18 || distance > scene.radius + CORONA_GAP + scene.corona + 8) return undefined;
  const angle = Math.atan2(dx, -dy);
  const nearest = scene.placed[nearestAngle(scene.angles, angle)];
  if (nearest === undefined) return undefined;
  // Linked members are drawn larger, so they win over a dot that is hardly nearer.
  const candidates = scene.placed.filter((each) => arc(scene, each.angle, angle) < PICK_WITHIN);
  const linked = candidates.filter(
    (each) => each.member.kind !== "routed" && arc(scene, each.angle, angle) < PICK_WITHIN / 2,
  );
  const best = (linked.length > 0 ? linked : candidates).reduce<Placed | undefined>(
    (found, each) =>
      found === undefined || arc(scene, each.angle, angle) < arc(scene, found.angle, angle) ? each : found,
    undefined,
  );
  return best?.member;
}

function arc(scene: Scene, a: number, b: number): number {
  const apart = Math.abs(a - b);
  return Math.min(apart, Math.PI * 2 - apart) * scene.radius;
}

/** Whether a member belongs to the picture of the one in focus: itself, its relay, or a hop on the way to it. */
export function belongsTo(member: RingMember, focus: RingMember): boolean {
  if (member.ringAddress === focus.ringAddress) return true;
  if (focus.kind === "relay") return member.ringAddress === focus.via;
  return (focus.kind === "routed" || focus.path.length > 1) && focus.path.includes(member.ringAddress);
}
