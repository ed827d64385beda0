import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HelperSnapshot } from "#contract";
import type { HelperConnection } from "../../native-helper/control/client.ts";
import { makeWorld } from "../../renderer/bridge/world.ts";
import { HelperLink, PICTURE_EVERY_MS } from "./helper-link.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A line to a helper that a test speaks for. */
async function open() {
  const world = makeWorld(11);
  let send: (snapshot: HelperSnapshot) => void = () => {};
  let end = () => {};
  const link = new HelperLink({
    connect: async () =>
      ({
        subscribe: async () => world.next(),
        onSnapshot: (listener: typeof send) => {
          send = listener;
        },
        onClose: (listener: typeof end) => {
          end = listener;
        },
        close: () => {},
      }) as unknown as HelperConnection,
  });
  const heard: (number | string)[] = [];
  link.watch((event) => heard.push(event.kind === "snapshot" ? event.snapshot.seq : event.reach.kind));
  await vi.advanceTimersByTimeAsync(0);
  return { link, heard, world, send: () => send(world.next()), end: () => end() };
}

describe("the line to the helper", () => {
  it("tells the first picture at once, and of 10,000 in a second one each 200 ms, the newest", async () => {
    const { link, heard, send } = await open();
    expect(heard).toEqual(["opening", "open", 1]);
    for (let n = 0; n < 10_000; n++) {
      send();
      if (n % 10 === 9) await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(PICTURE_EVERY_MS);
    expect(heard.length).toBeLessThanOrEqual(3 + 1_000 / PICTURE_EVERY_MS + 1);
    expect(heard.at(-1)).toBe(10_001);
    link.close();
  });

  it("tells no picture of a helper that has ended", async () => {
    const { link, heard, send, end } = await open();
    send();
    end();
    await vi.advanceTimersByTimeAsync(PICTURE_EVERY_MS);
    expect(heard).toEqual(["opening", "open", 1, "noHelper"]);
    link.close();
  });
});
