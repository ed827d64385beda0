// Makes the pictures of tray and taskbar from assets/icons/{tray,badge}-*.svg: run `node tools/tray-icons.mjs` after changing one of them.
//
// Linux and Windows get PNG and ICO for light and dark panels, macOS templates of one and two times 16 pixels, the taskbar
// of Windows a badge of the same sizes. Chromium draws them, so it has to be installed; the results are kept in the repository, and a build needs none of this.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { root, say, script } from "./shell.mjs";

const ICO_SIZES = [16, 20, 24, 32, 40, 48];

await script(async () => {
  const source = path.join(root, "assets/icons");
  const target = path.join(source, "tray");
  mkdirSync(target, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.RINGWAY_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
  });
  const page = await browser.newPage();
  /** @param {string} svg @param {number} size */
  const draw = async (svg, size) => {
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
    return page.screenshot({ omitBackground: true });
  };
  let made = 0;
  for (const file of readdirSync(source).filter((name) => /^(tray|badge)-.*\.svg$/.test(name))) {
    const svg = readFileSync(path.join(source, file), "utf8");
    const name = path.join(target, file.slice(0, -".svg".length));
    if (name.endsWith("Template") || file.startsWith("badge-")) {
      writeFileSync(`${name}.png`, await draw(svg, 16));
      writeFileSync(`${name}@2x.png`, await draw(svg, 32));
      made += 2;
    } else {
      writeFileSync(`${name}.png`, await draw(svg, 24));
      writeFileSync(`${name}@2x.png`, await draw(svg, 48));
      const pictures = [];
      for (const size of ICO_SIZES) pictures.push({ size, png: await draw(svg, size) });
      writeFileSync(`${name}.ico`, ico(pictures));
      made += 3;
    }
  }
  await browser.close();
  say(`${made} pictures in assets/icons/tray`);
  return 0;
});

/**
 * An icon file of PNG pictures: a header of 6 bytes, a directory entry of 16 bytes each, then the pictures.
 * @param {{size: number, png: Buffer}[]} pictures
 */
function ico(pictures) {
  const head = Buffer.alloc(6 + 16 * pictures.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(pictures.length, 4);
  let offset = head.length;
  pictures.forEach(({ size, png }, index) => {
    const at = 6 + 16 * index;
    head.writeUInt8(size, at);
    head.writeUInt8(size, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(png.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += png.length;
  });
  return Buffer.concat([head, ...pictures.map(({ png }) => png)]);
}
