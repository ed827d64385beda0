/** The virtual interface of one affiliation: checked before it comes up, recorded so that a killed helper's is found. */
import { errorView, type HelperError, type InterfaceView, type Warning } from "#contract";
import type { HelperLog, NetworkPort, SystemPort } from "./affiliation-ports.ts";
import { refuseOverlap } from "./overlap.ts";
import type { AffiliationStore, Membership } from "./state-store.ts";

export interface InterfaceOptions {
  readonly system: SystemPort;
  readonly store: AffiliationStore;
  readonly log: HelperLog;
  /** The interfaces of this helper, with the names of their affiliations. */
  readonly ownInterfaces: () => ReadonlyMap<string, string>;
}

export class VirtualInterface {
  readonly #options: InterfaceOptions;
  #up: { readonly name: string; readonly network: NetworkPort } | undefined;
  #fault: Warning | undefined;

  constructor(options: InterfaceOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#up !== undefined;
  }

  /** Why it is down although it is wanted. */
  get fault(): Warning | undefined {
    return this.#fault;
  }

  view(membership: Membership): InterfaceView {
    return {
      name: this.#up?.name ?? membership.interfaceName,
      state: this.#up ? "up" : "down",
      mtuBytes: membership.mtuBytes,
    };
  }

  /** Brings it up with `ip`. Throws what stands in the way, and keeps it as the fault. */
  async up(network: NetworkPort, membership: Membership, ip: string): Promise<void> {
    if (this.#up) return;
    const { system, store, log, ownInterfaces } = this.#options;
    const { interfaceName: name, subnet, mtuBytes, mac } = membership;
    try {
      await this.#removeLeft();
      refuseOverlap(subnet, system.usedRanges(), name, ownInterfaces());
      await store.recordInterface(name);
      network.openTap({ name, mac: mac ?? undefined, mtuBytes, ip, prefixBits: Number(subnet.split("/")[1]) });
    } catch (error) {
      await store.forgetInterface();
      const fault = errorView(error);
      if (this.#fault?.text !== fault.text) log.warn(`interface ${name} stays down: ${fault.text} ${fault.remedy}`);
      this.#fault = fault;
      throw error as HelperError;
    }
    this.#up = { name, network };
    this.#fault = undefined;
    log.info(`interface ${name} is up with ${ip}/${subnet.split("/")[1]}`);
  }

  async down(): Promise<void> {
    this.#fault = undefined;
    if (!this.#up) return;
    const { name, network } = this.#up;
    this.#up = undefined;
    network.closeTap();
    await this.#options.store.forgetInterface();
    this.#options.log.info(`interface ${name} is down`);
  }

  /** Removes what a killed helper left, so that there is never a second interface or route. */
  async #removeLeft(): Promise<void> {
    const { system, store, log } = this.#options;
    const left = store.leftInterface();
    if (left === undefined) return;
    if (system.interfaceExists(left)) {
      log.warn(`removing the interface ${left} that a killed helper left`);
      system.removeInterface(left);
    }
    await store.forgetInterface();
  }
}
