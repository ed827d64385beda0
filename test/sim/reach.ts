/**
 * The oracle for reach: from the sites of two hosts, whether UDP must find a direct way between them, may find one, or
 * cannot. It knows RFC 4787 and nothing of the engine.
 */
import type { NatBehaviour } from "./nat.ts";
import type { Site } from "./network.ts";

/** `may`: whether it works depends on ports that have to be guessed; a relay is right as well. */
export type Reach = "must" | "may" | "cannot";

export function reachOf(a: Site, b: Site): Reach {
  // Inside one site hosts hear each other by their own addresses, whatever its box does.
  if (a === b) return "must";
  if (a.kind === "udp-blocked" || b.kind === "udp-blocked") return "cannot";
  const [boxA, boxB] = [a.nat?.behaviour, b.nat?.behaviour];
  // An address that everybody may send to; the other side's first packet shows where to answer.
  if (boxA === undefined || boxB === undefined) return "must";
  return letsIn(boxA, boxB) || letsIn(boxB, boxA) ? "must" : "may";
}

/** Whether the owner of `to` can have a hole by which the first packet from behind `from` comes in. */
function letsIn(to: NatBehaviour, from: NatBehaviour): boolean {
  // Its port towards this peer must be that which others told of.
  if (to.mapping !== "endpoint-independent") return false;
  if (to.filtering === "endpoint-independent") return true;
  // The hole is for an IP, which does not change with the port.
  if (to.filtering === "address-dependent") return true;
  return from.mapping === "endpoint-independent";
}
