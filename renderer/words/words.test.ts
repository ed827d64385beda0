import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createIntl } from "react-intl";
import { describe, expect, it } from "vitest";
import { ErrorCode } from "#contract";
import { CheckId } from "#contract/views.ts";
import english from "./en.json" with { type: "json" };

const renderer = fileURLToPath(new URL("..", import.meta.url));
const catalogue: Record<string, { defaultMessage: string; description?: string }> = english;

const sources = readdirSync(renderer, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx$/.test(file) && !file.startsWith("dev"))
  .map((file) => ({ file, text: readFileSync(path.join(renderer, file), "utf8") }));

describe("the catalogue", () => {
  it.each(Object.entries(catalogue))("%s is a message that can be formatted", (id, { defaultMessage }) => {
    const faults: string[] = [];
    const intl = createIntl({
      locale: "en",
      messages: { [id]: defaultMessage },
      onError: (error) => faults.push(error.message),
    });
    const values = Object.fromEntries(
      [...defaultMessage.matchAll(/\{(\w+)/g)].map(([, name = ""]) => [
        name,
        new RegExp(`\\{${name}, date`).test(defaultMessage) ? new Date(0) : 2,
      ]),
    );
    expect(intl.formatMessage({ id }, values).trim()).not.toBe("");
    expect(faults).toEqual([]);
  });

  it("has words for every error that a window can meet, and for every cause of a check", () => {
    // Of the command line alone, or of a helper that does not start.
    const elsewhere: readonly ErrorCode[] = [
      "AMBIGUOUS_AFFILIATION",
      "AMBIGUOUS_PEER",
      "STATE_IN_USE",
      "SOCKET_IN_USE",
    ];
    const errors = ErrorCode.options.filter((code) => !elsewhere.includes(code)).map((code) => `told.${code}`);
    // No helper makes this check yet.
    const ids = CheckId.options.filter((id) => id !== "identity");
    expect([...errors, ...ids.map((id) => `check.${id}.pass`)].filter((id) => !(id in catalogue))).toEqual([]);
  });

  it("holds no empty message", () => {
    expect(Object.entries(catalogue).filter(([, { defaultMessage }]) => defaultMessage.trim() === "")).toEqual([]);
  });

  it("holds all words of the views: no text stands between tags", () => {
    const found = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/>\s*([A-Za-z][A-Za-z ,.']{2,})\s*<\//g)].map(([, words]) => `${file}: ${words}`),
    );
    expect(found).toEqual([]);
  });
});
