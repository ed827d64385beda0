/** What replicas hold each type of record to: its key, its value, its life, and who wins where two claim one key. */
import { LEASE_LIFE_S } from "../constants.ts";
import type { Core } from "../core.ts";
import { candidateIp, isHostIp } from "../lease/candidates.ts";
import { addressToBytes, type RingAddress } from "../ring/address.ts";
import { concat, equalBytes } from "../wire/bytes.ts";
import { parseIpv4 } from "../wire/ip.ts";
import { decodeAddressInfo, decodeLease, RECORD_ADDRESS, RECORD_LEASE, STATIC_CANDIDATE } from "../wire/record.ts";
import { ascii } from "../wire/text.ts";
import type { DhtRecord } from "../wire/types.ts";

/** A record whose signature was checked, with the ring address of who signed it. */
export interface Claim {
  readonly record: DhtRecord;
  readonly holder: RingAddress;
}

/** What is held of a key: a claim, and how long it lives from now. */
export interface LiveClaim extends Claim {
  readonly remainingS: number;
}

export interface RecordRule {
  /** One holder at a time, by claim and store. */
  readonly isRegister: boolean;
  /** No record of the type lives longer. */
  readonly longestLifeS: number;
  /** Whether key and value are right for that holder. */
  isRight(core: Core, record: DhtRecord, holder: RingAddress): boolean;
}

/** Types that are not here are refused. */
const RULES: ReadonlyMap<number, RecordRule> = new Map([
  [RECORD_LEASE, { isRegister: true, longestLifeS: LEASE_LIFE_S, isRight: isRightLease }],
  [RECORD_ADDRESS, { isRegister: false, longestLifeS: LEASE_LIFE_S, isRight: isRightAddress }],
]);

export const REGISTER_TYPES: readonly number[] = [...RULES].flatMap(([type, { isRegister }]) =>
  isRegister ? [type] : [],
);

export function ruleOf(type: number): RecordRule | undefined {
  return RULES.get(type);
}

export function leaseKey(core: Core, ip: string): Uint8Array {
  const bytes = parseIpv4(ip);
  if (!bytes) throw new RangeError(`${ip} is no IPv4 address`);
  return core.hash160(ascii("ip4"), core.netId, bytes);
}

export function addressKey(core: Core, address: RingAddress): Uint8Array {
  return core.hash160(ascii("rev"), addressToBytes(address));
}

/** When a register was granted first; undefined where the type does not say. */
export function sinceOf(record: DhtRecord): number | undefined {
  return record.type === RECORD_LEASE ? decodeLease(record.value)?.since : undefined;
}

/**
 * Of two holders of one register the first keeps it: the smaller `since`, then the smaller H(ip | address). In an open
 * affiliation nobody has the right to static addresses, so those have no precedence.
 */
export function outranks(core: Core, a: Claim, b: Claim): boolean {
  const [sinceA, sinceB] = [sinceOf(a.record) ?? 0, sinceOf(b.record) ?? 0];
  if (sinceA !== sinceB) return sinceA < sinceB;
  const [hashA, hashB] = [tieBreak(core, a), tieBreak(core, b)];
  for (let i = 0; i < hashA.length; i++) {
    const [byteA, byteB] = [hashA[i] as number, hashB[i] as number];
    if (byteA !== byteB) return byteA < byteB;
  }
  return false;
}

function tieBreak(core: Core, { record, holder }: Claim): Uint8Array {
  return core.crypto.sha256(concat(record.value.subarray(0, 4), addressToBytes(holder)));
}

/** A lease is never deleted: it runs out. */
function isRightLease(core: Core, record: DhtRecord, holder: RingAddress): boolean {
  const lease = decodeLease(record.value);
  const { subnet } = core;
  if (!lease || !subnet || lease.prefix !== subnet.bits) return false;
  if (!equalBytes(record.key, leaseKey(core, lease.ip))) return false;
  if (lease.i !== STATIC_CANDIDATE) return candidateIp(core.crypto, holder, subnet, lease.i) === lease.ip;
  return isHostIp(parseIpv4(lease.ip) as Uint8Array, subnet);
}

function isRightAddress(core: Core, record: DhtRecord, holder: RingAddress): boolean {
  if (!equalBytes(record.key, addressKey(core, holder))) return false;
  return record.value.length === 0 || decodeAddressInfo(record.value) !== undefined;
}
