/** Whether a virtual subnet would collide with what this computer already reaches: its addresses and its routes. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { HelperError } from "#contract";
import { formatIp, parsePrefix } from "../overlay/wire/ip.ts";

/** An address range in use; `interface` is the one that owns it. */
export interface UsedRange {
  readonly interface: string;
  /** `192.168.1.0/24`; IPv4 only, as the virtual subnet is. */
  readonly cidr: string;
  readonly kind: "address" | "route";
}

/** Wider routes lead to everywhere (the default route, or its halves, as other VPNs set them); a narrower one wins anyway. */
const WIDE_ROUTE_BITS = 8;

/** Throws SUBNET_OVERLAP with both ranges and the owner of the other. `own` are the interfaces that do not count. */
export function refuseOverlap(subnet: string, used: readonly UsedRange[], own: ReadonlySet<string>): void {
  const ours = rangeOf(subnet);
  for (const range of used) {
    if (own.has(range.interface)) continue;
    const theirs = rangeOf(range.cidr);
    if (!ours || !theirs || (range.kind === "route" && theirs.bits < WIDE_ROUTE_BITS)) continue;
    if (ours.first > theirs.last || theirs.first > ours.last) continue;
    const what = range.kind === "route" ? `the route to ${range.cidr} over` : `the network ${range.cidr} of`;
    throw new HelperError(
      "SUBNET_OVERLAP",
      `The virtual network ${subnet} overlaps ${what} the interface ${range.interface} of this computer.`,
      `Take ${range.cidr} off ${range.interface}, or move this computer to another network, then run: ringway up.`,
    );
  }
}

/** The addresses and routes of this computer, read anew. */
export function usedRanges(): UsedRange[] {
  return [...usedAddresses(networkInterfaces()), ...usedRoutes(readRouteTable())];
}

export function usedAddresses(interfaces: ReturnType<typeof networkInterfaces>): UsedRange[] {
  const ranges: UsedRange[] = [];
  for (const [name, addresses] of Object.entries(interfaces)) {
    for (const { family, cidr } of addresses ?? []) {
      if (family === "IPv4" && cidr) ranges.push({ interface: name, cidr: networkOf(cidr), kind: "address" });
    }
  }
  return ranges;
}

/**
 * Reads the kernel's table of IPv4 routes: a heading, then a line a route, `interface destination gateway flags refcnt use
 * metric mask ...`, destination and mask as eight hex digits in the byte order of the machine (little-endian here).
 */
export function usedRoutes(table: string): UsedRange[] {
  const ranges: UsedRange[] = [];
  for (const line of table.split("\n").slice(1)) {
    const [name, destination, , flags, , , , mask] = line.trim().split(/\s+/);
    if (!name || !destination || !flags || !mask) continue;
    const isUp = (Number.parseInt(flags, 16) & 1) === 1;
    const bits = bitsOf(littleEndian(mask));
    if (isUp) ranges.push({ interface: name, cidr: `${formatIp(littleEndian(destination))}/${bits}`, kind: "route" });
  }
  return ranges;
}

function readRouteTable(): string {
  try {
    return readFileSync("/proc/net/route", "utf8");
  } catch {
    return ""; // Not this system's way of telling; the addresses are checked all the same.
  }
}

function rangeOf(cidr: string): { first: number; last: number; bits: number } | undefined {
  const prefix = parsePrefix(cidr);
  if (prefix?.ip.length !== 4) return undefined;
  const first = prefix.ip.reduce((number, byte) => number * 256 + byte, 0);
  return { first, last: first + 2 ** (32 - prefix.bits) - 1, bits: prefix.bits };
}

/** `192.168.1.7/24` to `192.168.1.0/24`. */
function networkOf(cidr: string): string {
  const [ip, bitsText] = cidr.split("/") as [string, string];
  const bits = Number(bitsText);
  const bytes = ip
    .split(".")
    .map((part, i) => Number(part) & (0xff00 >> Math.max(0, Math.min(8, bits - 8 * i))) & 0xff);
  return `${bytes.join(".")}/${bits}`;
}

function littleEndian(hex: string): Uint8Array {
  return Uint8Array.from([6, 4, 2, 0], (at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function bitsOf(mask: Uint8Array): number {
  return mask.reduce((bits, byte) => bits + byte.toString(2).replaceAll("0", "").length, 0);
}
