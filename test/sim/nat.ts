/**
 * NAT boxes by the terms of RFC 4787: how ports are mapped, who is let in, and for how long.
 *
 * The kinds are those of the namespace test bed too, so that both speak of the same sites.
 */
import type { Instant, SocketAddress } from "../../native-helper/overlay/boundary.ts";
import type { SeededEntropy } from "./random.ts";

/** What a mapping, or a filter, depends on (RFC 4787 sections 4.1 and 5). */
export type Dependence = "endpoint-independent" | "address-dependent" | "address-and-port-dependent";

export interface NatBehaviour {
  readonly mapping: Dependence;
  readonly filtering: Dependence;
  readonly ports: "preserving" | "sequential" | "random";
  /** How long a mapping, and a hole in the filter, lives after the last packet outwards (section 4.3). */
  readonly expiryMs: number;
  /** Whether two inside hosts reach each other through the outer address (section 6). */
  readonly hairpin: boolean;
}

export type SiteKind =
  | "public"
  | "tcp-only"
  | "open"
  | "restricted"
  | "cone"
  | "sequential"
  | "symmetric"
  | "udp-blocked";

const COMMON = { expiryMs: 120_000, hairpin: false } as const;

/**
 * `public` has no box at all; nor has `tcp-only`, where no datagram passes. Behind `udp-blocked` no datagram passes
 * either way, and streams go out only.
 */
export const SITE_KINDS: Readonly<Record<SiteKind, NatBehaviour | "none" | "blocked">> = {
  public: "none",
  "tcp-only": "blocked",
  open: { mapping: "endpoint-independent", filtering: "endpoint-independent", ports: "preserving", ...COMMON },
  restricted: { mapping: "endpoint-independent", filtering: "address-dependent", ports: "preserving", ...COMMON },
  cone: { mapping: "endpoint-independent", filtering: "address-and-port-dependent", ports: "preserving", ...COMMON },
  sequential: {
    mapping: "address-and-port-dependent",
    filtering: "address-and-port-dependent",
    ports: "sequential",
    ...COMMON,
  },
  symmetric: {
    mapping: "address-and-port-dependent",
    filtering: "address-and-port-dependent",
    ports: "random",
    ...COMMON,
  },
  "udp-blocked": "blocked",
};

interface Mapping {
  readonly key: string;
  readonly inside: SocketAddress;
  readonly outerPort: number;
  usedAt: Instant;
  /** When each remote (by what the filter looks at) was last sent to. */
  readonly holes: Map<string, Instant>;
}

const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;

export class NatBox {
  readonly behaviour: NatBehaviour;
  readonly outerIp: string;
  readonly #entropy: SeededEntropy;
  readonly #byInside = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  #lastPort: number;

  constructor(behaviour: NatBehaviour, outerIp: string, entropy: SeededEntropy) {
    this.behaviour = behaviour;
    this.outerIp = outerIp;
    this.#entropy = entropy;
    this.#lastPort = 20_000 + entropy.below(20_000);
  }

  /** The source that `remote` sees; undefined where every port is taken. */
  outbound(inside: SocketAddress, remote: SocketAddress, now: Instant): SocketAddress | undefined {
    const { mapping: dependence, filtering } = this.behaviour;
    const key = `${inside}>${part(remote, dependence)}`;
    let mapping = this.#live(this.#byInside.get(key), now);
    if (mapping === undefined) {
      const outerPort = this.#choosePort(portOf(inside), now);
      if (outerPort === undefined) return undefined;
      mapping = { key, inside, outerPort, usedAt: now, holes: new Map() };
      this.#byInside.set(key, mapping);
      this.#byPort.set(outerPort, mapping);
    }
    mapping.usedAt = now;
    mapping.holes.set(part(remote, filtering), now);
    return `${this.outerIp}:${mapping.outerPort}`;
  }

  /** The inside socket that a packet from `remote` to `outerPort` goes to; undefined where it is filtered. */
  inbound(outerPort: number, remote: SocketAddress, now: Instant): SocketAddress | undefined {
    const mapping = this.#live(this.#byPort.get(outerPort), now);
    if (mapping === undefined) return undefined;
    const { filtering, expiryMs } = this.behaviour;
    if (filtering === "endpoint-independent") return mapping.inside;
    const opened = mapping.holes.get(part(remote, filtering));
    return opened !== undefined && now - opened <= expiryMs ? mapping.inside : undefined;
  }

  /** Forgets every mapping, as a box does that lost its power; new ports differ where they are not preserved. */
  reboot(): void {
    this.#byInside.clear();
    this.#byPort.clear();
    this.#lastPort = 20_000 + this.#entropy.below(20_000);
  }

  get mappings(): number {
    return this.#byPort.size;
  }

  #live(mapping: Mapping | undefined, now: Instant): Mapping | undefined {
    if (mapping === undefined || now - mapping.usedAt <= this.behaviour.expiryMs) return mapping;
    this.#byInside.delete(mapping.key);
    this.#byPort.delete(mapping.outerPort);
    return undefined;
  }

  #choosePort(inner: number, now: Instant): number | undefined {
    const { ports } = this.behaviour;
    const span = HIGHEST_PORT - LOWEST_PORT + 1;
    const first =
      ports === "preserving"
        ? inner
        : ports === "sequential"
          ? this.#lastPort + 1
          : LOWEST_PORT + this.#entropy.below(span);
    for (let i = 0; i < span; i++) {
      const port = LOWEST_PORT + ((((first - LOWEST_PORT + i) % span) + span) % span);
      if (this.#live(this.#byPort.get(port), now) !== undefined) continue;
      this.#lastPort = port;
      return port;
    }
    return undefined;
  }
}

function part(remote: SocketAddress, dependence: Dependence): string {
  if (dependence === "endpoint-independent") return "";
  return dependence === "address-dependent" ? hostOf(remote) : remote;
}

export function hostOf(address: SocketAddress): string {
  return address.slice(0, address.lastIndexOf(":"));
}

export function portOf(address: SocketAddress): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
