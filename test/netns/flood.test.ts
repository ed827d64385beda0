/** What anybody on the internet can do to a helper's port without a key. `npm run bench -- --suite flood` does it for longer. */
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  FLOOD_PER_S,
  type Flooded,
  floodBed,
  floodRound,
  GROWTH_LIMIT_BYTES,
  residentBytes,
  TCP_SHARE_LEAST,
} from "./flood.ts";
import { Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { describeOnBed } from "./suite.ts";

const ROUNDS = 2;
const SECONDS = 5;

describeOnBed("a helper under a flood of random datagrams", () => {
  let internet: Internet;
  let bed: Flooded;

  beforeAll(async () => {
    internet = await Internet.open();
    bed = await floodBed(internet);
  });

  afterAll(async () => {
    await internet?.close();
  });

  it("answers nothing, does not grow, and carries TCP beside it as if others were flooded", async () => {
    // The first second brings code and buffers into memory that are used again ever after.
    await floodRound(bed, 1);
    const before = residentBytes(bed.helper.pid);
    const shares: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { bitsPerS, besideBitsPerS, floodPerS, answers } = await floodRound(bed, SECONDS);
      expect(answers).toBe(0);
      expect(floodPerS).toBeGreaterThan(0.9 * FLOOD_PER_S);
      shares.push(bitsPerS / besideBitsPerS);
    }
    const grown = residentBytes(bed.helper.pid) - before;
    expect(grown, `grew by ${(grown / 2 ** 20).toFixed(1)} MiB`).toBeLessThan(GROWTH_LIMIT_BYTES);
    // The better of the rounds: what else the computer does takes from one of the two floods only.
    expect(Math.max(...shares), `shares of TCP: ${shares}`).toBeGreaterThan(TCP_SHARE_LEAST);
    expect(bed.helper.runs()).toBe(true);
    expect((await ping(bed.flooder, bed.virtualIp, { count: 3, intervalMs: 100, deadlineMs: 5_000 })).answered).toBe(
      true,
    );
  });
});
