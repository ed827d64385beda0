import { defineConfig } from "vitest/config";

/**
 * Three projects, because they need different things: `unit` runs anywhere and in parallel, `netns` needs root and the
 * built helper and owns the machine's namespaces while it runs, `ui` needs the built window and Chromium.
 */
export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "native-helper/**/*.test.ts",
            "renderer/**/*.test.{ts,tsx}",
            "electron/**/*.test.ts",
            "bench/**/*.test.ts",
            "test/*.test.ts",
            "test/{sim,vectors,conformance}/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/target/**", "dist/**"],
          environment: "node",
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "netns",
          include: ["test/netns/**/*.test.ts"],
          environment: "node",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: "ui",
          include: ["test/ui/**/*.test.{ts,tsx}"],
          environment: "node",
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
