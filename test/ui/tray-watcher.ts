/**
 * Stands for the desktop that shows tray icons: owns `org.kde.StatusNotifierWatcher` on a bus, takes what programs register,
 * reads an icon as a panel would, and opens its menu through `com.canonical.dbusmenu`.
 */
import { Message, type MessageBus, MessageType, RequestNameReply, sessionBus, Variant } from "@jellybrick/dbus-next";

const WATCHER = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH = "/StatusNotifierWatcher";
const ITEM = "org.kde.StatusNotifierItem";
const ITEM_PATH = "/StatusNotifierItem";
const MENU = "com.canonical.dbusmenu";
const PROPERTIES = "org.freedesktop.DBus.Properties";

/** What a panel would draw. */
export interface TrayItem {
  readonly id: string;
  readonly title: string;
  /** Name in a theme or a file; empty where the picture comes as pixels. */
  readonly iconName: string;
  /** Network byte order, 4 bytes a pixel: alpha, red, green, blue. */
  readonly iconPixmaps: readonly { readonly width: number; readonly height: number; readonly argb: Buffer }[];
  readonly toolTip: string;
  /** Object path of the menu. */
  readonly menu: string;
}

export interface MenuEntry {
  readonly id: number;
  readonly kind: "entry" | "separator";
  /** Without the mark of a key: `_` before a letter is one, `__` is an underscore. */
  readonly label: string;
  readonly enabled: boolean;
  /** Undefined where it is no checkbox. */
  readonly checked: boolean | undefined;
  readonly children: readonly MenuEntry[];
}

interface Registered {
  readonly service: string;
  readonly path: string;
}

export class TrayWatcher {
  readonly #bus: MessageBus;
  readonly #registered: Registered[] = [];
  #wake = () => {};

  /** Throws where somebody shows icons on that bus already. */
  static async start(address: string): Promise<TrayWatcher> {
    const bus = await connectTo(address);
    const watcher = new TrayWatcher(bus);
    if ((await bus.requestName(WATCHER, 0)) !== RequestNameReply.PRIMARY_OWNER) {
      bus.disconnect();
      throw new Error(`${WATCHER} has an owner on this bus.`);
    }
    return watcher;
  }

  private constructor(bus: MessageBus) {
    this.#bus = bus;
    bus.addMethodHandler((message) => this.#answer(message));
  }

  /** The first icon that a program registered. Waits for it; the caller's deadline is the test's. */
  async item(): Promise<TrayItem> {
    const { service, path } = await this.#first();
    const all = await this.#ask(service, path, PROPERTIES, "GetAll", "s", [ITEM]);
    const properties = all?.[0] as Record<string, Variant> | undefined;
    const text = (name: string) => String(properties?.[name]?.value ?? "");
    const pixmaps = (properties?.IconPixmap?.value ?? []) as [number, number, Buffer][];
    const toolTip = properties?.ToolTip?.value as [string, unknown, string, string] | undefined;
    return {
      id: text("Id"),
      title: text("Title"),
      iconName: text("IconName"),
      iconPixmaps: pixmaps.map(([width, height, argb]) => ({ width, height, argb: Buffer.from(argb) })),
      // A title and a text below it; programs fill one of them.
      toolTip: [toolTip?.[2], toolTip?.[3]].filter(Boolean).join("\n") || text("Title"),
      menu: text("Menu"),
    };
  }

  /** Opens the menu, as a click of the second button does, and gives what it shows. */
  async openMenu(): Promise<readonly MenuEntry[]> {
    const { service } = await this.#first();
    const { menu } = await this.item();
    // The program may have to fill it first; one that answers with an error has nothing to fill.
    await this.#ask(service, menu, MENU, "AboutToShow", "i", [0]).catch(() => undefined);
    const layout = await this.#ask(service, menu, MENU, "GetLayout", "iias", [0, -1, []]);
    return entryOf(layout?.[1] as Layout).children;
  }

  /** Clicks the entry of that label, at any depth. */
  async choose(label: string): Promise<void> {
    const { service } = await this.#first();
    const { menu } = await this.item();
    const entry = flat(await this.openMenu()).find((each) => each.label === label);
    if (entry === undefined) throw new Error(`The menu has no entry "${label}".`);
    if (!entry.enabled) throw new Error(`The entry "${label}" is disabled.`);
    await this.#ask(service, menu, MENU, "Event", "isvu", [entry.id, "clicked", new Variant("i", 0), 0]);
  }

  /** Clicks the icon itself. */
  async activate(): Promise<void> {
    const { service, path } = await this.#first();
    await this.#ask(service, path, ITEM, "Activate", "ii", [0, 0]);
  }

  close(): void {
    this.#bus.disconnect();
  }

  async #first(): Promise<Registered> {
    for (;;) {
      const [first] = this.#registered;
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #ask(destination: string, path: string, iface: string, member: string, signature: string, body: unknown[]) {
    const reply = await this.#bus.call(new Message({ destination, path, interface: iface, member, signature, body }));
    return reply?.body;
  }

  /** What programs ask of a watcher. */
  #answer(message: Message): boolean {
    if (message.type !== MessageType.METHOD_CALL || message.path !== WATCHER_PATH) return false;
    const reply = (signature = "", body: unknown[] = []) => {
      this.#bus.send(Message.newMethodReturn(message, signature, body));
      return true;
    };
    if (message.interface === WATCHER && message.member === "RegisterStatusNotifierItem") {
      // The name of a service, or, from some programs, the path of the item at the sender.
      const given = String(message.body[0]);
      const item = given.startsWith("/")
        ? { service: message.sender, path: given }
        : { service: given, path: ITEM_PATH };
      this.#registered.push(item);
      reply();
      this.#bus.send(
        Message.newSignal(WATCHER_PATH, WATCHER, "StatusNotifierItemRegistered", "s", [item.service + item.path]),
      );
      this.#wake();
      return true;
    }
    if (message.interface === WATCHER && message.member === "RegisterStatusNotifierHost") return reply();
    if (message.interface !== PROPERTIES) return false;
    const known = this.#properties();
    const value = known[String(message.body[1])];
    if (message.member === "Get" && value !== undefined) return reply("v", [value]);
    if (message.member === "GetAll") return reply("a{sv}", [known]);
    return false;
  }

  #properties(): Record<string, Variant> {
    return {
      // A program that finds no host makes no icon.
      IsStatusNotifierHostRegistered: new Variant("b", true),
      ProtocolVersion: new Variant("i", 0),
      RegisteredStatusNotifierItems: new Variant(
        "as",
        this.#registered.map(({ service, path }) => service + path),
      ),
    };
  }
}

type Layout = [id: number, properties: Record<string, Variant>, children: Variant<Layout>[]];

/** A property that is left out has the value of the specification: enabled, visible, no checkbox. */
function entryOf([id, properties, children]: Layout): MenuEntry {
  return {
    id,
    kind: properties.type?.value === "separator" ? "separator" : "entry",
    label: String(properties.label?.value ?? "").replace(/_(_?)/g, "$1"),
    enabled: properties.enabled?.value !== false,
    checked: properties["toggle-type"]?.value === "checkmark" ? properties["toggle-state"]?.value === 1 : undefined,
    children: children.filter(({ value }) => value[1].visible?.value !== false).map(({ value }) => entryOf(value)),
  };
}

function flat(entries: readonly MenuEntry[]): MenuEntry[] {
  return entries.flatMap((entry) => [entry, ...flat(entry.children)]);
}

/** A connection of a test's own to a bus. */
export async function connectTo(busAddress: string): Promise<MessageBus> {
  const bus = sessionBus({ busAddress });
  await new Promise<void>((resolve, reject) => {
    bus.once("connect", () => resolve());
    bus.once("error" as "connect", (error?: unknown) => reject(error));
  });
  return bus;
}
