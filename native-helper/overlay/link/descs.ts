/** Descriptors of other nodes: verified, newest kept, bounded in number. */
import { CLOCK_TOLERANCE_MS, DESCS_CACHED } from "../constants.ts";
import type { Core } from "../core.ts";
import type { RingAddress } from "../ring/address.ts";
import { bindInput, signedPart, signInput } from "../wire/sign-input.ts";
import type { Desc } from "../wire/types.ts";

export class Descs {
  readonly #core: Core;
  readonly #known = new Map<RingAddress, Desc>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** The descriptor, or undefined where none is known or it has run out. */
  get(address: RingAddress): Desc | undefined {
    const desc = this.#known.get(address);
    if (desc && this.#core.knowsTime && desc.seq + desc.lifeS * 1_000 + CLOCK_TOLERANCE_MS < this.#core.wall) {
      this.#known.delete(address);
      return undefined;
    }
    return desc;
  }

  /** Verifies and keeps a descriptor; false where it is not of `expected`, forged, or too far from our time. */
  learn(desc: Desc, expected?: RingAddress): boolean {
    const core = this.#core;
    const address = core.addressOf(desc.edPublic, desc.salt);
    if (expected !== undefined && address !== expected) return false;
    if (address === core.address) return false;
    const known = this.#known.get(address);
    if (known && known.seq >= desc.seq) return true;
    const isAhead = desc.seq > core.wall + CLOCK_TOLERANCE_MS;
    const isVoid = desc.seq + desc.lifeS * 1_000 + CLOCK_TOLERANCE_MS < core.wall;
    // Before three clocks were met this node cannot tell whose is wrong.
    if (core.knowsTime && (isAhead || isVoid)) return false;
    const { crypto, netId } = core;
    if (!crypto.verify(desc.edPublic, bindInput(netId, desc.xPublic, desc.bindValidUntil), desc.bind)) return false;
    if (!crypto.verify(desc.edPublic, signInput("desc", netId, signedPart(desc.bytes)), desc.signature)) return false;
    this.#known.delete(address);
    this.#known.set(address, desc);
    if (this.#known.size > DESCS_CACHED) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return true;
  }

  addressOf(desc: Desc): RingAddress {
    return this.#core.addressOf(desc.edPublic, desc.salt);
  }

  clear(): void {
    this.#known.clear();
  }
}
