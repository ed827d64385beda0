import { describe, expect, it } from "vitest";
import { constantDelay } from "./geography.ts";
import { World } from "./world.ts";

const OLDEST_KEY_MS = 900_000;

describe("sessions that live long", () => {
  it.each(["public", "symmetric"] as const)("renew their keys without losing a packet between %s hosts", (kind) => {
    const keysMade: { at: number; pair: string }[] = [];
    const world = new World({
      seed: 5,
      geography: constantDelay(30),
      trace: (line) => {
        const made = /^ *([\d.]+) (\S+) +-> keyAdd (\S+)/.exec(line);
        if (made) keysMade.push({ at: Number(made[1]), pair: `${made[2]} ${made[3]}` });
      },
    });
    const open = [0, 1, 2].map(() => world.addHost({ kind: "public" }));
    const startAddresses = open.map((host) => host.options.socket.local);
    const two = [0, 1].map(() => world.addHost({ kind, startAddresses }));
    for (const host of open) host.startAddresses = startAddresses.filter((each) => each !== host.options.socket.local);
    for (const host of world.hosts) host.start();
    world.run(20_000);
    const [from, to] = two as [(typeof two)[0], (typeof two)[0]];
    const exchanges = [];
    while (world.now < 2_000_000) {
      exchanges.push(world.sendIp(from, to));
      world.run(500);
    }
    world.run(5_000);
    const lost = exchanges.slice(4).filter((exchange) => exchange.answeredAt === undefined);
    expect(lost.map((exchange) => Math.round(exchange.sentAt))).toEqual([]);
    const between = keysMade.filter(({ pair }) => pair === `${from.name} ${to.address?.slice(0, 6)}`);
    expect(between.length).toBeGreaterThanOrEqual(3);
    for (const [place, { at }] of between.slice(1).entries()) {
      expect(at - (between[place]?.at ?? 0)).toBeLessThan(OLDEST_KEY_MS);
    }
  });
});
