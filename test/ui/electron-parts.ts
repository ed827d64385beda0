/** What the Electron app must do alike on the stand-in and on the real binary. */
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { appCallNames } from "#contract/app-bridge.ts";
import { lookingCalls, windowCalls } from "#contract/window-calls.ts";
import type { FakeHelper } from "./fake-helper.ts";

/** Calls to the helper, without what the page asks again and again to show it. */
export function orderedOf({ made }: FakeHelper): string[] {
  return made.filter((call) => !(lookingCalls as readonly string[]).includes(call));
}

export async function expectStopAndReturn(page: Page, helper: FakeHelper): Promise<void> {
  await helper.stop();
  await page.getByRole("heading", { name: "Stopped" }).waitFor();
  await helper.start();
  await page.getByRole("heading", { name: "Connected" }).waitFor();
}

export async function expectCallsAlone(page: Page): Promise<void> {
  const exposed = await page.evaluate(() => Object.keys(Reflect.get(window, "ringway") ?? {}).sort());
  expect(exposed).toEqual([...windowCalls, ...appCallNames, "retry", "watch", "watchApp"].sort());
  expect(
    await page.evaluate(() => [typeof Reflect.get(window, "require"), typeof Reflect.get(window, "process")]),
  ).toEqual(["undefined", "undefined"]);
}
