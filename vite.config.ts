/**
 * The window. `vite build` makes dist/renderer: index.html for Electron and `ringway ui`, and dev.html, the scripted page
 * that the tests of the window use. `vite` (npm run dev:web) serves dev.html on this computer only.
 */
import { readdirSync, readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import packageJson from "./package.json" with { type: "json" };

const root = new URL("./renderer/", import.meta.url).pathname;

/** Every language as plain `words/LANGUAGE.json` too, for the app's main process, which has the tray and notifications. */
function wordsForTheApp(): Plugin {
  return {
    name: "words-for-the-app",
    apply: "build",
    generateBundle() {
      for (const file of readdirSync(`${root}words`).filter((name) => name.endsWith(".json"))) {
        const catalogue: Record<string, string | { defaultMessage: string }> = JSON.parse(
          readFileSync(`${root}words/${file}`, "utf8"),
        );
        const plain = Object.entries(catalogue).map(([id, message]) => [
          id,
          typeof message === "string" ? message : message.defaultMessage,
        ]);
        this.emitFile({
          type: "asset",
          fileName: `words/${file}`,
          source: JSON.stringify(Object.fromEntries(plain)),
        });
      }
    },
  };
}

export default defineConfig({
  root,
  // Assets are named relative to the page, so that one build works over http and over Electron's own protocol.
  base: "./",
  define: { RINGWAY_VERSION: JSON.stringify(packageJson.version) },
  plugins: [react(), wordsForTheApp()],
  build: {
    outDir: new URL("./dist/renderer/", import.meta.url).pathname,
    emptyOutDir: true,
    target: "chrome120",
    // Everything is its own file: the content security policy allows no data: script and no inline style.
    assetsInlineLimit: 0,
    // One script of some 220 kB compressed; the bound is 350, which a test checks.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: { input: { index: `${root}index.html`, dev: `${root}dev.html` } },
  },
  server: { host: "127.0.0.1", port: 5173, open: false },
});
