/**
 * Transport addresses (TAs).
 *
 *   TA       kind u8 | origin u8 | host | port u16
 *            host: 4 bytes (udp4, tcp4, tls4), 16 bytes (udp6, tcp6, tls6) or `len u8 | name` (the dns kinds)
 *   TA?      one zero byte for "none", else TA
 *   TA list  n u8 (<= 8) | n TA
 *   kind     1 udp4, 2 udp6, 3 tcp4, 4 tcp6, 5 udp dns, 6 tcp dns, 7 tls dns, 8 tls4, 9 tls6
 *   origin   1 local, 2 learned, 3 mapped, 4 configured, 5 predicted
 *   text     ringway.udp://host:port, ringway.tcp://..., ringway.tls://..., IPv6 in brackets
 *
 * Port 0 and addresses that no packet can be sent to (unspecified, multicast, broadcast, IPv4 inside IPv6) are malformed
 * everywhere. Loopback is malformed in lists, which say where to send; it may stand alone, where it reports what was seen.
 */
import type { SocketAddress } from "../boundary.ts";
import type { Reader, Writer } from "./bytes.ts";
import { formatIp, ipUse, parseIp } from "./ip.ts";
import { ascii } from "./text.ts";
import type { TaKind, TaOrigin, TransportAddress } from "./types.ts";

/** The most TAs that a node lists. */
export const MAX_TAS = 8;

const KINDS = [undefined, "udp4", "udp6", "tcp4", "tcp6", "udpDns", "tcpDns", "tlsDns", "tls4", "tls6"] as const;
const ORIGINS = [undefined, "local", "learned", "mapped", "configured", "predicted"] as const;
/** Bytes of the host; 0 for a name. */
const HOST_BYTES: Readonly<Record<TaKind, 0 | 4 | 16>> = {
  udp4: 4,
  udp6: 16,
  tcp4: 4,
  tcp6: 16,
  udpDns: 0,
  tcpDns: 0,
  tlsDns: 0,
  tls4: 4,
  tls6: 16,
};

export interface TaRules {
  /** Refuse loopback; for addresses that will be sent to. */
  readonly refuseLoopback?: boolean;
}

/** Reads one TA; undefined (and `reader.failed`) where it is malformed. */
export function decodeTa(reader: Reader, rules: TaRules = {}): TransportAddress | undefined {
  const kind = reader.oneOf(KINDS);
  const origin = reader.oneOf(ORIGINS);
  if (kind === undefined || origin === undefined) return undefined;
  const hostBytes = HOST_BYTES[kind];
  const host = hostBytes === 0 ? readName(reader) : readIp(reader, hostBytes, rules);
  const port = reader.u16();
  if (port === 0) reader.fail();
  return reader.failed ? undefined : { kind, origin, host, port };
}

/** Reads `TA?`: null stands for "none", undefined (and `reader.failed`) for malformed. */
export function decodeOptionalTa(reader: Reader): TransportAddress | null | undefined {
  if (reader.remaining > 0 && reader.bytes[reader.at] === 0) {
    reader.skip(1);
    return null;
  }
  return decodeTa(reader);
}

export function decodeTaList(reader: Reader): TransportAddress[] {
  return reader.list(MAX_TAS, readListed);
}

export function encodeTa(writer: Writer, ta: TransportAddress): void {
  writer.oneOf(KINDS, ta.kind);
  writer.oneOf(ORIGINS, ta.origin);
  const hostBytes = HOST_BYTES[ta.kind];
  if (hostBytes === 0) {
    if (!isDnsName(ta.host)) throw new RangeError(`"${ta.host}" is no host name in lower case`);
    writer.u8(ta.host.length);
    writer.raw(ascii(ta.host));
  } else {
    const ip = parseIp(ta.host);
    if (ip?.length !== hostBytes) throw new RangeError(`"${ta.host}" is no address of a ${ta.kind} transport address`);
    writer.raw(ip);
  }
  writer.u16(ta.port);
}

export function encodeOptionalTa(writer: Writer, ta: TransportAddress | undefined): void {
  if (ta === undefined) writer.u8(0);
  else encodeTa(writer, ta);
}

export function encodeTaList(writer: Writer, tas: readonly TransportAddress[]): void {
  writer.list(MAX_TAS, tas, encodeTa);
}

/** True where others accept this TA in a list; what a node lists about itself goes through this first. */
export function mayBeListed(ta: TransportAddress): boolean {
  if (ta.port < 1 || ta.port > 0xffff) return false;
  const hostBytes = HOST_BYTES[ta.kind];
  if (hostBytes === 0) return isDnsName(ta.host);
  const ip = parseIp(ta.host);
  return ip?.length === hostBytes && ipUse(ip) === "unicast";
}

/** The transport address of a socket; IPv4 inside IPv6 is written as IPv4. Throws where `socket` is not numeric. */
export function taFromSocket(
  socket: SocketAddress,
  origin: TaOrigin,
  transport: "udp" | "tcp" = "udp",
): TransportAddress {
  const { ip, port } = splitSocket(socket) ?? {};
  if (ip === undefined || port === undefined)
    throw new RangeError(`"${socket}" is no socket address: ip:port or [ip6]:port is needed`);
  const plain = ip.length === 16 && isMappedIpv4(ip) ? ip.subarray(12) : ip;
  return { kind: `${transport}${plain.length === 4 ? 4 : 6}`, origin, host: formatIp(plain), port };
}

/** The socket of a numeric UDP transport address; undefined for names and streams. */
export function socketOf(ta: TransportAddress): SocketAddress | undefined {
  return numericSocket(ta, "udp");
}

/** The socket of a numeric TCP transport address. */
export function streamSocketOf(ta: TransportAddress): SocketAddress | undefined {
  return numericSocket(ta, "tcp");
}

function numericSocket(ta: TransportAddress, transport: "udp" | "tcp"): SocketAddress | undefined {
  if (ta.kind === `${transport}4`) return `${ta.host}:${ta.port}`;
  if (ta.kind === `${transport}6`) return `[${ta.host}]:${ta.port}`;
  return undefined;
}

const TEXT_FORM = /^(ringway|brunet)\.(udp|tcp|tls):\/\/(\[[0-9a-f:.]+\]|[0-9a-z._-]+):([1-9][0-9]{0,4})\/?$/;

/** Reads `ringway.udp://host:port`; `brunet.` means the same. Undefined where the text is no such thing. */
export function parseTa(text: string, origin: TaOrigin = "configured"): TransportAddress | undefined {
  const match = TEXT_FORM.exec(text.trim().toLowerCase());
  if (!match) return undefined;
  const transport = match[2] as "udp" | "tcp" | "tls";
  const written = match[3] as string;
  const port = Number(match[4]);
  if (port > 0xffff) return undefined;
  const bracketed = written.startsWith("[");
  const ip = bracketed ? parseIp(written.slice(1, -1)) : parseIp(written);
  if (ip !== undefined) {
    if ((ip.length === 16) !== bracketed || ipUse(ip) === "none") return undefined;
    return { kind: `${transport}${ip.length === 4 ? 4 : 6}`, origin, host: formatIp(ip), port };
  }
  if (bracketed || !isDnsName(written)) return undefined;
  return { kind: `${transport}Dns`, origin, host: written, port };
}

export function formatTa(ta: TransportAddress): string {
  const host = ta.host.includes(":") ? `[${ta.host}]` : ta.host;
  return `ringway.${ta.kind.slice(0, 3)}://${host}:${ta.port}`;
}

/** The parts of `ip:port` or `[ip6]:port`; the zone of a link-local address (`%2`) means nothing elsewhere and goes. */
export function splitSocket(socket: SocketAddress): { ip: Uint8Array; port: number } | undefined {
  const colon = socket.lastIndexOf(":");
  const portText = socket.slice(colon + 1);
  if (colon < 0 || !/^(0|[1-9][0-9]{0,4})$/.test(portText)) return undefined;
  const host = socket.slice(0, colon);
  const bracketed = host.startsWith("[") && host.endsWith("]");
  const ip = parseIp(bracketed ? host.slice(1, -1).replace(ZONE, "") : host);
  const port = Number(portText);
  return ip === undefined || (ip.length === 16) !== bracketed || port > 0xffff ? undefined : { ip, port };
}

const ZONE = /%[^%]+$/;

/** Labels of a-z, 0-9, `-` and `_`, 253 characters at most; the last label is not a number (that would be a malformed IP). */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

function isDnsName(name: string): boolean {
  if (name.length === 0 || name.length > 253) return false;
  const labels = name.split(".");
  return labels.every((label) => LABEL.test(label)) && !/^[0-9]+$/.test(labels.at(-1) as string);
}

function readListed(reader: Reader): TransportAddress | undefined {
  return decodeTa(reader, { refuseLoopback: true });
}

function readName(reader: Reader): string {
  const bytes = reader.take(reader.u8());
  let name = "";
  for (const byte of bytes) name += String.fromCharCode(byte);
  if (!isDnsName(name)) reader.fail();
  return name;
}

function readIp(reader: Reader, length: number, rules: TaRules): string {
  const ip = reader.take(length);
  if (reader.failed) return "";
  const use = ipUse(ip);
  if (use === "none" || (use === "loopback" && rules.refuseLoopback)) reader.fail();
  return formatIp(ip);
}

function isMappedIpv4(ip: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return ip[10] === 0xff && ip[11] === 0xff;
}
