/** Engine, data path and system of a helper that only remember what was asked of them; a test says what they answer. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { HelperError } from "#contract";
import type { Engine } from "../native-helper/drivers/affiliation.ts";
import { openNetId, ringAddressOf } from "../native-helper/drivers/affiliation-keys.ts";
import type {
  DataPathPort,
  NetworkOptions,
  NetworkPort,
  SystemPort,
  TapOptions,
} from "../native-helper/drivers/affiliation-ports.ts";
import type { UsedRange } from "../native-helper/drivers/overlap.ts";
import type {
  Crypto,
  Effect,
  Entropy,
  Input,
  LinkSample,
  NodeOptions,
  NodeView,
} from "../native-helper/overlay/boundary.ts";
import type { RingAddress } from "../native-helper/overlay/ring/address.ts";

export class FakeEngine implements Engine {
  readonly address: RingAddress;
  readonly options: NodeOptions;
  readonly inputs: Input[] = [];
  effects: Effect[] = [];
  wakeInMs: number | undefined;
  viewChanges: Partial<NodeView> = {};
  onStep: ((input: Input) => void) | undefined;

  constructor(options: NodeOptions) {
    this.options = options;
    const netId = openNetId(options.crypto, options.affiliation);
    this.address = ringAddressOf(options.crypto, netId, options.identity.edPublic, options.salt);
    this.grants = options.virtualIp ?? "172.16.77.7";
  }

  /** The virtual IP that it is granted when it connects; undefined: none. */
  grants: string | undefined;
  virtualIp: string | undefined;

  step(_now: number, _wall: number, input: Input): Effect[] {
    this.inputs.push(input);
    this.onStep?.(input);
    if (input.kind === "connect" && this.grants !== undefined) this.grant(this.grants);
    if (input.kind === "disconnect") this.grant(undefined);
    const effects = this.effects;
    this.effects = [];
    return effects;
  }

  /** The next step says that this is the virtual IP now. */
  grant(ip: string | undefined): void {
    if (ip !== this.virtualIp) this.effects.push({ kind: "virtualIp", ...(ip !== undefined && { ip }) });
    this.virtualIp = ip;
  }

  wakeBy() {
    if (this.wakeInMs === undefined) return undefined;
    const at = performance.now() + this.wakeInMs;
    this.wakeInMs = undefined;
    return { at, reason: "test" };
  }

  view(): NodeView {
    return {
      state: "connecting",
      ringAddress: this.address,
      virtualIp: this.virtualIp ?? null,
      lease: null,
      natKind: "unknown",
      localTransportAddresses: [],
      learnedTransportAddresses: [],
      localStreamAddresses: [],
      sizeEstimate: 1,
      consistent: null,
      walked: false,
      peers: [],
      drops: {},
      warnings: [],
      ...this.viewChanges,
    };
  }

  links(): LinkSample[] {
    return [];
  }

  inputKinds(): string[] {
    return this.inputs.map(({ kind }) => kind);
  }

  input<K extends Input["kind"]>(kind: K): Extract<Input, { kind: K }> | undefined {
    return this.inputs.findLast((input): input is Extract<Input, { kind: K }> => input.kind === kind);
  }
}

/** Data path and system that only remember what was asked of them. */
export class FakeWorld {
  readonly openedPorts: number[] = [];
  readonly applied: Effect[] = [];
  readonly removed: string[] = [];
  readonly log: string[] = [];
  changes = 0;
  networks = 0;
  isClosed = false;
  tap: TapOptions | undefined;
  takenPorts: number[] = [];
  ranges: UsedRange[] = [];
  ips: { interface: string; ip: string }[] = [{ interface: "eth0", ip: "192.168.1.7" }];
  existing = new Set<string>();
  mtuBytes: number | undefined = 1_500;
  openPortFails: HelperError | undefined;
  addNetworkFails: HelperError | undefined;
  onApply: (() => void) | undefined;
  #engine: FakeEngine | undefined;
  #network: NetworkOptions | undefined;

  get engine(): FakeEngine {
    if (!this.#engine) throw new Error("no engine was made");
    return this.#engine;
  }

  set engine(engine: FakeEngine) {
    this.#engine = engine;
  }

  get network(): NetworkOptions {
    if (!this.#network) throw new Error("no network was made");
    return this.#network;
  }

  readonly system: SystemPort = {
    crypto: fakeCrypto,
    entropy: { bytes: (length) => randomBytes(length), u32: () => 4, fraction: () => 0.5 } satisfies Entropy,
    identity: ({ edSeed, xSecret }) => ({
      edPublic: hash(edSeed),
      xPublic: hash(xSecret),
      sign: () => new Uint8Array(64),
    }),
    openDataPath: (port) => this.#open(port),
    usedRanges: () => this.ranges,
    localIps: () => this.ips,
    interfaceExists: (name) => this.existing.has(name),
    interfaceMtu: () => this.mtuBytes,
    removeInterface: (name) => {
      this.removed.push(name);
      this.existing.delete(name);
    },
    lookup: async () => [],
  };

  #open(port: number): DataPathPort {
    this.openedPorts.push(port);
    if (this.openPortFails) throw this.openPortFails;
    if (this.takenPorts.includes(port))
      throw new HelperError("PORT_IN_USE", `Port ${port} is taken.`, "Choose another.");
    return {
      port: port || 40_000,
      hasIpv6: false,
      drops: () => ({}),
      listenTcp: () => port || 40_000,
      addNetwork: (options) => this.#addNetwork(options),
      close: () => {
        this.isClosed = true;
      },
    };
  }

  #addNetwork(options: NetworkOptions): NetworkPort {
    if (this.addNetworkFails) throw this.addNetworkFails;
    this.#network = options;
    this.networks += 1;
    return {
      apply: (effects) => {
        this.applied.push(...effects);
        this.onApply?.();
      },
      openTap: (tap) => {
        if (this.existing.has(tap.name)) throw new HelperError("INTERFACE_EXISTS", "It exists.", "Choose another.");
        this.tap = tap;
      },
      closeTap: () => {
        this.tap = undefined;
      },
      lacks: () => [],
      remove: () => {
        this.networks -= 1;
      },
    };
  }
}

function hash(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest());
}

const fakeCrypto: Crypto = {
  sha256: hash,
  blake2s128: (key, data) => new Uint8Array(createHmac("sha256", key).update(data).digest().subarray(0, 16)),
  verify: () => true,
  handshake: () => {
    throw new Error("no handshake happens in these tests");
  },
};
