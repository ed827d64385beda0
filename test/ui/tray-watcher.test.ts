/** The watcher itself, against an icon that this test puts on the bus, so that what it says of Electron's can be believed. */
import { existsSync } from "node:fs";
import { Message, type MessageBus, MessageType, Variant } from "@jellybrick/dbus-next";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasTrayHost } from "../../electron/main/tray-host.ts";
import { missingBus, type SessionBus, startSessionBus } from "./session-bus.ts";
import { connectTo, TrayWatcher } from "./tray-watcher.ts";

describe("the tray's watcher", () => {
  let bus: SessionBus | undefined;
  let watcher: TrayWatcher | undefined;
  let program: MessageBus | undefined;

  beforeEach(async (test) => {
    if (missingBus !== undefined) return test.skip(missingBus);
    bus = await startSessionBus();
  });
  afterEach(async () => {
    program?.disconnect();
    watcher?.close();
    await bus?.close();
  });

  const address = () => bus?.address ?? "";
  const start = async () => {
    watcher = await TrayWatcher.start(address());
    return watcher;
  };
  /** An icon with a menu, as programs put it on the bus; gives the ids of entries that were clicked. */
  const register = async (as: "service" | "path") => {
    const connection = await connectTo(address());
    program = connection;
    const service = "org.kde.StatusNotifierItem-4711-1";
    if (as === "service") await connection.requestName(service, 0);
    const path = as === "service" ? "/StatusNotifierItem" : "/org/example/item";
    const clicked: number[] = [];
    let activated = 0;
    connection.addMethodHandler((message) => {
      if (message.type !== MessageType.METHOD_CALL) return false;
      const reply = (signature: string, body: unknown[]) => {
        connection.send(Message.newMethodReturn(message, signature, body));
        return true;
      };
      switch (`${message.path} ${message.member}`) {
        case `${path} GetAll`:
          return reply("a{sv}", [properties]);
        case `${path} Activate`:
          activated += 1;
          return reply("", []);
        case "/menu AboutToShow":
          return reply("b", [false]);
        case "/menu GetLayout":
          return reply("u(ia{sv}av)", [1, layout]);
        case "/menu Event":
          if (message.body[1] === "clicked") clicked.push(Number(message.body[0]));
          return reply("", []);
        default:
          return false;
      }
    });
    await connection.call(
      new Message({
        destination: "org.kde.StatusNotifierWatcher",
        path: "/StatusNotifierWatcher",
        interface: "org.kde.StatusNotifierWatcher",
        member: "RegisterStatusNotifierItem",
        signature: "s",
        body: [as === "service" ? service : path],
      }),
    );
    return { clicked, activated: () => activated };
  };

  it.each(["service", "path"] as const)("reads icon and tooltip of a program that registers by its %s", async (as) => {
    const desktop = await start();
    await register(as);
    expect(await desktop.item()).toEqual({
      id: "ringway",
      title: "",
      iconName: "",
      iconPixmaps: [{ width: 2, height: 1, argb: Buffer.from([255, 1, 2, 3, 0, 4, 5, 6]) }],
      toolTip: "Ringway: off",
      menu: "/menu",
    });
  });

  it("waits for a program that comes later", async () => {
    const desktop = await start();
    const item = desktop.item();
    await register("service");
    expect((await item).id).toBe("ringway");
  });

  it("opens the menu, with lines, checkboxes, disabled and hidden entries and submenus", async () => {
    const desktop = await start();
    await register("service");
    const entry = { kind: "entry", enabled: true, checked: undefined, children: [] };
    expect(await desktop.openMenu()).toEqual([
      { ...entry, id: 1, label: "Connected to a_b", enabled: false },
      { ...entry, id: 2, kind: "separator", label: "" },
      { ...entry, id: 3, label: "Interface tap0", checked: true },
      { ...entry, id: 4, label: "Affiliations", children: [{ ...entry, id: 5, label: "condor wow", checked: false }] },
    ]);
  });

  it("clicks entries at any depth and the icon itself, and no disabled or missing entry", async () => {
    const desktop = await start();
    const { clicked, activated } = await register("path");
    await desktop.choose("Interface tap0");
    await desktop.choose("condor wow");
    await desktop.activate();
    await expect(desktop.choose("Connected to a_b")).rejects.toThrow("disabled");
    await expect(desktop.choose("Hidden")).rejects.toThrow("no entry");
    expect([clicked, activated()]).toEqual([[3, 5], 1]);
  });

  it("is what the app finds when it asks whether anybody shows icons", async ({ skip }) => {
    skip(!canAsk, "needs gdbus, busctl or dbus-send to ask the bus");
    const before = process.env.DBUS_SESSION_BUS_ADDRESS;
    process.env.DBUS_SESSION_BUS_ADDRESS = address();
    try {
      expect(await hasTrayHost("linux")).toBe(false);
      await start();
      expect(await hasTrayHost("linux")).toBe(true);
    } finally {
      if (before === undefined) delete process.env.DBUS_SESSION_BUS_ADDRESS;
      else process.env.DBUS_SESSION_BUS_ADDRESS = before;
    }
  });
});

/** Whether one of the programs is here that the app asks with. */
const canAsk = ["gdbus", "busctl", "dbus-send"].some((name) => existsSync(`/usr/bin/${name}`));

const properties = {
  Id: new Variant("s", "ringway"),
  Title: new Variant("s", ""),
  IconName: new Variant("s", ""),
  IconPixmap: new Variant("a(iiay)", [[2, 1, Buffer.from([255, 1, 2, 3, 0, 4, 5, 6])]]),
  ToolTip: new Variant("(sa(iiay)ss)", ["", [], "Ringway: off", ""]),
  Menu: new Variant("o", "/menu"),
};

const entry = (id: number, given: Record<string, Variant>, children: Variant[] = []) =>
  new Variant("(ia{sv}av)", [id, given, children]);
const label = (text: string) => ({ label: new Variant("s", text) });
const layout = [
  0,
  { "children-display": new Variant("s", "submenu") },
  [
    entry(1, { ...label("Connected to a__b"), enabled: new Variant("b", false) }),
    entry(2, { type: new Variant("s", "separator") }),
    entry(3, {
      ...label("_Interface tap0"),
      "toggle-type": new Variant("s", "checkmark"),
      "toggle-state": new Variant("i", 1),
    }),
    entry(4, label("Affiliations"), [
      entry(5, {
        ...label("condor wow"),
        "toggle-type": new Variant("s", "checkmark"),
        "toggle-state": new Variant("i", 0),
      }),
    ]),
    entry(6, { ...label("Hidden"), visible: new Variant("b", false) }),
  ],
];
