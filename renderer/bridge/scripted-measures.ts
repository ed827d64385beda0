/**
 * What the scripted bridge answers when it is asked to measure or to remember: made of the same world, so that a trace
 * follows the peer's path and a chart ends at the value that the table shows. The same question has the same answer.
 */
import {
  type AffiliationView,
  type Args,
  HelperError,
  type HelperSnapshot,
  type PeerDetail,
  type PeerRow,
  type Reply,
  type ShownKind,
} from "#contract";
import type { MeasureCall } from "#contract/window-calls.ts";
import { random } from "./world.ts";

const RANGES = {
  "5m": { stepS: 1, points: 300 },
  "1h": { stepS: 10, points: 360 },
  "1d": { stepS: 300, points: 288 },
} as const;

export class ScriptedMeasures {
  #walked = false;
  /** Changes of paths seen by this script, for the history of a peer. */
  readonly #tried = new Set<string>();

  get walked(): boolean {
    return this.#walked;
  }

  /** The answer to one call about the world of `snapshot`. */
  answer<N extends MeasureCall>(call: N, args: Args<N>, snapshot: HelperSnapshot): Reply<N> {
    const ask = args as { peer?: string };
    switch (call as MeasureCall) {
      case "peer":
        return this.#detail(peerOf(snapshot, ask.peer), snapshot) as Reply<N>;
      case "ping": {
        const peer = peerOf(snapshot, ask.peer);
        const rttMs = peer.rttMs ?? peer.rttEstimateMs;
        const sent = (args as Args<"ping">).count ?? 5;
        const lost = rttMs === null;
        return {
          ...named(peer),
          sent,
          received: lost ? 0 : sent,
          rttMs: lost
            ? { min: null, median: null, max: null }
            : { min: rttMs * 0.97, median: rttMs, max: rttMs * 1.08 },
        } as Reply<N>;
      }
      case "trace":
        return trace(peerOf(snapshot, ask.peer), snapshot) as Reply<N>;
      case "speed": {
        const peer = peerOf(snapshot, ask.peer);
        if (peer.version === "0.0.9") {
          throw new HelperError(
            "PEER_REFUSED",
            `${peer.name ?? peer.ringAddress.slice(0, 12)} takes no speed tests.`,
            "Ask its owner to allow them.",
          );
        }
        const bits = peer.transport === "relay" ? 4.6e6 : peer.kinds.length > 0 ? 2.4e8 : 3.1e7;
        const seconds = (args as Args<"speed">).seconds ?? 6;
        return { ...named(peer), seconds, upBitsPerS: bits, downBitsPerS: bits * 0.87, lossPct: 0.2 } as Reply<N>;
      }
      case "doctor":
        return doctor(snapshot.status.affiliations[0]) as Reply<N>;
      case "history":
        return history(peerOf(snapshot, ask.peer), (args as Args<"history">).range, snapshot.at) as Reply<N>;
      case "throughput": {
        const { range } = args as Args<"throughput">;
        const { stepS } = RANGES[range];
        const rows = snapshot.rings[0]?.peers ?? [];
        const rx = rows.reduce((sum, row) => sum + row.rxBytesPerS, 0);
        const tx = rows.reduce((sum, row) => sum + row.txBytesPerS, 0);
        const draw = random(17);
        const points = times(range, snapshot.at).map((at) => {
          const share = 0.6 + 0.4 * draw();
          return { at, txBytesPerS: tx * share, rxBytesPerS: rx * share };
        });
        return { stepS, points } as Reply<N>;
      }
      case "export":
        return exported(args as Args<"export">, snapshot) as Reply<N>;
      case "walk":
        this.#walked = true;
        return { walked: true, members: snapshot.rings[0]?.ring.members.length ?? 1 } as Reply<N>;
      case "tryDirect":
      case "shortcut": {
        const peer = peerOf(snapshot, ask.peer);
        this.#tried.add(peer.ringAddress);
        return this.#detail(peer, snapshot) as Reply<N>;
      }
    }
  }

  #detail(peer: PeerRow, snapshot: HelperSnapshot): PeerDetail {
    const notDirectBecause =
      peer.notDirectBecause && this.#tried.has(peer.ringAddress)
        ? {
            ...peer.notDirectBecause,
            code: "trying" as const,
            text: "A direct link is being tried.",
            remedy: "Wait a few seconds.",
          }
        : peer.notDirectBecause;
    return { ...peer, notDirectBecause, history: events(peer, snapshot.at) };
  }
}

function peerOf(snapshot: HelperSnapshot, written: string | undefined): PeerRow {
  const found = snapshot.rings[0]?.peers.find(
    ({ ringAddress, name, virtualIp }) => ringAddress === written || name === written || virtualIp === written,
  );
  if (!found) throw new HelperError("UNKNOWN_PEER", `There is no member "${written}".`, "Choose one of the table.");
  return found;
}

function named({ ringAddress, name, virtualIp }: PeerRow) {
  return { peer: ringAddress, name, virtualIp };
}

function trace(peer: PeerRow, snapshot: HelperSnapshot): Reply<"trace"> {
  const rows = new Map(snapshot.rings[0]?.peers.map((row) => [row.ringAddress, row]));
  const whole = peer.rttMs ?? peer.rttEstimateMs ?? 40;
  return {
    ...named(peer),
    hops: peer.path.map((ringAddress, at) => {
      const row = rows.get(ringAddress);
      return {
        ringAddress,
        name: row?.name ?? null,
        transport: at === 0 ? (row?.transport ?? "udp") : ("udp" as const),
        rttMs: (whole * (at + 1)) / peer.path.length,
      };
    }),
  };
}

function shownKind(row: PeerRow): ShownKind {
  if (row.kinds.length === 0) return "routed";
  if (row.transport === "relay") return "relay";
  return (["shortcut", "near", "far"] as const).find((kind) => row.kinds.includes(kind)) ?? "leaf";
}

function times(range: keyof typeof RANGES, at: string): string[] {
  const { stepS, points } = RANGES[range];
  const end = Math.floor(Date.parse(at) / 1_000 / stepS) * stepS * 1_000;
  return Array.from({ length: points }, (_, index) =>
    new Date(end - (points - 1 - index) * stepS * 1_000).toISOString(),
  );
}

function history(peer: PeerRow, range: keyof typeof RANGES, at: string): Reply<"history"> {
  const draw = random(Number.parseInt(peer.ringAddress.slice(0, 7), 16));
  const all = times(range, at);
  const kind = shownKind(peer);
  const points = all.flatMap((time, index) => {
    const rttMs = peer.rttMs === null ? null : peer.rttMs * (0.94 + 0.12 * draw());
    // The helper was restarted once: a gap is a gap.
    if (index > all.length * 0.3 && index < all.length * 0.34) return [];
    const share = 0.5 + draw() / 2;
    return [
      {
        at: time,
        rttMs,
        rttP5Ms: rttMs === null ? null : rttMs * 0.96,
        rttP95Ms: rttMs === null ? null : rttMs * (1.05 + 0.2 * draw()),
        lossPct: rttMs === null ? null : draw() < 0.02 ? 12.5 : 0,
        txBytesPerS: peer.txBytesPerS * share,
        rxBytesPerS: peer.rxBytesPerS * share,
        kind: index < all.length * 0.2 ? ("routed" as const) : kind,
      },
    ];
  });
  return { peer: peer.ringAddress, stepS: RANGES[range].stepS, points, events: events(peer, at) };
}

function events(peer: PeerRow, at: string): PeerDetail["history"] {
  if (peer.kinds.length === 0) return [];
  const ago = (seconds: number) => new Date(Date.parse(at) - seconds * 1_000).toISOString();
  return [
    { at: ago(240), event: "restarted", text: "The peer started anew" },
    {
      at: ago(239),
      event: "path",
      text:
        peer.transport === "relay"
          ? `By relay ${peer.via?.slice(0, 8)}`
          : `Direct by ${peer.transport?.toUpperCase()} to ${peer.remote}`,
    },
  ];
}

function exported({ format, peer }: Args<"export">, snapshot: HelperSnapshot): Reply<"export"> {
  const rows = (snapshot.rings[0]?.peers ?? []).filter((row) => peer === undefined || row === peerOf(snapshot, peer));
  const name = `ringway-history-${snapshot.at.slice(0, 10)}.${format}`;
  if (format === "json") {
    const peers = rows.map((row) => ({ ...named(row), ...history(row, "5m", snapshot.at) }));
    return { text: `${JSON.stringify({ exportedAt: snapshot.at, peers })}\n`, fileName: name, next: null };
  }
  const lines = rows.flatMap((row) =>
    history(row, "5m", snapshot.at).points.map(({ at, kind, rttMs }) =>
      [at, row.ringAddress, kind, rttMs ?? ""].join(","),
    ),
  );
  return { text: ["at,peer,kind,rttMs", ...lines, ""].join("\r\n"), fileName: name, next: null };
}

function doctor(affiliation: AffiliationView | undefined): Reply<"doctor"> {
  const pass = (id: Reply<"doctor">["checks"][number]["id"], cause: string, evidence: string) => ({
    id,
    result: "pass" as const,
    cause,
    evidence,
    remedy: null,
    action: null,
  });
  const overlap = affiliation?.warnings.find(({ code }) => code === "SUBNET_OVERLAP");
  const isUp = affiliation?.interface.state === "up";
  return {
    affiliation: affiliation?.name ?? null,
    checks: [
      overlap
        ? {
            id: "route" as const,
            result: "fail" as const,
            cause: overlap.text,
            evidence: affiliation?.subnet ?? null,
            remedy: overlap.remedy,
            action: null,
          }
        : pass("route", "No other network of this computer uses the range.", "172.16.0.0/16"),
      pass("nat", "An easy NAT: most peers can be linked directly.", "203.0.113.7:15000"),
      pass("mtu", "The interface carries what the paths carry.", "MTU 1332"),
      pass("helper", "The helper runs.", "version 0.1.0"),
      isUp
        ? pass("interface", "The virtual interface is up.", "tap0, 172.16.1.5")
        : {
            id: "interface" as const,
            result: "warn" as const,
            cause: "The virtual interface is switched off.",
            evidence: "tap0 is down",
            remedy: "Switch it on.",
            action: "up" as const,
          },
      pass("udp", "UDP gets through.", "port 15000"),
      pass("neighbours", "Both ring neighbours are linked.", "4 near links"),
      pass("clock", "The clock agrees with those of the peers.", "0.1 s apart"),
    ],
  };
}
