/** Turns transport addresses to start from, which may be host names, into sockets; asks again from time to time. */
import { lookup as systemLookup } from "node:dns/promises";
import type { Warning } from "#contract";
import type { SocketAddress } from "../overlay/boundary.ts";
import { parseTa, socketOf, streamSocketOf } from "../overlay/wire/transport-address.ts";
import type { TaKind } from "../overlay/wire/types.ts";

export type Lookup = (host: string) => Promise<readonly string[]>;

/** What the resolver tells each time something changed. */
export interface Resolved {
  /** Of the addresses written for UDP, and of those written for TCP, in the order of the configuration. */
  readonly sockets: readonly SocketAddress[];
  readonly streams: readonly SocketAddress[];
  /** Names without an answer, transports that cannot be used. */
  readonly warnings: readonly Warning[];
}

const RETRY_MS = 15_000;
const REFRESH_MS = 600_000;
/** Addresses taken of one name. */
const ADDRESSES_PER_NAME = 8;
const LOOKUP_TIMEOUT_MS = 10_000;

export class StartAddressResolver {
  readonly #lookup: Lookup;
  readonly #tell: (resolved: Resolved) => void;
  readonly #usesTcp: boolean;
  /** The last good answer for each name; a name that stops to resolve keeps it. */
  readonly #answers = new Map<string, readonly string[]>();
  #failed = new Set<string>();
  #texts: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  /** Grows with each `start` and `stop`, so that a late answer is known as late. */
  #round = 0;
  #told = "";

  constructor(tell: (resolved: Resolved) => void, lookup: Lookup = lookupAll, usesTcp = true) {
    this.#tell = tell;
    this.#lookup = lookup;
    this.#usesTcp = usesTcp;
  }

  /** Tells what is numeric at once, and the rest as answers come. */
  start(texts: readonly string[]): void {
    this.stop();
    this.#running = true;
    this.#texts = texts;
    this.#told = "";
    this.#tellNow();
    void this.#resolveAll();
  }

  stop(): void {
    this.#running = false;
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  async #resolveAll(): Promise<void> {
    const round = this.#round;
    const names = new Set(this.#texts.flatMap((text) => nameOf(text) ?? []));
    const failed = new Set<string>();
    await Promise.all(
      [...names].map(async (name) => {
        try {
          const ips = await withDeadline(this.#lookup(name), LOOKUP_TIMEOUT_MS);
          if (ips.length === 0) throw new Error("no address");
          if (round !== this.#round) return;
          this.#answers.set(name, ips.slice(0, ADDRESSES_PER_NAME));
          this.#tellNow();
        } catch {
          failed.add(name);
        }
      }),
    );
    if (round !== this.#round) return;
    this.#failed = failed;
    this.#tellNow();
    if (names.size === 0) return;
    this.#timer = setTimeout(() => void this.#resolveAll(), failed.size > 0 ? RETRY_MS : REFRESH_MS);
    this.#timer.unref();
  }

  #tellNow(): void {
    if (!this.#running) return;
    const resolved = this.#resolved();
    const key = JSON.stringify(resolved);
    if (key === this.#told) return;
    this.#told = key;
    this.#tell(resolved);
  }

  #resolved(): Resolved {
    const sockets = new Set<SocketAddress>();
    const streams = new Set<SocketAddress>();
    const warnings: Warning[] = [];
    for (const text of this.#texts) {
      const ta = parseTa(text);
      if (!ta) continue; // The configuration was checked when it was read; a membership of an older version may hold more.
      const why = this.#whyNotUsed(ta.kind);
      if (why) {
        warnings.push({
          code: "TRANSPORT_NOT_AVAILABLE",
          text: `The start address ${text} is not used: ${why.text}`,
          remedy: why.remedy,
        });
        continue;
      }
      const into = ta.kind.startsWith("tcp") ? streams : sockets;
      const socket = socketOf(ta) ?? streamSocketOf(ta);
      if (socket) into.add(socket);
      for (const ip of socket ? [] : (this.#answers.get(ta.host) ?? [])) {
        into.add(ip.includes(":") ? `[${ip}]:${ta.port}` : `${ip}:${ta.port}`);
      }
      if (!socket && this.#failed.has(ta.host)) warnings.push(nameWarning(ta.host, this.#answers.has(ta.host)));
    }
    return { sockets: [...sockets], streams: [...streams], warnings };
  }

  #whyNotUsed(kind: TaKind): { text: string; remedy: string } | undefined {
    if (kind.startsWith("tls"))
      return { text: "this version of Ringway speaks no TLS.", remedy: "Give the UDP or TCP address of that member." };
    if (kind.startsWith("tcp") && !this.#usesTcp)
      return { text: "the configuration allows UDP alone.", remedy: 'Set transport to "auto", or give a UDP address.' };
    return undefined;
  }
}

function nameWarning(host: string, hasOlder: boolean): Warning {
  return {
    code: "NAME_NOT_FOUND",
    text: `The name ${host} of a start address has no answer from DNS${hasOlder ? "; the answer from before is used" : ""}.`,
    remedy: "Look for a mistake in the name, and whether this computer has DNS; Ringway keeps asking.",
  };
}

function nameOf(text: string): string | undefined {
  const ta = parseTa(text);
  return ta?.kind === "udpDns" || ta?.kind === "tcpDns" ? ta.host : undefined;
}

async function lookupAll(host: string): Promise<readonly string[]> {
  const answers = await systemLookup(host, { all: true, order: "ipv4first" });
  return answers.map(({ address }) => address).filter((address) => !address.includes("%"));
}

function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer in time")), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
