/** The ring after its worst ordinary accident: a node loses its nearest neighbours, all in the same moment. */
import { expect, it } from "vitest";
import { planDemo } from "./demo-plan.ts";
import { type DemoNode, joinNodes, look } from "./demo-run.ts";
import { Internet } from "./internet.ts";
import { ping } from "./ping.ts";
import { brokenNeighbours, inRingOrder, ringIsConsistent } from "./report.ts";
import { inParallel, until } from "./shell.ts";
import { describeOnBed } from "./suite.ts";

const WITHIN_MS = 15_000;
const KILLED = 3;

describeOnBed("three neighbours killed at once", () => {
  it("leave a ring that is whole again, and in which all reach each other, within 15 s", {
    timeout: 180_000,
  }, async () => {
    const internet = await Internet.open({ delayMs: [1, 20] });
    try {
      const nodes: DemoNode[] = [];
      await joinNodes(internet, planDemo(11), nodes, () => {});
      const seen = await until("a whole ring", 60_000, async () => {
        const views = await inParallel(nodes, 4, look);
        return ringIsConsistent(views) && views;
      });
      // Two on one side of the first node and one on the other.
      const around = inRingOrder(seen).map(({ name }) => name);
      const killed = new Set([around[1], around[2], around.at(-1)]);
      expect(killed.size).toBe(KILLED);
      await Promise.all(nodes.filter(({ plan }) => killed.has(plan.name)).map(({ helper }) => helper.kill()));
      const killedAt = performance.now();

      const left = nodes.filter(({ plan }) => !killed.has(plan.name));
      const pairs = left.flatMap((from, index) => left.slice(index + 1).map((to) => ({ from, to })));
      const [silent] = await Promise.all([
        inParallel(pairs, pairs.length, async ({ from, to }) => {
          const deadlineMs = WITHIN_MS - (performance.now() - killedAt);
          const { answered } = await ping(from.host, to.plan.virtualIp, { count: 1, intervalMs: 500, deadlineMs });
          return answered ? [] : [`${from.plan.name} to ${to.plan.name}`];
        }),
        until(
          "the ring to be whole again",
          WITHIN_MS,
          async () => ringIsConsistent(await inParallel(left, 4, look)),
          250,
        ).catch(async (error) => {
          const lacking = brokenNeighbours(await inParallel(left, 4, look));
          throw new Error(`${error.message}: ${lacking.map(({ node, lacks }) => `${node} lacks ${lacks}`).join(", ")}`);
        }),
      ]);
      expect(silent.flat()).toEqual([]);
      expect(performance.now() - killedAt).toBeLessThan(WITHIN_MS + 1_000);
    } finally {
      await internet.close();
    }
  });
});
