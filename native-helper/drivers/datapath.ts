/**
 * The Rust addon behind the interfaces of the engine and the helper: sockets and interfaces (`DataPathDriver`),
 * cryptography (`nativeCrypto`), random numbers (`nativeEntropy`), and what the system knows about callers and
 * leftovers.
 *
 * Importing this file loads the addon: `dist/ringway-datapath.node`, or the file that RINGWAY_DATAPATH names.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCode, exitStatusOf, HelperError } from "#contract";
import type * as Addon from "../datapath/node/index.d.ts";
import type { Crypto, Effect, Entropy, Handshake, HandshakeOptions, Identity, Input } from "../overlay/boundary.ts";
import type {
  DataPathLack,
  DataPathPort,
  InterfaceLoss,
  NetworkOptions,
  NetworkPort,
  TapOptions,
} from "./affiliation-ports.ts";
import { debugSwitches } from "./debug-switches.ts";

const addon = loadAddon();
const switches = debugSwitches();

export interface DataPathOptions {
  /** UDP port of both address families; 0: any. */
  readonly port: number;
  /** A fault of the data path itself; the text is for the log. */
  readonly onFault: (text: string) => void;
}

/** The one data path of a helper. Events reach each affiliation's `onInput`, in order, on the main thread. */
export class DataPathDriver implements DataPathPort {
  readonly port: number;
  readonly hasIpv6: boolean;
  readonly #native: Addon.NativeDataPath;
  readonly #onFault: (text: string) => void;
  readonly #listeners = new Map<number, NetworkOptions>();
  #nextId = 1;

  /** Throws HelperError PORT_IN_USE or NOT_PERMITTED. */
  constructor(options: DataPathOptions) {
    this.#onFault = options.onFault;
    this.#native = helperErrors(
      () =>
        new addon.NativeDataPath(
          {
            port: options.port,
            segmentation: !switches.has("no-segmentation"),
            coalescing: !switches.has("no-coalescing"),
          },
          (events) => this.#dispatch(events),
        ),
    );
    this.port = this.#native.port;
    this.hasIpv6 = this.#native.hasIpv6;
  }

  /** Listens for TCP streams, on the port of the UDP sockets where that is free; once for all affiliations. */
  listenTcp(): number {
    try {
      return this.#native.listenTcp(this.port);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "PORT_IN_USE")) throw error;
      return helperErrors(() => this.#native.listenTcp(0));
    }
  }

  addNetwork(options: NetworkOptions): NetworkPort {
    const id = this.#nextId++;
    const native = helperErrors(() =>
      this.#native.addNetwork({
        id,
        selfAddress: options.self,
        mac1Own: mac1Key(options, options.identity.xPublic),
        mac1Anonymous: mac1Key(options, new Uint8Array(32)),
      }),
    );
    this.#listeners.set(id, options);
    return new DataPathNetwork(native, this.#onFault, () => this.#listeners.delete(id));
  }

  /** Dropped packets by reason, those that occurred. */
  drops(): Record<string, number> {
    const counted = this.#native.stats().filter(({ packets }) => packets > 0);
    return Object.fromEntries(counted.map(({ reason, packets }) => [reason, packets]));
  }

  close(): void {
    this.#listeners.clear();
    this.#native.close();
  }

  #dispatch(events: Addon.NativeEvent[]): void {
    for (const { network, ...event } of events) {
      if (event.kind === "fault") {
        this.#onFault(event.text ?? "the data path reported a fault without words");
      } else if (event.kind === "interfaceLost") {
        if (network !== undefined) this.#listeners.get(network)?.onInterfaceLost(event.reason as InterfaceLoss);
      } else if (network !== undefined) {
        // The addon fills in the fields of `Input` that belong to the kind, and no others.
        this.#listeners.get(network)?.onInput(event as Input);
      }
    }
  }
}

/** `H("ovl1-mac1" | net_id | psk | X of the receiver)` (overlay.md section 3). */
function mac1Key(options: NetworkOptions, receiverX: Uint8Array): Uint8Array {
  return addon.sha256(Buffer.concat([Buffer.from("ovl1-mac1"), options.netId, options.psk, receiverX]));
}

class DataPathNetwork implements NetworkPort {
  readonly #native: Addon.NativeNetwork;
  readonly #onFault: (text: string) => void;
  readonly #forget: () => void;

  constructor(native: Addon.NativeNetwork, onFault: (text: string) => void, forget: () => void) {
    this.#native = native;
    this.#onFault = onFault;
    this.#forget = forget;
  }

  apply(effects: readonly Effect[]): void {
    for (const effect of effects) {
      try {
        carryOut(this.#native, effect);
      } catch (error) {
        // One effect that the data path refuses must not cost those behind it.
        this.#onFault(`the data path refused "${effect.kind}": ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  openTap({ mac, ...options }: TapOptions): void {
    const offload = !switches.has("no-interface-offload");
    helperErrors(() => this.#native.openTap({ ...options, offload, ...(mac !== undefined && { mac }) }));
  }

  closeTap(): void {
    this.#native.closeTap();
  }

  lacks(): readonly DataPathLack[] {
    return this.#native.lacks() as DataPathLack[];
  }

  remove(): void {
    this.#forget();
    this.#native.remove();
  }
}

function carryOut(native: Addon.NativeNetwork, effect: Effect): void {
  switch (effect.kind) {
    case "sendHandshake":
      return native.sendHandshake(effect.via, effect.packet);
    case "keyAdd":
      if (!(effect.keys instanceof addon.NativeSessionKeys)) throw new TypeError("these keys are not of the addon");
      return native.keyAdd(effect.slot, effect.peer, effect.keys, effect.indexRx, effect.indexTx, effect.features ?? 0);
    case "keyUse":
      return native.keyUse(effect.slot, effect.indexRx);
    case "keyDrop":
      return native.keyDrop(effect.slot, effect.indexRx);
    case "sessionDrop":
      return native.sessionDrop(effect.slot);
    case "pathUse":
      return native.pathUse(effect.slot, effect.path);
    case "streamOpen":
      return native.streamOpen(effect.remote);
    case "streamClose":
      return native.streamClose(effect.remote);
    case "sendCtrl":
      return native.sendCtrl(effect.slot, effect.path, effect.bytes);
    case "sendProbe":
      return native.sendProbe(effect.slot, effect.path, effect.id, effect.sizeBytes);
    case "sendEmpty":
      return native.sendEmpty(effect.slot, effect.path);
    case "fib": {
      const { self, edges, lookahead, exact, reserved } = effect.fib;
      return native.setFib(self, [...edges], [...lookahead], [...exact], [...reserved]);
    }
    case "ipMap":
      return native.setIpMap([...effect.entries]);
    case "sources":
      return native.setSources(effect.slot, [...effect.prefixes]);
    case "pong":
    case "save":
    case "log":
      return;
  }
}

/** A node's secret keys behind a handle. */
export function nativeIdentity(keys: { readonly edSeed: Uint8Array; readonly xSecret: Uint8Array }): Identity {
  return new addon.NativeIdentity(keys.edSeed, keys.xSecret);
}

/** A fresh secret of 32 bytes, fit for an Ed25519 seed or an X25519 secret. */
export function generateSecret(): Uint8Array {
  return addon.generateSecret();
}

/** Feature bit 1 of overlay.md section 3. */
const PARTIAL_CHECKSUMS = 1 << 1;

export const nativeCrypto: Crypto = {
  sha256: addon.sha256,
  blake2s128: addon.blake2S128,
  verify: addon.verify,
  handshake: (options) => new NativeHandshake(options),
  offer: {
    features: switches.has("whole-checksums") ? 0 : PARTIAL_CHECKSUMS,
    ciphers: addon.hasAesHardware() && !switches.has("chacha") ? [1, 2] : [1],
  },
};

class NativeHandshake implements Handshake {
  readonly #native: Addon.NativeHandshake;

  constructor({ pattern, initiator, identity, prologue, psk, remoteStatic }: HandshakeOptions) {
    if (!(identity instanceof addon.NativeIdentity)) throw new TypeError("this identity is not of the addon");
    this.#native = new addon.NativeHandshake(pattern, initiator, identity, prologue, psk, remoteStatic);
  }

  write(payload: Uint8Array): Uint8Array {
    return this.#native.write(payload);
  }

  read(message: Uint8Array): Uint8Array | undefined {
    return this.#native.read(message) ?? undefined;
  }

  remoteStatic(): Uint8Array | undefined {
    return this.#native.remoteStatic() ?? undefined;
  }

  split(cipher: 1 | 2): Addon.NativeSessionKeys {
    return this.#native.split(cipher);
  }
}

/** The system's generator, read ahead in blocks. */
export const nativeEntropy: Entropy = entropyFrom(addon.randomBytes);

/** Random numbers drawn from blocks of random bytes; every byte is given out once. */
export function entropyFrom(random: (length: number) => Uint8Array): Entropy {
  const blockBytes = 1024;
  let block = new Uint8Array(0);
  let used = 0;
  const take = (length: number): Uint8Array => {
    if (length > blockBytes) return new Uint8Array(random(length));
    if (used + length > block.length) {
      block = new Uint8Array(random(blockBytes));
      used = 0;
    }
    const bytes = block.slice(used, used + length);
    block.fill(0, used, used + length);
    used += length;
    return bytes;
  };
  const u32 = () => new DataView(take(4).buffer).getUint32(0);
  return {
    bytes: take,
    u32,
    // 53 bits, as many as a number between 0 and 1 holds.
    fraction: () => ((u32() >>> 5) * 2 ** 26 + (u32() >>> 6)) / 2 ** 53,
  };
}

export interface Argon2idOptions {
  readonly password: Uint8Array;
  /** At least 8 bytes. */
  readonly salt: Uint8Array;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly lengthBytes: number;
}

/** Argon2id 1.3, on the calling thread: 64 MiB and three passes take some tenths of a second. */
export function argon2id({ password, salt, memoryKib, passes, lanes, lengthBytes }: Argon2idOptions): Uint8Array {
  return addon.argon2Id(password, salt, memoryKib, passes, lanes, lengthBytes);
}

/** The uid of the process at the other end of a connected Unix socket, by its descriptor. */
export function peerUid(fd: number): number {
  return addon.peerUid(fd);
}

/** Every address and every IPv4 route of the main table of this computer. */
export function localRanges(): { interface: string; cidr: string; kind: "address" | "route" }[] {
  return [...addon.localAddresses(), ...addon.routes()];
}

/** Removes a TAP interface that a killed helper left; false where there is none. Throws where it is of another kind. */
export function removeInterface(name: string): boolean {
  return helperErrors(() => addon.removeInterface(name));
}

/** Locks a file, made where it is missing, until the lock is released or the process ends; undefined where another holds it. */
export function lockFile(file: string): { release(): void } | undefined {
  return addon.lockFile(file) ?? undefined;
}

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  PORT_IN_USE: "Choose another port, or 0 for any free one.",
  NOT_PERMITTED: "Run the helper as root, or with the capability CAP_NET_ADMIN.",
  NO_TUN_DEVICE: "Load it (`modprobe tun`), or give the container the device /dev/net/tun.",
  INTERFACE_EXISTS: "Choose another name with --interface, or remove that interface.",
  BAD_ARGUMENT: "Correct the value and try again.",
};

/** Errors of the addon in the form of the contract. */
function helperErrors<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const native = "code" in error ? String(error.code) : "";
    const code = native === "BAD_NAME" ? "BAD_ARGUMENT" : native in exitStatusOf ? (native as ErrorCode) : "INTERNAL";
    const remedy = REMEDIES[code] ?? "Look into the helper's log and report this.";
    throw new HelperError(code, error.message, remedy, { cause: error });
  }
}

function loadAddon(): typeof Addon {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const name = "ringway-datapath.node";
  // Beside the bundle in dist/, or from the source tree in tests.
  const file =
    process.env.RINGWAY_DATAPATH ??
    [path.join(here, name), path.join(here, "../../dist", name)].find((candidate) => existsSync(candidate));
  if (file === undefined || !existsSync(file)) {
    throw new HelperError(
      "INTERNAL",
      `The data path ${file ?? path.join(here, name)} is missing.`,
      "Build it: npm run build.",
    );
  }
  return createRequire(import.meta.url)(path.resolve(file)) as typeof Addon;
}
