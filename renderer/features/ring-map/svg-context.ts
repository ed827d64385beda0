/**
 * A drawing surface that writes SVG: the part of the canvas interface that the ring uses. Text is measured by a real
 * canvas, so that labels are cut where they are cut on screen.
 */
export class SvgContext {
  globalAlpha = 1;
  lineWidth = 1;
  strokeStyle = "#000";
  fillStyle = "#000";
  font = "12px sans-serif";
  textAlign: "left" | "right" | "center" = "left";
  textBaseline: "middle" | "alphabetic" = "alphabetic";
  readonly #parts: string[] = [];
  readonly #width: number;
  readonly #height: number;
  readonly #background: string;
  readonly #measure = document.createElement("canvas").getContext("2d");
  #path = "";
  #dash: readonly number[] = [];
  #transform: { readonly x: number; readonly y: number; readonly turn: number } | undefined;

  constructor(width: number, height: number, background: string) {
    this.#width = width;
    this.#height = height;
    this.#background = background;
  }

  document(): string {
    const box = `0 0 ${this.#width} ${this.#height}`;
    const sheet = `<rect width="100%" height="100%" fill="${escapeXml(this.#background)}"/>`;
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" width="${this.#width}" height="${this.#height}">${sheet}${this.#parts.join("")}</svg>\n`;
  }

  /** Layers lie on each other here, so nothing is wiped. */
  clearRect(): void {}

  beginPath(): void {
    this.#path = "";
  }

  moveTo(x: number, y: number): void {
    this.#path += `M${n(x)} ${n(y)}`;
  }

  lineTo(x: number, y: number): void {
    this.#path += `L${n(x)} ${n(y)}`;
  }

  bezierCurveTo(ax: number, ay: number, bx: number, by: number, x: number, y: number): void {
    this.#path += `C${n(ax)} ${n(ay)} ${n(bx)} ${n(by)} ${n(x)} ${n(y)}`;
  }

  /** Whole circles only; the ring draws no other arcs. */
  arc(x: number, y: number, radius: number): void {
    const r = n(radius);
    this.#path += `M${n(x + radius)} ${n(y)}A${r} ${r} 0 1 1 ${n(x - radius)} ${n(y)}A${r} ${r} 0 1 1 ${n(x + radius)} ${n(y)}`;
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.#path += `M${n(x)} ${n(y)}h${n(width)}v${n(height)}h${n(-width)}z`;
  }

  roundRect(x: number, y: number, width: number, height: number): void {
    this.rect(x, y, width, height);
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.beginPath();
    this.rect(x, y, width, height);
    this.stroke();
  }

  stroke(): void {
    if (this.#path === "") return;
    const dash = this.#dash.length > 0 ? ` stroke-dasharray="${this.#dash.join(" ")}"` : "";
    this.#add(
      `<path d="${this.#path}" fill="none" stroke="${escapeXml(this.strokeStyle)}" stroke-width="${n(this.lineWidth)}"${dash}`,
    );
  }

  fill(): void {
    if (this.#path !== "") this.#add(`<path d="${this.#path}" fill="${escapeXml(this.fillStyle)}"`);
  }

  fillText(text: string, x: number, y: number): void {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const base = this.textBaseline === "middle" ? ' dominant-baseline="central"' : "";
    const [, weight, size, family] = /^(\d+) ([\d.]+)px (.*)$/.exec(this.font) ?? ["", "400", "12", "sans-serif"];
    this.#parts.push(
      `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}"${base} fill="${escapeXml(this.fillStyle)}" font-family="${escapeXml(family ?? "")}" font-size="${size}" font-weight="${weight}"${this.#opacity()}>${escapeXml(text)}</text>`,
    );
  }

  measureText(text: string): { readonly width: number } {
    if (this.#measure === null) return { width: text.length * 7 };
    this.#measure.font = this.font;
    return this.#measure.measureText(text);
  }

  setLineDash(dash: readonly number[]): void {
    this.#dash = [...dash];
  }

  save(): void {}

  restore(): void {
    this.#transform = undefined;
  }

  translate(x: number, y: number): void {
    this.#transform = { x, y, turn: 0 };
  }

  rotate(radians: number): void {
    if (this.#transform) this.#transform = { ...this.#transform, turn: (radians * 180) / Math.PI };
  }

  #add(element: string): void {
    const at = this.#transform;
    const move = at ? ` transform="translate(${n(at.x)} ${n(at.y)}) rotate(${n(at.turn)})"` : "";
    this.#parts.push(`${element}${this.#opacity()}${move}/>`);
  }

  #opacity(): string {
    return this.globalAlpha < 1 ? ` opacity="${n(this.globalAlpha)}"` : "";
  }
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function escapeXml(text: string): string {
  return Array.from(text, (letter) => ENTITIES.get(letter) ?? (isXml(letter) ? letter : "\ufffd")).join("");
}

const ENTITIES = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

/** Whether an XML document can hold the character at all. */
function isXml(letter: string): boolean {
  const code = letter.codePointAt(0) ?? 0;
  if (code < 32) return code === 9 || code === 10 || code === 13;
  return code !== 0xfffe && code !== 0xffff && !(code >= 0xd800 && code <= 0xdfff);
}
