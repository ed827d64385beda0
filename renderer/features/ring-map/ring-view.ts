/**
 * The moving picture: owns two canvases, draws each only when something of it changed, at most once a frame. Knows no
 * React; the component hands it members, focus and size.
 */
import type { Label } from "./labels.ts";
import { type Palette, paintLinks, paintMembers, type RingWords, readPalette } from "./paint.ts";
import { layOut, pick, point, type RingMember, type Scene, samePlaces, withMembers } from "./scene.ts";

const RELAYOUT_MS = 320;

export interface RingInput {
  readonly self: string;
  readonly members: readonly RingMember[];
  readonly hovered: string | undefined;
  readonly selected: string | undefined;
  readonly hidden: ReadonlySet<string>;
  readonly widened: boolean;
  readonly words: RingWords;
}

export class RingView {
  readonly #host: HTMLElement;
  readonly #members: HTMLCanvasElement;
  readonly #links: HTMLCanvasElement;
  readonly #observer: ResizeObserver;
  readonly #themes: readonly MediaQueryList[];
  readonly #stillness = matchMedia("(prefers-reduced-motion: reduce)");
  #input: RingInput | undefined;
  #scene: Scene | undefined;
  #palette: Palette | undefined;
  #labels: readonly Label[] = [];
  #frame = 0;
  #dirty = { members: false, links: false };
  #widen = 1;
  #widening: { readonly from: number; readonly to: number; readonly start: number } | undefined;

  constructor(host: HTMLElement, members: HTMLCanvasElement, links: HTMLCanvasElement) {
    this.#host = host;
    this.#members = members;
    this.#links = links;
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(host);
    this.#themes = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"].map(
      (query) => matchMedia(query),
    );
    for (const theme of this.#themes) theme.addEventListener("change", this.#themed);
    // Text drawn before its font has come would stay in the fallback font until the next tick.
    void document.fonts.ready.then(() => this.#invalidate(true));
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    for (const theme of this.#themes) theme.removeEventListener("change", this.#themed);
  }

  show(input: RingInput): void {
    const before = this.#input;
    this.#input = input;
    if (before?.widened !== input.widened) this.#startWidening(before === undefined, input.widened ? 1 : 0);
    const moved = !before || before.self !== input.self || !samePlaces(before.members, input.members);
    if (moved || this.#scene === undefined) this.#layOut();
    else if (before.members !== input.members) this.#scene = withMembers(this.#scene, input.members);
    this.#invalidate(moved || before.members !== input.members);
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

  #themed = (): void => {
    this.#palette = undefined;
    this.#invalidate(true);
  };

  #resized(): void {
    const { width, height } = this.#host.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.#members, this.#links]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
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
    this.#layOut();
  }

  #layOut(): void {
    if (this.#input === undefined) return;
    const { width, height } = this.#host.getBoundingClientRect();
    if (width === 0 || height === 0) {
      this.#scene = undefined;
      return;
    }
    const { self, members } = this.#input;
    this.#scene = layOut({ self, members, width, height, widen: this.#widen });
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
    const { members, links } = { members: this.#members.getContext("2d"), links: this.#links.getContext("2d") };
    if (!this.#scene || !this.#input || !members || !links) return;
    this.#palette ??= readPalette(
      this.#host,
      this.#themes.slice(1).some((theme) => theme.matches),
    );
    const ratio = window.devicePixelRatio || 1;
    const { hovered, selected, hidden, words } = this.#input;
    const memberOf = (address: string | undefined) =>
      address ? this.#scene?.byAddress.get(address)?.member : undefined;
    const focus = { hovered: memberOf(hovered), selected: memberOf(selected) };
    if (this.#dirty.members) {
      members.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintMembers(members, this.#scene, this.#palette, words);
    }
    if (this.#dirty.links) {
      links.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.#labels = paintLinks(links, this.#scene, this.#palette, words, focus, hidden);
    }
    this.#members.style.opacity = focus.hovered || focus.selected ? String(Math.max(0.45, this.#palette.dimmed)) : "1";
    this.#dirty = { members: false, links: false };
    if (this.#widening) this.#invalidate(true);
  }

  #stepWidening(): void {
    if (this.#widening === undefined) return;
    const { from, to, start } = this.#widening;
    const share = Math.min(1, (performance.now() - start) / RELAYOUT_MS);
    this.#widen = from + (to - from) * (1 - (1 - share) ** 3);
    if (share === 1) this.#widening = undefined;
    this.#layOut();
  }
}
