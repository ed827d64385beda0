/** Reads configuration files of both formats: our TOML (`config-toml.ts`) and the plain one of 2006 (`config-plain.ts`). */
import { CONFIG_LIMIT_BYTES } from "#contract";
import { badConfig, type ParsedConfig } from "./config-fields.ts";
import { parsePlainConfig } from "./config-plain.ts";
import { parseTomlConfig } from "./config-toml.ts";

/** Reads either format. Throws BAD_CONFIG with file and line. `fileName` is for messages and, ending in `.toml`, for the format. */
export function parseConfig(text: string, fileName: string): ParsedConfig {
  if (text.length > CONFIG_LIMIT_BYTES) {
    throw badConfig(fileName, 1, `the file is longer than ${CONFIG_LIMIT_BYTES} bytes`, "Give the right file.");
  }
  return isToml(text, fileName) ? parseTomlConfig(text, fileName) : parsePlainConfig(text, fileName);
}

/** By name, else by the first line that is neither blank nor begins with `#`: only in TOML it is a table or an assignment. */
function isToml(text: string, fileName: string): boolean {
  if (/\.toml$/i.test(fileName)) return true;
  const line = text
    .split(/\r?\n/)
    .find((candidate) => candidate.trim() !== "" && !candidate.trimStart().startsWith("#"));
  return line !== undefined && /^\s*(\[[^\]]*\]\s*$|["'\w.-]+\s*=)/.test(line);
}
