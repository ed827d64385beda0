/** Watching what goes over the interfaces of a host: whether given bytes stand in any packet. */
import { createInterface } from "node:readline";
import type { Host } from "./internet.ts";
import { built, ended } from "./shell.ts";

export interface Watched {
  /** Packets that went by unseen, because the computer was too slow. */
  readonly missed: number;
  /** By interface, those that moved a packet. */
  readonly interfaces: Readonly<
    Record<string, { readonly packets: number; readonly bytes: number; readonly withMarker: number }>
  >;
}

/** Begins to look for the byte strings on every interface of a host; the function that ends it tells what was seen. */
export async function watch(host: Host, markers: readonly Uint8Array[]): Promise<() => Promise<Watched>> {
  const words = markers.map((marker) => Buffer.from(marker).toString("hex"));
  const child = host.start([built("ringway-emulator"), "watch", ...words], ["pipe", "pipe", "inherit"]);
  if (!child.stdin || !child.stdout) throw new Error("the watcher has no pipes");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`the watcher of ${host.name} ended (${child.exitCode ?? child.signalCode})`);
    return value;
  };
  await line(); // It says that it has begun.
  return async () => {
    child.stdin?.end();
    const watched = JSON.parse(await line()) as Watched;
    await ended(child);
    return watched;
  };
}
