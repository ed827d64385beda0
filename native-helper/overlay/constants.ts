/** Timers and limits of the protocol (docs/protocol.md, "Timers and constants"); milliseconds unless the name says otherwise. */

/** Ring neighbours kept on each side. */
export const D_NEAR = 4;
export const PING_NEAR_MS = 5_000;
export const PING_FAR_MS = 15_000;
/** Share by which keep-alive times vary, so that peers do not fall into step. */
export const PING_JITTER = 0.2;
/** Between the questions to a silent peer: 4 round trips within these ends. */
export const PROBE_GAP_MS = 1_000;
export const PROBE_GAP_LEAST_MS = 500;
export const PROBES_TO_DEAD = 3;
export const NEAR_DEBOUNCE_MS = 300;
export const NEAR_PERIOD_MS = 15_000;
export const NEAR_PERIOD_YOUNG_MS = 5_000;
export const YOUNG_MS = 60_000;
export const CHECK_AGES_MS = [2_000, 4_000, 8_000, 16_000] as const;
export const CHECK_PERIOD_MS = 30_000;
/** A check through a past peer or start address: each minute, more often in small rings. */
export const CACHED_CHECK_PERIOD_MS = 60_000;
export const CACHED_CHECK_LEAST_MS = 5_000;
/** Merges started, and hints of others taken up, within the window. */
export const MERGE_WINDOW_MS = 10_000;
export const MERGES_STARTED = 1;
export const MERGES_FOREIGN = 2;
export const MERGES_REMEMBERED = 256;
export const FAR_TICK_SHORT_MS = 2_000;
export const FAR_TICK_FULL_MS = 20_000;
export const FAR_LEAST = 4;
export const FAR_MOST = 20;
/** Far edges chosen before this node knows where it stands in time. */
export const FAR_WHILE_UNSETTLED = 4;
/** A far edge is chosen anew after this time. */
export const FAR_KEPT_MS = 3_600_000;
/** How often coordinates follow the round trips, in the first minute and later. */
export const COORD_PERIOD_YOUNG_MS = 500;
export const COORD_PERIOD_MS = 5_000;
/** No shortcut is taken up above the soft limit; no edge but a near one is opened above the hard one. */
export const EDGE_SOFT_LIMIT = 128;
export const EDGE_HARD_LIMIT = 256;
/** Leaf edges; sessions over it are served so long without an edge. */
export const LEAF_LIMIT = 64;
export const LEAF_SERVED_MS = 20_000;
export const LEAF_AFTER_MEMBER_MS = 60_000;
/** Edge lists are told when the own edges have rested this long, at the latest after the gap, in full each period. */
export const EDGES_REST_MS = 1_500;
export const EDGES_GAP_MS = 5_000;
/** The gap in a member's first time. */
export const EDGES_GAP_YOUNG_MS = 8_000;
export const YOUNG_MEMBER_MS = 10_000;
export const EDGES_FULL_PERIOD_MS = 300_000;
export const EDGES_LISTED = 256;
export const TRIM_AGE_MS = 30_000;
export const TRIM_AGE_UNDER_PRESSURE_MS = 5_000;
export const TRIM_PERIOD_MS = 5_000;
export const TRIM_ASK_AGAIN_MS = 60_000;
export const ANCHOR_TIMES_MS = [0, 10_000, 20_000] as const;
export const ANCHORS_PER_RELAY = 256;
export const LINKS_AT_ONCE = 12;
export const FAILED_HOLD_MS = 60_000;
export const NO_RELAY_HOLD_MS = 3_000;
export const LINK_TIMEOUT_MS = 10_000;
export const RESERVE_MS = 600_000;
export const TUNNELS_PER_RELAY = 512;
export const TUNNELS_PER_REQUESTER = 32;
export const HANDSHAKE_RETRY_MS = [1_000, 2_000, 4_000] as const;
export const HANDSHAKE_GIVE_UP_MS = 10_000;
export const HALF_OPEN_MS = 5_000;
/** A half-open entry made by LINK waits for a path first, which takes longer than an answer on an open one. */
export const HALF_OPEN_LINK_MS = 12_000;
export const HALF_OPEN_LIMIT = 1_024;
export const OLD_KEY_MS = 30_000;
/** Age of keys at which their initiator renews them, at which the other end does, and at which they are refused. */
export const REKEY_MS = 600_000;
export const REKEY_OTHER_MS = 660_000;
export const REJECT_MS = 900_000;
export const SESSION_IDLE_MS = 900_000;
export const SESSION_LIMIT = 4_096;
export const PATHS_PER_SESSION = 8;
export const PUNCH_PACE_MS = 20;
export const PUNCH_PAIRS = 36;
/** Starts of the rounds of checks: three at most to each address. */
export const PUNCH_ROUNDS_MS = [0, 350, 850] as const;
/** Where both transports may be used, TCP is tried when UDP had no answer for so long. */
export const TCP_AFTER_MS = 1_500;
/** Two nodes that can both dial: the one with the higher address waits for the other. */
export const TCP_SECOND_DIALLER_MS = 1_000;
export const TCP_CANDIDATES = 3;
export const STANDBY_PROBE_MS = 15_000;
/** How often a node whose network lets no UDP through looks whether it does now. */
export const UDP_RECHECK_MS = 300_000;
export const DIRECT_RETRY_MS = [15_000, 60_000, 300_000, 3_600_000] as const;
export const SHORTCUT_PACKETS = 3;
export const SHORTCUT_WINDOW_MS = 5_000;
export const SHORTCUT_IDLE_MS = 300_000;
export const SHORTCUT_LIMIT = 256;
/** At the limit one without traffic for so long makes room. */
export const SHORTCUT_SPARED_MS = 30_000;
export const TTL = 32;
export const RID_LIFE_MS = 10_000;
export const RIDS_PER_EDGE = 256;
export const RIDS_IN_ALL = 8_192;
export const ACK_LEAST_MS = 200;
export const ACK_MEMORY_MS = 30_000;
export const ACKS_REMEMBERED = 1_024;
export const DESC_LIFE_S = 7_200;
export const DESC_RENEW_MS = 1_800_000;
export const DESCS_CACHED = 2_048;
export const CACHED_PEERS = 64;
export const JOIN_RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;
export const DIAL_GAP_MS = 250;
export const DIALS_AT_ONCE = 3;
export const ALONE_AFTER_MS = 10_000;
export const ALONE_RETRY_MS = 15_000;
export const LEASE_LIFE_S = 3_600;
export const LEASE_RENEW_MS = 900_000;
export const RECORDS_PER_REPLICA = 4_096;
export const RECORDS_PER_HOLDER = 64;
/** A lease is left this long before its life ends; a first grant of a fresh owner is used this much later. */
export const LEASE_GUARD_MS = 10_000;
export const LEASE_WAIT_MS = 1_000;
/** An address lost to another member is not asked for again in this time. */
export const LEASE_BARRED_MS = 60_000;
/** A write without an answer is sent again, so often in all; an answer counts for so long. */
export const PUT_AGAIN_MS = 1_500;
export const PUTS_BEFORE_GIVING_UP = 4;
export const PUT_LATEST_MS = 5_000;
/** So long after it became a member, or woke, an owner makes first grants wait. */
export const FRESH_OWNER_MS = 15_000;
export const REGISTER_OPS_LIMIT = 1_024;
export const READ_REPLICAS = 3;
export const GET_TIMEOUT_MS = 3_000;
export const GET_REPLICA_MS = 700;
/** The loser of a key is told again after this. */
export const CONFLICT_TOLD_MS = 5_000;
/** Near neighbours that died within the time: the lease is renewed at once. */
export const NEAR_DEATHS = 3;
export const NEAR_DEATHS_MS = 30_000;
export const WRITES_PER_HOLDER_PER_S = 16;
/** Replicas of a key: its owner and the next three members on each side of it. */
export const REPLICAS_PER_SIDE = 3;
/** How long a replica keeps a key for who claims it. */
export const CLAIM_NOTE_MS = 3_000;
/** CLAIM and STORE are repeated; with a majority the owner waits this long for the others; a step ends after that long. */
export const REGISTER_RESEND_MS = 250;
export const REGISTER_DECIDE_MS = 400;
export const REGISTER_STEP_MS = 1_400;
/** After a majority stored, STORE goes on to the silent ones. */
export const REGISTER_KEEP_MS = 500;
export const REGISTER_KEEPS = 7;
export const REGISTER_UNDOS = 3;
/** DHT_SYNC: to all after the span grew, to a new neighbour, again to the silent, and in any case. */
export const SYNC_SOON_MS = 60;
export const SYNC_NEW_NEIGHBOUR_MS = 300;
export const SYNC_AGAIN_MS = 400;
export const SYNC_GIVE_UP_MS = 5_000;
export const SYNC_PERIOD_MS = 120_000;
/** A record that left this node's span is handed on until so many have it, or so often. */
export const HAND_ON_MS = 1_000;
export const HAND_ON_TIMES = 8;
export const HAND_ON_ENOUGH = 3;
export const IP_CACHE_MS = 300_000;
export const IP_NEGATIVE_MS = 1_000;
export const IPS_LIMIT = 4_096;
export const BIND_LIFE_MS = 400 * 86_400_000;
/** Clock tolerance for stamps, sequences and validity. */
export const CLOCK_TOLERANCE_MS = 600_000;
export const FIB_GAP_MS = 100;
export const FIB_REST_MS = 500;
export const HISTORY_ENTRIES = 64;
