import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCtrl } from "../../native-helper/overlay/wire/ctrl.ts";
import { anyMessage, ctrlOf } from "../vectors/arbitraries.ts";
import { World } from "./world.ts";

/** Three members of one ring, of which the first is spoken to. */
function smallRing(seed: number) {
  const world = new World({ seed });
  const first = world.addHost({ kind: "public" });
  first.start();
  for (let i = 0; i < 2; i++) world.addHost({ kind: "public", startAddresses: [first.options.socket.local] }).start();
  const whole = world.runUntil(
    () => world.hosts.every((host) => host.view()?.state === "connected" && host.view()?.peers.length === 2),
    20_000,
  );
  expect(whole).toBeDefined();
  return { world, first };
}

describe("an engine that a member speaks to", () => {
  it("survives every well-formed message from a peer of its own, in any order", () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.array(ctrlOf(anyMessage), { minLength: 1, maxLength: 40 }), (seed, ctrls) => {
        const { world, first } = smallRing(seed);
        const slots = (first.view()?.peers ?? []).map((peer) => peer.slot ?? 0);
        for (const [place, ctrl] of ctrls.entries()) {
          const slot = slots[place % slots.length] as number;
          first.input({ kind: "ctrl", slot, path: { kind: "ring" }, bytes: encodeCtrl(ctrl) });
        }
        world.run(60_000);
        // Whatever was said, the two that did not lie keep their ring: they still see each other.
        const [, second, third] = world.hosts;
        expect(second?.view()?.peers.some((peer) => peer.ringAddress === third?.address)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("counts bytes that are no message, and answers nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const { first } = smallRing(1);
        const slot = first.view()?.peers[0]?.slot ?? 0;
        const before = Object.values(first.view()?.drops ?? {}).reduce((sum, count) => sum + count, 0);
        const sent = first.options.socket.sent.datagrams;
        first.input({ kind: "ctrl", slot, path: { kind: "ring" }, bytes: new Uint8Array([0xff, ...bytes]) });
        const after = Object.values(first.view()?.drops ?? {}).reduce((sum, count) => sum + count, 0);
        expect(after).toBe(before + 1);
        expect(first.options.socket.sent.datagrams).toBe(sent);
      }),
      { numRuns: 20 },
    );
  });
});
