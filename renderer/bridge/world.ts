/**
 * Seeded worlds for the scripted bridge: an affiliation of 11, 118 or 1,000 peers as the helper would describe it, alive
 * (round trips and rates move) and the same for the same seed. Nothing of it reaches a real helper's window.
 */
import type {
  AffiliationView,
  HelperSnapshot,
  LinkCounts,
  LinkKind,
  NotDirectBecause,
  PeerRow,
  Transport,
} from "#contract";

export interface World {
  /** The next snapshot; rates and round trips move a little with each. */
  next(change?: WorldChange): HelperSnapshot;
}

/** What a scripted state does to an otherwise healthy world. */
export interface WorldChange {
  readonly affiliation?: Partial<AffiliationView>;
  readonly alone?: boolean;
  readonly none?: boolean;
  /** Whether the whole ring was walked round. */
  readonly walked?: boolean;
  /** Names for the first peers, in place of their own. */
  readonly names?: readonly string[];
  /** Why the first peers have no direct link, in place of their own state. */
  readonly reasons?: readonly NotDirectBecause[];
}

const PLACES = [
  ["ufl", "Gainesville", 2],
  ["vims", "Gloucester Point", 18],
  ["bu", "Boston", 35],
  ["purdue", "West Lafayette", 23],
  ["northwestern", "Evanston", 28],
  ["stanford", "Stanford", 63],
  ["caltech", "Pasadena", 62],
  ["wisc", "Madison", 30],
  ["gatech", "Atlanta", 15],
  ["arizona", "Tucson", 47],
  ["cam", "Cambridge", 118],
  ["inria", "Rennes", 122],
  ["upc", "Barcelona", 131],
  ["kaist", "Daejeon", 326],
  ["utokyo", "Tokyo", 340],
  ["unimelb", "Melbourne", 433],
  ["ufmg", "Belo Horizonte", 115],
] as const;

/** mulberry32: small, seeded, good enough for pictures. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const SELF = `2c7100fb${"5d0e93a1".repeat(3)}71b2af9e`.slice(0, 40);
const START = Date.UTC(2026, 2, 12, 12, 1, 0);

export function makeWorld(peerCount: number, seed = 20060425): World {
  const draw = random(seed + peerCount);
  const rows = makeRows(peerCount, draw);
  let seq = 0;
  return {
    next(change = {}) {
      seq++;
      for (const row of rows) tick(row, draw);
      const kept = change.alone || change.none ? [] : rows;
      change.names?.forEach((name, index) => {
        const row = kept[index];
        if (row) row.name = name;
      });
      change.reasons?.forEach((reason, index) => {
        const row = kept[index];
        const carrier = kept.at(-1);
        if (row && carrier) explain(row, reason, carrier);
      });
      const affiliation = describe(kept, change.affiliation);
      const members = [...kept, { ringAddress: SELF, name: "mlopez-laptop" }]
        .map(({ ringAddress, name }) => ({ ringAddress, name, silent: silent.has(ringAddress) }))
        .sort((a, b) => (a.ringAddress < b.ringAddress ? -1 : 1));
      const ring = {
        self: SELF,
        sizeEstimate: affiliation.sizeEstimate,
        consistent: affiliation.state === "connected",
        members,
        links: kept
          .filter((row) => row.kinds.length > 0)
          .map(({ ringAddress, kinds, transport }) => ({ ringAddress, kinds, transport })),
        walked: change.walked ?? false,
      };
      return {
        seq,
        at: new Date(START + seq * 1000).toISOString(),
        status: {
          version: "0.1.0",
          helper: { pid: 4711, uptimeS: 8040 + seq, port: 15000 },
          affiliations: change.none ? [] : [affiliation],
          warnings: [],
        },
        rings: change.none ? [] : [{ affiliation: affiliation.name, peers: kept.map((row) => ({ ...row })), ring }],
      };
    },
  };
}

/** Packets for it go by a relay, or around the ring where the reason says that there is no link. */
function explain(row: MutableRow, reason: NotDirectBecause, carrier: PeerRow): void {
  const isRouted = reason.code === "noTraffic" || reason.code === "limit";
  row.name = reason.code;
  row.kinds = isRouted ? [] : ["shortcut"];
  row.transport = isRouted ? null : "relay";
  row.via = isRouted ? null : carrier.ringAddress;
  row.remote = null;
  row.path = [carrier.ringAddress, row.ringAddress];
  row.notDirectBecause = reason;
}

const silent = new Set<string>();
type MutableRow = { -readonly [K in keyof PeerRow]: PeerRow[K] };

function makeRows(count: number, draw: () => number): MutableRow[] {
  const rows = Array.from({ length: count }, (_, index) => plainRow(index, count, draw));
  const around = rows.toSorted((a, b) => distance(a) - distance(b));
  const clockwise = around.filter((row) => offset(row) < 0.5);
  const other = around.filter((row) => offset(row) >= 0.5);
  for (const row of [...clockwise.slice(0, 2), ...other.slice(0, 2)]) link(row, ["near"], draw);
  const free = () => rows.filter((row) => row.kinds.length === 0);
  const take = (share: number, least: number, kinds: LinkKind[]) => {
    const pool = free();
    const wanted = Math.min(pool.length, Math.max(least, Math.round(share)));
    for (let i = 0; i < wanted; i++) {
      const row = pool[Math.floor(((i + 0.5) * pool.length) / wanted)];
      if (row) link(row, kinds, draw);
    }
  };
  const few = count < 20;
  take(few ? 2 : Math.log2(count) + 1, 2, ["far"]);
  take(few ? 2 : Math.log2(count), 2, ["shortcut"]);
  take(1, count > 20 ? 1 : 0, ["leaf"]);
  relays(rows, free(), count, draw);
  routes(rows, draw);
  return rows;
}

function plainRow(index: number, count: number, draw: () => number): MutableRow {
  const place = PLACES[index % PLACES.length] ?? PLACES[0];
  const [site, city, rtt] = place;
  const name =
    count > 500
      ? `c${String(Math.floor(index / 100) + 1).padStart(2, "0")}-n${String(index % 100).padStart(3, "0")}`
      : `${site}-${String(Math.floor(index / PLACES.length) + 1).padStart(2, "0")}`;
  const address = Array.from({ length: 5 }, () =>
    Math.floor(draw() * 2 ** 32)
      .toString(16)
      .padStart(8, "0"),
  ).join("");
  if (draw() < 0.02) silent.add(address);
  return {
    ringAddress: address,
    name,
    site: city,
    version: draw() < 0.9 ? "0.1.0" : "0.0.9",
    virtualIp: `172.16.${1 + Math.floor(index / 240)}.${10 + (index % 240)}`,
    virtualIp6: null,
    kinds: [],
    transport: null,
    via: null,
    remote: null,
    natKind: (["public", "eim", "eim", "edm-random"] as const)[Math.floor(draw() * 4)] ?? "unknown",
    rttMs: null,
    rttMinMs: null,
    rttEstimateMs: Math.max(1.2, rtt * (0.9 + draw() * 1.6) + draw() * 40),
    jitterMs: null,
    lossPct: null,
    txBytes: 0,
    rxBytes: 0,
    txBytesPerS: 0,
    rxBytesPerS: 0,
    pathMtuBytes: null,
    since: null,
    path: [],
    notDirectBecause: {
      code: "noTraffic",
      text: "You two exchange little traffic, so packets are routed around the ring.",
      remedy: "Send packets to it: a shortcut is made by itself.",
      tried: [],
      evidence: { packets: 3, seconds: 5 },
    },
  };
}

function link(row: MutableRow, kinds: LinkKind[], draw: () => number): void {
  row.kinds = kinds;
  row.transport = kinds[0] === "leaf" || draw() < 0.12 ? "tcp" : "udp";
  row.rttMs = Math.max(0.8, (row.rttEstimateMs ?? 20) * (kinds[0] === "shortcut" ? 0.6 : 0.9));
  row.rttMinMs = row.rttMs * 0.92;
  row.remote = `198.51.100.${Math.floor(draw() * 250) + 1}:15000`;
  row.since = new Date(START - Math.floor(draw() * 7_200_000)).toISOString();
  row.jitterMs = row.rttMs * 0.05;
  row.lossPct = 0;
  row.pathMtuBytes = 1472;
  row.path = [row.ringAddress];
  row.notDirectBecause = null;
  if (kinds[0] === "shortcut") row.rxBytesPerS = 10 ** (4.3 + draw() * 2);
  else if (draw() < 0.5) row.rxBytesPerS = 10 ** (1.8 + draw() * 1.4);
  row.txBytesPerS = row.rxBytesPerS * (0.08 + draw() * 0.5);
}

function relays(rows: MutableRow[], pool: MutableRow[], count: number, draw: () => number): void {
  const carriers = rows.filter((row) => row.kinds.includes("far") && row.transport === "udp");
  const wanted = count > 500 ? 5 : count > 20 ? 3 : 2;
  for (let i = 0; i < wanted; i++) {
    const row = pool[Math.floor(((i + 0.3) * pool.length) / wanted)];
    const carrier = carriers[i % Math.max(1, carriers.length)];
    if (row === undefined || carrier === undefined) continue;
    link(row, ["shortcut"], draw);
    row.transport = "relay" satisfies Transport;
    row.via = carrier.ringAddress;
    row.remote = null;
    row.rttMs = (carrier.rttMs ?? 40) + (row.rttMs ?? 40);
    row.rxBytesPerS = 4_000 + draw() * 20_000;
    row.path = [carrier.ringAddress, row.ringAddress];
    row.natKind = "edm-random";
    row.notDirectBecause = {
      code: "bothHard",
      text: "Both networks give every connection a new port.",
      remedy: "Open UDP on one side.",
      tried: [{ transport: "udp", to: "203.0.113.9:41022", at: new Date(START).toISOString(), result: "no answer" }],
      evidence: {},
    };
  }
}

/** A greedy way to each peer without a link: the linked member nearest to it, then perhaps one more. */
function routes(rows: MutableRow[], draw: () => number): void {
  const linked = rows.filter((row) => row.kinds.length > 0 && row.transport !== "relay");
  for (const row of rows) {
    if (row.kinds.length > 0 || linked.length === 0) continue;
    const apart = (each: PeerRow) =>
      Math.min(Math.abs(place(each) - place(row)), 1 - Math.abs(place(each) - place(row)));
    const first = linked.reduce((best, each) => (apart(each) < apart(best) ? each : best));
    const middle = rows[Math.floor(draw() * rows.length)];
    const hops = [first.ringAddress];
    if (middle && middle !== row && middle.kinds.length === 0 && apart(middle) < apart(first))
      hops.push(middle.ringAddress);
    row.path = [...hops, row.ringAddress];
  }
}

const place = (row: Pick<PeerRow, "ringAddress">) => Number.parseInt(row.ringAddress.slice(0, 8), 16) / 2 ** 32;
const offset = (row: PeerRow) => (place(row) - place({ ringAddress: SELF }) + 1) % 1;
const distance = (row: PeerRow) => Math.min(offset(row), 1 - offset(row));

function tick(row: MutableRow, draw: () => number): void {
  const wobble = (value: number, share: number) => value * (1 + (draw() - 0.5) * share);
  if (row.rttMs !== null && draw() < 0.4) row.rttMs = Math.max(0.5, wobble(row.rttMs, 0.06));
  if (row.rxBytesPerS > 0) {
    row.rxBytesPerS = Math.min(4e6, Math.max(80, wobble(row.rxBytesPerS, 0.5)));
    row.txBytesPerS = row.rxBytesPerS * 0.28;
    row.rxBytes += row.rxBytesPerS;
    row.txBytes += row.txBytesPerS;
  }
}

function describe(rows: readonly PeerRow[], change: Partial<AffiliationView> = {}): AffiliationView {
  const links: LinkCounts = { near: 0, far: 0, shortcut: 0, leaf: 0, anchor: 0, relay: 0 };
  for (const row of rows) {
    if (row.transport === "relay") links.relay++;
    else {
      const kind = (["shortcut", "near", "far", "anchor", "leaf"] as const).find((each) => row.kinds.includes(each));
      if (kind) links[kind]++;
    }
  }
  return {
    name: "condor wow",
    id: "9d2c4be0a1",
    security: "open",
    state: "connected",
    reason: null,
    reasonCode: null,
    silentS: null,
    interface: { name: "tap0", state: "up", mtuBytes: 1332 },
    interfaceWanted: true,
    virtualIp: "172.16.1.5",
    virtualIp6: null,
    subnet: "172.16.0.0/16",
    lease: null,
    ringAddress: SELF,
    natKind: "eim",
    localTransportAddresses: ["192.168.1.23:15000"],
    learnedTransportAddresses: ["203.0.113.7:15000"],
    startTransportAddresses: ["ringway.udp://198.51.100.10:15000", "ringway.udp://198.51.100.20:15000"],
    peersKnown: rows.length,
    sizeEstimate: rows.length + 1,
    links,
    warnings: [],
    ...change,
  };
}
