/**
 * The engine's edge: everything that goes in and comes out of it, and the three things handed to it (crypto,
 * entropy, time). The helper's drivers and the simulator both implement this file; the engine imports nothing else.
 *
 * Order is meaning: effects are carried out in the order in which `step` returned them.
 */
import type { Debug } from "./debug.ts";
import type { RingAddress } from "./ring/address.ts";
import type { EdgeKind } from "./wire/types.ts";

/** Milliseconds on a clock that counts during sleep and never goes back. */
export type Instant = number;

/** A physical socket address as `ip:port` or `[ip6]:port`, always numeric. */
export type SocketAddress = string;

/** Names the session with one peer inside the data path; chosen by the engine, 1..2^32-1, not reused while it lives. */
export type Slot = number;

/** From our socket to the peer's: by datagrams, or by the TCP stream to that end. */
export type DirectPath =
  | { readonly kind: "udp"; readonly remote: SocketAddress }
  | { readonly kind: "tcp"; readonly remote: SocketAddress };

/** Which transports a node uses; `auto`: UDP first, and TCP where it fails. */
export type TransportChoice = "udp" | "tcp" | "auto";

/** One way that a session's packets go (overlay.md section 4). */
export type Path = DirectPath | { readonly kind: "tunnel"; readonly relay: RingAddress } | { readonly kind: "ring" };

/** Where a handshake packet came from or goes to: a path, and the peer meant by it where it is not a socket. */
export type Via =
  | DirectPath
  | { readonly kind: "tunnel"; readonly relay: RingAddress; readonly peer: RingAddress }
  | { readonly kind: "ring"; readonly peer: RingAddress };

/** The two ciphers of the protocol: 1 ChaCha20-Poly1305, 2 AES-256-GCM. */
export type CipherId = 1 | 2;

/** The split keys of a finished handshake; opaque to the engine, consumed by `keyAdd`. */
export interface SessionKeys {
  readonly sessionKeys: number | object;
}

/** This node's two secret keys, behind a handle. */
export interface Identity {
  /** Ed25519 public key, 32 bytes. */
  readonly edPublic: Uint8Array;
  /** X25519 public key, 32 bytes. */
  readonly xPublic: Uint8Array;
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** One Noise handshake in progress (revision 34). Messages alternate: write, read, ... starting with the initiator. */
export interface Handshake {
  /** The next Noise message: public keys and encrypted payload, without our own outer header and macs. */
  write(payload: Uint8Array): Uint8Array;
  /** The payload of the peer's next message, or undefined where it does not authenticate (the handshake is then spent). */
  read(message: Uint8Array): Uint8Array | undefined;
  /** The peer's X25519 key once the pattern has transmitted it, else undefined. */
  remoteStatic(): Uint8Array | undefined;
  /** After the last message: the keys of both directions, derived as overlay.md section 3 "Keys" says. */
  split(cipher: CipherId): SessionKeys;
}

export interface HandshakeOptions {
  /** `IK` is Noise_IKpsk2, `XX` is Noise_XXpsk3, both 25519_ChaChaPoly_BLAKE2s. */
  pattern: "IK" | "XX";
  initiator: boolean;
  identity: Identity;
  prologue: Uint8Array;
  /** 32 bytes; zeros where the affiliation has no passphrase. */
  psk: Uint8Array;
  /** The responder's X25519 key; needed by the initiator of IK. */
  remoteStatic?: Uint8Array;
}

/** Cryptography handed in: the addon in the helper, a cheap stand-in of the same sizes in large simulations. */
export interface Crypto {
  /** SHA-256, 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** Keyed BLAKE2s with 16 bytes of output (mac1, mac2). */
  blake2s128(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Ed25519 verification (RFC 8032, strict). */
  verify(edPublic: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  handshake(options: HandshakeOptions): Handshake;
  /** What the data path behind this can do, as told to peers; absent: no feature, cipher 1. */
  readonly offer?: DataPathOffer;
}

/** TLV 6 of a handshake (overlay.md section 3). */
export interface DataPathOffer {
  /** Bit 1: partial checksums. */
  readonly features: number;
  /** Always with 1; with 2 where the processor computes AES in hardware. */
  readonly ciphers: readonly CipherId[];
}

/** Random numbers handed in; seeded in the simulator. */
export interface Entropy {
  bytes(length: number): Uint8Array;
  /** Uniform integer 0..2^32-1. */
  u32(): number;
  /** Uniform in [0, 1). */
  fraction(): number;
}

/** What happens to the engine. Everything a peer caused is untrusted but its session is authentic where a slot is named. */
export type Input =
  | { readonly kind: "timeout" }
  /** A handshake packet whose mac1 and token bucket were right; the whole outer packet. */
  | { readonly kind: "handshake"; readonly via: Via; readonly packet: Uint8Array }
  /** The first authentic packet under the key with this receive index. */
  | { readonly kind: "confirmed"; readonly slot: Slot; readonly indexRx: number; readonly path: Path }
  /** The body of a CTRL frame: `type u8 | flags u8 | id u32 | body`. */
  | { readonly kind: "ctrl"; readonly slot: Slot; readonly path: Path; readonly bytes: Uint8Array }
  /** An authentic packet, newest so far, came by a path that is not the active one (said at most once a second each). */
  | { readonly kind: "newPath"; readonly slot: Slot; readonly path: Path }
  /** A PROBE was answered; `sizeBytes` is the size of the probe's outermost packet as the peer saw it. */
  | {
      readonly kind: "probeAck";
      readonly slot: Slot;
      readonly path: Path;
      readonly id: number;
      readonly sizeBytes: number;
    }
  /** An IP packet (or ARP question) found no entry, or an entry without a session, in the IP map (at most 1 a second for each IP). */
  | { readonly kind: "miss"; readonly ip: string }
  /** An IP packet from a session whose source prefixes do not hold its inner source address (at most 1 a second each). */
  | { readonly kind: "unknownSource"; readonly slot: Slot; readonly ip: string }
  /** A TRANSIT packet of another node could not be forwarded towards `dst` (at most 1 a second for each `dst`). */
  | { readonly kind: "noRoute"; readonly src: RingAddress; readonly dst: RingAddress }
  /** Once a second, for each slot whose counters moved since the last one. Totals since the slot was made. */
  | { readonly kind: "traffic"; readonly slot: Slot; readonly counters: SlotCounters }
  /** The TCP stream to that end is over, or never came about (`refused`, `timeout`, `closed`, ...); not told of those that the engine closed. */
  | { readonly kind: "streamClosed"; readonly remote: SocketAddress; readonly reason: string }
  /** The local transport addresses (numeric, with the port of our socket), told at start and when they change; `streams` are those that TCP is listened on. */
  | {
      readonly kind: "localAddresses";
      readonly addresses: readonly SocketAddress[];
      readonly streams?: readonly SocketAddress[];
    }
  /** The clock jumped or the system woke. */
  | { readonly kind: "wake" }
  /** Numeric addresses to start from (configured ones, names resolved by the driver); replaces the earlier list. */
  | {
      readonly kind: "startAddresses";
      /** Those written for UDP, and those written for TCP. */
      readonly addresses: readonly SocketAddress[];
      readonly streams?: readonly SocketAddress[];
    }
  /** Command: go on the ring. */
  | { readonly kind: "connect" }
  /** Command: leave the ring, telling the neighbours; the membership stays. */
  | { readonly kind: "disconnect" }
  /** Command: one overlay round trip; answered by the effect `pong` with the same id, or never. */
  | { readonly kind: "ping"; readonly id: number; readonly peer: RingAddress }
  /** Command: the way to a peer; answered by the effect `traced` with the same id within some seconds. */
  | { readonly kind: "trace"; readonly id: number; readonly peer: RingAddress }
  /** Command: how much the path to a peer carries, in so many seconds; answered by the effect `sped` with the same id. */
  | { readonly kind: "speed"; readonly id: number; readonly peer: RingAddress; readonly seconds: number }
  /** Command: somebody looks at the whole ring, which is walked round for the next 10 s. */
  | { readonly kind: "walk" }
  /** Command: look for a direct way to the peer now. */
  | { readonly kind: "tryDirect"; readonly peer: RingAddress }
  /** Command: ask for a link to the peer as if traffic went there. */
  | { readonly kind: "shortcut"; readonly peer: RingAddress };

export interface SlotCounters {
  /** Every authentic packet of the session, control included. */
  readonly rxPackets: number;
  readonly rxBytes: number;
  readonly txPackets: number;
  readonly txBytes: number;
  /** IP packets only; `ipTx` decides about shortcuts. */
  readonly ipRxPackets: number;
  readonly ipTxPackets: number;
  /** Packets forwarded for others by this hop session. */
  readonly transitPackets: number;
}

/** What the engine wants done. */
export type Effect =
  /** Sends a whole handshake packet, macs included. */
  | { readonly kind: "sendHandshake"; readonly via: Via; readonly packet: Uint8Array }
  /** Adds a key to a session (making the session where the slot is new). It receives at once, and sends after `keyUse`. */
  | {
      readonly kind: "keyAdd";
      readonly slot: Slot;
      readonly peer: RingAddress;
      readonly keys: SessionKeys;
      readonly indexRx: number;
      readonly indexTx: number;
      /** The feature bits that both ends listed; absent: none. */
      readonly features?: number;
    }
  /** From now on the session sends under this key. */
  | { readonly kind: "keyUse"; readonly slot: Slot; readonly indexRx: number }
  | { readonly kind: "keyDrop"; readonly slot: Slot; readonly indexRx: number }
  /** Forgets session, keys and paths. */
  | { readonly kind: "sessionDrop"; readonly slot: Slot }
  /** The path by which the session sends from now on. */
  | { readonly kind: "pathUse"; readonly slot: Slot; readonly path: Path }
  /** Begins a TCP stream unless there is one to that end; what is sent by it waits until it stands, or it is closed. */
  | { readonly kind: "streamOpen"; readonly remote: SocketAddress }
  /** Ends a stream, after what was sent by it. */
  | { readonly kind: "streamClose"; readonly remote: SocketAddress }
  /** Sends one CTRL frame (`type | flags | id | body`) by a path, or by the active one. */
  | { readonly kind: "sendCtrl"; readonly slot: Slot; readonly path?: Path; readonly bytes: Uint8Array }
  /** Sends a PROBE; `sizeBytes` is the UDP payload it is padded to, 0 for the least. */
  | {
      readonly kind: "sendProbe";
      readonly slot: Slot;
      readonly path: Path;
      readonly id: number;
      readonly sizeBytes: number;
    }
  /** Sends a DATA packet without frames (keepalive, confirmation). */
  | { readonly kind: "sendEmpty"; readonly slot: Slot; readonly path?: Path }
  /** Replaces the forwarding table (overlay.md section 7, routing of TRANSIT). */
  | { readonly kind: "fib"; readonly fib: Fib }
  /** Replaces the map from inner destination to session. */
  | { readonly kind: "ipMap"; readonly entries: readonly IpMapEntry[] }
  /** Replaces the inner source prefixes that a session may use. */
  | { readonly kind: "sources"; readonly slot: Slot; readonly prefixes: readonly string[] }
  /** The virtual IP that this node may use from now on, granted by its lease; absent: none, and what it had is another's. */
  | { readonly kind: "virtualIp"; readonly ip?: string }
  /** The round trip asked for by the command `ping`, and the path it took (ring addresses between the ends are not known). */
  | { readonly kind: "pong"; readonly id: number; readonly rttMs: number }
  /** The hops of the way asked for by the command `trace` that answered, nearest first. */
  | { readonly kind: "traced"; readonly id: number; readonly hops: readonly TracedHop[] }
  /** What the command `speed` came to. */
  | { readonly kind: "sped"; readonly id: number; readonly outcome: SpeedOutcome }
  /** To be kept on disk, replacing what was kept before (at most once a second). */
  | { readonly kind: "save"; readonly state: SavedState }
  /** Something a user would notice, for the log. `text` is English; no keys, no payloads. */
  | { readonly kind: "log"; readonly level: "info" | "warn" | "debug"; readonly text: string };

export interface Fib {
  readonly self: RingAddress;
  /** Live edges that may be used as hops; `member` false means only as exact destination (joiners, leaf edges). */
  readonly edges: readonly {
    readonly peer: RingAddress;
    readonly slot: Slot;
    readonly member: boolean;
    readonly direct: boolean;
  }[];
  /** Look-ahead: member `via` reaches `target` in one hop. */
  readonly lookahead: readonly { readonly target: RingAddress; readonly via: RingAddress }[];
  /** Exact entries beside the edges. */
  readonly exact: readonly { readonly dst: RingAddress; readonly via: RingAddress }[];
  /** Pairs whose TUNNEL packets we forward, unordered. */
  readonly reserved: readonly { readonly a: RingAddress; readonly b: RingAddress }[];
}

export interface IpMapEntry {
  /** `172.16.1.5/32`, `fd00::1/128`, or a wider prefix. */
  readonly prefix: string;
  readonly peer: RingAddress;
  /** The session, or undefined: packets wait (<= 8, <= 1 s) and a `miss` is said. */
  readonly slot?: Slot;
}

/** When `step` next wants a "timeout", and why (shown by debug output). */
export interface Wake {
  readonly at: Instant;
  readonly reason: string;
}

export interface CachedPeer {
  readonly address: RingAddress;
  readonly remote: SocketAddress;
  /** Absent: UDP. */
  readonly transport?: "tcp" | undefined;
}

/** What a node keeps across restarts beside its keys. */
export interface SavedState {
  /** Highest handshake stamp, descriptor and record sequence used so far (Unix ms); later ones are above it. */
  readonly highestStamp: number;
  /** Peers met before and the socket address that last worked, newest first, at most 64. */
  readonly cachedPeers: readonly CachedPeer[];
  /** The virtual IP held last, to be asked for again: candidate `i` (255 static), granted first at `since` (Unix ms). */
  readonly lease?: { readonly ip: string; readonly i: number; readonly since: number };
}

export interface NodeOptions {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly identity: Identity;
  /** 16 bytes, part of the ring address. */
  readonly salt: Uint8Array;
  /** Name of the open affiliation, UTF-8 NFC, 1..64 bytes. */
  readonly affiliation: string;
  /** 32 bytes from the passphrase; absent: an open affiliation without one. */
  readonly psk?: Uint8Array;
  /** A static virtual IPv4, claimed before any other; absent: one is leased. */
  readonly virtualIp?: string;
  /** The affiliation's IPv4 subnet, for instance `172.16.0.0/16`. */
  readonly subnet: string;
  /** Shown to other members. */
  readonly name?: string;
  readonly site?: string;
  readonly version: string;
  /** False: peers' speed tests are refused. */
  readonly speedTests?: boolean;
  /** Links that this node makes for traffic, at a time; absent: SHORTCUT_LIMIT, above which it cannot be. */
  readonly shortcutLimit?: number;
  /** False: it carries no tunnels of others; packets that hop around the ring still pass it. */
  readonly relay?: boolean;
  readonly saved?: SavedState;
  /** Absent: UDP alone. */
  readonly transport?: TransportChoice;
  /** Faults switched on by the simulator; never set in the helper. */
  readonly debug?: Debug;
}

export type NatKind = "public" | "eim" | "edm-seq" | "edm-random" | "udp-blocked" | "unknown";

export interface TracedHop {
  readonly ringAddress: RingAddress;
  /** By what the hop was reached from the one before it. */
  readonly transport: "udp" | "tcp" | "tls" | "proxy" | "stream" | "relay";
  /** From this node to the hop and back. */
  readonly rttMs: number;
}

/** Of a speed test: measured, refused by the peer, a test running there or here already, or no answer. */
export type SpeedOutcome =
  | {
      readonly kind: "measured";
      readonly seconds: number;
      readonly upBitsPerS: number;
      readonly downBitsPerS: number;
      readonly lossPct: number | undefined;
    }
  | { readonly kind: "refused" | "busy" | "busyHere" | "silent" };

/** What is recorded of one peer with a session, once a second. */
export interface LinkSample {
  readonly ringAddress: RingAddress;
  readonly slot: Slot;
  readonly kinds: readonly EdgeKind[];
  readonly path?: Path;
  /** The newest round trip, and when it was measured. */
  readonly measured?: { readonly at: Instant; readonly rttMs: number };
  readonly lossPct?: number;
  readonly history: readonly { readonly at: number; readonly event: string; readonly text: string }[];
}

/** A node's view of itself, from which `status`, `peers`, `peer` and `ring` are made. */
export interface NodeView {
  readonly state: "off" | "connecting" | "connected" | "failed";
  /** Why the state is `connecting` or `failed`, in the words of a sentence. */
  readonly reason?: string;
  /** The same for programs, where it is one of these. */
  readonly reasonCode?: "noStartAddressAnswers" | "nobodyAnswers";
  /** nobodyAnswers: for how long. */
  readonly silentMs?: number;
  readonly ringAddress: RingAddress;
  /** The virtual IP in use; null until its lease is granted. */
  readonly virtualIp: string | null;
  /** First grant and end of life of the lease, Unix ms. */
  readonly lease: { readonly since: number; readonly until: number } | null;
  readonly natKind: NatKind;
  readonly localTransportAddresses: readonly SocketAddress[];
  readonly learnedTransportAddresses: readonly SocketAddress[];
  /** Sockets that TCP is listened on. */
  readonly localStreamAddresses: readonly SocketAddress[];
  readonly sizeEstimate: number;
  /** This node's own check of its ring neighbours; null before the first one. */
  readonly consistent: boolean | null;
  /** The whole ring was walked round lately. */
  readonly walked: boolean;
  /** What other members' clocks are ahead of ours, the median of those met; absent while fewer than 3 were. */
  readonly clockOffsetMs?: number;
  readonly peers: readonly PeerView[];
  readonly drops: Readonly<Record<string, number>>;
  /** Shown as warnings: another holder has our virtual IP, another computer uses our identity, ... */
  readonly warnings: readonly EngineWarning[];
}

export interface EngineWarning {
  readonly code: string;
  readonly text: string;
  readonly remedy: string;
  /** What the text names, for who says it in other words: virtualIpChanged has `old` and `new`. */
  readonly values?: Readonly<Record<string, string>>;
}

export interface PeerView {
  readonly ringAddress: RingAddress;
  readonly name?: string;
  readonly site?: string;
  readonly version?: string;
  readonly virtualIp?: string;
  readonly kinds: readonly EdgeKind[];
  /** The active path; absent where packets are routed over the ring or none ever went. */
  readonly path?: Path;
  /** Where packets hop around the ring: the members that they pass, the peer last, as far as that is known. */
  readonly route?: readonly RingAddress[];
  readonly slot?: Slot;
  readonly natKind: NatKind;
  readonly rttMs?: number;
  /** The least round trip of the last 10 minutes. */
  readonly rttMinMs?: number;
  /** By the coordinates of both ends. */
  readonly rttEstimateMs?: number;
  readonly jitterMs?: number;
  readonly lossPct?: number;
  readonly counters?: SlotCounters;
  /** Wall time at which the edge or session came up. */
  readonly since?: number;
  readonly silent: boolean;
  readonly notDirectBecause?: NotDirectBecause;
  readonly history: readonly { readonly at: number; readonly event: string; readonly text: string }[];
}

export type NotDirectCode =
  | "bothHard"
  | "oneHard"
  | "udpBlocked"
  | "peerUdpBlocked"
  | "peerFirewall"
  | "sameNat"
  | "noCommonIp"
  | "noTraffic"
  | "trying"
  | "limit"
  | "oldVersion";

/** What the sentence of a code names; each only where it is known. */
export interface NotDirectEvidence {
  /** noTraffic: so many packets within so many seconds earn a link. */
  readonly packets?: number;
  readonly seconds?: number;
  /** limit: that of this node; absent where it is the peer's. */
  readonly limit?: number;
  /** trying: rounds of checks. */
  readonly round?: number;
  readonly rounds?: number;
  /** oneHard: whose NAT it is, and the wall time of the next attempt. */
  readonly hard?: "own" | "peer";
  readonly nextAt?: number;
  /** noCommonIp: `IPv4` or `IPv6`. */
  readonly ours?: string;
  readonly theirs?: string;
  /** sameNat: an address of the peer on its own network. */
  readonly localAddress?: string;
  /** oldVersion. */
  readonly version?: string;
  readonly needed?: string;
  /** udpBlocked: this node is set so, whatever its network lets through. */
  readonly tcpAlone?: boolean;
}

export interface NotDirectBecause {
  readonly code: NotDirectCode;
  /** What a person reads; the window takes its words from the catalogue by `code`. */
  readonly text: string;
  readonly remedy: string;
  readonly tried: readonly {
    readonly transport: string;
    readonly to: SocketAddress;
    readonly at: number;
    readonly result: string;
  }[];
  readonly evidence: NotDirectEvidence;
}
