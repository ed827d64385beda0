import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Lookup, type Resolved, StartAddressResolver } from "./resolver.ts";

const TEXTS = ["ringway.udp://192.0.2.1:15000", "ringway.udp://a.example:15001", "ringway.udp://[2001:db8::1]:15002"];

let told: Resolved[];
let answers: Record<string, readonly string[] | undefined>;
let asked: string[];
const lookup: Lookup = async (host) => {
  asked.push(host);
  const answer = answers[host];
  if (!answer) throw new Error("ENOTFOUND");
  return answer;
};

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  asked = [];
  answers = {};
});

afterEach(() => {
  vi.useRealTimers();
});

describe("start addresses", () => {
  it("that are numeric are told at once, names when they are answered, in the order of the file", async () => {
    answers = { "a.example": ["192.0.2.2", "2001:db8::2"] };
    const resolver = start(TEXTS);
    expect(told).toEqual([{ sockets: ["192.0.2.1:15000", "[2001:db8::1]:15002"], streams: [], warnings: [] }]);
    await settle();
    expect(told.at(-1)).toEqual({
      sockets: ["192.0.2.1:15000", "192.0.2.2:15001", "[2001:db8::2]:15001", "[2001:db8::1]:15002"],
      streams: [],
      warnings: [],
    });
    resolver.stop();
  });

  it("whose name has no answer are reported, and asked for again until they have one", async () => {
    const resolver = start(TEXTS);
    await settle();
    expect(told.at(-1)?.warnings).toMatchObject([
      { code: "NAME_NOT_FOUND", text: expect.stringContaining("a.example") },
    ]);
    answers = { "a.example": ["192.0.2.2"] };
    await vi.advanceTimersByTimeAsync(15_000);
    expect(told.at(-1)).toMatchObject({ warnings: [] });
    expect(told.at(-1)?.sockets).toContain("192.0.2.2:15001");
    resolver.stop();
  });

  it("keep the answer from before while DNS is away", async () => {
    answers = { "a.example": ["192.0.2.2"] };
    const resolver = start(TEXTS);
    await settle();
    answers = {};
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked.length).toBe(2);
    expect(told.at(-1)?.sockets).toContain("192.0.2.2:15001");
    expect(told.at(-1)?.warnings[0]?.text).toContain("from before");
    resolver.stop();
  });

  it("are told only when something changed", async () => {
    answers = { "a.example": ["192.0.2.2"] };
    const resolver = start(TEXTS);
    await settle();
    const count = told.length;
    await vi.advanceTimersByTimeAsync(3 * 600_000);
    expect(asked.length).toBe(4);
    expect(told.length).toBe(count);
    resolver.stop();
  });

  it("of TCP are told apart from those of UDP, also by name", async () => {
    answers = { "a.example": ["192.0.2.2"] };
    const resolver = start(["ringway.tcp://192.0.2.1:443", "brunet.tcp://a.example:443", TEXTS[0] as string]);
    await settle();
    expect(told.at(-1)).toEqual({
      sockets: ["192.0.2.1:15000"],
      streams: ["192.0.2.1:443", "192.0.2.2:443"],
      warnings: [],
    });
    resolver.stop();
  });

  it("of transports that cannot be used are left out with a warning", async () => {
    const resolver = new StartAddressResolver((resolved) => told.push(resolved), lookup, false);
    resolver.start(["ringway.tcp://192.0.2.1:443", "ringway.tls://192.0.2.1:443"]);
    await settle();
    const code = "TRANSPORT_NOT_AVAILABLE";
    expect(told).toMatchObject([{ sockets: [], streams: [], warnings: [{ code }, { code }] }]);
    expect(asked).toEqual([]);
    resolver.stop();
  });

  it("are not told after the end, even where an answer comes late", async () => {
    let answer: (ips: readonly string[]) => void = () => {};
    const resolver = new StartAddressResolver(
      (resolved) => told.push(resolved),
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    resolver.start(TEXTS);
    resolver.stop();
    answer(["192.0.2.2"]);
    await settle();
    expect(told.length).toBe(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(told.length).toBe(1);
  });
});

function start(texts: readonly string[]): StartAddressResolver {
  const resolver = new StartAddressResolver((resolved) => told.push(resolved), lookup);
  resolver.start(texts);
  return resolver;
}

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}
