/** Every language says what English says: no message missing, extra or empty, with the same values in each. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { type MessageFormatElement, parse, TYPE } from "@formatjs/icu-messageformat-parser";
import { createIntl } from "react-intl";
import { describe, expect, it } from "vitest";
import { languages } from "#contract/app-bridge.ts";
import english from "./en.json" with { type: "json" };

const catalogue: Record<string, { defaultMessage: string }> = english;
const ids = Object.keys(catalogue);

function read(language: string): Record<string, string> {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, `${language}.json`), "utf8"));
}

/** Names of the values in a message, each with what it is taken for; plurals by the language's own forms. */
function valuesOf(message: string): string[] {
  const found = new Set<string>();
  const walk = (elements: readonly MessageFormatElement[]) => {
    for (const element of elements) {
      if (element.type === TYPE.literal || element.type === TYPE.pound) continue;
      if (element.type === TYPE.tag) {
        walk(element.children);
        continue;
      }
      const isChoice = element.type === TYPE.select || element.type === TYPE.plural;
      found.add(`${element.value} ${TYPE[element.type]}`);
      if (element.type === TYPE.select) found.add(`${element.value} of ${Object.keys(element.options).sort()}`);
      if (isChoice) for (const { value } of Object.values(element.options)) walk(value);
    }
  };
  walk(parse(message));
  return [...found].sort();
}

/** The forms of every plural in a message. */
function pluralsOf(message: string): string[][] {
  const found: string[][] = [];
  const walk = (elements: readonly MessageFormatElement[]) => {
    for (const element of elements) {
      if (element.type === TYPE.plural) found.push(Object.keys(element.options));
      if (element.type === TYPE.plural || element.type === TYPE.select) {
        for (const { value } of Object.values(element.options)) walk(value);
      }
    }
  };
  walk(parse(message));
  return found;
}

describe.each(languages.filter((language) => language !== "en"))("the language %s", (language) => {
  const words = read(language);

  it("has every message, and none more", () => {
    expect(ids.filter((id) => !(id in words))).toEqual([]);
    expect(Object.keys(words).filter((id) => !(id in catalogue))).toEqual([]);
  });

  it("has none that is empty", () => {
    expect(Object.entries(words).filter(([, message]) => message.trim() === "")).toEqual([]);
  });

  it("has the values of the English message in each", () => {
    const differ = ids.flatMap((id) => {
      const [theirs, ours] = [valuesOf(catalogue[id]?.defaultMessage ?? ""), valuesOf(words[id] ?? "")];
      return theirs.join() === ours.join() ? [] : [`${id}: ${theirs} / ${ours}`];
    });
    expect(differ).toEqual([]);
  });

  it("has the plural forms that it needs", () => {
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    // Of a million only: those of Romance languages are the same words.
    const wanted = needed.filter((form) => form !== "many" || language === "pl");
    const lacking = Object.entries(words).flatMap(([id, message]) =>
      pluralsOf(message)
        .filter((forms) => wanted.some((form) => !forms.includes(form)))
        .map((forms) => `${id}: ${forms}`),
    );
    expect(lacking).toEqual([]);
  });

  it("can be formatted", () => {
    const faults: string[] = [];
    const intl = createIntl({ locale: language, messages: words, onError: ({ message }) => faults.push(message) });
    for (const id of Object.keys(words)) {
      const values = Object.fromEntries(valuesOf(words[id] ?? "").map((value) => [value.split(" ")[0], 2]));
      expect(intl.formatMessage({ id }, values).trim()).not.toBe("");
    }
    expect(faults).toEqual([]);
  });
});
