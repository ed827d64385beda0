/**
 * The calls that the helper answers: one table, from which client, server, bridges, fakes and doubles are derived.
 *
 * Wire form: JSON-RPC 2.0 with `Content-Length` framing over the helper's local socket; the method is the call's name,
 * the parameters are one object. The first call on a connection is `hello`. An operating error crosses as a JSON-RPC
 * error whose `data` is an ErrorView. After `subscribe` the helper sends the notification `snapshot`.
 */
import * as z from "zod";
import { AffiliationChange, AffiliationSettings, JoinPreview } from "./administration.ts";
import type { ErrorCode } from "./errors.ts";
import {
  AffiliationView,
  DoctorView,
  ExportView,
  HelperSnapshot,
  HistoryRange,
  HistoryView,
  PeerDetail,
  PeerRow,
  PingView,
  RingView,
  SpeedView,
  StatusView,
  ThroughputView,
  TraceView,
  WalkView,
} from "./views.ts";

export * from "./administration.ts";
export * from "./errors.ts";
export * from "./views.ts";

/** Counts incompatible changes; client and helper must have the same. */
export const CONTRACT_VERSION = 1;

/** Notification with a HelperSnapshot: at least once a second (so silence means trouble), and at once when a state changed. */
export const SNAPSHOT_NOTIFICATION = "snapshot";

/** JSON-RPC error code of every operating error; which one it is stands in the error's data. */
export const OPERATING_ERROR = -32000;

/** The longest message that either side accepts, without its header. */
export const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;
/** The longest request that the helper accepts, without its header. */
export const REQUEST_LIMIT_BYTES = 256 * 1024;
/** The longest configuration file that is read. */
export const CONFIG_LIMIT_BYTES = 64 * 1024;
export const PING_COUNT_LIMIT = 100;
export const START_ADDRESSES_LIMIT = 64;
/** A speed test takes no longer, both directions together. */
export const SPEED_SECONDS_LIMIT = 10;

export type CallSpec = {
  readonly args: z.ZodType;
  readonly reply: z.ZodType;
  /** Codes beside those that any call may give: INTERNAL, BAD_ARGUMENT, NOT_ALLOWED, VERSION_MISMATCH. */
  readonly errors: readonly ErrorCode[];
  /** What a member of the group `ringway` may do too; the rest is for root and for the user who started the helper. */
  readonly allowed: "members" | "owner";
};

/** The name of an affiliation: 1..64 bytes of UTF-8, brought to NFC, without control characters. */
export const AffiliationName = z
  .string()
  .transform((name) => name.normalize("NFC").trim())
  .refine((name) => name.length > 0, "is empty")
  .refine((name) => utf8Length(name) <= 64, "is longer than 64 bytes, or no well-formed text")
  .refine((name) => !/\p{Cc}/u.test(name), "holds a control character");

/** `ringway.udp://host:port`; `brunet.` means the same. The helper checks the rest. */
export const TransportAddressText = z
  .string()
  .max(300)
  .regex(/^(ringway|brunet)\.(udp|tcp|tls):\/\/\S+:\d{1,5}$/i, "is not of the form ringway.udp://host:port");

/** A peer by virtual IP, host name, or leading digits of its ring address. */
export const PeerName = z.string().min(1).max(253);

/** A span of time as people write it: `90s`, `10m`, `1h`, `1d`. */
export const DurationText = z.string().regex(/^[1-9][0-9]{0,5}[smhd]$/, "is not of the form 10m (s, m, h, d)");
/** `interfaceUp: false` leaves the virtual interface down until it is asked for. */
const JoinArgs = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("open"),
    affiliation: AffiliationName,
    startAddresses: z.array(TransportAddressText).max(START_ADDRESSES_LIMIT),
    interfaceUp: z.boolean().exactOptional(),
  }),
  /** The text of a configuration file, which the caller has read; `fileName` is for messages only. */
  z.strictObject({
    kind: z.literal("config"),
    fileName: z.string().max(4096),
    text: z.string().max(CONFIG_LIMIT_BYTES),
    interfaceUp: z.boolean().exactOptional(),
  }),
]);

const ofAffiliation = { affiliation: AffiliationName.exactOptional() };
const peerErrors = ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION", "UNKNOWN_PEER", "AMBIGUOUS_PEER"] as const;

export const calls = {
  /** Must come first; a helper that speaks another version says so. */
  hello: {
    args: z.strictObject({ contractVersion: z.int() }),
    reply: z.object({ contractVersion: z.int(), version: z.string(), rights: z.enum(["owner", "members"]) }),
    errors: ["VERSION_MISMATCH"],
    allowed: "members",
  },
  subscribe: { args: z.strictObject({}), reply: HelperSnapshot, errors: [], allowed: "members" },
  status: { args: z.strictObject({}), reply: StatusView, errors: [], allowed: "members" },
  peers: {
    args: z.strictObject(ofAffiliation),
    reply: z.array(PeerRow),
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION"],
    allowed: "members",
  },
  peer: {
    args: z.strictObject({ ...ofAffiliation, peer: PeerName }),
    reply: PeerDetail,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION", "UNKNOWN_PEER", "AMBIGUOUS_PEER"],
    allowed: "members",
  },
  ring: {
    args: z.strictObject(ofAffiliation),
    reply: RingView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION"],
    allowed: "members",
  },
  /** Overlay round trips, one after the other, each waited for at most `timeoutMs`. None answered is a reply, not an error. */
  ping: {
    args: z.strictObject({
      ...ofAffiliation,
      peer: PeerName,
      count: z.int().min(1).max(PING_COUNT_LIMIT).default(5),
      timeoutMs: z.int().min(1).max(10_000).default(2_000),
    }),
    reply: PingView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION", "UNKNOWN_PEER", "AMBIGUOUS_PEER", "NOT_CONNECTED"],
    allowed: "members",
  },
  /** The way to a peer, hop by hop: every member on it answers. */
  trace: {
    args: z.strictObject({ ...ofAffiliation, peer: PeerName }),
    reply: TraceView,
    errors: [...peerErrors, "NOT_CONNECTED", "TIMED_OUT", "LIMIT"],
    allowed: "members",
  },
  /** Throughput to a peer and back over the path that its packets take, for `seconds` in all; the peer may refuse. */
  speed: {
    args: z.strictObject({
      ...ofAffiliation,
      peer: PeerName,
      seconds: z.int().min(1).max(SPEED_SECONDS_LIMIT).default(6),
    }),
    reply: SpeedView,
    errors: [...peerErrors, "NOT_CONNECTED", "TIMED_OUT", "PEER_REFUSED", "LIMIT"],
    allowed: "owner",
  },
  /** Looks for what may be wrong on this computer and in its network; several affiliations: of the one named. */
  doctor: {
    args: z.strictObject(ofAffiliation),
    reply: DoctorView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION"],
    allowed: "members",
  },
  /** What was recorded of one peer. */
  history: {
    args: z.strictObject({ ...ofAffiliation, peer: PeerName, range: HistoryRange }),
    reply: HistoryView,
    errors: peerErrors,
    allowed: "members",
  },
  /** What was recorded of all peers together. */
  throughput: {
    args: z.strictObject({ ...ofAffiliation, range: HistoryRange }),
    reply: ThroughputView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION"],
    allowed: "members",
  },
  /**
   * All that was recorded, of all peers or of one, as a document in parts: while `next` is not null, the same call with
   * `after` gives the next one. Left out, `since` means everything.
   */
  export: {
    args: z.strictObject({
      ...ofAffiliation,
      peer: PeerName.exactOptional(),
      since: DurationText.exactOptional(),
      format: z.enum(["json", "csv"]),
      after: z
        .string()
        .regex(/^[0-9a-f]{40}$/, "is no ring address")
        .exactOptional(),
    }),
    reply: ExportView,
    errors: peerErrors,
    allowed: "members",
  },
  /** Learns all members of the ring, bit by bit; goes on for 10 s, so who shows the whole ring calls it every few seconds. */
  walk: {
    args: z.strictObject(ofAffiliation),
    reply: WalkView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION", "NOT_CONNECTED"],
    allowed: "members",
  },
  /** Starts to look for a direct way to a peer now; it does not wait for the outcome, which `peer` and snapshots show. */
  tryDirect: {
    args: z.strictObject({ ...ofAffiliation, peer: PeerName }),
    reply: PeerDetail,
    errors: [...peerErrors, "NOT_CONNECTED"],
    allowed: "owner",
  },
  /** Asks for a link to a peer as if much traffic went there; it does not wait until it is made. */
  shortcut: {
    args: z.strictObject({ ...ofAffiliation, peer: PeerName }),
    reply: PeerDetail,
    errors: [...peerErrors, "NOT_CONNECTED"],
    allowed: "owner",
  },
  /** Makes the membership and starts to connect; it does not wait until that succeeds. */
  join: {
    args: JoinArgs,
    reply: AffiliationView,
    errors: ["ALREADY_JOINED", "BAD_CONFIG", "PORT_IN_USE", "STATE_UNUSABLE", "LIMIT"],
    allowed: "owner",
  },
  /** Gives up key and virtual IP; there is no way back. */
  leave: {
    args: z.strictObject({ affiliation: AffiliationName }),
    reply: z.object({ affiliation: z.string() }),
    errors: ["UNKNOWN_AFFILIATION", "STATE_UNUSABLE"],
    allowed: "owner",
  },
  /** Starts to connect; it does not wait until that succeeds. */
  connect: {
    args: z.strictObject(ofAffiliation),
    reply: AffiliationView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION", "PORT_IN_USE"],
    allowed: "members",
  },
  disconnect: {
    args: z.strictObject(ofAffiliation),
    reply: AffiliationView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION"],
    allowed: "members",
  },
  /** Brings the virtual interface up; refused where that cannot be. */
  up: {
    args: z.strictObject(ofAffiliation),
    reply: AffiliationView,
    errors: [
      "UNKNOWN_AFFILIATION",
      "AMBIGUOUS_AFFILIATION",
      "SUBNET_OVERLAP",
      "INTERFACE_EXISTS",
      "NO_TUN_DEVICE",
      "NOT_PERMITTED",
      "NOT_CONNECTED",
    ],
    allowed: "members",
  },
  /** Takes the virtual interface away; the node stays on the ring and goes on forwarding for others. */
  down: {
    args: z.strictObject(ofAffiliation),
    reply: AffiliationView,
    errors: ["UNKNOWN_AFFILIATION", "AMBIGUOUS_AFFILIATION"],
    allowed: "members",
  },
  /** What `join` with the same arguments would do; changes nothing. */
  preview: { args: JoinArgs, reply: JoinPreview, errors: ["BAD_CONFIG"], allowed: "owner" },
  /** Changes settings of an affiliation and gives them all; a change that it needs for it makes it leave the ring for a moment. */
  configure: {
    args: z.strictObject({ affiliation: AffiliationName, change: AffiliationChange }),
    reply: AffiliationSettings,
    errors: ["UNKNOWN_AFFILIATION", "STATE_UNUSABLE", "PORT_IN_USE"],
    allowed: "owner",
  },
  /** The computer has just woken: links are tried again now instead of when their silence is noticed. */
  wake: { args: z.strictObject({}), reply: z.object({}), errors: [], allowed: "members" },
} as const satisfies Record<string, CallSpec>;

export type CallName = keyof typeof calls;
/** What a caller writes. */
export type Args<N extends CallName> = z.input<(typeof calls)[N]["args"]>;
/** What a handler gets: parsed, defaults filled in. */
export type ParsedArgs<N extends CallName> = z.output<(typeof calls)[N]["args"]>;
export type Reply<N extends CallName> = z.output<(typeof calls)[N]["reply"]>;

/** A missing call does not compile. */
export type Handlers = { [N in CallName]: (args: ParsedArgs<N>) => Promise<Reply<N>> };

export const callNames = Object.keys(calls) as CallName[];

export function isCallName(name: string): name is CallName {
  return Object.hasOwn(calls, name);
}

/** The arguments of a call, or a sentence about the first thing wrong with them. */
export function parseArgs<N extends CallName>(
  name: N,
  args: unknown,
): { ok: true; args: ParsedArgs<N> } | { ok: false; text: string } {
  const result = calls[name].args.safeParse(args);
  if (result.success) return { ok: true, args: result.data as ParsedArgs<N> };
  const issue = result.error.issues[0];
  const place = issue?.path.length ? `"${issue.path.join(".")}" ` : "";
  return { ok: false, text: `${name}: ${place}${lowerFirst(issue?.message ?? "is not valid")}` };
}

/** Infinity where half a surrogate pair stands in the text. */
function utf8Length(text: string): number {
  try {
    return encodeURIComponent(text).replace(/%[0-9A-F]{2}/g, "x").length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
