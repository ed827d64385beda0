/**
 * The IP side of the data path: which session an inner destination belongs to, which inner sources a session may use,
 * and the packets that wait until the engine has said so. IPv6 entries match whole addresses only.
 */
import type { Instant, IpMapEntry, Slot } from "../../native-helper/overlay/boundary.ts";
import type { IpPacket } from "./packets.ts";

const HELD_PER_KEY = 8;
const HELD_TOTAL = 256;
const HELD_MS = 1000;
/** Each address is asked for at most this often. */
const ASK_EACH_MS = 1000;
const ASKED_LIMIT = 4096;

interface Held {
  readonly packet: IpPacket;
  readonly at: Instant;
}

/** Packets waiting for a decision, a short queue for each thing that they wait for. */
class WaitingRoom {
  readonly #queues = new Map<string, Held[]>();
  #count = 0;

  /** False where there is no room. */
  add(key: string, packet: IpPacket, now: Instant): boolean {
    const queue = this.#queues.get(key) ?? [];
    const live = queue.filter((held) => now - held.at <= HELD_MS);
    this.#count -= queue.length - live.length;
    const fits = live.length < HELD_PER_KEY && this.#count < HELD_TOTAL;
    if (fits) {
      live.push({ packet, at: now });
      this.#count++;
    }
    if (live.length > 0) this.#queues.set(key, live);
    else this.#queues.delete(key);
    return fits;
  }

  /** Takes out what waits under a key and is not too old. */
  take(key: string, now: Instant): IpPacket[] {
    const queue = this.#queues.get(key);
    if (queue === undefined) return [];
    this.#queues.delete(key);
    this.#count -= queue.length;
    return queue.filter((held) => now - held.at <= HELD_MS).map((held) => held.packet);
  }

  get keys(): readonly string[] {
    return [...this.#queues.keys()];
  }
}

/** Says yes to a question about one key at most once a second. */
class OncePerSecond {
  readonly #askedAt = new Map<string, Instant>();

  allows(key: string, now: Instant): boolean {
    const last = this.#askedAt.get(key);
    if (last !== undefined && now - last < ASK_EACH_MS) return false;
    if (this.#askedAt.size >= ASKED_LIMIT) this.#askedAt.clear();
    this.#askedAt.set(key, now);
    return true;
  }
}

export class IpLayer {
  readonly #hosts = new Map<string, IpMapEntry>();
  #networks: readonly { network: Prefix; entry: IpMapEntry }[] = [];
  readonly #sources = new Map<Slot, { readonly hosts: ReadonlySet<string>; readonly networks: readonly Prefix[] }>();
  /** Outward packets wait under their destination, inward ones under `slot source`. */
  readonly #outward = new WaitingRoom();
  readonly #inward = new WaitingRoom();
  readonly #asked = new OncePerSecond();

  setMap(entries: readonly IpMapEntry[]): void {
    this.#hosts.clear();
    const networks: { network: Prefix; entry: IpMapEntry }[] = [];
    for (const entry of entries) {
      const host = hostOfPrefix(entry.prefix);
      const network = host === undefined ? parsePrefix(entry.prefix) : undefined;
      if (host !== undefined) this.#hosts.set(host, entry);
      else if (network !== undefined) networks.push({ network, entry });
    }
    this.#networks = networks.sort((a, b) => b.network.bits - a.network.bits);
  }

  slotFor(ip: string): Slot | undefined {
    const host = this.#hosts.get(ip);
    if (host !== undefined) return host.slot;
    return this.#networks.find(({ network }) => holds(network, ip))?.entry.slot;
  }

  setSources(slot: Slot, prefixes: readonly string[]): void {
    const hosts = new Set<string>();
    const networks: Prefix[] = [];
    for (const prefix of prefixes) {
      const host = hostOfPrefix(prefix);
      const network = host === undefined ? parsePrefix(prefix) : undefined;
      if (host !== undefined) hosts.add(host);
      else if (network !== undefined) networks.push(network);
    }
    this.#sources.set(slot, { hosts, networks });
  }

  dropSources(slot: Slot): void {
    this.#sources.delete(slot);
  }

  maySend(slot: Slot, ip: string): boolean {
    const sources = this.#sources.get(slot);
    if (sources === undefined) return false;
    return sources.hosts.has(ip) || sources.networks.some((network) => holds(network, ip));
  }

  /** Lets an outward packet wait; `ask` says whether the engine is to be told of the miss. */
  holdOutward(packet: IpPacket, now: Instant): { held: boolean; ask: boolean } {
    return { held: this.#outward.add(packet.dst, packet, now), ask: this.#asked.allows(packet.dst, now) };
  }

  holdInward(slot: Slot, packet: IpPacket, now: Instant): { held: boolean; ask: boolean } {
    const key = `${slot} ${packet.src}`;
    return { held: this.#inward.add(key, packet, now), ask: this.#asked.allows(key, now) };
  }

  /** Outward packets whose destination `isReady` for. */
  releaseOutward(now: Instant, isReady: (ip: string) => boolean): IpPacket[] {
    return this.#outward.keys.filter(isReady).flatMap((ip) => this.#outward.take(ip, now));
  }

  /** Inward packets of a slot whose source it may use by now. */
  releaseInward(slot: Slot, now: Instant): IpPacket[] {
    const start = `${slot} `;
    return this.#inward.keys
      .filter((key) => key.startsWith(start) && this.maySend(slot, key.slice(start.length)))
      .flatMap((key) => this.#inward.take(key, now));
  }
}

interface Prefix {
  readonly base: number;
  readonly bits: number;
}

function hostOfPrefix(prefix: string): string | undefined {
  return prefix.endsWith("/32") || prefix.endsWith("/128") ? prefix.slice(0, prefix.indexOf("/")) : undefined;
}

function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const base = ipNumber(text.slice(0, slash));
  return base === undefined ? undefined : { base, bits: Number(text.slice(slash + 1)) };
}

function holds(prefix: Prefix, ip: string): boolean {
  const address = ipNumber(ip);
  if (address === undefined) return false;
  const size = 2 ** (32 - prefix.bits);
  return Math.floor(address / size) === Math.floor(prefix.base / size);
}

function ipNumber(ip: string): number | undefined {
  if (ip.includes(":")) return undefined;
  return ip.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}
