/**
 * Bodies of the CTRL messages of a speed test (docs/protocol.md, "Speed test").
 *
 *   54 SPEED_ASK    test u32 | direction u8 (1 the asker sends, 2 the asked one sends) | time u16 ms
 *   55 SPEED_READY  test u32 | code u8 (0 ready, 1 refused, 2 busy)
 *   56 SPEED_DATA   test u32 | seq u32 | zeros
 *   57 SPEED_COUNT  test u32 | last u8 (0, 1) | packets u32 | bytes u32 | highest u32 | elapsed u16 ms
 */
import type { BodyCodec } from "./ctrl.ts";
import type { MessageOf, MessageType } from "./types.ts";

type SpeedMessage = Extract<MessageType, `speed${string}`>;

const DIRECTIONS: readonly (MessageOf<"speedAsk">["direction"] | undefined)[] = [undefined, "up", "down"];
const CODES: readonly MessageOf<"speedReady">["code"][] = ["ready", "refused", "busy"];

export const speedMessages: { readonly [T in SpeedMessage]: BodyCodec<T> } = {
  speedAsk: {
    number: 54,
    write(w, m) {
      w.u32(m.test);
      w.oneOf(DIRECTIONS, m.direction);
      w.u16(m.timeMs);
    },
    read(r) {
      const test = r.u32();
      const direction = r.oneOf(DIRECTIONS);
      const timeMs = r.u16();
      return direction && { type: "speedAsk", test, direction, timeMs };
    },
  },
  speedReady: {
    number: 55,
    write(w, m) {
      w.u32(m.test);
      w.oneOf(CODES, m.code);
    },
    read(r) {
      const test = r.u32();
      const code = r.oneOf(CODES);
      return code && { type: "speedReady", test, code };
    },
  },
  speedData: {
    number: 56,
    write(w, m) {
      w.u32(m.test);
      w.u32(m.seq);
      w.zeros(m.padding);
    },
    read(r) {
      const test = r.u32();
      const seq = r.u32();
      const rest = r.rest();
      for (const byte of rest) if (byte !== 0) return undefined;
      return { type: "speedData", test, seq, padding: rest.length };
    },
  },
  speedCount: {
    number: 57,
    write(w, m) {
      w.u32(m.test);
      w.flag(m.last);
      w.u32(m.packets);
      w.u32(m.bytes);
      w.u32(m.highest);
      w.measuredU16(m.elapsedMs);
    },
    read: (r) => ({
      type: "speedCount",
      test: r.u32(),
      last: r.flag(),
      packets: r.u32(),
      bytes: r.u32(),
      highest: r.u32(),
      elapsedMs: r.u16(),
    }),
  },
};
