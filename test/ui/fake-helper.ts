/** A helper without engine: the real control server over a scripted world, on a socket of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type AffiliationView, type Args, type Handlers, HelperError } from "#contract";
import { administrationCalls, type MeasureCall, switchCalls, windowCalls } from "#contract/window-calls.ts";
import { ControlServer } from "../../native-helper/control/server.ts";
import { changedSettings, scriptedPreview, scriptedSettings } from "../../renderer/bridge/scripted-administration.ts";
import { ScriptedMeasures } from "../../renderer/bridge/scripted-measures.ts";
import { makeWorld } from "../../renderer/bridge/world.ts";

export interface FakeHelper {
  readonly socketPath: string;
  /** Names of the calls made, in order. */
  readonly made: readonly string[];
  /** Ends the server as a killed helper would; `start` runs it again on the same socket. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Of its computer in the affiliation. */
  readonly virtualIp: string;
  /** Changes what it says of the affiliation, and tells whoever listens. */
  change(next: Partial<AffiliationView>): void;
  /** The version that it says it is. */
  version: string;
  /** Stops, and removes the socket's folder. */
  close(): Promise<void>;
}

export async function startFakeHelper(peers = 11): Promise<FakeHelper> {
  const folder = await mkdtemp(path.join(tmpdir(), "ringway-fake-"));
  const socketPath = path.join(folder, "helper.sock");
  const world = makeWorld(peers);
  const made: string[] = [];
  const said = { version: "0.1.0" };
  let change: Partial<AffiliationView> = {};
  let settings = scriptedSettings;
  let server: ControlServer | undefined;
  const view = (): AffiliationView => {
    const [affiliation] = world.next({ affiliation: change }).status.affiliations;
    if (affiliation === undefined) throw new Error("the scripted world has no affiliation");
    return affiliation;
  };
  const order = (name: string, next: Partial<AffiliationView>) => async () => {
    made.push(name);
    change = { ...change, ...next };
    server?.stateChanged();
    return view();
  };
  const tap = (state: "up" | "down") => ({
    interface: { ...view().interface, state },
    interfaceWanted: state === "up",
  });
  const unused = async () => {
    throw new HelperError("INTERNAL", "No window makes this call.", "Mend the test.");
  };
  const asked = new ScriptedMeasures();
  const measures = Object.fromEntries(
    windowCalls
      .filter((call) => !([...switchCalls, ...administrationCalls] as readonly string[]).includes(call))
      .map((call) => [
        call,
        async (args: unknown) => {
          made.push(call);
          return asked.answer(call as "peer", args as Args<"peer">, world.next({ affiliation: change }));
        },
      ]),
  );
  const handlers: Omit<Handlers, "hello" | "subscribe"> = {
    connect: order("connect", { state: "connected" }),
    disconnect: order("disconnect", { state: "off" }),
    up: async () => order("up", tap("up"))(),
    down: async () => order("down", tap("down"))(),
    status: async () => world.next({ affiliation: change }).status,
    peers: unused,
    ring: unused,
    ...(measures as unknown as Pick<Handlers, MeasureCall>),
    join: async () => {
      made.push("join");
      return view();
    },
    leave: unused,
    preview: async (args: Args<"preview">) => {
      made.push("preview");
      return scriptedPreview(args, undefined);
    },
    configure: async (args) => {
      made.push("configure");
      settings = changedSettings(settings, args);
      return settings;
    },
    wake: async () => {
      made.push("wake");
      return {};
    },
  };
  const start = async () => {
    server = await ControlServer.start({
      socketPath,
      ownerUid: undefined,
      groupId: undefined,
      peerUid: () => process.getuid?.() ?? 0,
      owners: new Set([process.getuid?.() ?? 0]),
      log: { info: () => {}, warn: () => {} },
      service: {
        version: said.version,
        handlers,
        snapshot: () => {
          const { seq: _numbered, ...snapshot } = world.next({ affiliation: change });
          return { ...snapshot, status: { ...snapshot.status, version: said.version } };
        },
      },
    });
  };
  const stop = async () => {
    await server?.close();
    server = undefined;
  };
  await start();
  return {
    get version() {
      return said.version;
    },
    set version(version) {
      said.version = version;
    },
    change: (next) => {
      change = { ...change, ...next };
      server?.stateChanged();
    },
    socketPath,
    virtualIp: view().virtualIp ?? "",
    made,
    start,
    stop,
    close: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
