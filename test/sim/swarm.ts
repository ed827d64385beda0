/**
 * `npm run sim:swarm -- [--seconds 60] [--seed N] [--break NAME]`: small random worlds, one for each seed from 1 on, on all
 * processors, until the time is over or one fails. With --seed that world alone.
 *
 * Exit status: 0 no failure, 1 a failure (its world is told with seed, replay and the last messages of the hosts concerned),
 * 2 wrong use.
 */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { main, type SwarmReply, worldOf } from "./swarm-command.ts";

if (isMainThread) {
  process.exitCode = await main(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    workers: availableParallelism(),
    startWorker: (broken) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: broken });
      return {
        run: async (seed) => {
          worker.postMessage(seed);
          // `once` also rejects where the worker throws.
          const [reply] = await once(worker, "message");
          return reply as SwarmReply;
        },
        stop: () => void worker.terminate(),
      };
    },
  });
} else {
  parentPort?.on("message", (seed: number) => parentPort?.postMessage(worldOf(seed, workerData)));
}
