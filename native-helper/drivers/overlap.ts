/** Whether a virtual subnet would collide with what this computer already reaches: its addresses and its routes. */
import { HelperError } from "#contract";
import { parseIpv4 } from "../overlay/wire/ip.ts";

/** An address range in use; `interface` is the one that owns it. */
export interface UsedRange {
  readonly interface: string;
  /** `192.168.1.7/24`; what is no IPv4 cannot overlap. */
  readonly cidr: string;
  readonly kind: "address" | "route";
}

/** Wider routes lead to everywhere (the default route, or its halves, as other VPNs set them); a narrower one wins anyway. */
const WIDE_ROUTE_BITS = 8;

export interface Clash {
  readonly range: UsedRange;
  /** The affiliation of this helper whose interface owns the range. */
  readonly affiliation: string | undefined;
}

/** The first range in use that overlaps `subnet`; `own` is the interface that does not count, `others` as in `refuseOverlap`. */
export function findOverlap(
  subnet: string,
  used: readonly UsedRange[],
  own: string,
  others: ReadonlyMap<string, string> = new Map(),
): Clash | undefined {
  const ours = rangeOf(subnet);
  for (const range of used) {
    if (range.interface === own) continue;
    const theirs = rangeOf(range.cidr);
    if (!ours || !theirs || (range.kind === "route" && theirs.bits < WIDE_ROUTE_BITS)) continue;
    if (ours.first > theirs.last || theirs.first > ours.last) continue;
    return { range, affiliation: others.get(range.interface) };
  }
  return undefined;
}

/**
 * Throws SUBNET_OVERLAP with both ranges and the owner of the other. `own` is the interface that does not count; `others`
 * are those of this helper's other affiliations, with their names.
 */
export function refuseOverlap(
  subnet: string,
  used: readonly UsedRange[],
  own: string,
  others: ReadonlyMap<string, string> = new Map(),
): void {
  const clash = findOverlap(subnet, used, own, others);
  if (!clash) return;
  const { range, affiliation: other } = clash;
  const owner = range.interface === "" ? "this computer" : `the interface ${range.interface} of this computer`;
  const what = range.kind === "route" ? `the route to ${range.cidr} over` : `the address ${range.cidr} of`;
  if (other !== undefined) {
    throw new HelperError(
      "SUBNET_OVERLAP",
      `The virtual network ${subnet} overlaps ${what} the interface ${range.interface}, which belongs to "${other}".`,
      `Only one of both can be up: run ringway down "${other}" first.`,
    );
  }
  throw new HelperError(
    "SUBNET_OVERLAP",
    `The virtual network ${subnet} overlaps ${what} ${owner}.`,
    `Remove the ${range.kind} ${range.cidr}, or move this computer to another network, then run: ringway up.`,
  );
}

/** First and last address of a range; the bits behind the prefix do not count. Undefined for IPv6. */
function rangeOf(cidr: string): { first: number; last: number; bits: number } | undefined {
  const [text, bitsText] = cidr.split("/");
  const ip = parseIpv4(text ?? "");
  const bits = Number(bitsText);
  if (!ip) return undefined;
  const size = 2 ** (32 - bits);
  const address = ip.reduce((number, byte) => number * 256 + byte, 0);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, bits };
}
