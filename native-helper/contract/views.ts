/**
 * The helper's state as others see it; also the JSON that the command line prints.
 *
 * Fields may be added, never renamed. Every field is always present; what is not known is null. Times are ISO 8601 UTC,
 * ring addresses 40 hex digits, rates bytes per second. Receivers accept fields that they do not know.
 */
import * as z from "zod";

const Time = z.iso.datetime();
const Bytes = z.number().nonnegative();
const RingAddress = z.string().regex(/^[0-9a-f]{40}$/);

export const NatKind = z.enum(["public", "eim", "edm-seq", "edm-random", "udp-blocked", "unknown"]);
export type NatKind = z.infer<typeof NatKind>;

export const LinkKind = z.enum(["near", "far", "shortcut", "leaf", "anchor"]);
export type LinkKind = z.infer<typeof LinkKind>;

export const Transport = z.enum(["udp", "tcp", "tls", "proxy", "stream", "relay"]);
export type Transport = z.infer<typeof Transport>;

export const AffiliationState = z.enum(["off", "connecting", "connected", "failed"]);
export type AffiliationState = z.infer<typeof AffiliationState>;

export const Warning = z.object({
  code: z.string(),
  text: z.string(),
  remedy: z.string(),
  /** What the text names, for who says it in other words: virtualIpChanged has `old` and `new`. */
  values: z.record(z.string(), z.string()).exactOptional(),
});
export type Warning = z.infer<typeof Warning>;

export const InterfaceView = z.object({ name: z.string(), state: z.enum(["up", "down"]), mtuBytes: z.int() });
export type InterfaceView = z.infer<typeof InterfaceView>;

/** Each link counts once, under the first that fits of relay, shortcut, near, far, anchor, leaf. */
export const LinkCounts = z.object({
  near: z.int(),
  far: z.int(),
  shortcut: z.int(),
  leaf: z.int(),
  anchor: z.int(),
  relay: z.int(),
});
export type LinkCounts = z.infer<typeof LinkCounts>;

export const AffiliationView = z.object({
  name: z.string(),
  /** Hex digits of the network's id, which all members share. */
  id: z.string(),
  security: z.enum(["closed", "passphrase", "open"]),
  state: AffiliationState,
  /** Why the state is what it is, as a sentence. */
  reason: z.string().nullable(),
  /** The same for programs, where it is one of these. */
  reasonCode: z.enum(["noStartAddressAnswers", "nobodyAnswers"]).nullable().default(null),
  /** nobodyAnswers: for how long. */
  silentS: z.number().nullable().default(null),
  interface: InterfaceView,
  /** What the user asked for: the interface is brought up as soon as it can be. */
  interfaceWanted: z.boolean(),
  virtualIp: z.string().nullable(),
  virtualIp6: z.string().nullable(),
  /** The virtual network, for instance `172.16.0.0/16`. */
  subnet: z.string(),
  lease: z.object({ since: Time, until: Time }).nullable(),
  ringAddress: RingAddress,
  natKind: NatKind,
  localTransportAddresses: z.array(z.string()),
  learnedTransportAddresses: z.array(z.string()),
  /** The configured transport addresses to start from. */
  startTransportAddresses: z.array(z.string()),
  peersKnown: z.int(),
  sizeEstimate: z.number(),
  links: LinkCounts,
  warnings: z.array(Warning),
});
export type AffiliationView = z.infer<typeof AffiliationView>;

export const StatusView = z.object({
  version: z.string(),
  helper: z.object({ pid: z.int(), uptimeS: z.number(), port: z.int().nullable() }),
  affiliations: z.array(AffiliationView),
  /** What concerns the helper as a whole: a file set aside, for instance. */
  warnings: z.array(Warning),
});
export type StatusView = z.infer<typeof StatusView>;

/** `code` is a message id of the window's catalogue without its `why.`. */
export const NotDirectBecause = z.object({
  code: z.enum([
    "bothHard",
    "oneHard",
    "udpBlocked",
    "peerUdpBlocked",
    "peerFirewall",
    "sameNat",
    "noCommonIp",
    "noTraffic",
    "trying",
    "limit",
    "oldVersion",
  ]),
  text: z.string(),
  remedy: z.string(),
  tried: z.array(z.object({ transport: z.string(), to: z.string(), at: Time, result: z.string() })),
  /** What the sentence of a code names; each only where it is known. */
  evidence: z
    .object({
      /** noTraffic: so many packets within so many seconds earn a link. */
      packets: z.int().exactOptional(),
      seconds: z.number().exactOptional(),
      /** limit: that of this computer; absent where it is the peer's. */
      limit: z.int().exactOptional(),
      /** trying: rounds of checks. */
      round: z.int().exactOptional(),
      rounds: z.int().exactOptional(),
      /** oneHard: whose NAT it is, and when the next attempt begins. */
      hard: z.enum(["own", "peer"]).exactOptional(),
      nextAt: Time.exactOptional(),
      /** noCommonIp: `IPv4` or `IPv6`. */
      ours: z.string().exactOptional(),
      theirs: z.string().exactOptional(),
      /** sameNat: an address of the peer on its own network. */
      localAddress: z.string().exactOptional(),
      /** oldVersion. */
      version: z.string().exactOptional(),
      needed: z.string().exactOptional(),
      /** udpBlocked: this computer is set to use TCP alone, whatever its network lets through. */
      tcpAlone: z.boolean().exactOptional(),
    })
    .default({}),
});
export type NotDirectBecause = z.infer<typeof NotDirectBecause>;

/** One known member, linked or not. */
export const PeerRow = z.object({
  ringAddress: RingAddress,
  name: z.string().nullable(),
  site: z.string().nullable(),
  version: z.string().nullable(),
  virtualIp: z.string().nullable(),
  virtualIp6: z.string().nullable(),
  /** The kinds of the link; empty where there is none. */
  kinds: z.array(LinkKind),
  /** Null where packets are routed over the ring. */
  transport: Transport.nullable(),
  /** Ring address of the relay, where `transport` is `relay`. */
  via: RingAddress.nullable(),
  /** The peer's socket, where the link is direct. */
  remote: z.string().nullable(),
  natKind: NatKind,
  rttMs: z.number().nullable(),
  /** The least of the last 10 minutes. */
  rttMinMs: z.number().nullable(),
  rttEstimateMs: z.number().nullable(),
  jitterMs: z.number().nullable(),
  lossPct: z.number().nullable(),
  txBytes: Bytes,
  rxBytes: Bytes,
  txBytesPerS: Bytes,
  rxBytesPerS: Bytes,
  pathMtuBytes: z.int().nullable(),
  since: Time.nullable(),
  /** Ring addresses from the first hop to the peer, as far as this node knows them. */
  path: z.array(RingAddress),
  notDirectBecause: NotDirectBecause.nullable(),
});
export type PeerRow = z.infer<typeof PeerRow>;

export const PeerDetail = PeerRow.extend({
  history: z.array(z.object({ at: Time, event: z.string(), text: z.string() })),
});
export type PeerDetail = z.infer<typeof PeerDetail>;

export const RingView = z.object({
  self: RingAddress,
  sizeEstimate: z.number(),
  /** This node's own check of its neighbours; null before the first one. */
  consistent: z.boolean().nullable(),
  /** All known members, this node included, in ring order. */
  members: z.array(z.object({ ringAddress: RingAddress, name: z.string().nullable(), silent: z.boolean() })),
  links: z.array(z.object({ ringAddress: RingAddress, kinds: z.array(LinkKind), transport: Transport.nullable() })),
  /** Whether a walk went round the whole ring lately (see the call `walk`); until then there may be members unknown here. */
  walked: z.boolean(),
});
export type RingView = z.infer<typeof RingView>;

export const PingView = z.object({
  /** Ring address of the peer. */
  peer: RingAddress,
  name: z.string().nullable(),
  virtualIp: z.string().nullable(),
  sent: z.int(),
  received: z.int(),
  rttMs: z.object({ min: z.number().nullable(), median: z.number().nullable(), max: z.number().nullable() }),
});
export type PingView = z.infer<typeof PingView>;

/** How packets reach a peer, in one word: the first that fits of relay, shortcut, near, far, leaf; routed without a link. */
export const ShownKind = z.enum(["relay", "shortcut", "near", "far", "leaf", "routed"]);
export type ShownKind = z.infer<typeof ShownKind>;

export const TraceView = z.object({
  /** Ring address of the peer. */
  peer: RingAddress,
  name: z.string().nullable(),
  virtualIp: z.string().nullable(),
  /** Every member on the way that answered, nearest first; the last one is the peer, unless it did not answer. */
  hops: z.array(
    z.object({
      ringAddress: RingAddress,
      name: z.string().nullable(),
      /** By what the packet came to this hop; null where the hop did not say. */
      transport: Transport.nullable(),
      /** From this computer to the hop and back; null where it is known to be on the way but did not answer. */
      rttMs: z.number().nullable(),
    }),
  ),
});
export type TraceView = z.infer<typeof TraceView>;

/** Bits of payload per second as counted at the receiving side: up from here to the peer, then down. */
export const SpeedView = z.object({
  peer: RingAddress,
  name: z.string().nullable(),
  virtualIp: z.string().nullable(),
  /** Of both directions together. */
  seconds: z.number(),
  upBitsPerS: z.number().nonnegative(),
  downBitsPerS: z.number().nonnegative(),
  /** Of the packets of both directions; null where none was sent. */
  lossPct: z.number().nullable(),
});
export type SpeedView = z.infer<typeof SpeedView>;

export const CheckId = z.enum(["route", "nat", "mtu", "helper", "interface", "udp", "neighbours", "clock", "identity"]);
export type CheckId = z.infer<typeof CheckId>;

/** What a button can do about a check that is not passed: a call of this name, or `restart` the helper. */
export const CheckAction = z.enum(["up", "connect", "restart"]);
export type CheckAction = z.infer<typeof CheckAction>;

export const Check = z.object({
  id: CheckId,
  result: z.enum(["pass", "warn", "fail", "skip"]),
  /** Where id and result do not tell the cause: `slow`, the system lacks what makes it fast. */
  code: z.enum(["slow"]).exactOptional(),
  /** What is wrong, or that nothing is, as a sentence. */
  cause: z.string().nullable(),
  /** What was seen: addresses, numbers, times. */
  evidence: z.string().nullable(),
  /** What to do, as a sentence; null where there is nothing to do. */
  remedy: z.string().nullable(),
  action: CheckAction.nullable(),
});
export type Check = z.infer<typeof Check>;

export const DoctorView = z.object({ affiliation: z.string().nullable(), checks: z.array(Check) });
export type DoctorView = z.infer<typeof DoctorView>;

/** `5m` in steps of 1 s, `1h` of 10 s, `1d` of 5 min. */
export const HistoryRange = z.enum(["5m", "1h", "1d"]);
export type HistoryRange = z.infer<typeof HistoryRange>;

/** A change of how packets reach a peer. */
export const HistoryEvent = z.object({ at: Time, event: z.string(), text: z.string() });
export type HistoryEvent = z.infer<typeof HistoryEvent>;

export const HistoryView = z.object({
  peer: RingAddress,
  stepS: z.number(),
  /** Oldest first, each at the end of its step. A step without a point is a gap: nothing was recorded. */
  points: z.array(
    z.object({
      at: Time,
      /** Median of the step; null where nothing was measured in it. */
      rttMs: z.number().nullable(),
      rttP5Ms: z.number().nullable(),
      rttP95Ms: z.number().nullable(),
      lossPct: z.number().nullable(),
      txBytesPerS: Bytes,
      rxBytesPerS: Bytes,
      /** At the end of the step. */
      kind: ShownKind,
    }),
  ),
  events: z.array(HistoryEvent),
});
export type HistoryView = z.infer<typeof HistoryView>;

export const ThroughputView = z.object({
  stepS: z.number(),
  /** The sum over all peers; oldest first, each at the end of its step. */
  points: z.array(z.object({ at: Time, txBytesPerS: Bytes, rxBytesPerS: Bytes })),
});
export type ThroughputView = z.infer<typeof ThroughputView>;

/** A part of an exported history; the texts of all parts, one after the other, are the document. */
export const ExportView = z.object({
  text: z.string(),
  /** What the whole may be saved as. */
  fileName: z.string(),
  /** Where the next part begins, for the argument `after`; null where this was the last. */
  next: RingAddress.nullable(),
});
export type ExportView = z.infer<typeof ExportView>;

export const WalkView = z.object({
  /** Whether the whole ring has been gone round. */
  walked: z.boolean(),
  /** Members known now, this computer included. */
  members: z.int(),
});
export type WalkView = z.infer<typeof WalkView>;

/**
 * All state that a window shows. `seq` grows by one with each snapshot of one helper; a smaller `seq`, or another
 * `status.helper.pid`, means that the helper was started anew.
 */
export const HelperSnapshot = z.object({
  seq: z.int(),
  /** When the helper made it, by its own clock. */
  at: Time,
  status: StatusView,
  /** One entry for each entry of `status.affiliations`, in the same order. */
  rings: z.array(z.object({ affiliation: z.string(), peers: z.array(PeerRow), ring: RingView })),
});
export type HelperSnapshot = z.infer<typeof HelperSnapshot>;
