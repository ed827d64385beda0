/** What a configuration file may say, in one shape for both formats, and the readers of its single values. */
import { AffiliationName, HelperError, START_ADDRESSES_LIMIT, type Warning } from "#contract";
import { SHORTCUT_LIMIT } from "../overlay/constants.ts";
import { formatIp, parseIpv4, parsePrefix, samePrefix } from "../overlay/wire/ip.ts";
import { fitText } from "../overlay/wire/text.ts";
import { formatTa, parseTa } from "../overlay/wire/transport-address.ts";

/** The IPv4 network of every open affiliation. */
export const OPEN_SUBNET = "172.16.0.0/16";

/** MTU of the virtual interface: the default fits one transit over IPv6 on a 1492-byte link. */
export const MTU_BYTES = { least: 1280, default: 1332, most: 1436 } as const;

/** Links made for traffic: the default is the most that the engine takes. */
export const SHORTCUTS = { default: SHORTCUT_LIMIT, most: SHORTCUT_LIMIT } as const;

export interface HelperConfig {
  readonly affiliation: string;
  /** How this computer and its place are shown to other members; absent: the host name, and none. */
  readonly name?: string;
  readonly site?: string;
  readonly transport?: "auto" | "udp" | "tcp";
  /** Port of the helper's socket; absent or 0: any. */
  readonly port?: number;
  /** In the form `ringway.udp://host:port`. */
  readonly startAddresses: readonly string[];
  readonly interfaceName?: string;
  /** A static claim. */
  readonly virtualIp?: string;
  readonly mac?: string;
  readonly mtuBytes?: number;
  /** Whether peers may test the speed of the path to this computer; absent: they may. */
  readonly speedTests?: boolean;
  /** Links that this computer makes for its traffic at a time; absent: the default. */
  readonly shortcuts?: number;
  /** Whether this computer carries tunnels of others; absent: it does. */
  readonly relay?: boolean;
  /** Whether the DSCP of packets is copied to the datagrams that carry them; absent: it is not. */
  readonly dscp?: boolean;
}

export interface ParsedConfig {
  readonly config: HelperConfig;
  readonly warnings: readonly Warning[];
}

export function badConfig(fileName: string, line: number, what: string, remedy: string): HelperError {
  return new HelperError("BAD_CONFIG", `${fileName}, line ${line}: ${what}.`, remedy);
}

/** A value that was read, or what is wrong with it (without a full stop) and what to do. */
export type FieldResult<T> =
  | { readonly ok: true; readonly value: T; readonly warning?: Warning }
  | { readonly ok: false; readonly what: string; readonly remedy: string };

/** The readers of single values, which both formats share. Each gets the text as it stands in the file. */
export const fields = {
  affiliation(text: string): FieldResult<string> {
    const name = AffiliationName.safeParse(text);
    if (name.success) return { ok: true, value: name.data };
    return refuse(
      `the name of the affiliation ${name.error.issues[0]?.message ?? "is not valid"}`,
      "Give a name of 1 to 64 bytes.",
    );
  },

  /** `what` is how the message calls the value. */
  label(text: string, what: string, maxBytes: number): FieldResult<string> {
    const fitted = fitText(text, maxBytes);
    if (text !== "" && fitted === text) return { ok: true, value: text };
    return refuse(`${what} must have 1 to ${maxBytes} bytes of printable text`, "Shorten it, or leave it out.");
  },

  transport(text: string): FieldResult<"auto" | "udp" | "tcp"> {
    const transport = text.toLowerCase();
    if (transport === "auto" || transport === "udp" || transport === "tcp") return { ok: true, value: transport };
    return refuse(`"${text}" is not a transport`, "Write auto, udp or tcp.");
  },

  port(text: string): FieldResult<number> {
    if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65535) return { ok: true, value: Number(text) };
    return refuse(`"${text}" is not a port`, "Write a number from 1 to 65535, or 0 for any.");
  },

  shortcuts(value: number): FieldResult<number> {
    if (Number.isInteger(value) && value >= 0 && value <= SHORTCUTS.most) return { ok: true, value };
    return refuse(
      `a limit of ${value} shortcuts is not possible`,
      `Write a whole number from 0 to ${SHORTCUTS.most}, or leave it out.`,
    );
  },

  startAddress(text: string): FieldResult<string> {
    const ta = parseTa(text);
    if (ta) return { ok: true, value: formatTa(ta) };
    return refuse(
      `"${text}" is not a transport address`,
      "Write it as ringway.udp://host:port or brunet.udp://host:port.",
    );
  },

  interfaceName(text: string): FieldResult<string> {
    if (/^[A-Za-z0-9_.-]{1,15}$/.test(text) && !/^\.+$/.test(text) && text !== "lo") return { ok: true, value: text };
    return refuse(
      `"${text}" cannot be the name of the virtual interface`,
      "Use up to 15 letters, digits, dots, hyphens or underscores, such as tap0.",
    );
  },

  virtualIp(text: string): FieldResult<string> {
    const ip = parseIpv4(text);
    if (!ip) return refuse(`"${text}" is not an IPv4 address`, "Write four numbers, such as 172.16.1.5.");
    const subnet = parsePrefix(OPEN_SUBNET);
    if (!subnet || !samePrefix(ip, subnet.ip, subnet.bits)) {
      return refuse(
        `the virtual IP ${text} lies outside ${OPEN_SUBNET}, the network of every open affiliation`,
        `Choose an address inside ${OPEN_SUBNET}.`,
      );
    }
    const [, , third, fourth] = ip;
    if ((third === 0 && fourth === 0) || (third === 255 && fourth === 255)) {
      return refuse(
        `${text} is the first or last address of ${OPEN_SUBNET}, which no host can have`,
        "Choose another address.",
      );
    }
    return { ok: true, value: formatIp(ip) };
  },

  /** Clears the group bit, which no kernel of today lets an interface have, and warns. */
  mac(text: string): FieldResult<string> {
    if (!/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) {
      return refuse(`"${text}" is not a MAC address`, "Write six pairs of hex digits, such as 02:DF:E7:20:60:35.");
    }
    const bytes = text.split(/[:-]/).map((part) => Number.parseInt(part, 16));
    const isGroup = ((bytes[0] as number) & 1) === 1;
    bytes[0] = (bytes[0] as number) & 0xfe;
    if (bytes.every((byte) => byte === 0))
      return refuse(`${text} cannot be the MAC address of an interface`, "Write another one.");
    const value = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
    if (!isGroup) return { ok: true, value };
    return {
      ok: true,
      value,
      warning: {
        code: "MAC_GROUP_BIT",
        text: `The MAC address ${text} has the group bit set, which an interface cannot have; ${value.toUpperCase()} is used.`,
        remedy: `Write ${value.toUpperCase()} into the file, or leave the MAC address out.`,
      },
    };
  },

  mtuBytes(value: number): FieldResult<number> {
    if (value >= MTU_BYTES.least && value <= MTU_BYTES.most) return { ok: true, value };
    return refuse(
      `an MTU of ${value} is not possible`,
      `Write a number from ${MTU_BYTES.least} to ${MTU_BYTES.most}, or leave it out.`,
    );
  },
} as const;

export function tooManyStartAddresses(count: number): FieldResult<never> | undefined {
  if (count <= START_ADDRESSES_LIMIT) return undefined;
  return refuse(
    `${count} transport addresses are more than the ${START_ADDRESSES_LIMIT} that are read`,
    "Keep the nearest ones.",
  );
}

/** The word of `known` that `written` was most likely meant to be; undefined where none is near. */
export function nearestWord(written: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const word of known) {
    const distance = editDistance(written.toLowerCase(), word.toLowerCase());
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

function refuse(what: string, remedy: string): { ok: false; what: string; remedy: string } {
  return { ok: false, what, remedy };
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
