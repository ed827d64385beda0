// Turns tokens.json into the two files that the renderer uses: tokens.css (custom properties, one block a theme) and
// tokens.ts (what canvas code needs as numbers). Run it after changing tokens.json: `node renderer/tokens/build.mjs`.
// With --json it prints both instead, for the test that compares them with the committed files.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import StyleDictionary from "style-dictionary";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const THEMES = ["light", "dark", "high-contrast"];

StyleDictionary.registerTransform({
  name: "ringway/value",
  type: "value",
  transitive: true,
  filter: () => true,
  transform: (token) => cssValue(token.$type, token.$value),
});

/** The CSS spelling of one token value of the Design Tokens Format. */
function cssValue(type, value) {
  if (type === "color") return colour(value);
  if (type === "dimension" || type === "duration") return `${value.value}${value.unit}`;
  if (type === "fontFamily") return value.map((name) => (name.includes(" ") ? `"${name}"` : name)).join(", ");
  if (type === "cubicBezier") return `cubic-bezier(${value.join(", ")})`;
  if (type === "strokeStyle")
    return typeof value === "string" ? "none" : value.dashArray.map((dash) => dash.value).join(" ");
  if (type === "shadow") {
    const { offsetX, offsetY, blur, spread, color } = value;
    return `${[offsetX, offsetY, blur, spread].map((length) => `${length.value}${length.unit}`).join(" ")} ${colour(color)}`;
  }
  if (type === "typography") return value;
  return String(value);
}

function colour(value) {
  if (value.alpha === 1 && value.hex) return value.hex;
  const [red, green, blue] = value.components.map((part) => Math.round(part * 255));
  return `rgb(${red} ${green} ${blue} / ${value.alpha})`;
}

/** `color.dark.bg.app` is `--bg-app` in the block of the theme; everything else keeps its whole path. */
function declarations(tokens) {
  return tokens.flatMap((token) => {
    const path = token.path[0] === "color" ? token.path.slice(2) : token.path;
    const name = `--${path
      .join("-")
      .replace(/-default$/, "")
      .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (token.$type !== "typography") return [`${name}: ${token.$value};`];
    const { fontFamily, fontSize, fontWeight, letterSpacing, lineHeight } = token.$value;
    const family = Array.isArray(fontFamily) ? cssValue("fontFamily", fontFamily) : fontFamily;
    return [
      `${name}: ${fontWeight} ${fontSize.value / 16}rem / ${lineHeight} ${family};`,
      `${name}-spacing: ${letterSpacing.value / 16}rem;`,
    ];
  });
}

function block(selector, lines, indent = "") {
  return `${indent}${selector} {\n${lines.map((line) => `${indent}  ${line}\n`).join("")}${indent}}\n`;
}

function css(all) {
  const theme = (name) => declarations(all.filter((token) => token.path[0] === "color" && token.path[1] === name));
  const shared = declarations(all.filter((token) => token.path[0] !== "color"));
  const [light, dark, contrast] = THEMES.map(theme);
  const still = shared
    .filter((line) => line.startsWith("--motion-duration"))
    .map((line) => line.replace(/: .*/, ": 0ms;"));
  return [
    "/* Made from tokens.json by build.mjs; edit that file instead. */\n",
    block(":root", [...shared, "color-scheme: light;", ...light]),
    `@media (prefers-color-scheme: dark) {\n${block(":root", ["color-scheme: dark;", ...dark], "  ")}}\n`,
    `@media (prefers-contrast: more), (forced-colors: active) {\n${block(":root", ["color-scheme: dark;", ...contrast], "  ")}}\n`,
    `@media (prefers-reduced-motion: reduce) {\n${block(":root", still, "  ")}}\n`,
    // What the user chose goes before what the system says.
    block(':root[data-theme="light"]', ["color-scheme: light;", ...light]),
    block(':root[data-theme="dark"]', ["color-scheme: dark;", ...dark]),
    block(':root[data-theme="contrast"]', ["color-scheme: dark;", ...contrast]),
    block(':root[data-motion="reduced"]', still),
  ].join("\n");
}

function script(all) {
  const kinds = all.filter((token) => token.path[0] === "stroke" && token.path[1] === "link");
  const dashes = kinds.map((token) => {
    const numbers = token.$value === "none" ? [] : token.$value.split(" ");
    return `  ${token.path[2]}: [${numbers.join(", ")}],`;
  });
  const widths = all
    .filter((token) => token.path[0] === "width" && token.path[1] === "link")
    .map((token) => `  ${token.path[2]}: ${Number.parseFloat(token.$value)},`);
  const size = (name) => Number.parseFloat(all.find((token) => token.path.join(".") === name).$value);
  return `// Made from tokens.json by build.mjs; edit that file instead.

/** Dash pattern of each kind of link, in CSS pixels; empty is solid. */
export const linkDash = {
${dashes.join("\n")}
} as const satisfies Record<string, readonly number[]>;

/** Stroke width of each kind of link, in CSS pixels. */
export const linkWidth = {
${widths.join("\n")}
} as const;

/** Height of one row of the peers table, in CSS pixels. */
export const rowHeight = ${size("size.row")};

/** Smallest and first size of the window, in CSS pixels. */
export const windowSize = {
  minWidth: ${size("size.window-min-width")},
  minHeight: ${size("size.window-min-height")},
  width: ${size("size.window-width")},
  height: ${size("size.window-height")},
} as const;
`;
}

/** Both files as text. */
async function buildTokens() {
  const tokens = JSON.parse(await readFile(here("tokens.json"), "utf8"));
  const dictionary = new StyleDictionary({
    tokens,
    usesDtcg: true,
    log: { verbosity: "silent", warnings: "disabled" },
    platforms: { css: { transforms: ["ringway/value"] } },
  });
  const { allTokens } = await dictionary.getPlatformTokens("css");
  return { css: css(allTokens), script: script(allTokens) };
}

const built = await buildTokens();
if (process.argv[2] === "--json") {
  process.stdout.write(JSON.stringify(built));
} else {
  await writeFile(here("tokens.css"), built.css);
  await writeFile(here("tokens.ts"), built.script);
}
