/**
 * The checks of `ringway doctor` and of Diagnostics: each says what was seen, what is wrong and what to do. They read what
 * the helper knows and send nothing, so they may run at any time.
 */
import type { Check, CheckAction, CheckId, DoctorView, Warning } from "../contract/contract.ts";
import type { AffiliationFacts } from "./present.ts";

/** What the system around an affiliation says when it is asked. */
export interface Checkup {
  /** Why the subnet collides with what this computer reaches already; undefined where it does not. */
  readonly overlap: Warning | undefined;
  /** The interfaces that packets leave by, with the largest packet each carries; null where the system does not say. */
  readonly uplinks: readonly { readonly name: string; readonly mtuBytes: number | null; readonly ipv6: boolean }[];
  /** What the kernel does not do for the data path. */
  readonly lacks: readonly ("segmentation" | "coalescing" | "interfaceOffload")[];
}

export interface HelperFacts {
  readonly version: string;
  readonly uptimeS: number;
  readonly port: number | null;
  readonly warnings: readonly Warning[];
}

/** Outer headers of a frame (docs/protocol.md, "Bytes"): DATA and frame, then UDP over IPv4 or IPv6, then a relay's. */
const DATA_OVERHEAD_BYTES = 36;
const UDP4_BYTES = 28;
const UDP6_BYTES = 48;
const RELAY_BYTES = 76;
/** Something came by UDP within this time. */
const HEARD_MS = 60_000;
/** Clocks of computers that are set agree far better; certificates and records tolerate ten minutes. */
const CLOCK_WARN_MS = 60_000;
const CLOCK_FAIL_MS = 600_000;
const NEWER_KERNEL =
  "Nothing needs to be done if the speed is fine; else use Linux 5.0 or newer, on a computer or container that has all of it.";

/** `facts` undefined: this computer has joined nothing, and what needs a membership is skipped. */
export function doctor(helper: HelperFacts, facts?: AffiliationFacts, checkup?: Checkup): DoctorView {
  if (!facts || !checkup) {
    const skipped = (["route", "nat", "mtu", "interface", "udp", "neighbours", "clock"] as const).map((id) =>
      skip(id, "This computer has joined no affiliation.", "Join one with: ringway join."),
    );
    return { affiliation: null, checks: inOrder([...skipped, helperCheck(helper)]) };
  }
  const checks = [
    route(facts, checkup),
    nat(facts),
    mtu(facts, checkup),
    helperCheck(helper),
    interfaceCheck(facts, checkup),
    udp(facts, helper, checkup),
    neighbours(facts),
    clock(facts),
  ];
  return { affiliation: facts.name, checks: inOrder(checks) };
}

const ORDER: readonly CheckId[] = [
  "helper",
  "interface",
  "route",
  "mtu",
  "udp",
  "nat",
  "neighbours",
  "clock",
  "identity",
];

function inOrder(checks: readonly Check[]): Check[] {
  return [...checks].sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id));
}

function route({ subnet }: AffiliationFacts, { overlap }: Checkup): Check {
  if (!overlap) return pass("route", "No other network of this computer uses the range.", subnet);
  return bad("route", "fail", overlap.text, subnet, overlap.remedy);
}

function nat({ node }: AffiliationFacts): Check {
  const seen = node.learnedTransportAddresses.join(", ") || null;
  switch (node.natKind) {
    case "public":
      return pass("nat", "This computer can be reached from outside.", seen);
    case "eim":
      return pass("nat", "An easy NAT: nearly all peers can be linked directly.", seen);
    case "edm-seq":
    case "edm-random": {
      const relayed = node.peers.filter(({ path }) => path?.kind === "tunnel").length;
      return bad(
        "nat",
        "warn",
        `A hard NAT gives each connection another port, so peers behind such a NAT cannot be linked directly; ${relayed} of the links go by a relay.`,
        seen,
        "Nothing needs to be done if the speed is fine; else open a UDP port on the router, or use another network.",
      );
    }
    case "udp-blocked":
      return bad("nat", "fail", "This network lets no UDP through.", seen, "Ask its administrator to let UDP out.");
    case "unknown":
      return skip("nat", "Too few peers in other networks have told yet how this computer looks from there.", null);
  }
}

function mtu({ interface: virtual }: AffiliationFacts, { uplinks }: Checkup): Check {
  const known = uplinks.flatMap(({ name, mtuBytes, ipv6 }) =>
    mtuBytes === null
      ? []
      : [{ name, mtuBytes, room: mtuBytes - (ipv6 ? UDP6_BYTES : UDP4_BYTES) - DATA_OVERHEAD_BYTES }],
  );
  const [tightest] = known.sort((a, b) => a.room - b.room);
  if (!tightest) return skip("mtu", "The system does not say how large packets may be.", null);
  const evidence = `${virtual.name} ${virtual.mtuBytes} bytes, ${tightest.name} ${tightest.mtuBytes} bytes`;
  if (virtual.mtuBytes > tightest.room) {
    return bad(
      "mtu",
      "warn",
      `Packets of ${virtual.mtuBytes} bytes do not fit into those of ${tightest.name} and are sent in parts, which costs speed.`,
      evidence,
      `Lower the MTU of ${virtual.name} to ${tightest.room - RELAY_BYTES} bytes.`,
    );
  }
  if (virtual.mtuBytes > tightest.room - RELAY_BYTES) {
    return pass("mtu", "Packets fit on direct links; over a relay the largest are sent in parts.", evidence);
  }
  return pass("mtu", "Packets of the virtual interface fit on direct and on relayed links.", evidence);
}

function helperCheck({ version, uptimeS, port, warnings }: HelperFacts): Check {
  const evidence = `version ${version}, up for ${Math.round(uptimeS)} s${port === null ? "" : `, UDP port ${port}`}`;
  const [first] = warnings;
  if (!first) return pass("helper", "The helper runs and answers.", evidence);
  return bad("helper", "warn", first.text, evidence, first.remedy);
}

function interfaceCheck(facts: AffiliationFacts, { lacks }: Checkup): Check {
  const { name, state } = facts.interface;
  const evidence = `${name}, ${facts.virtualIp ?? "no IP"}`;
  if (state === "up" && lacks.includes("interfaceOffload")) {
    const cause =
      "The virtual interface is up, but the system passes packets over it one by one (no TUNSETOFFLOAD), which costs speed.";
    return { ...bad("interface", "warn", cause, evidence, NEWER_KERNEL), code: "slow" };
  }
  if (state === "up") return pass("interface", "The virtual interface is up.", evidence);
  if (facts.node.state === "off") {
    return skip("interface", `"${facts.name}" is disconnected.`, "Connect it.", "connect");
  }
  if (!facts.interfaceWanted) {
    return bad("interface", "warn", "The virtual interface is switched off.", `${name} is down`, "Switch it on.", "up");
  }
  const [why] = facts.warnings;
  if (!why && facts.virtualIp === null) {
    const cause = "The virtual interface waits for its address: no lease is granted yet.";
    return bad("interface", "warn", cause, `${name} is down`, "Wait until this computer is a member of the ring.");
  }
  return bad(
    "interface",
    "fail",
    why?.text ?? "The virtual interface could not be brought up.",
    `${name} is down although it is wanted`,
    why?.remedy ?? "See the log of the helper.",
    "up",
  );
}

function udp(facts: AffiliationFacts, { port }: HelperFacts, { lacks }: Checkup): Check {
  const { node } = facts;
  if (node.state === "off") return skip("udp", `"${facts.name}" is disconnected.`, "Connect it.", "connect");
  const heard = node.peers.filter(({ path, silent }) => path?.kind === "udp" && !silent);
  const evidence = `UDP port ${port ?? "none"}, ${heard.length} peers heard within ${HEARD_MS / 1_000} s`;
  if (heard.length > 0) {
    const missing = [
      ...(lacks.includes("segmentation") ? ["sends datagrams (no UDP_SEGMENT)"] : []),
      ...(lacks.includes("coalescing") ? ["receives datagrams (no UDP_GRO)"] : []),
    ];
    if (missing.length === 0) return pass("udp", "UDP gets through.", evidence);
    const cause = `UDP gets through, but the system ${missing.join(" and ")} one by one, which costs speed.`;
    return { ...bad("udp", "warn", cause, evidence, NEWER_KERNEL), code: "slow" };
  }
  const byTcp = node.peers.filter(({ path, silent }) => path?.kind === "tcp" && !silent).length;
  if (byTcp > 0) {
    return bad(
      "udp",
      "warn",
      "No peer answers by UDP; TCP is used, which is slower where packets get lost.",
      `${evidence}, ${byTcp} linked by TCP`,
      "Ask the administrator of this network whether UDP is let out.",
    );
  }
  if (node.state === "connected" && node.peers.length === 0) {
    return skip("udp", "No other member is known, so there is nobody to hear.", null);
  }
  return bad(
    "udp",
    "fail",
    node.state === "connecting" && node.reason ? node.reason : "No peer answers by UDP.",
    evidence,
    "Check the network of this computer and the addresses to start from; ask the administrator whether UDP is let out.",
  );
}

function neighbours(facts: AffiliationFacts): Check {
  const { node } = facts;
  if (node.state === "off") return skip("neighbours", `"${facts.name}" is disconnected.`, "Connect it.", "connect");
  const near = node.peers.filter(({ kinds }) => kinds.includes("near")).length;
  const evidence = `${near} near links, about ${Math.max(1, Math.round(node.sizeEstimate))} members`;
  if (node.consistent === true) return pass("neighbours", "The neighbours on the ring are the right ones.", evidence);
  if (node.consistent === null) return skip("neighbours", "The neighbours have not been checked yet.", evidence);
  return bad(
    "neighbours",
    "warn",
    "A closer neighbour was found on the ring than those linked; it is being linked.",
    evidence,
    "Wait a minute and look again; if it stays, the network between the two lets nothing through.",
  );
}

function clock({ node }: AffiliationFacts): Check {
  const { clockOffsetMs } = node;
  if (clockOffsetMs === undefined) return skip("clock", "Fewer than 3 peers have told their time yet.", null);
  const off = Math.abs(clockOffsetMs);
  const evidence = `${(off / 1_000).toFixed(1)} s ${clockOffsetMs < 0 ? "ahead of" : "behind"} the peers`;
  if (off < CLOCK_WARN_MS) return pass("clock", "The clock agrees with those of the peers.", evidence);
  return bad(
    "clock",
    off < CLOCK_FAIL_MS ? "warn" : "fail",
    "The clock of this computer differs from those of the peers.",
    evidence,
    "Turn on time synchronisation.",
  );
}

function pass(id: CheckId, cause: string, evidence: string | null): Check {
  return { id, result: "pass", cause, evidence, remedy: null, action: null };
}

function skip(id: CheckId, cause: string, remedy: string | null, action: CheckAction | null = null): Check {
  return { id, result: "skip", cause, evidence: null, remedy, action };
}

function bad(
  id: CheckId,
  result: "warn" | "fail",
  cause: string,
  evidence: string | null,
  remedy: string,
  action: CheckAction | null = null,
): Check {
  return { id, result, cause, evidence, remedy, action };
}
