/** The real surroundings of the helper: the addon, the interfaces and addresses of this computer. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { HelperError } from "#contract";
import type { HelperLog, SystemPort } from "./affiliation-ports.ts";
import {
  DataPathDriver,
  localRanges,
  nativeCrypto,
  nativeEntropy,
  nativeIdentity,
  removeInterface,
} from "./datapath.ts";

const TUN_DEVICE = "/dev/net/tun";
const CAP_NET_ADMIN = 12;

export function realSystem(log: HelperLog): SystemPort {
  return {
    crypto: nativeCrypto,
    entropy: nativeEntropy,
    identity: nativeIdentity,
    openDataPath: (port) => new DataPathDriver({ port, onFault: (text) => log.warn(text) }),
    usedRanges: localRanges,
    localIps,
    interfaceExists: (name) => existsSync(`/sys/class/net/${name}`),
    interfaceMtu,
    removeInterface,
  };
}

/** Throws NOT_PERMITTED or NO_TUN_DEVICE where no virtual interface could ever be made. */
export function requireVirtualInterfaces(): void {
  if (!hasCapability(CAP_NET_ADMIN)) {
    throw new HelperError(
      "NOT_PERMITTED",
      "The helper may not make network interfaces: it lacks the capability CAP_NET_ADMIN.",
      "Start it as root: sudo ringway helper.",
    );
  }
  try {
    accessSync(TUN_DEVICE, constants.R_OK | constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") {
      throw new HelperError(
        "NOT_PERMITTED",
        `The helper may not open ${TUN_DEVICE} (${code}).`,
        "Start it as root: sudo ringway helper.",
        { cause: error },
      );
    }
    throw new HelperError(
      "NO_TUN_DEVICE",
      `This system has no ${TUN_DEVICE}, so there can be no virtual interface.`,
      "Load it with: modprobe tun; in a container, give it the device.",
      { cause: error },
    );
  }
}

/** Whether this process may do it now; true where the system does not say (the attempt will tell). */
function hasCapability(bit: number): boolean {
  let status: string;
  try {
    status = readFileSync("/proc/self/status", "utf8");
  } catch {
    return true;
  }
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
}

function interfaceMtu(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/mtu`, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

/** No loopback, nothing that is valid on one link only. */
function localIps(): { interface: string; ip: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab])/i.test(address))
      .map(({ address }) => ({ interface: name, ip: address })),
  );
}
