/**
 * The moving picture: owns three canvases (mesh, members, links), draws each only when something of it changed, at most
 * once a frame. Knows no React; the component hands it members, focus and size.
 */
import { onThemeChange } from "../../ui/theme.ts";
import type { Label } from "./labels.ts";
import {
  forgetWidths,
  type Pair,
  type Palette,
  paintLinks,
  paintMembers,
  paintMesh,
  type RingWords,
  readPalette,
} from "./paint.ts";
import {
  isSeen,
  type Look,
  layOut,
  moved,
  pick,
  point,
  type RingMember,
  type Scene,
  samePlaces,
  WHOLE,
  withLook,
  withMembers,
  zoomed,
} from "./scene.ts";
import { SvgContext } from "./svg-context.ts";

const RELAYOUT_MS = 320;
/** The mesh is drawn anew this long after the last movement; meanwhile its bitmap is moved. */
const MESH_REST_MS = 120;

export interface RingInput {
  readonly self: string;
  readonly members: readonly RingMember[];
  readonly hovered: string | undefined;
  readonly selected: string | undefined;
  /** Who a search found; undefined where nothing is searched. */
  readonly found: ReadonlySet<string> | undefined;
  readonly hidden: ReadonlySet<string>;
  readonly widened: boolean;
  /** Links of other members; undefined where they are not shown. */
  readonly mesh?: readonly Pair[] | undefined;
  /** Names only for the focus and its way. */
  readonly quiet?: boolean;
  readonly mini?: boolean;
  readonly words: RingWords;
}

export interface RingLayers {
  readonly mesh?: HTMLCanvasElement;
  readonly members: HTMLCanvasElement;
  readonly links: HTMLCanvasElement;
}

export class RingView {
  readonly #host: HTMLElement;
  readonly #layers: RingLayers;
  readonly #observer: ResizeObserver;
  readonly #stopThemes: () => void;
  readonly #stillness = matchMedia("(prefers-reduced-motion: reduce)");
  #input: RingInput | undefined;
  #scene: Scene | undefined;
  #palette: Palette | undefined;
  #labels: readonly Label[] = [];
  #look: Look = WHOLE;
  #frame = 0;
  #dirty = { members: false, links: false };
  #widen = 1;
  #widening: { readonly from: number; readonly to: number; readonly start: number } | undefined;
  /** The mesh as its bitmap shows it, and when it is drawn next. */
  #meshOf: { readonly mesh: readonly Pair[]; readonly look: Look } | undefined;
  #meshTimer: ReturnType<typeof setTimeout> | undefined;
  /** Called after the look has changed. */
  onLook: (look: Look) => void = () => {};

  constructor(host: HTMLElement, layers: RingLayers) {
    this.#host = host;
    this.#layers = layers;
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(host);
    this.#stopThemes = onThemeChange(() => {
      this.#palette = undefined;
      this.#meshOf = undefined;
      this.#invalidate(true);
    });
    // Text drawn before its font has come would stay in the fallback font until the next tick.
    void document.fonts.ready.then(() => {
      forgetWidths();
      this.#invalidate(true);
    });
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#meshTimer);
    this.#observer.disconnect();
    this.#stopThemes();
  }

  get look(): Look {
    return this.#look;
  }

  show(input: RingInput): void {
    const before = this.#input;
    this.#input = input;
    if (before?.widened !== input.widened) this.#startWidening(before === undefined, input.widened ? 1 : 0);
    const isMoved = !before || before.self !== input.self || !samePlaces(before.members, input.members);
    if (isMoved || this.#scene === undefined || before?.quiet !== input.quiet) this.#layOut();
    else if (before.members !== input.members) this.#scene = withMembers(this.#scene, input.members);
    if (before?.mesh !== input.mesh) this.#meshOf = undefined;
    if (before?.quiet !== input.quiet) this.#meshOf = undefined;
    this.#invalidate(isMoved || before.members !== input.members || before.found !== input.found);
  }

  /** Nearer (above 1) or farther, keeping a point of the host in place: the given one, else who is looked at, else this computer. */
  zoomBy(factor: number, at?: { readonly x: number; readonly y: number }): void {
    const { width, height } = this.#host.getBoundingClientRect();
    const scene = this.#scene;
    if (scene === undefined) return;
    const who = this.placeOf(this.#input?.selected ?? this.#input?.hovered ?? "") ?? point(scene, 0, scene.radius);
    const seen = isSeen(scene, who) ? who : ([width / 2, height / 2] as const);
    this.#lookAt(zoomed(this.#look, factor, at?.x ?? seen[0], at?.y ?? seen[1], width, height));
  }

  moveBy(dx: number, dy: number): void {
    const { width, height } = this.#host.getBoundingClientRect();
    this.#lookAt(moved(this.#look, dx, dy, width, height));
  }

  whole(): void {
    this.#lookAt(WHOLE);
  }

  /** The member under a point of the host, labels included. */
  memberAt(x: number, y: number): RingMember | undefined {
    if (this.#scene === undefined) return undefined;
    const label = this.#labels.find(
      ({ end, side }) => Math.abs(y - end[1]) <= 9 && (x - end[0]) * side >= 0 && (x - end[0]) * side <= 190,
    );
    return label?.member ?? pick(this.#scene, x, y);
  }

  /** Where a member stands, in pixels of the host. */
  placeOf(ringAddress: string): readonly [x: number, y: number] | undefined {
    const placed = this.#scene?.byAddress.get(ringAddress);
    return this.#scene && placed && point(this.#scene, placed.angle, this.#scene.radius);
  }

  /** The picture as it stands, as a bitmap of twice the size. */
  async png(): Promise<Blob> {
    const { width, height } = this.#size();
    const canvas = document.createElement("canvas");
    canvas.width = width * 2;
    canvas.height = height * 2;
    const g = canvas.getContext("2d");
    if (!g) throw new Error("The browser gives no canvas to draw on.");
    const layer = document.createElement("canvas");
    layer.width = canvas.width;
    layer.height = canvas.height;
    const under = layer.getContext("2d");
    if (!under) throw new Error("The browser gives no canvas to draw on.");
    g.fillStyle = this.#colours().background;
    g.fillRect(0, 0, canvas.width, canvas.height);
    under.setTransform(2, 0, 0, 2, 0, 0);
    this.#paintAll(under, () => g.drawImage(layer, 0, 0));
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (blob === null) throw new Error("The browser made no picture.");
    return blob;
  }

  /** The picture as it stands, as lines and text. */
  svg(): Blob {
    const { width, height } = this.#size();
    const g = new SvgContext(width, height, this.#colours().background);
    this.#paintAll(g as unknown as CanvasRenderingContext2D, () => {});
    return new Blob([g.document()], { type: "image/svg+xml" });
  }

  #paintAll(g: CanvasRenderingContext2D, layerDone: () => void): void {
    const { input, scene } = { input: this.#input, scene: this.#scene };
    if (input === undefined || scene === undefined) return;
    const palette = this.#colours();
    if (input.mesh) {
      paintMesh(g, scene, palette, input.mesh);
      layerDone();
    }
    paintMembers(g, scene, palette, input.words, input.found);
    layerDone();
    paintLinks(g, scene, palette, input.words, this.#focus(input, scene), input.hidden);
    layerDone();
  }

  #focus(input: RingInput, scene: Scene) {
    const memberOf = (address: string | undefined) => (address ? scene.byAddress.get(address)?.member : undefined);
    return { hovered: memberOf(input.hovered), selected: memberOf(input.selected) };
  }

  #size(): { readonly width: number; readonly height: number } {
    const { width, height } = this.#host.getBoundingClientRect();
    return { width: Math.round(width), height: Math.round(height) };
  }

  #colours(): Palette {
    this.#palette ??= readPalette(
      this.#host,
      matchMedia("(prefers-contrast: more)").matches || matchMedia("(forced-colors: active)").matches,
    );
    return this.#palette;
  }

  #lookAt(look: Look): void {
    if (look.zoom === this.#look.zoom && look.x === this.#look.x && look.y === this.#look.y) return;
    this.#look = look;
    if (this.#scene !== undefined && this.#input !== undefined) {
      const { mini = false, quiet = false } = this.#input;
      const { width, height } = this.#scene;
      this.#scene = withLook(this.#scene, { width, height, mini, quiet, look });
    }
    this.#invalidate(true);
    this.onLook(look);
  }

  #resized(): void {
    const { width, height } = this.#host.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of Object.values(this.#layers) as HTMLCanvasElement[]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.#meshOf = undefined;
    this.#look = moved(this.#look, 0, 0, width, height);
    this.#layOut();
    this.#draw();
  }

  #startWidening(atOnce: boolean, to: number): void {
    if (atOnce || this.#stillness.matches) {
      this.#widen = to;
      this.#widening = undefined;
    } else {
      this.#widening = { from: this.#widen, to, start: performance.now() };
    }
    this.#meshOf = undefined;
    this.#layOut();
  }

  #layOut(): void {
    if (this.#input === undefined) return;
    const { width, height } = this.#host.getBoundingClientRect();
    if (width === 0 || height === 0) {
      this.#scene = undefined;
      return;
    }
    const { self, members, mini = false, quiet = false } = this.#input;
    const before = this.#scene;
    this.#scene = layOut({ self, members, width, height, widen: this.#widen, mini, quiet, look: this.#look });
    if (before === undefined || !samePlaces(before.placed.map(memberOf), this.#scene.placed.map(memberOf))) {
      this.#meshOf = undefined;
    }
    this.#dirty = { members: true, links: true };
  }

  #invalidate(members: boolean): void {
    this.#dirty = { members: this.#dirty.members || members, links: true };
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#widening) this.#stepWidening();
    const { members, links } = {
      members: this.#layers.members.getContext("2d"),
      links: this.#layers.links.getContext("2d"),
    };
    if (!this.#scene || !this.#input || !members || !links) return;
    const palette = this.#colours();
    const ratio = window.devicePixelRatio || 1;
    const { hidden, words, found } = this.#input;
    const focus = this.#focus(this.#input, this.#scene);
    this.#drawMesh(palette, ratio);
    if (this.#dirty.members) {
      members.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintMembers(members, this.#scene, palette, words, found);
    }
    if (this.#dirty.links) {
      links.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.#labels = paintLinks(links, this.#scene, palette, words, focus, hidden);
    }
    const dimmed = focus.hovered || focus.selected ? String(Math.max(0.45, palette.dimmed)) : "1";
    if (this.#layers.members.style.opacity !== dimmed) this.#layers.members.style.opacity = dimmed;
    this.#dirty = { members: false, links: false };
    if (this.#widening) this.#invalidate(true);
  }

  /** While the picture moves, the bitmap of the mesh is moved; it is drawn anew when the picture rests. */
  #drawMesh(palette: Palette, ratio: number): void {
    const canvas = this.#layers.mesh;
    const scene = this.#scene;
    const mesh = this.#input?.mesh;
    if (canvas === undefined || scene === undefined) return;
    if (mesh === undefined) {
      if (canvas.style.visibility !== "hidden") canvas.style.visibility = "hidden";
      return;
    }
    canvas.style.visibility = "";
    const drawn = this.#meshOf;
    if (drawn?.mesh === mesh && drawn.look === this.#look) return;
    if (drawn?.mesh === mesh) {
      const share = this.#look.zoom / drawn.look.zoom;
      const [middleX, middleY] = [scene.centreX - this.#look.x, scene.centreY - this.#look.y];
      const x = middleX + this.#look.x - (middleX + drawn.look.x) * share;
      const y = middleY + this.#look.y - (middleY + drawn.look.y) * share;
      canvas.style.transform = `matrix(${share},0,0,${share},${x},${y})`;
      clearTimeout(this.#meshTimer);
      this.#meshTimer = setTimeout(() => {
        this.#meshOf = undefined;
        this.#invalidate(false);
      }, MESH_REST_MS);
      return;
    }
    const g = canvas.getContext("2d");
    if (!g) return;
    clearTimeout(this.#meshTimer);
    canvas.style.transform = "";
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintMesh(g, scene, palette, mesh);
    this.#meshOf = { mesh, look: this.#look };
  }

  #stepWidening(): void {
    if (this.#widening === undefined) return;
    const { from, to, start } = this.#widening;
    const share = Math.min(1, (performance.now() - start) / RELAYOUT_MS);
    this.#widen = from + (to - from) * (1 - (1 - share) ** 3);
    if (share === 1) this.#widening = undefined;
    this.#meshOf = undefined;
    this.#layOut();
  }
}

const memberOf = ({ member }: { readonly member: RingMember }) => member;
