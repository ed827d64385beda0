/** The values that the codecs of this folder read and write; layouts are drawn in the codec files and in docs/protocol.md. */
import type { RingAddress } from "../ring/address.ts";

export type TaKind = "udp4" | "udp6" | "tcp4" | "tcp6" | "udpDns" | "tcpDns" | "tlsDns" | "tls4" | "tls6";
export type TaOrigin = "local" | "learned" | "mapped" | "configured" | "predicted";

/** A transport address on the wire. `host` is a numeric IP, or a name for the dns kinds. */
export interface TransportAddress {
  readonly kind: TaKind;
  readonly origin: TaOrigin;
  readonly host: string;
  readonly port: number;
}

export type DescNat = "unknown" | "eim" | "edm-seq" | "edm-random" | "udp-blocked";

/** The u16 `flags` of Desc and Brief. */
export interface NodeFlags {
  readonly public: boolean;
  readonly relay: boolean;
  readonly gateway: boolean;
  readonly bridge: boolean;
  readonly nat: DescNat;
  readonly member: boolean;
}

/** Vivaldi coordinate as sent, in units of 0.1 ms. */
export interface Coord {
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly error: number;
}

export interface Brief {
  readonly address: RingAddress;
  readonly flags: NodeFlags;
  readonly coord: Coord;
}

/** A descriptor. `bytes` is the whole encoding with its signature; it is kept so that it can be passed on unchanged. */
export interface Desc {
  readonly flags: NodeFlags;
  readonly edPublic: Uint8Array;
  readonly salt: Uint8Array;
  readonly xPublic: Uint8Array;
  readonly bindValidUntil: number;
  readonly bind: Uint8Array;
  readonly chainHash: Uint8Array;
  readonly boot: number;
  readonly seq: number;
  readonly lifeS: number;
  readonly coord: Coord;
  readonly tas: readonly TransportAddress[];
  readonly anchors: readonly RingAddress[];
  readonly signature: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A record of the DHT. `bytes` is the whole encoding. `value` empty means deleted. */
export interface DhtRecord {
  readonly type: number;
  readonly key: Uint8Array;
  readonly edPublic: Uint8Array;
  readonly salt: Uint8Array;
  readonly chainHash: Uint8Array;
  readonly seq: number;
  readonly lifeS: number;
  readonly value: Uint8Array;
  readonly signature: Uint8Array;
  readonly bytes: Uint8Array;
}

/** TLVs of a handshake payload (docs/protocol.md, "Handshake"). */
export interface HandshakePayload {
  readonly stamp?: number;
  readonly identity?: {
    readonly edPublic: Uint8Array;
    readonly salt: Uint8Array;
    readonly bindValidUntil: number;
    readonly bind: Uint8Array;
  };
  /** The chain as it stands on the wire, `n u8 | certs`; one zero byte in open affiliations. */
  readonly chain?: Uint8Array;
  readonly boot?: number;
  readonly observed?: TransportAddress;
  readonly features?: { readonly bits: number; readonly ciphers: readonly number[] };
  readonly tas?: readonly TransportAddress[];
  readonly edgeKind?: EdgeKindCode;
  readonly revocations?: { readonly count: number; readonly root: Uint8Array };
  readonly pqPskId?: Uint8Array;
}

export type EdgeKind = "leaf" | "near" | "far" | "shortcut" | "anchor";
export type EdgeKindCode = EdgeKind;

export type FindPurpose = "join" | "check" | "far" | "merge" | "key";
export type CloseReason = "leave" | "revoked" | "expired" | "limit" | "duplicate";

/** The bodies of CTRL frames; `type` is the name of docs/protocol.md in camelCase. */
export type Message =
  | { readonly type: "ack"; readonly id: number }
  | { readonly type: "ping"; readonly t: number; readonly load: number; readonly log2N: number }
  | {
      readonly type: "pong";
      readonly t: number;
      readonly observed: TransportAddress | undefined;
      readonly coord: Coord;
    }
  | { readonly type: "near"; readonly self: Brief; readonly briefs: readonly Brief[]; readonly descs: readonly Desc[] }
  | {
      /** What changed since the sender told the receiver last, or all anew. */
      readonly type: "nearDiff";
      readonly flags: NodeFlags;
      readonly coord: Coord;
      readonly full: boolean;
      /** Of all members that the receiver knows from the sender when it has taken this in. */
      readonly digest: number;
      readonly removed: readonly RingAddress[];
      readonly briefs: readonly Brief[];
    }
  | { readonly type: "nearGet" }
  | {
      readonly type: "edges";
      readonly seq: number;
      readonly full: boolean;
      readonly changes: readonly {
        readonly op: "add" | "remove";
        readonly address: RingAddress;
        readonly rttMs: number;
      }[];
    }
  | { readonly type: "suspect"; readonly address: RingAddress }
  | {
      readonly type: "find";
      readonly purpose: FindPurpose;
      readonly excludeSource: boolean;
      /** Of who asks, where the answer makes others link to it. */
      readonly desc: Desc | undefined;
    }
  | {
      readonly type: "found";
      readonly span: bigint;
      readonly briefs: readonly Brief[];
      readonly descs: readonly Desc[];
    }
  | {
      readonly type: "link";
      readonly nonce: bigint;
      readonly kind: EdgeKind;
      readonly desc: Desc;
      /** A whole INIT packet, or empty where the peer's X is not known yet. */
      readonly init: Uint8Array;
    }
  | { readonly type: "linkOk"; readonly nonce: bigint; readonly desc: Desc; readonly resp: Uint8Array }
  | { readonly type: "refer"; readonly reason: number; readonly briefs: readonly Brief[] }
  | { readonly type: "relayReq"; readonly peer: RingAddress; readonly release: boolean }
  | {
      readonly type: "relayOk";
      readonly code: number;
      readonly lifeS: number;
      readonly budgetKbitPerS: number;
      readonly source: TransportAddress | undefined;
    }
  | {
      readonly type: "merge";
      readonly mergeId: bigint;
      readonly briefs: readonly Brief[];
      readonly descs: readonly Desc[];
    }
  | { readonly type: "trim" }
  | { readonly type: "trimOk"; readonly accept: boolean }
  | { readonly type: "close"; readonly reason: CloseReason; readonly desc: Desc | undefined }
  | {
      readonly type: "routed";
      readonly ttl: number;
      readonly back: boolean;
      readonly mode: "exact" | "nearest";
      readonly hops: number;
      readonly rid: bigint;
      readonly dst: RingAddress;
      readonly src: RingAddress;
      /** Asked beyond the target: the nearest member on this side of it. */
      readonly best?: RingAddress | undefined;
      /** The message inside: its type number and its encoded body, passed on unread. */
      readonly innerType: number;
      readonly inner: Uint8Array;
    }
  | { readonly type: "noRoute"; readonly dst: RingAddress }
  | { readonly type: "descGet"; readonly addresses: readonly RingAddress[] }
  | { readonly type: "desc"; readonly descs: readonly Desc[] }
  | { readonly type: "chainGet"; readonly chainHash: Uint8Array }
  | { readonly type: "chain"; readonly chain: Uint8Array }
  | { readonly type: "tas"; readonly tas: readonly TransportAddress[] }
  | { readonly type: "punchAt"; readonly delayMs: number }
  | { readonly type: "trace"; readonly t: bigint }
  | {
      readonly type: "traceHop";
      readonly hop: number;
      readonly self: Brief;
      readonly transport: number;
      readonly rttMs: number;
    }
  | { readonly type: "walk"; readonly from: RingAddress }
  | { readonly type: "walkEnd"; readonly briefs: readonly Brief[] }
  | {
      readonly type: "speedAsk";
      readonly test: number;
      readonly direction: "up" | "down";
      readonly timeMs: number;
    }
  | { readonly type: "speedReady"; readonly test: number; readonly code: "ready" | "refused" | "busy" }
  | { readonly type: "speedData"; readonly test: number; readonly seq: number; readonly padding: number }
  | {
      readonly type: "speedCount";
      readonly test: number;
      readonly last: boolean;
      readonly packets: number;
      readonly bytes: number;
      readonly highest: number;
      readonly elapsedMs: number;
    }
  | { readonly type: "dhtPut"; readonly record: DhtRecord }
  | {
      readonly type: "dhtAck";
      readonly code: DhtCode;
      readonly heldSeq: number;
      readonly replicas: number;
      readonly wait: boolean;
    }
  | { readonly type: "dhtGet"; readonly recordType: number; readonly key: Uint8Array }
  | {
      readonly type: "dhtValue";
      readonly values: readonly { readonly namedBy: number; readonly remainingS: number; readonly record: DhtRecord }[];
    }
  | {
      readonly type: "dhtSync";
      readonly from: RingAddress;
      readonly to: RingAddress;
      readonly hashes: readonly Uint8Array[];
    }
  | { readonly type: "dhtOffer"; readonly hashes: readonly Uint8Array[] }
  | { readonly type: "dhtWant"; readonly hashes: readonly Uint8Array[] }
  | { readonly type: "dhtCopy"; readonly items: readonly { readonly remainingS: number; readonly record: DhtRecord }[] }
  | { readonly type: "claim"; readonly op: number; readonly record: DhtRecord }
  | {
      readonly type: "claimed";
      readonly op: number;
      readonly code: "ok" | "otherClaim" | "notMyKey";
      readonly remainingS: number;
      readonly held: DhtRecord | undefined;
    }
  | { readonly type: "store"; readonly op: number; readonly known: boolean; readonly record: DhtRecord }
  | {
      readonly type: "stored";
      readonly op: number;
      readonly code: "ok" | "otherClaim" | "notMyKey" | "taken" | "sinceRefused";
    }
  | { readonly type: "undo"; readonly op: number; readonly key: Uint8Array }
  | { readonly type: "lease"; readonly conflict: boolean; readonly records: readonly DhtRecord[] };

export type DhtCode = "ok" | "taken" | "stale" | "refused" | "later" | "sinceRefused";
export type MessageType = Message["type"];
export type MessageOf<T extends MessageType> = Extract<Message, { type: T }>;

/** A CTRL frame: the message with the flags and id of its head. */
export interface Ctrl {
  readonly ackWanted: boolean;
  readonly answer: boolean;
  readonly id: number;
  readonly message: Message;
}
