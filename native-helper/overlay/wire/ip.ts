/** IP addresses as text and bytes: strict reading, one form in writing (dotted decimal; RFC 5952 for IPv6). */

/** 4 or 16 bytes, or undefined where the text is no numeric IP address. No zone (`%eth0`), no leading zeros in IPv4. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The text of 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  return formatIpv6(bytes);
}

export function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (value < 0 || part === 3) return undefined;
      bytes[part++] = value;
      value = -1;
    } else {
      if (code < 0x30 || code > 0x39 || value === 0) return undefined;
      value = value < 0 ? code - 0x30 : value * 10 + code - 0x30;
      if (value > 255) return undefined;
    }
  }
  if (part !== 3 || value < 0) return undefined;
  bytes[3] = value;
  return bytes;
}

const GROUP = /^[0-9a-f]{1,4}$/i;

export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const bytes = new Uint8Array(16);
  for (const [i, group] of head.entries()) put16(bytes, 2 * i, group);
  for (const [i, group] of tail.entries()) put16(bytes, 2 * (head.length + missing + i), group);
  return bytes;
}

/** An IP address and how many of its leading bits count, from `10.1.0.0/16`; the bits after them must be zero. */
export function parsePrefix(text: string): { ip: Uint8Array; bits: number } | undefined {
  const slash = text.indexOf("/");
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  const bitsText = text.slice(slash + 1);
  if (ip === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(bitsText)) return undefined;
  const bits = Number(bitsText);
  return isPrefix(ip, bits) ? { ip, bits } : undefined;
}

/** True where `bits` fits the address family and no bit after them is set. */
export function isPrefix(ip: Uint8Array, bits: number): boolean {
  if (bits > 8 * ip.length) return false;
  for (let i = 0; i < ip.length; i++) {
    const kept = Math.max(0, Math.min(8, bits - 8 * i));
    if (((ip[i] as number) & (0xff >> kept)) !== 0) return false;
  }
  return true;
}

/** True where the first `bits` of both are the same; false for different families. */
export function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; 8 * i < bits; i++) {
    const kept = Math.min(8, bits - 8 * i);
    if ((((a[i] as number) ^ (b[i] as number)) & (0xff00 >> kept) & 0xff) !== 0) return false;
  }
  return true;
}

/** What an address can be good for: `unicast`, `loopback`, or nothing (unspecified, multicast, broadcast, IPv4 inside IPv6). */
export function ipUse(ip: Uint8Array): "unicast" | "loopback" | "none" {
  const first = ip[0] as number;
  if (ip.length === 4) {
    if (first === 127) return "loopback";
    return first === 0 || first >= 224 ? "none" : "unicast";
  }
  if (first === 0xff) return "none";
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return "unicast";
  // ::/80 holds nothing to send to but ::1; ::ffff:a.b.c.d would be a second form of an IPv4 address.
  for (let i = 10; i < 15; i++) if (ip[i] !== 0) return "none";
  return ip[15] === 1 ? "loopback" : "none";
}

/** The groups of one side of `::`; a dotted IPv4 tail counts as two where it is allowed. */
function groupsOf(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(get16(ipv4, 0), get16(ipv4, 2));
  }
  return groups;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Uint8Array): string {
  let bestAt = -1;
  let bestLength = 1;
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && get16(bytes, 2 * (at + length)) === 0) length++;
    if (length > bestLength) {
      bestAt = at;
      bestLength = length;
    }
    at += length;
  }
  let text = "";
  for (let at = 0; at < 8; at++) {
    if (at === bestAt) {
      text += "::";
      at += bestLength - 1;
    } else {
      if (text !== "" && !text.endsWith(":")) text += ":";
      text += get16(bytes, 2 * at).toString(16);
    }
  }
  return text;
}

function get16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
