/** A helper without engine and data path, on a real socket: the state is what a test says, the calls are remembered. */
import {
  type AffiliationView,
  type CallName,
  type Check,
  HelperError,
  type PeerDetail,
  type PingView,
  type RingView,
  type StatusView,
  type TraceView,
} from "#contract";
import type { Rights } from "../native-helper/control/access.ts";
import { ControlServer } from "../native-helper/control/server.ts";

const SELF = `a${"0".repeat(39)}`;
const OTHER = `3${"0".repeat(39)}`;

export class FakeHelper {
  readonly called: { name: CallName; args: unknown }[] = [];
  affiliations: AffiliationView[] = [affiliationView()];
  peers: PeerDetail[] = [peerDetail()];
  /** Round trips of the next pings; none left: no answer. */
  rtts: number[] = [];
  checks: Check[] = [
    { id: "udp", result: "pass", cause: "UDP gets through.", evidence: "port 15000", remedy: null, action: null },
  ];
  /** The parts of the next export. */
  exported: string[] = ["{}\n"];
  /** Thrown by the next calls of a name. */
  readonly faults = new Map<CallName, HelperError>();
  /** Told of each call before it is answered. */
  onCall: ((name: CallName) => void) | undefined;
  #server: ControlServer | undefined;

  async start(socketPath: string, rights: Rights = "owner"): Promise<void> {
    this.#server = await ControlServer.start({
      socketPath,
      ownerUid: undefined,
      groupId: undefined,
      owners: new Set(),
      log: { info: () => {}, warn: () => {} },
      peerUid: () => 1000,
      rights: () => rights,
      service: {
        version: "9.9.9",
        snapshot: () => ({
          at: "2026-01-01T00:00:00.000Z",
          status: this.#status(),
          rings: this.affiliations.map(({ name }) => ({ affiliation: name, peers: this.peers, ring: this.#ring() })),
        }),
        handlers: {
          status: this.#answer("status", () => this.#status()),
          peers: this.#answer("peers", () => this.peers),
          peer: this.#answer("peer", ({ peer }: { peer: string }) => this.#peer(peer)),
          ring: this.#answer("ring", () => this.#ring()),
          ping: this.#answer("ping", ({ peer }: { peer: string }) => this.#ping(peer)),
          trace: this.#answer("trace", ({ peer }: { peer: string }) => this.#trace(peer)),
          speed: this.#answer("speed", ({ peer, seconds }: { peer: string; seconds: number }) => ({
            ...named(this.#peer(peer)),
            seconds,
            upBitsPerS: 94_000_000,
            downBitsPerS: 8_500_000,
            lossPct: 0.1,
          })),
          doctor: this.#answer("doctor", () => ({ affiliation: "condor wow", checks: this.checks })),
          history: this.#answer("history", ({ peer }: { peer: string }) => ({
            peer: this.#peer(peer).ringAddress,
            stepS: 1,
            points: [],
            events: this.#peer(peer).history,
          })),
          throughput: this.#answer("throughput", () => ({ stepS: 1, points: [] })),
          export: this.#answer("export", () => {
            const [text = "", ...more] = this.exported;
            this.exported = more;
            return { text, fileName: "ringway.json", next: more.length > 0 ? OTHER : null };
          }),
          walk: this.#answer("walk", () => ({ walked: true, members: this.peers.length + 1 })),
          tryDirect: this.#answer("tryDirect", ({ peer }: { peer: string }) => this.#peer(peer)),
          shortcut: this.#answer("shortcut", ({ peer }: { peer: string }) => this.#peer(peer)),
          join: this.#answer("join", () => this.#only()),
          leave: this.#answer("leave", ({ affiliation }: { affiliation: string }) => ({ affiliation })),
          connect: this.#answer("connect", () => this.#only()),
          disconnect: this.#answer("disconnect", () => this.change({ state: "off" })),
          up: this.#answer("up", () => this.change({ interface: { ...this.#only().interface, state: "up" } })),
          down: this.#answer("down", () => this.change({ interface: { ...this.#only().interface, state: "down" } })),
          preview: this.#answer("preview", () => this.#unused()),
          configure: this.#answer("configure", () => this.#unused()),
          wake: this.#answer("wake", () => ({})),
        },
      },
    });
  }

  /** Changes the first affiliation and tells subscribers. */
  change(changes: Partial<AffiliationView>): AffiliationView {
    const changed = { ...this.#only(), ...changes };
    this.affiliations = [changed, ...this.affiliations.slice(1)];
    this.#server?.stateChanged();
    return changed;
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  #answer<A, R>(name: CallName, answer: (args: A) => R): (args: A) => Promise<R> {
    return async (args) => {
      this.called.push({ name, args });
      this.onCall?.(name);
      const fault = this.faults.get(name);
      if (fault) throw fault;
      return answer(args);
    };
  }

  #unused(): never {
    throw new HelperError("INTERNAL", "The command line makes no such call.", "Mend the test.");
  }

  #only(): AffiliationView {
    const [only] = this.affiliations;
    if (!only)
      throw new HelperError("UNKNOWN_AFFILIATION", "This computer has joined no affiliation yet.", "Join one.");
    return only;
  }

  #peer(written: string): PeerDetail {
    const found = this.peers.find(({ name, virtualIp }) => name === written || virtualIp === written);
    if (!found) throw new HelperError("UNKNOWN_PEER", `There is no member "${written}".`, "See ringway peers.");
    return found;
  }

  #ping(written: string): PingView {
    const { ringAddress, name, virtualIp } = this.#peer(written);
    const rttMs = this.rtts.shift() ?? null;
    return {
      peer: ringAddress,
      name,
      virtualIp,
      sent: 1,
      received: rttMs === null ? 0 : 1,
      rttMs: { min: rttMs, median: rttMs, max: rttMs },
    };
  }

  #ring(): RingView {
    return {
      self: SELF,
      sizeEstimate: 2,
      consistent: true,
      members: [
        ...this.peers.map(({ ringAddress, name }) => ({ ringAddress, name, silent: false })),
        { ringAddress: SELF, name: "this", silent: false },
      ],
      links: this.peers.map(({ ringAddress, kinds, transport }) => ({ ringAddress, kinds, transport })),
      walked: false,
    };
  }

  #trace(written: string): TraceView {
    const peer = this.#peer(written);
    const { ringAddress, name, transport, rttMs } = peer;
    return { ...named(peer), hops: [{ ringAddress, name, transport, rttMs }] };
  }

  #status(): StatusView {
    return {
      version: "9.9.9",
      helper: { pid: 77, uptimeS: 3_700, port: 15_000 },
      affiliations: this.affiliations,
      warnings: [],
    };
  }
}

function named({ ringAddress, name, virtualIp }: PeerDetail) {
  return { peer: ringAddress, name, virtualIp };
}

export function affiliationView(changes: Partial<AffiliationView> = {}): AffiliationView {
  return {
    name: "condor wow",
    id: "00",
    security: "open",
    state: "connected",
    reason: null,
    reasonCode: null,
    silentS: null,
    interface: { name: "tap0", state: "up", mtuBytes: 1_332 },
    interfaceWanted: true,
    virtualIp: "172.16.1.5",
    virtualIp6: null,
    subnet: "172.16.0.0/16",
    lease: null,
    ringAddress: SELF,
    natKind: "eim",
    localTransportAddresses: [],
    learnedTransportAddresses: ["ringway.udp://192.0.2.5:15000"],
    startTransportAddresses: ["ringway.udp://192.0.2.1:15000"],
    peersKnown: 1,
    sizeEstimate: 2,
    links: { near: 1, far: 0, shortcut: 0, leaf: 0, anchor: 0, relay: 0 },
    warnings: [],
    ...changes,
  };
}

export function peerDetail(changes: Partial<PeerDetail> = {}): PeerDetail {
  return {
    ringAddress: OTHER,
    name: "pc7",
    site: null,
    version: "9.9.9",
    virtualIp: "172.16.1.7",
    virtualIp6: null,
    kinds: ["near"],
    transport: "udp",
    via: null,
    remote: "192.0.2.7:15000",
    natKind: "public",
    rttMs: 12.5,
    rttMinMs: 11.5,
    rttEstimateMs: null,
    jitterMs: 0.5,
    lossPct: 0,
    txBytes: 1_500_000,
    rxBytes: 12,
    txBytesPerS: 0,
    rxBytesPerS: 0,
    pathMtuBytes: null,
    since: "2026-01-01T00:00:00.000Z",
    path: [OTHER],
    notDirectBecause: null,
    history: [{ at: "2026-01-01T00:00:00.000Z", event: "direct", text: "Direct by UDP" }],
    ...changes,
  };
}
