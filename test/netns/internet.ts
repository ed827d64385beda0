/**
 * A small internet on one computer: hosts are network namespaces, sites have a router with a NAT of some kind, and the
 * public part between them is the link emulator. Each public host or router has a /24 of its
 * own from the ranges for documentation and benchmarks (RFC 5737, RFC 2544); hosts of a site share 192.168.N.0/24.
 */
import type { ChildProcess, StdioOptions } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Emulator, type LinkSettings } from "./emulator.ts";
import { NamespaceSet } from "./namespaces.ts";
import { type NatKind, natRules } from "./nat.ts";
import { type Finished, must, type RunOptions, run } from "./shell.ts";

/** How a host is connected: directly to the internet, behind a NAT, or by a wire to one other host. */
export type SiteKind = "public" | NatKind | "wire";

export class Host {
  readonly name: string;
  readonly namespace: string;
  readonly kind: SiteKind;
  /** Its physical IPv4 address: public, or that inside its site. */
  readonly address: string;
  /** For its files; it goes away with the test bed. */
  readonly folder: string;
  readonly #namespaces: NamespaceSet;

  constructor(namespaces: NamespaceSet, name: string, namespace: string, kind: SiteKind, address: string) {
    this.#namespaces = namespaces;
    this.name = name;
    this.namespace = namespace;
    this.kind = kind;
    this.address = address;
    this.folder = join(namespaces.folder, name);
    mkdirSync(this.folder);
  }

  /** The command that does the same as `command`, but on this host. */
  here(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, ...command];
  }

  run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.here(command), options);
  }

  must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(this.here(command), options);
  }

  /** Starts a program on this host; it is stopped with the test bed at the latest. */
  start(command: readonly string[], stdio: StdioOptions, env: Readonly<Record<string, string>> = {}): ChildProcess {
    return this.#namespaces.start(this.here(command), { stdio, env: { ...process.env, ...env } });
  }
}

export interface Site {
  readonly name: string;
  readonly kind: NatKind;
  /** The router's public address. */
  readonly address: string;
  readonly router: Host;
  readonly hosts: readonly Host[];
}

export interface InternetOptions {
  /** Of the delays of links, their losses and jitter. */
  readonly seed?: number;
  /** One way, of each access link for which none is given. */
  readonly delayMs?: readonly [least: number, most: number];
}

export class Internet {
  readonly namespaces: NamespaceSet;
  readonly #emulator: Emulator;
  readonly #delayMs: readonly [number, number];
  readonly #addresses = publicAddresses();
  #random: number;
  #sites = 0;

  private constructor(namespaces: NamespaceSet, options: InternetOptions) {
    this.namespaces = namespaces;
    this.#random = options.seed ?? 1;
    this.#delayMs = options.delayMs ?? [5, 80];
    this.#emulator = new Emulator(namespaces, this.#random);
  }

  static async open(options: InternetOptions = {}): Promise<Internet> {
    return new Internet(await NamespaceSet.open(), options);
  }

  /** A host with a public address and nothing in between. */
  async addPublicHost(name: string, link: LinkSettings = this.#someLink()): Promise<Host> {
    const host = await this.#addHost(name, "public", this.#addresses.next().value);
    await this.#connect(host, link);
    return host;
  }

  /** A router with a NAT and hosts behind it. The link carries the router's name, `NAME-router`. */
  async addSite(name: string, kind: NatKind, hosts: readonly string[], link = this.#someLink()): Promise<Site> {
    const address = this.#addresses.next().value;
    const net = `192.168.${(++this.#sites % 250) + 1}`;
    const router = await this.#addHost(`${name}-router`, kind, address);
    await this.#connect(router, link);
    await script(router, [
      "echo 1 >/proc/sys/net/ipv4/ip_forward",
      "ip link add lan0 type bridge",
      `ip addr add ${net}.1/24 dev lan0`,
      "ip link set lan0 up",
      `nft -f - <<'RULES'\n${natRules(kind, `${net}.10`)}RULES`,
    ]);
    const inside: Host[] = [];
    for (const [index, hostName] of hosts.entries()) {
      const host = await this.#addHost(hostName, kind, `${net}.${10 + index}`);
      await script(router, [
        `ip link add h${index} type veth peer name eth0 netns ${host.namespace}`,
        `ip link set h${index} master lan0 up`,
      ]);
      await script(host, [
        `ip addr add ${host.address}/24 dev eth0`,
        "ip link set eth0 up",
        `ip route add default via ${net}.1`,
      ]);
      inside.push(host);
    }
    return { name, kind, address, router, hosts: inside };
  }

  /** Two hosts joined by one veth pair (`eth0` on both) and nothing else. */
  async addWire(nameA: string, nameB: string): Promise<readonly [Host, Host]> {
    const net = `192.168.${(++this.#sites % 250) + 1}`;
    const a = await this.#addHost(nameA, "wire", `${net}.1`);
    const b = await this.#addHost(nameB, "wire", `${net}.2`);
    await script(a, [`ip link add eth0 type veth peer name eth0 netns ${b.namespace}`]);
    for (const host of [a, b]) await script(host, [`ip addr add ${host.address}/24 dev eth0`, "ip link set eth0 up"]);
    return [a, b];
  }

  /** A host behind `middle`, by a veth pair that is its `eth0` and `eth1` of `middle`; and the address of `middle` there. */
  async addBehind(middle: Host, name: string): Promise<{ readonly host: Host; readonly middleAddress: string }> {
    const net = `192.168.${(++this.#sites % 250) + 1}`;
    const middleAddress = `${net}.1`;
    const host = await this.#addHost(name, "wire", `${net}.2`);
    await script(middle, [
      `ip link add eth1 type veth peer name eth0 netns ${host.namespace}`,
      `ip addr add ${middleAddress}/24 dev eth1`,
      "ip link set eth1 up",
    ]);
    await script(host, [`ip addr add ${host.address}/24 dev eth0`, "ip link set eth0 up"]);
    return { host, middleAddress };
  }

  /** Changes the link of a public host or router, by its name. `{ loss: 1 }` cuts it. */
  changeLink(name: string, link: LinkSettings): Promise<void> {
    return this.#emulator.change(name, link);
  }

  /** The router forgets all connections, as after a reboot. */
  async rebootNat(site: Site): Promise<void> {
    await site.router.must(["conntrack", "-F"]);
  }

  counters() {
    return this.#emulator.counters();
  }

  close(): Promise<void> {
    return this.namespaces.close();
  }

  async #addHost(name: string, kind: SiteKind, address: string): Promise<Host> {
    const host = new Host(this.namespaces, name, await this.namespaces.add(name), kind, address);
    // Without this an IPv6 address cannot be used in the first seconds of an interface.
    await script(host, ["echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad", "ip link set lo up"]);
    return host;
  }

  async #connect(host: Host, link: LinkSettings): Promise<void> {
    await this.#emulator.connect(host.name, host.namespace, "w0", `${host.address}/24`, link);
    await script(host, [`ip addr add ${host.address}/24 dev w0`, "ip link set w0 up", "ip route add default dev w0"]);
  }

  #someLink(): LinkSettings {
    // mulberry32, so that equal seeds make equal internets.
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const [least, most] = this.#delayMs;
    return { delayMs: Math.round(least + (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * (most - least)) };
  }
}

async function script(host: Host, lines: readonly string[]): Promise<void> {
  await host.must(["sh", "-e"], { input: lines.join("\n") });
}

/** Each in a /24 of its own, so that its owner counts as a reporter of its own; 515 of them. */
function* publicAddresses(): Generator<string, never> {
  yield "192.0.2.10";
  yield "198.51.100.10";
  yield "203.0.113.10";
  for (let index = 0; index < 512; index++) yield `198.${18 + (index >> 8)}.${index & 255}.10`;
  throw new Error("the small internet has no more than 515 public addresses");
}
