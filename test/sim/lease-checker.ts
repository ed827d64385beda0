/**
 * Invariant 8 of docs/protocol.md, looked at whenever a host begins to use a virtual IP: no two of one whole ring use the same.
 * After rings were joined, and while many start or wake, two may for a while, counted while the ring is whole.
 */
import type { Instant } from "../../native-helper/overlay/boundary.ts";
import { checkRing } from "./checks.ts";
import type { Host, HostEvent } from "./host.ts";
import type { World } from "./world.ts";

const LOOK_AGAIN_MS = 250;
const AFTER_MERGE_MS = 10_000;
const WHILE_MANY_COME_MS = 5_000;
/** How long ago who started or woke counts as coming. */
const COMING_MS = 60_000;
const MANY = 3;
const MANY_SHARE = 0.2;

export class LeaseChecker {
  readonly #world: World;
  readonly #hostsOf = new Map<string, Set<Host>>();
  readonly #cameAt = new Map<Host, Instant>();
  /** Addresses used twice, with the time for which that was so in a whole ring. */
  readonly #doubles = new Map<string, { since: Instant; countedMs: number }>();
  #parted = false;
  /** The longest time that an address was used twice in a whole ring, and how often that began. */
  worstMs = 0;
  count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** The network is split: rings of their own will come together later. */
  parted(): void {
    this.#parted = true;
  }

  observe(host: Host, event: HostEvent): void {
    if (event.kind === "input" && (event.input.kind === "wake" || event.input.kind === "connect"))
      this.#cameAt.set(host, this.#world.now);
    if (event.kind !== "effect" || event.effect.kind !== "virtualIp" || event.effect.ip === undefined) return;
    const { ip } = event.effect;
    const hosts = this.#hostsOf.get(ip) ?? new Set();
    this.#hostsOf.set(ip, hosts.add(host));
    // The effect is carried out when it has been observed.
    if (hosts.size > 1) this.#world.queue.after(0, () => this.#look(ip));
  }

  #look(ip: string): void {
    const world = this.#world;
    const users = this.#users(ip);
    if (users.length < 2) {
      this.#doubles.delete(ip);
      return;
    }
    const double = this.#doubles.get(ip);
    const isWhole = checkRing(world.up.filter((host) => !host.isAsleep)).consistent;
    if (!double) {
      this.count++;
      this.#doubles.set(ip, { since: world.now, countedMs: 0 });
    } else if (isWhole) double.countedMs += LOOK_AGAIN_MS;
    const countedMs = double?.countedMs ?? 0;
    this.worstMs = Math.max(this.worstMs, countedMs);
    if (isWhole && countedMs >= this.#allowedMs()) {
      const since = ((double?.since ?? world.now) / 1_000).toFixed(1);
      const names = users.map((host) => `${host.name} (${host.address.slice(0, 6)})`).join(" and ");
      world.fail(`${names} both use ${ip}, since ${since} s, ${countedMs} ms of that in a whole ring`);
    }
    if (!double || world.now > double.since) world.queue.after(LOOK_AGAIN_MS, () => this.#look(ip));
  }

  /** Awake hosts that use that address and hear each other. */
  #users(ip: string): Host[] {
    const users = [...(this.#hostsOf.get(ip) ?? [])].filter((host) => host.isUp && host.virtualIp === ip);
    this.#hostsOf.set(ip, new Set(users));
    const awake = users.filter((host) => !host.isAsleep);
    const groups = new Set(awake.map((host) => host.options.socket.group));
    const together = [...groups].map((group) => awake.filter((host) => host.options.socket.group === group));
    return together.find((hosts) => hosts.length > 1) ?? [];
  }

  #allowedMs(): number {
    if (this.#parted) return AFTER_MERGE_MS;
    const { now, up } = this.#world;
    const coming = up.filter((host) => now - (this.#cameAt.get(host) ?? now) < COMING_MS).length;
    return coming >= Math.max(MANY, MANY_SHARE * up.length) ? WHILE_MANY_COME_MS : 0;
  }
}
