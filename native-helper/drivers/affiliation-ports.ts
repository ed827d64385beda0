/** What an affiliation needs of the world around it; the data path and the system implement it, tests fake it. */
import type { Crypto, Effect, Entropy, Identity, Input, SocketAddress } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import type { UsedRange } from "./overlap.ts";
import type { Lookup } from "./resolver.ts";
import type { IdentityKeys } from "./state-store.ts";

/** The sockets and all that moves packets; one for the whole helper. */
export interface DataPathPort {
  /** Port of the UDP sockets. */
  readonly port: number;
  /** Whether there is a socket for IPv6 too. */
  readonly hasIpv6: boolean;
  /** Listens for TCP streams; the port, which is that of the UDP sockets where it can be. A second call changes nothing. */
  listenTcp(): number;
  addNetwork(options: NetworkOptions): NetworkPort;
  /** Dropped packets by reason, those that occurred. */
  drops(): Readonly<Record<string, number>>;
  close(): void;
}

/**
 * What the kernel does not do, or turned out not to do, so that the data path does it packet by packet: cutting one message
 * into datagrams, joining datagrams into one message, passing super-packets over the virtual interface.
 */
export type DataPathLack = "segmentation" | "coalescing" | "interfaceOffload";

/** What another program can do to an interface: remove it, take it down, take its address. */
export type InterfaceLoss = "removed" | "down" | "address";

export interface NetworkOptions {
  readonly self: RingAddress;
  readonly affiliation: string;
  readonly identity: Identity;
  /** 32 bytes. */
  readonly netId: Uint8Array;
  /** 32 bytes; zeros where there is no passphrase. */
  readonly psk: Uint8Array;
  readonly onInput: (input: Input) => void;
  /** Another program did this to the interface; one that was removed is closed already. */
  readonly onInterfaceLost: (what: InterfaceLoss) => void;
}

/** One affiliation inside the data path. */
export interface NetworkPort {
  /** Carries out effects in order; those that are not the data path's are not given to it. */
  apply(effects: readonly Effect[]): void;
  /** Makes the virtual interface and brings it up; throws HelperError. */
  openTap(options: TapOptions): void;
  closeTap(): void;
  lacks(): readonly DataPathLack[];
  remove(): void;
}

export interface TapOptions {
  readonly name: string;
  readonly mac: string | undefined;
  readonly mtuBytes: number;
  readonly ip: string;
  readonly prefixBits: number;
  /** Whether the DSCP of packets is copied to the datagrams that carry them. */
  readonly dscp: boolean;
}

/** The helper's surroundings. */
export interface SystemPort {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  identity(keys: IdentityKeys): Identity;
  /** Opens the UDP sockets; port 0: any. Throws PORT_IN_USE. */
  openDataPath(port: number): DataPathPort;
  usedRanges(): readonly UsedRange[];
  /** Numeric addresses of this computer that others could reach, without port; no loopback, no link-local. */
  localIps(): readonly { readonly interface: string; readonly ip: string }[];
  interfaceExists(name: string): boolean;
  /** The largest packet that an interface carries; undefined where the system does not say. */
  interfaceMtu(name: string): number | undefined;
  /** Takes an interface away that a killed helper left. */
  removeInterface(name: string): void;
  readonly lookup?: Lookup;
}

export interface HelperLog {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
}

/** `ip:port`, IPv6 in brackets. */
export function socketAddress(ip: string, port: number): SocketAddress {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
