/** The products that are compared with, each set up as its own documents say for speed. */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../test/netns/internet.ts";
import { type Bed, firstAnswer, type Way } from "./bed.ts";
import { Missing } from "./install.ts";
import { fastd, n2n, tinc, vpncloud } from "./peer-classics.ts";
import { nebula, nebulaPlain } from "./peer-nebula.ts";
import { boringtun, wireguardGo } from "./peer-wireguard.ts";

/** Two programs on the ends of the bed, ready for traffic between `net(1)` and `net(2)`. */
export interface Started {
  readonly children: readonly ChildProcess[];
  /** Commands that give the interfaces their addresses, where the programs do not. */
  readonly ready?: () => Promise<void>;
}

export interface Peer {
  readonly name: string;
  /** Builds or finds it; its version. Throws Missing. */
  readonly install: () => Promise<string>;
  /** Starts it on both ends. `ip(1)` is to be the inner address of `a`, `ip(2)` that of `b`; both in one /24. */
  readonly start: (bed: Bed, place: Place) => Promise<Started>;
}

/** What is a peer's alone, so that all can run at the same time. */
export interface Place {
  readonly number: number;
  readonly port: number;
  /** Interface names, unique on the computer because some programs keep sockets by that name in one folder. */
  readonly tunA: string;
  readonly tunB: string;
  ip(end: 1 | 2): string;
}

export const peers: readonly Peer[] = [
  wireguardGo,
  boringtun,
  nebula,
  nebulaPlain,
  tinc,
  n2n,
  fastd,
  vpncloud,
  unmeasured("yggdrasil", "its module of the Go proxy needs suah.dev/protect, which the proxy does not give out"),
  unmeasured("easytier", "its crate needs protoc and a quarter of an hour to build"),
  unmeasured("tailscale", "its nodes connect only after a login at a control server, which a benchmark has not"),
];

/** A product that is known but not measured, with the reason that stands in the report. */
function unmeasured(name: string, reason: string): Peer {
  const refuse = () => Promise.reject(new Missing(reason));
  return { name, install: refuse, start: refuse };
}

export function placeOf(number: number): Place {
  const unique = (process.pid % 46_656).toString(36);
  return {
    number,
    port: 30_000 + number,
    tunA: `rb${unique}n${number}a`,
    tunB: `rb${unique}n${number}b`,
    ip: (end) => `10.99.${number}.${end}`,
  };
}

/** Starts a peer and waits for its first answer. */
export async function startPeer(peer: Peer, bed: Bed, number: number): Promise<Way> {
  const place = placeOf(number);
  const lastWords = () => `its logs end with:\n${logOf(bed.a, place)}${logOf(bed.b, place)}`;
  const started = performance.now();
  const { children, ready } = await peer.start(bed, place);
  await ready?.();
  await firstAnswer(bed.a, place.ip(2)).catch((error: Error) => {
    throw new Error(`${error.message}; ${lastWords()}`);
  });
  return {
    name: peer.name,
    from: bed.a,
    address: place.ip(2),
    pids: children.map(({ pid }) => pid).filter((pid) => pid !== undefined),
    firstPingS: (performance.now() - started) / 1000,
    lastWords,
  };
}

/** Starts one program of a peer, with its output in a file of the host. */
export function startLogged(host: Host, place: Place, command: readonly string[], env: Record<string, string> = {}) {
  const log = openSync(logFile(host, place), "a");
  try {
    return host.start(command, ["ignore", log, log], env);
  } finally {
    closeSync(log);
  }
}

const logFile = (host: Host, place: Place) => join(host.folder, `peer-${place.number}.log`);
const logOf = (host: Host, place: Place) => readFileSync(logFile(host, place), "utf8").slice(-500);
