/**
 * The plain format of 2006: a line that starts with `#` titles the values on the lines below it; blank lines do not count.
 *
 *   #affiliation, #transport, #port, #number of remote TAs, #list of TAs (one a line), #virtual interface,
 *   #virtual IP address of tap0, #MAC address of tap0
 *
 * Each heading may stand once, in any order; only the affiliation must. A comment is not possible, so an unknown heading
 * is a mistake of writing and refused. The format has no netmask: the virtual IP lies in the network of open affiliations.
 */
import type { Warning } from "#contract";
import {
  badConfig,
  type FieldResult,
  fields,
  type HelperConfig,
  nearestWord,
  type ParsedConfig,
  tooManyStartAddresses,
} from "./config-fields.ts";

type Heading = keyof typeof headings;

const headings = {
  affiliation: /^affiliation$/,
  transport: /^transport$/,
  port: /^port$/,
  count: /^number of remote tas$/,
  list: /^list of tas$/,
  interface: /^virtual interface$/,
  virtualIp: /^virtual ip address of [a-z0-9_.-]{1,15}$/,
  mac: /^mac address of [a-z0-9_.-]{1,15}$/,
} as const;

const WRITTEN = [
  "affiliation",
  "transport",
  "port",
  "number of remote TAs",
  "list of TAs",
  "virtual interface",
  "virtual IP address of tap0",
  "MAC address of tap0",
];

interface Value {
  readonly text: string;
  readonly line: number;
}

interface Section {
  readonly title: string;
  readonly line: number;
  readonly values: Value[];
}

export function parsePlainConfig(text: string, fileName: string): ParsedConfig {
  const { sections, lastLine } = readSections(text, fileName);
  const warnings: Warning[] = [];

  /** The only value of a heading, read; undefined where the heading is not there. */
  function single<T>(heading: Heading, read: (text: string) => FieldResult<T>): T | undefined {
    const section = sections.get(heading);
    if (!section) return undefined;
    const [value, extra] = section.values;
    if (!value)
      throw badConfig(
        fileName,
        section.line,
        `#${section.title} has no value below it`,
        "Write one, or remove the heading.",
      );
    if (extra) {
      throw badConfig(
        fileName,
        extra.line,
        `"${extra.text}" is a second value of #${section.title}`,
        "Keep one value below this heading.",
      );
    }
    return take(read(value.text), value.line);
  }

  function take<T>(result: FieldResult<T>, line: number): T {
    if (!result.ok) throw badConfig(fileName, line, result.what, result.remedy);
    if (result.warning) {
      warnings.push({ ...result.warning, text: `${fileName}, line ${line}: ${lowerFirst(result.warning.text)}` });
    }
    return result.value;
  }

  const affiliation = single("affiliation", fields.affiliation);
  if (affiliation === undefined) {
    throw badConfig(
      fileName,
      lastLine,
      "the file ends without #affiliation",
      "Write #affiliation and below it the name of the group.",
    );
  }
  const transport = single("transport", fields.transport);
  const port = single("port", fields.port);
  const startAddresses = readStartAddresses();
  const interfaceName = single("interface", fields.interfaceName);
  const virtualIp = single("virtualIp", fields.virtualIp);
  const mac = single("mac", fields.mac);

  function readStartAddresses(): string[] {
    const list = sections.get("list");
    const addresses = (list?.values ?? []).map(({ text: written, line }) => take(fields.startAddress(written), line));
    const announced = single("count", readCount);
    if (announced !== undefined && announced !== addresses.length) {
      throw badConfig(
        fileName,
        sections.get("count")?.values[0]?.line ?? lastLine,
        `${announced} remote TAs are announced, but ${addresses.length} are listed`,
        `Write ${addresses.length}, or mend the list.`,
      );
    }
    const tooMany = tooManyStartAddresses(addresses.length);
    if (tooMany) take(tooMany, list?.line ?? lastLine);
    return addresses;
  }

  const config: HelperConfig = {
    affiliation,
    startAddresses,
    ...(transport !== undefined && { transport }),
    ...(port !== undefined && { port }),
    ...(interfaceName !== undefined && { interfaceName }),
    ...(virtualIp !== undefined && { virtualIp }),
    ...(mac !== undefined && { mac }),
  };
  return { config, warnings };
}

function readSections(text: string, fileName: string): { sections: Map<Heading, Section>; lastLine: number } {
  const sections = new Map<Heading, Section>();
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  let current: Section | undefined;
  let lastLine = 1;
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const written = raw.trim();
    if (written === "") continue;
    lastLine = line;
    if (!written.startsWith("#")) {
      if (!current)
        throw badConfig(fileName, line, `"${shortened(written)}" has no heading above it`, "Begin with #affiliation.");
      current.values.push({ text: written, line });
      continue;
    }
    const title = written.slice(1).trim().replace(/\s+/g, " ");
    const heading = headingOf(title);
    if (!heading) {
      const nearest = nearestWord(title, WRITTEN);
      const remedy = nearest
        ? `Did you mean #${nearest}?`
        : `Headings are: ${WRITTEN.map((known) => `#${known}`).join(", ")}.`;
      throw badConfig(fileName, line, `unknown heading "#${shortened(title)}"`, remedy);
    }
    const earlier = sections.get(heading);
    if (earlier) {
      throw badConfig(
        fileName,
        line,
        `#${title} stands a second time (first on line ${earlier.line})`,
        "Keep one of them.",
      );
    }
    current = { title, line, values: [] };
    sections.set(heading, current);
  }
  return { sections, lastLine };
}

function headingOf(title: string): Heading | undefined {
  const lower = title.toLowerCase();
  return (Object.keys(headings) as Heading[]).find((heading) => headings[heading].test(lower));
}

function readCount(text: string): FieldResult<number> {
  if (/^[0-9]{1,4}$/.test(text)) return { ok: true, value: Number(text) };
  return {
    ok: false,
    what: `"${text}" is not a number of remote TAs`,
    remedy: "Write how many lines the list below has.",
  };
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
