/**
 * Draws a scene on Canvas 2D in two layers: `paintMembers` (guides, corona, digits, dots; once a second) and
 * `paintLinks` (links, labels, focus; on input too). Kinds of link differ by dash and width as well as colour.
 */
import { linkDash, linkWidth } from "../../tokens/tokens.ts";
import { rttFraction, tension } from "./geometry.ts";
import { LABELS_MOST, type Label, placeLabels, placeLabelsNear, selfLabelY, toLabel } from "./labels.ts";
import {
  belongsTo,
  CORONA_GAP,
  isSeen,
  type LinkKind,
  type Placed,
  point,
  type RingMember,
  type Scene,
} from "./scene.ts";

/** The colours of the theme that is on, read from the custom properties of tokens.css. */
export interface Palette extends Record<LinkKind, string> {
  readonly background: string;
  readonly text: string;
  readonly muted: string;
  readonly secondary: string;
  readonly border: string;
  readonly subtle: string;
  readonly control: string;
  readonly bar: string;
  readonly overlay: string;
  readonly focus: string;
  readonly sans: string;
  readonly mono: string;
  /** Opacity of what is not in focus. */
  readonly dimmed: number;
}

export function readPalette(element: Element, contrast: boolean): Palette {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    near: read("link-near"),
    far: read("link-far"),
    shortcut: read("link-shortcut"),
    relay: read("link-relay"),
    leaf: read("link-leaf"),
    background: read("bg-app"),
    text: read("text-primary"),
    secondary: read("text-secondary"),
    muted: read("text-muted"),
    border: read("border"),
    subtle: read("border-subtle"),
    control: read("border-control"),
    bar: read("data-bar"),
    overlay: read("bg-overlay"),
    focus: read("focus-ring"),
    sans: read("font-family-sans"),
    mono: read("font-family-mono"),
    dimmed: contrast ? 0.5 : 0.16,
  };
}

export interface Focus {
  readonly hovered: RingMember | undefined;
  readonly selected: RingMember | undefined;
}

/** What of the catalogue stands in the picture. */
export interface RingWords {
  readonly thisComputer: string;
  readonly rtt: (member: RingMember) => string;
  readonly guide: (ms: number) => string;
}

type Context = CanvasRenderingContext2D;
const GUIDES_MS = [10, 100, 1000] as const;
const TURN = Math.PI * 2;
const DRAW_ORDER: readonly LinkKind[] = ["leaf", "far", "relay", "near", "shortcut"];
const CROWD = 300;

/** Guides, corona, track, digits and dots: what stays while the pointer moves. */
export function paintMembers(
  g: Context,
  scene: Scene,
  palette: Palette,
  words: RingWords,
  found: ReadonlySet<string> | undefined = undefined,
): void {
  g.clearRect(0, 0, scene.width, scene.height);
  const foot = scene.radius + CORONA_GAP;
  g.lineWidth = 1;
  g.strokeStyle = palette.subtle;
  if (!scene.mini) for (const ms of GUIDES_MS) circle(g, scene, foot + rttFraction(ms) * scene.corona);
  g.strokeStyle = palette.border;
  g.lineWidth = 1.25;
  circle(g, scene, scene.radius);
  g.globalAlpha = found === undefined ? 1 : 0.35;
  paintCorona(g, scene, palette);
  g.globalAlpha = 1;
  if (!scene.mini) paintDigits(g, scene, palette);
  paintDots(g, scene, palette);
  if (found !== undefined) paintFound(g, scene, palette, found);
  if (!scene.mini) paintGuideNames(g, scene, palette, words);
}

/** Links between other members, as far as they are known: grey and thin, behind everything. */
export function paintMesh(g: Context, scene: Scene, palette: Palette, mesh: readonly Pair[]): void {
  g.clearRect(0, 0, scene.width, scene.height);
  g.strokeStyle = palette.bar;
  g.globalAlpha = mesh.length > 2 * CROWD ? 0.22 : 0.45;
  g.lineWidth = 0.6;
  g.beginPath();
  for (const [from, to] of mesh) {
    const a = angleOf(scene, from);
    const b = angleOf(scene, to);
    if (a !== undefined && b !== undefined) chord(g, scene, a, b, tension(a, b));
  }
  g.stroke();
  g.globalAlpha = 1;
}

export type Pair = readonly [from: string, to: string];

function angleOf(scene: Scene, address: string): number | undefined {
  return address === scene.self ? 0 : scene.byAddress.get(address)?.angle;
}

/** Links, their ends, labels and whoever is hovered or selected. */
export function paintLinks(
  g: Context,
  scene: Scene,
  palette: Palette,
  words: RingWords,
  focus: Focus,
  hidden: ReadonlySet<string>,
): Label[] {
  g.clearRect(0, 0, scene.width, scene.height);
  const inFocus = focus.hovered ?? focus.selected;
  const alphaOf = (member: RingMember) => (inFocus && !belongsTo(member, inFocus) ? palette.dimmed : 1);
  const linked = scene.placed.filter(({ member }) => member.kind !== "routed" && !hidden.has(member.kind));
  for (const kind of DRAW_ORDER) {
    for (const placed of linked) {
      if (placed.member.kind !== kind) continue;
      g.globalAlpha = inFocus && placed.member !== inFocus ? palette.dimmed : 1;
      paintLink(g, scene, palette, placed, kind, placed.member === inFocus);
    }
  }
  g.globalAlpha = 1;
  const way = inFocus !== undefined && inFocus.kind !== "relay" && inFocus.path.length > 1 ? inFocus : undefined;
  if (way) paintPath(g, scene, palette, way);
  for (const placed of linked) {
    g.globalAlpha = Math.max(alphaOf(placed.member), inFocus ? 0.35 : 1);
    const [x, y] = point(scene, placed.angle, scene.radius);
    if (!scene.mini) cap(g, x, y, 6.4, placed.member.transport, palette.background);
    cap(g, x, y, scene.mini ? 2.6 : 4.4, placed.member.transport, palette[placed.member.kind as LinkKind]);
  }
  if (!hidden.has("relay") && !scene.mini) paintRelays(g, scene, palette, linked, inFocus);
  g.globalAlpha = 1;
  if (way) paintHops(g, scene, palette, way);
  paintHalo(g, scene, palette, focus);
  paintSelf(g, scene, palette, words);
  if (scene.mini) return [];
  if (scene.compact) {
    if (inFocus) paintBoxes(g, scene, palette, words, inFocus);
    return [];
  }
  const labels =
    scene.zoom > 1
      ? placeLabelsNear(scene, inSight(scene, inFocus, hidden))
      : placeLabels(scene, toLabel(scene, inFocus, hidden));
  for (const label of labels)
    paintLabel(g, palette, label, words, scene.width, alphaOf(label.member), label.member === inFocus);
  g.globalAlpha = 1;
  return labels;
}

function circle(g: Context, scene: Scene, radius: number): void {
  g.beginPath();
  g.arc(scene.centreX, scene.centreY, radius, 0, TURN);
  g.stroke();
}

/** Who is named where the picture is zoomed: the focus, own links, and others that are in sight. */
function inSight(scene: Scene, focus: RingMember | undefined, hidden: ReadonlySet<string>): Placed[] {
  const first = toLabel(scene, focus, hidden);
  const others = scene.placed.filter(
    (placed) => placed.member.kind === "routed" && isSeen(scene, point(scene, placed.angle, scene.radius)),
  );
  return [...new Set([...first, ...others])].slice(0, 2 * LABELS_MOST);
}

/** All bars of one colour are one path: a thousand strokes cost many times more. */
function paintCorona(g: Context, scene: Scene, palette: Palette): void {
  const foot = scene.radius + CORONA_GAP;
  const crowded = scene.placed.length > CROWD && scene.zoom < 2;
  g.lineWidth = scene.mini ? (crowded ? 0.6 : 1.25) : crowded ? 1 : 2;
  const byColour = new Map<string, Placed[]>();
  for (const placed of scene.placed) {
    const { member } = placed;
    if (member.rttMs === null) continue;
    const measured = member.kind !== "routed" && !member.predicted;
    const colour = measured ? palette[member.kind as LinkKind] : palette.bar;
    const list = byColour.get(colour);
    if (list) list.push(placed);
    else byColour.set(colour, [placed]);
  }
  for (const [colour, list] of byColour) {
    g.strokeStyle = colour;
    g.beginPath();
    for (const { member, angle } of list) {
      const from = point(scene, angle, foot);
      if (scene.zoom > 1 && !isSeen(scene, from, scene.corona)) continue;
      g.moveTo(...from);
      g.lineTo(...point(scene, angle, foot + Math.max(2, rttFraction(member.rttMs ?? 1) * scene.corona)));
    }
    g.stroke();
  }
}

/** The first hexadecimal digit of the addresses around, moved by the lens like everybody else. */
function paintDigits(g: Context, scene: Scene, palette: Palette): void {
  const origin = Number.parseInt(scene.self.slice(0, 12), 16) / 2 ** 48;
  g.font = `500 10px ${palette.mono}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  g.lineWidth = 1;
  for (let digit = 0; digit < 16; digit++) {
    const turned = (digit / 16 - origin) * TURN;
    const angle = scene.lens(Math.atan2(Math.sin(turned), Math.cos(turned)));
    if (Math.abs(angle) < 0.16) continue;
    g.strokeStyle = palette.control;
    g.globalAlpha = 0.7;
    g.beginPath();
    g.moveTo(...point(scene, angle, scene.radius - 9));
    g.lineTo(...point(scene, angle, scene.radius - 14));
    g.stroke();
    g.globalAlpha = 1;
    g.fillStyle = palette.muted;
    const [x, y] = point(scene, angle, scene.radius - 23);
    g.fillText(digit.toString(16).toUpperCase(), x, y);
  }
}

function paintDots(g: Context, scene: Scene, palette: Palette): void {
  const crowded = scene.placed.length > CROWD && scene.zoom < 2;
  const size = scene.mini ? 1 : crowded ? 1.2 : 2.2;
  const dot = (placed: Placed, radius: number) => {
    const [x, y] = point(scene, placed.angle, scene.radius);
    if (scene.zoom > 1 && !isSeen(scene, [x, y], 4)) return;
    g.moveTo(x + radius, y);
    g.arc(x, y, radius, 0, TURN);
  };
  g.fillStyle = palette.muted;
  g.beginPath();
  for (const placed of scene.placed) if (!placed.member.silent) dot(placed, size);
  g.fill();
  g.lineWidth = 1;
  g.fillStyle = palette.background;
  g.strokeStyle = palette.muted;
  g.beginPath();
  for (const placed of scene.placed) if (placed.member.silent) dot(placed, size + 0.6);
  g.fill();
  g.stroke();
}

/** Those that a search found: a solid mark across the ring. */
function paintFound(g: Context, scene: Scene, palette: Palette, found: ReadonlySet<string>): void {
  g.strokeStyle = palette.text;
  g.lineWidth = 2;
  g.beginPath();
  for (const { member, angle } of scene.placed) {
    if (!found.has(member.ringAddress)) continue;
    g.moveTo(...point(scene, angle, scene.radius - 7));
    g.lineTo(...point(scene, angle, scene.radius + 7));
  }
  g.stroke();
}

/** `10 ms`, `100 ms`, `1 s` where the lower half has its widest gap. */
function paintGuideNames(g: Context, scene: Scene, palette: Palette, words: RingWords): void {
  const at = guideAngle(scene.angles);
  g.font = `500 10px ${palette.sans}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  for (const ms of GUIDES_MS) {
    const [x, y] = point(scene, at, scene.radius + CORONA_GAP + rttFraction(ms) * scene.corona);
    if (!isSeen(scene, [x, y], 20)) continue;
    const text = words.guide(ms);
    const width = widthOf(g, text);
    g.fillStyle = palette.background;
    g.fillRect(x - width / 2 - 3, y - 6, width + 6, 12);
    g.fillStyle = palette.muted;
    g.fillText(text, x, y + 0.5);
  }
}

const guideAngles = new WeakMap<readonly number[], number>();

/** The middle of the widest gap in the lower half, found once for each set of places. */
function guideAngle(angles: readonly number[]): number {
  const known = guideAngles.get(angles);
  if (known !== undefined) return known;
  const lower = angles.map((angle) => (angle < 0 ? angle + TURN : angle)).filter((angle) => angle > 2.2 && angle < 4.1);
  const edges = [2.2, ...lower.sort((a, b) => a - b), 4.1];
  // A gap at the very bottom is worth more than one at the side, and a crowd without gaps gets the bottom.
  let best = { at: Math.PI, worth: 0.12 };
  for (let i = 1; i < edges.length; i++) {
    const [from, to] = [edges[i - 1] as number, edges[i] as number];
    const at = (from + to) / 2;
    const worth = (to - from) * (1 - Math.abs(at - Math.PI) / 2);
    if (worth > best.worth) best = { at, worth };
  }
  guideAngles.set(angles, best.at);
  return best.at;
}

const widths = new Map<string, number>();
const WIDTHS_LIMIT = 4_000;

/** Measuring text costs more than drawing it, and the same names come each frame. */
function widthOf(g: Context, text: string): number {
  const key = `${g.font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    if (widths.size >= WIDTHS_LIMIT) widths.clear();
    width = g.measureText(text).width;
    widths.set(key, width);
  }
  return width;
}

/** Once fonts have come: what was measured before was measured in another one. */
export function forgetWidths(): void {
  widths.clear();
}

function chord(g: Context, scene: Scene, from: number, to: number, bend: number): void {
  const [ax, ay] = point(scene, from, scene.radius - 1);
  const [bx, by] = point(scene, to, scene.radius - 1);
  const [cx, cy] = point(scene, from, scene.radius * bend);
  const [dx, dy] = point(scene, to, scene.radius * bend);
  g.moveTo(ax, ay);
  g.bezierCurveTo(cx, cy, dx, dy, bx, by);
}

function paintLink(g: Context, scene: Scene, palette: Palette, placed: Placed, kind: LinkKind, wide: boolean): void {
  g.strokeStyle = palette[kind];
  g.lineWidth = (linkWidth[kind] + (wide ? 0.75 : 0)) * (scene.mini ? 0.7 : 1);
  // Longer dashes where the curve is longer: their number is what drawing them costs.
  g.setLineDash(linkDash[kind].map((length) => length * (scene.mini ? 0.6 : Math.sqrt(scene.zoom))));
  const relay = kind === "relay" && placed.member.via !== null ? scene.byAddress.get(placed.member.via) : undefined;
  g.beginPath();
  if (relay) {
    chord(g, scene, 0, relay.angle, tension(0, relay.angle) - 0.1);
    g.stroke();
    g.beginPath();
    chord(g, scene, relay.angle, placed.angle, tension(relay.angle, placed.angle) + 0.02);
  } else {
    chord(g, scene, 0, placed.angle, tension(0, placed.angle));
  }
  g.stroke();
  g.setLineDash([]);
}

/** End of a link: a circle for udp (and for what a relay carries), a square for every other transport. */
function cap(g: Context, x: number, y: number, radius: number, transport: string | null, colour: string): void {
  g.fillStyle = colour;
  g.beginPath();
  if (transport === "udp" || transport === "relay" || transport === null) g.arc(x, y, radius, 0, TURN);
  else g.rect(x - radius * 0.88, y - radius * 0.88, radius * 1.76, radius * 1.76);
  g.fill();
}

/** A diamond round each member that carries somebody's packets for us. */
function paintRelays(
  g: Context,
  scene: Scene,
  palette: Palette,
  linked: readonly Placed[],
  inFocus: RingMember | undefined,
): void {
  const carriers = new Set(linked.filter(({ member }) => member.kind === "relay").map(({ member }) => member.via));
  for (const address of carriers) {
    const carrier = address === null ? undefined : scene.byAddress.get(address);
    if (carrier === undefined) continue;
    const [x, y] = point(scene, carrier.angle, scene.radius);
    g.globalAlpha = inFocus && !belongsTo(carrier.member, inFocus) ? Math.max(palette.dimmed, 0.35) : 1;
    g.save();
    g.translate(x, y);
    g.rotate(Math.PI / 4);
    g.fillStyle = palette.background;
    g.fillRect(-9, -9, 18, 18);
    g.strokeStyle = palette.relay;
    g.lineWidth = 1.75;
    g.strokeRect(-6.5, -6.5, 13, 13);
    g.restore();
    const kind = carrier.member.kind;
    cap(g, x, y, 3.2, carrier.member.transport, kind === "routed" ? palette.muted : palette[kind]);
  }
}

function hopsOf(scene: Scene, member: RingMember): Placed[] {
  return member.path.flatMap((address) => scene.byAddress.get(address) ?? []);
}

/** The way of a routed peer's packets, hop by hop. */
function paintPath(g: Context, scene: Scene, palette: Palette, member: RingMember): void {
  let from = 0;
  for (const hop of hopsOf(scene, member)) {
    g.beginPath();
    chord(g, scene, from, hop.angle, Math.max(tension(from, hop.angle), Math.abs(from - hop.angle) < 0.3 ? 0.9 : 0));
    g.strokeStyle = palette.background;
    g.lineWidth = linkWidth.path + 4;
    g.stroke();
    g.strokeStyle = palette.text;
    g.lineWidth = linkWidth.path;
    g.stroke();
    from = hop.angle;
  }
}

function paintHops(g: Context, scene: Scene, palette: Palette, member: RingMember): void {
  g.font = `650 10px ${palette.sans}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  const taken: (readonly [number, number])[] = [];
  hopsOf(scene, member).forEach((hop, index) => {
    let distance = scene.radius;
    let at = point(scene, hop.angle, distance);
    while (taken.some(([x, y]) => Math.hypot(x - at[0], y - at[1]) < 19) && distance < scene.radius + 95) {
      distance += 19;
      at = point(scene, hop.angle, distance);
    }
    taken.push(at);
    g.fillStyle = palette.background;
    g.beginPath();
    g.arc(...at, 10, 0, TURN);
    g.fill();
    g.fillStyle = palette.text;
    g.beginPath();
    g.arc(...at, 8, 0, TURN);
    g.fill();
    g.fillStyle = palette.background;
    g.fillText(String(index + 1), at[0], at[1] + 0.5);
  });
}

function paintHalo(g: Context, scene: Scene, palette: Palette, { hovered, selected }: Focus): void {
  for (const [member, width] of [
    [selected, 2],
    [hovered, 1.5],
  ] as const) {
    const placed = member && scene.byAddress.get(member.ringAddress);
    if (placed === undefined) continue;
    const [x, y] = point(scene, placed.angle, scene.radius);
    g.strokeStyle = palette.text;
    g.lineWidth = width;
    g.beginPath();
    g.arc(x, y, 9.5, 0, TURN);
    g.stroke();
  }
}

function paintSelf(g: Context, scene: Scene, palette: Palette, words: RingWords): void {
  const [x, y] = point(scene, 0, scene.radius);
  g.fillStyle = palette.background;
  g.beginPath();
  g.arc(x, y, scene.mini ? 6.5 : 11, 0, TURN);
  g.fill();
  g.fillStyle = palette.text;
  g.beginPath();
  g.arc(x, y, scene.mini ? 4.5 : 7, 0, TURN);
  g.fill();
  if (scene.mini) return;
  const top = selfLabelY(scene);
  g.font = `600 12px ${palette.sans}`;
  g.textAlign = "center";
  g.textBaseline = "alphabetic";
  g.fillText(words.thisComputer, x, top);
  g.strokeStyle = palette.border;
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(x, top + 6);
  g.lineTo(x, y - 13);
  g.stroke();
}

const NAME_WIDEST = 128;
/** Between a name and its round trip, and to the edge of the picture. */
const LABEL_GAP = 7;
const LABEL_EDGE = 6;

function paintLabel(
  g: Context,
  palette: Palette,
  label: Label,
  words: RingWords,
  sceneWidth: number,
  alpha: number,
  strong: boolean,
): void {
  g.globalAlpha = Math.max(alpha, 0.35);
  g.strokeStyle = alpha < 1 ? palette.border : palette.control;
  g.lineWidth = 0.75;
  g.beginPath();
  g.moveTo(...label.foot);
  g.lineTo(...label.knee);
  g.lineTo(...label.end);
  g.stroke();
  const x = label.end[0] + label.side * 5;
  const y = label.end[1] + 0.5;
  g.textBaseline = "middle";
  g.textAlign = label.side > 0 ? "left" : "right";
  g.font = `${strong ? 650 : 550} 12px ${palette.sans}`;
  g.fillStyle = palette.text;
  const rtt = words.rtt(label.member);
  // Digits and units are as wide in both weights, so one measure tells how much is left for the name.
  const room = (label.side > 0 ? sceneWidth - x : x) - widthOf(g, rtt) - LABEL_GAP - LABEL_EDGE;
  const name = cut(g, label.member.name, Math.min(NAME_WIDEST, room));
  g.fillText(name, x, y);
  const after = widthOf(g, name) + LABEL_GAP;
  g.font = `400 12px ${palette.sans}`;
  g.fillStyle = palette.muted;
  g.fillText(rtt, x + label.side * after, y);
}

/** Where the ring has no margin, the one in focus and its hops are named in boxes inside it. */
function paintBoxes(g: Context, scene: Scene, palette: Palette, words: RingWords, inFocus: RingMember): void {
  const named = scene.placed.filter(({ member }) => belongsTo(member, inFocus)).slice(0, 6);
  named.forEach(({ member, angle }, index) => {
    g.font = `${member === inFocus ? 650 : 550} 12px ${palette.sans}`;
    const name = cut(g, member.name, NAME_WIDEST);
    const nameWidth = widthOf(g, name);
    const rtt = words.rtt(member);
    const width = nameWidth + widthOf(g, rtt) + 26;
    const left = scene.centreX - width / 2;
    const top = scene.centreY - (named.length * 28) / 2 + index * 28;
    g.strokeStyle = palette.control;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(...point(scene, angle, scene.radius - 12));
    g.lineTo(scene.centreX, top + 12);
    g.stroke();
    g.fillStyle = palette.overlay;
    g.strokeStyle = member === inFocus ? palette.text : palette.border;
    g.beginPath();
    g.roundRect(left, top, width, 24, 7);
    g.fill();
    g.stroke();
    g.textAlign = "left";
    g.textBaseline = "middle";
    g.fillStyle = palette.text;
    g.fillText(name, left + 9, top + 12.5);
    g.font = `400 12px ${palette.sans}`;
    g.fillStyle = palette.secondary;
    g.fillText(rtt, left + 16 + nameWidth, top + 12.5);
  });
}

/** Text that fits `widest` pixels, ending in an ellipsis where it had to be cut. */
function cut(g: Context, text: string, widest: number): string {
  if (widthOf(g, text) <= widest) return text;
  const letters = Array.from(text);
  let low = 0;
  let high = letters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(g, `${letters.slice(0, middle).join("")}…`) <= widest) low = middle;
    else high = middle - 1;
  }
  return `${letters.slice(0, low).join("")}…`;
}
