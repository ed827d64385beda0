/**
 * `ringway.toml`:
 *
 *   affiliation = "condor wow"                  # the group; the only key that must stand
 *   name = "pc7"                                # this computer, as others see it; else its host name
 *   site = "Boston"                             # where it is, as others see it
 *   transport = "auto"                          # auto, udp or tcp
 *   port = 15000                                # of the helper's socket; 0 or absent: any
 *   start = ["ringway.udp://host:15000"]        # members to start from
 *   speed = false                               # peers may not test the speed of the path to here; else they may
 *   shortcuts = 32                              # links for its traffic at a time, 0 to 256
 *   relay = false                               # carries no tunnels of others; else it does
 *
 *   [interface]
 *   name = "tap0"
 *   ip = "172.16.1.5"                           # a static claim
 *   mac = "02:df:e7:20:60:35"
 *   mtu = 1332                                  # 1280 to 1436
 *   dscp = true                                 # copies the DSCP of packets to what carries them; else it does not
 *
 * An unknown key is refused with its line and the nearest key that exists.
 */
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
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

type Setting = Partial<{ -readonly [K in keyof HelperConfig]: HelperConfig[K] }>;

/** For each key: what kind of value it takes, and how it gets into the result. */
const keys: Record<string, KeyReader> = {
  affiliation: string(fields.affiliation, "affiliation"),
  name: string((text) => fields.label(text, "name", 63), "name"),
  site: string((text) => fields.label(text, "site", 32), "site"),
  transport: string(fields.transport, "transport"),
  port: integer((value) => fields.port(String(value)), "port"),
  start: readStart,
  speed: boolean("speedTests"),
  shortcuts: integer(fields.shortcuts, "shortcuts"),
  relay: boolean("relay"),
  "interface.name": string(fields.interfaceName, "interfaceName"),
  "interface.ip": string(fields.virtualIp, "virtualIp"),
  "interface.mac": string(fields.mac, "mac"),
  "interface.mtu": integer(fields.mtuBytes, "mtuBytes"),
  "interface.dscp": boolean("dscp"),
};

/** Puts one value into the setting; says what is wrong with it otherwise, and at which node. */
type KeyReader = (node: AST.TOMLContentNode, setting: Setting, problem: Report) => void;
type Report = (node: AST.TOMLNode, result: FieldResult<unknown>) => void;

export function parseTomlConfig(text: string, fileName: string): ParsedConfig {
  const program = parse(text, fileName);
  const setting: Setting = {};
  const warnings: Warning[] = [];
  const seen = new Map<string, number>();

  const report: Report = (node, result) => {
    const { line } = node.loc.start;
    if (!result.ok) throw badConfig(fileName, line, result.what, result.remedy);
    if (result.warning) warnings.push({ ...result.warning, text: `${fileName}, line ${line}: ${result.warning.text}` });
  };

  for (const { path, node, value } of entries(program, fileName)) {
    const { line } = node.loc.start;
    const read = Object.hasOwn(keys, path) ? keys[path] : undefined;
    if (!read) throw unknownKey(fileName, line, path);
    const earlier = seen.get(path);
    if (earlier !== undefined) {
      throw badConfig(fileName, line, `${path} stands a second time (first on line ${earlier})`, "Keep one of them.");
    }
    seen.set(path, line);
    read(value, setting, report);
  }
  if (setting.affiliation === undefined) {
    throw badConfig(fileName, program.loc.end.line, 'the key "affiliation" is missing', 'Write affiliation = "NAME".');
  }
  return { config: { startAddresses: [], ...setting, affiliation: setting.affiliation }, warnings };
}

interface Entry {
  readonly path: string;
  readonly node: AST.TOMLKeyValue;
  readonly value: AST.TOMLContentNode;
}

function* entries(program: AST.TOMLProgram, fileName: string): Generator<Entry> {
  for (const item of program.body[0].body) {
    if (item.type === "TOMLKeyValue") {
      yield* ofKeyValue(item, []);
    } else {
      const name = item.resolvedKey.filter((part) => typeof part === "string").join(".");
      const isKnown = Object.keys(keys).some((key) => key.startsWith(`${name}.`));
      if (!isKnown) throw unknownKey(fileName, item.loc.start.line, name);
      if (item.kind === "array") {
        throw badConfig(
          fileName,
          item.loc.start.line,
          `[[${name}]] stands for several tables, but there is one`,
          `Write [${name}].`,
        );
      }
      for (const inner of item.body) yield* ofKeyValue(inner, [name]);
    }
  }
}

function* ofKeyValue(node: AST.TOMLKeyValue, above: readonly string[]): Generator<Entry> {
  const path = [...above, ...node.key.keys.map((key) => (key.type === "TOMLBare" ? key.name : key.value))];
  if (node.value.type === "TOMLInlineTable") {
    for (const inner of node.value.body) yield* ofKeyValue(inner, path);
  } else {
    yield { path: path.join("."), node, value: node.value };
  }
}

function unknownKey(fileName: string, line: number, path: string): Error {
  const known = [...Object.keys(keys), "interface"];
  const nearest = nearestWord(path, known) ?? nearestWord(path.slice(path.lastIndexOf(".") + 1), known);
  const remedy = nearest ? `Did you mean ${nearest}?` : `Keys are: ${Object.keys(keys).join(", ")}.`;
  return badConfig(fileName, line, `unknown key "${path}"`, remedy);
}

function string<K extends keyof Setting>(read: (text: string) => FieldResult<Setting[K]>, key: K): KeyReader {
  return (node, setting, report) => {
    if (node.type !== "TOMLValue" || node.kind !== "string") {
      report(node, { ok: false, what: "text is expected here", remedy: 'Write the value in quotes, as in "tap0".' });
      return;
    }
    const result = read(node.value);
    report(node, result);
    if (result.ok) setting[key] = result.value;
  };
}

function integer<K extends keyof Setting>(read: (value: number) => FieldResult<Setting[K]>, key: K): KeyReader {
  return (node, setting, report) => {
    if (node.type !== "TOMLValue" || node.kind !== "integer") {
      report(node, { ok: false, what: "a whole number is expected here", remedy: "Write it without quotes." });
      return;
    }
    const result = read(node.value);
    report(node, result);
    if (result.ok) setting[key] = result.value;
  };
}

function boolean(key: "speedTests" | "relay" | "dscp"): KeyReader {
  return (node, setting, report) => {
    if (node.type !== "TOMLValue" || node.kind !== "boolean") {
      report(node, { ok: false, what: "true or false is expected here", remedy: "Write it without quotes." });
      return;
    }
    setting[key] = node.value;
  };
}

function readStart(node: AST.TOMLContentNode, setting: Setting, report: Report): void {
  if (node.type !== "TOMLArray") {
    report(node, { ok: false, what: "a list is expected here", remedy: 'Write start = ["ringway.udp://host:port"].' });
    return;
  }
  const tooMany = tooManyStartAddresses(node.elements.length);
  if (tooMany) report(node, tooMany);
  const addresses: string[] = [];
  for (const element of node.elements) {
    const isText = element.type === "TOMLValue" && element.kind === "string";
    const result: FieldResult<string> = isText
      ? fields.startAddress(element.value)
      : {
          ok: false,
          what: "a transport address is expected here",
          remedy: 'Write it in quotes: "ringway.udp://host:port".',
        };
    report(element, result);
    if (result.ok) addresses.push(result.value);
  }
  setting.startAddresses = addresses;
}

function parse(text: string, fileName: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: "1.0" });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const what = error.message.charAt(0).toLowerCase() + error.message.slice(1).replace(/\.$/, "");
    throw badConfig(fileName, error.lineNumber, `this is not TOML: ${what}`, "Mend the line.");
  }
}
