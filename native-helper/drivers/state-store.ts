/**
 * The state directory:
 *
 *   lock                 held (by the kernel) while a helper runs on this directory
 *   helper.json          the port used last, and the one that is wanted
 *   NAME-HASH/           one folder an affiliation
 *     identity.key       the two secret keys and the salt, made on first use, never shared between affiliations
 *     membership.json    what was joined, and what the user wants: on the ring or off, interface up or down
 *     state.json         what the engine keeps: highest stamp, peers met before, the lease held last
 *     interface.json     the interface that exists now; what a killed helper leaves is found by it
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { AffiliationName, HelperError, type Warning } from "#contract";
import type { SavedState } from "../overlay/boundary.ts";
import { SHORTCUT_LIMIT } from "../overlay/constants.ts";
import { parseAddress, type RingAddress } from "../overlay/ring/address.ts";
import { type ReadResult, StateFile, unusable } from "./state-file.ts";

/** Takes an exclusive lock on a file, which the kernel gives back when the process ends, however it ends; undefined: another has it. */
export type LockFile = (path: string) => FileLock | undefined;

/** The lock is held until it is released, or its object is forgotten. */
export interface FileLock {
  release(): void;
}

export interface IdentityKeys {
  /** Seed of the Ed25519 key, 32 bytes. */
  readonly edSeed: Uint8Array;
  /** X25519 secret, 32 bytes. */
  readonly xSecret: Uint8Array;
  /** Part of the ring address, 16 bytes. */
  readonly salt: Uint8Array;
}

const StoredIdentity = z.strictObject({
  version: z.literal(1),
  edSeed: z.base64().length(44),
  xSecret: z.base64().length(44),
  salt: z.base64().length(24),
});

export const Membership = z.strictObject({
  version: z.literal(1),
  affiliation: AffiliationName,
  subnet: z.string(),
  startAddresses: z.array(z.string()),
  interfaceName: z.string(),
  mtuBytes: z.int(),
  /** The static claim; null: one is leased. */
  virtualIp: z.string().nullable(),
  mac: z.string().nullable(),
  name: z.string().nullable(),
  site: z.string().nullable(),
  /** Whether peers may test the speed of the path to this computer; absent: they may. */
  speedTests: z.boolean().exactOptional(),
  /** Links for traffic at a time; absent: the default. */
  shortcuts: z.int().min(0).max(SHORTCUT_LIMIT).exactOptional(),
  /** Whether tunnels of others may go through here; absent: they may. */
  relay: z.boolean().exactOptional(),
  /** Whether the DSCP of packets is copied to the datagrams that carry them; absent: it is not. */
  dscp: z.boolean().exactOptional(),
  /** A file of a version that knew UDP only does not say. */
  transport: z.enum(["auto", "udp", "tcp"]).default("auto"),
  /** What the user wants. */
  onRing: z.boolean(),
  interfaceUp: z.boolean(),
});
export type Membership = z.infer<typeof Membership>;

const RingAddressText = z.string().transform((text, context): RingAddress => {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  context.addIssue("is no ring address");
  return z.NEVER;
});

const StoredState = z.object({
  version: z.literal(1),
  highestStamp: z.number(),
  cachedPeers: z.array(
    z.object({ address: RingAddressText, remote: z.string(), transport: z.literal("tcp").optional() }),
  ),
  /** The virtual IP held last, to be asked for again. */
  lease: z.object({ ip: z.ipv4(), i: z.int().min(0).max(255), since: z.int().min(0) }).exactOptional(),
});

const StoredInterface = z.strictObject({ version: z.literal(1), name: z.string(), bootId: z.string() });
const Port = z.int().min(1).max(65535);
const StoredHelper = z.strictObject({
  version: z.literal(1),
  port: Port.exactOptional(),
  /** What the user set; absent: any. */
  wanted: Port.exactOptional(),
});

/** Of the helper's sockets. */
export interface Ports {
  readonly last: number | undefined;
  readonly wanted: number | undefined;
}

/** Affiliations at a time on one computer. */
export const AFFILIATIONS_LIMIT = 16;

export class StateStore {
  readonly folder: string;
  /** What was set aside while reading. */
  readonly warnings: Warning[] = [];
  readonly #wall: () => number;
  readonly #lock: FileLock;
  readonly #helper: StateFile<z.infer<typeof StoredHelper>>;

  /** Throws STATE_IN_USE where another helper runs on `folder`, NOT_PERMITTED or STATE_UNUSABLE where it cannot be used. */
  constructor(folder: string, lock: LockFile, wall: () => number = Date.now) {
    this.folder = folder;
    this.#wall = wall;
    makeFolder(folder);
    const lockPath = join(folder, "lock");
    let held: FileLock | undefined;
    try {
      held = lock(lockPath);
    } catch (error) {
      throw unusable("lock", lockPath, error);
    }
    if (!held) {
      throw new HelperError(
        "STATE_IN_USE",
        `Another helper runs on the state directory ${folder}.`,
        "Stop that one first, or give this one a folder of its own with --state DIR.",
      );
    }
    this.#lock = held;
    this.#helper = new StateFile(join(folder, "helper.json"), StoredHelper);
  }

  /** Lets another helper have the directory; nothing may be written afterwards. */
  close(): void {
    this.#lock.release();
  }

  /** The port used last, and the one that the user set; neither on the first start. */
  ports(): Ports {
    const stored = this.take(this.#helper.read(this.#wall()));
    return { last: stored?.port, wanted: stored?.wanted };
  }

  async savePorts({ last, wanted }: Ports): Promise<void> {
    await this.#helper.write({
      version: 1,
      ...(last !== undefined && { port: last }),
      ...(wanted !== undefined && { wanted }),
    });
  }

  /** The affiliations joined before, each with its membership. */
  memberships(): { readonly store: AffiliationStore; readonly membership: Membership }[] {
    const found: { store: AffiliationStore; membership: Membership }[] = [];
    for (const entry of readdirSync(this.folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || !/-[0-9a-f]{12}$/.test(entry.name)) continue;
      const store = new AffiliationStore(this, join(this.folder, entry.name), this.#wall);
      const membership = store.membership();
      if (membership && entry.name === folderName(membership.affiliation)) found.push({ store, membership });
    }
    return found.sort((a, b) => (a.membership.affiliation < b.membership.affiliation ? -1 : 1));
  }

  /** The place of an affiliation, made where it is new. */
  affiliation(name: string): AffiliationStore {
    const folder = join(this.folder, folderName(name));
    makeFolder(folder);
    return new AffiliationStore(this, folder, this.#wall);
  }

  /** Notes the warning of a file set aside; the value of one that was read. */
  take<T>(result: ReadResult<T>): T | undefined {
    if (result.kind === "setAside") this.warnings.push(result.warning);
    return result.kind === "read" ? result.value : undefined;
  }
}

export class AffiliationStore {
  readonly folder: string;
  readonly #parent: StateStore;
  readonly #wall: () => number;
  readonly #identity: StateFile<z.infer<typeof StoredIdentity>>;
  readonly #membership: StateFile<Membership>;
  readonly #state: StateFile<z.infer<typeof StoredState>>;
  readonly #interface: StateFile<z.infer<typeof StoredInterface>>;
  #removed = false;
  #madeIdentity = false;

  constructor(parent: StateStore, folder: string, wall: () => number) {
    this.folder = folder;
    this.#parent = parent;
    this.#wall = wall;
    this.#identity = new StateFile(join(folder, "identity.key"), StoredIdentity, 0o600);
    this.#membership = new StateFile(join(folder, "membership.json"), Membership);
    this.#state = new StateFile(join(folder, "state.json"), StoredState);
    this.#interface = new StateFile(join(folder, "interface.json"), StoredInterface);
  }

  membership(): Membership | undefined {
    return this.#parent.take(this.#membership.read(this.#wall()));
  }

  async saveMembership(membership: Membership): Promise<void> {
    if (!this.#removed) await this.#membership.write(membership);
  }

  /** Undoes a join that failed. Keys that were there before it stay. */
  async forgetMembership(): Promise<void> {
    await this.#membership.remove();
    if (this.#madeIdentity) await this.remove();
  }

  /** The keys of this affiliation; made, and on disk before anyone hears of them, on first use. */
  async identity(): Promise<IdentityKeys> {
    const stored = this.#parent.take(this.#identity.read(this.#wall()));
    if (stored) {
      return { edSeed: fromBase64(stored.edSeed), xSecret: fromBase64(stored.xSecret), salt: fromBase64(stored.salt) };
    }
    this.#madeIdentity = true;
    const keys: IdentityKeys = { edSeed: random(32), xSecret: random(32), salt: random(16) };
    await this.#identity.write({
      version: 1,
      edSeed: toBase64(keys.edSeed),
      xSecret: toBase64(keys.xSecret),
      salt: toBase64(keys.salt),
    });
    return keys;
  }

  saved(): SavedState | undefined {
    const stored = this.#parent.take(this.#state.read(this.#wall()));
    if (!stored) return undefined;
    const { highestStamp, cachedPeers, lease } = stored;
    return { highestStamp, cachedPeers, ...(lease && { lease }) };
  }

  async saveState(state: SavedState): Promise<void> {
    if (this.#removed) return;
    const { highestStamp, cachedPeers, lease } = state;
    await this.#state.write({ version: 1, highestStamp, cachedPeers: [...cachedPeers], ...(lease && { lease }) });
  }

  /** The interface that a helper made since this system started and did not take away. */
  leftInterface(): string | undefined {
    const stored = this.#parent.take(this.#interface.read(this.#wall()));
    return stored && stored.bootId === bootId() ? stored.name : undefined;
  }

  async recordInterface(name: string): Promise<void> {
    await this.#interface.write({ version: 1, name, bootId: bootId() });
  }

  async forgetInterface(): Promise<void> {
    await this.#interface.remove();
  }

  /** Gives up everything of this affiliation, its keys first; later saves do nothing. What was set aside stays, with the folder. */
  async remove(): Promise<void> {
    this.#removed = true;
    for (const file of [this.#identity, this.#membership, this.#state, this.#interface]) await file.remove();
    try {
      rmdirSync(this.folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw unusable("remove", this.folder, error);
    }
  }
}

/** A readable part, and a part that tells apart names of equal readable parts. */
function folderName(affiliation: string): string {
  const readable = affiliation
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 32);
  return `${readable || "affiliation"}-${createHash("sha256").update(affiliation).digest("hex").slice(0, 12)}`;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable("make the folder", folder, error);
  }
}

/** Names this run of the system, so that a record from before a restart is not taken for one of now. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown";
  }
}

function random(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

function toBase64(value: Uint8Array): string {
  return Buffer.from(value).toString("base64");
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
