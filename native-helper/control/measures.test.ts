import { describe, expect, it } from "vitest";
import { calls, HelperError } from "../contract/contract.ts";
import type { NodeView, PeerView } from "../overlay/boundary.ts";
import type { RingAddress } from "../overlay/ring/address.ts";
import { history, type MeasuringPort, shortcut, speed, trace, tryDirect, walk } from "./measures.ts";
import type { AffiliationFacts } from "./present.ts";

const address = (digit: string) => digit.repeat(40) as RingAddress;
const PC7: PeerView = {
  ringAddress: address("7"),
  name: "pc7",
  virtualIp: "172.16.1.7",
  kinds: [],
  natKind: "eim",
  silent: false,
  history: [],
};
const RELAY: PeerView = { ...PC7, ringAddress: address("a"), name: "pc8", virtualIp: "172.16.1.8", kinds: ["near"] };

function port(
  changes: Partial<MeasuringPort> = {},
  node: Partial<NodeView> = {},
): MeasuringPort & { asked: unknown[] } {
  const asked: unknown[] = [];
  const view = { state: "connected", ringAddress: address("0"), walked: false, peers: [PC7, RELAY], ...node };
  const facts = {
    name: "condor wow",
    virtualIp: "172.16.1.1",
    node: view,
    ratesOf: () => ({ txBytesPerS: 0, rxBytesPerS: 0 }),
  };
  return {
    asked,
    facts: () => facts as unknown as AffiliationFacts,
    trace: async () => [],
    speed: async () => {
      throw new HelperError("PEER_REFUSED", "It takes none.", "Ask its owner.");
    },
    walk: () => asked.push("walk"),
    tryDirect: (peer) => asked.push(["tryDirect", peer]),
    openShortcut: (peer) => asked.push(["shortcut", peer]),
    recorder: {
      history: (_peer, range) => ({ stepS: range === "1h" ? 10 : 1, points: [], events: [] }),
      throughput: () => ({ stepS: 1, points: [] }),
    },
    checkup: () => ({ overlap: undefined, uplinks: [], lacks: [] }),
    ...changes,
  };
}

describe("measuring", () => {
  it("names the hops of a trace, as far as they are known", async () => {
    const hops = [
      { ringAddress: RELAY.ringAddress, transport: "udp" as const, rttMs: 3 },
      { ringAddress: address("9"), transport: "relay" as const, rttMs: 8 },
      { ringAddress: PC7.ringAddress, transport: "udp" as const, rttMs: 20 },
    ];
    const view = calls.trace.reply.parse(await trace(port({ trace: async () => hops }), { peer: "pc7" }));
    expect(view).toMatchObject({ peer: PC7.ringAddress, name: "pc7", virtualIp: "172.16.1.7" });
    expect(view.hops.map(({ name, rttMs }) => [name, rttMs])).toEqual([
      ["pc8", 3],
      [null, 8],
      ["pc7", 20],
    ]);
  });

  it("says that nobody on the way answered", async () => {
    await expect(trace(port(), { peer: "pc7" })).rejects.toMatchObject({
      code: "TIMED_OUT",
      text: expect.stringContaining("pc7"),
    });
  });

  it("gives the speed that was measured, and the peer's refusal", async () => {
    const result = { seconds: 2, upBitsPerS: 1e6, downBitsPerS: 2e6, lossPct: 0.5 };
    const view = await speed(port({ speed: async () => result }), { peer: "172.16.1.7", seconds: 2 });
    expect(calls.speed.reply.parse(view)).toEqual({
      peer: PC7.ringAddress,
      name: "pc7",
      virtualIp: "172.16.1.7",
      ...result,
    });
    await expect(speed(port(), { peer: "pc7", seconds: 2 })).rejects.toMatchObject({ code: "PEER_REFUSED" });
  });

  it("hands on walks and wishes, and shows the peer", () => {
    const to = port();
    expect(walk(to)).toEqual({ walked: false, members: 3 });
    expect(calls.tryDirect.reply.parse(tryDirect(to, "pc7"))).toMatchObject({ name: "pc7", path: [] });
    expect(shortcut(to, "pc7")).toMatchObject({ name: "pc7" });
    expect(to.asked).toEqual(["walk", ["tryDirect", PC7.ringAddress], ["shortcut", PC7.ringAddress]]);
  });

  it("looks back also on an affiliation that is off, but measures nothing there", async () => {
    const off = port({}, { state: "off" });
    expect(history(off, { peer: "pc7", range: "1h" })).toMatchObject({ peer: PC7.ringAddress, stepS: 10 });
    for (const act of [() => walk(off), () => tryDirect(off, "pc7"), () => shortcut(off, "pc7")]) {
      expect(act).toThrow(expect.objectContaining({ code: "NOT_CONNECTED" }));
    }
    await expect(trace(off, { peer: "pc7" })).rejects.toMatchObject({ code: "NOT_CONNECTED" });
    await expect(speed(off, { peer: "pc7", seconds: 1 })).rejects.toMatchObject({ code: "NOT_CONNECTED" });
  });
});
