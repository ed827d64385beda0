/** The virtual interface of one affiliation: checked before it comes up, recorded so that a killed helper's is found. */
import { errorView, type HelperError, type InterfaceView, type Warning } from "#contract";
import type { HelperLog, InterfaceLoss, NetworkPort, SystemPort } from "./affiliation-ports.ts";
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
  #up: { readonly name: string; readonly network: NetworkPort; readonly ip: string } | undefined;
  #fault: Warning | undefined;

  constructor(options: InterfaceOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#up !== undefined;
  }

  /** The address it is up with. */
  get ip(): string | undefined {
    return this.#up?.ip;
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

  /** Throws what would stand in the way of `up`, and keeps it as the fault. */
  check(membership: Membership): void {
    if (this.#up) return;
    const { system, ownInterfaces } = this.#options;
    try {
      refuseOverlap(membership.subnet, system.usedRanges(), membership.interfaceName, ownInterfaces());
      this.#fault = undefined;
    } catch (error) {
      throw this.#failed(membership.interfaceName, error);
    }
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
      network.openTap({
        name,
        mac: mac ?? undefined,
        mtuBytes,
        ip,
        prefixBits: Number(subnet.split("/")[1]),
        dscp: membership.dscp ?? false,
      });
    } catch (error) {
      await store.forgetInterface();
      throw this.#failed(name, error);
    }
    this.#up = { name, network, ip };
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

  #failed(name: string, error: unknown): HelperError {
    const fault = errorView(error);
    if (this.#fault?.text !== fault.text)
      this.#options.log.warn(`interface ${name} stays down: ${fault.text} ${fault.remedy}`);
    this.#fault = fault;
    return error as HelperError;
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

/** What `status` says of an interface that another program did something to, `times` so far. */
export function interfaceLostWarning(name: string, what: InterfaceLoss, times: number): Warning {
  const did = {
    removed: `removed the interface ${name}`,
    down: `took the interface ${name} down`,
    address: `took its address from the interface ${name}`,
  }[what];
  const again = times === 1 ? "once" : `${times} times`;
  return {
    code: "INTERFACE_LOST",
    text: `Another program ${did}; the helper has made it again ${again} so far.`,
    remedy: `Tell what manages the network of this computer to leave ${name} alone.`,
  };
}
