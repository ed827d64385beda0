/** tinc, n2n and fastd of the distribution, and vpncloud: programs whose two ends are told all about each other. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../test/netns/internet.ts";
import { must } from "../test/netns/shell.ts";
import type { Bed } from "./bed.ts";
import { crateProgram, program, versionOf } from "./install.ts";
import { type Peer, type Place, startLogged } from "./peers.ts";

/** Both ends of a bed: the host, its own number, the name of its interface, and the other host. */
type End = readonly [host: Host, own: 1 | 2, tun: string, other: Host];
const endsOf = ({ a, b }: Bed, { tunA, tunB }: Place): readonly [End, End] => [
  [a, 1, tunA, b],
  [b, 2, tunB, a],
];

export const tinc: Peer = {
  name: "tinc",
  install: () => versionOf([program("tincd"), "--version"], /version (\S+)/),
  start: async (bed, place) => {
    const ends = endsOf(bed, place);
    const folder = ([host]: End) => join(host.folder, `tinc-${place.number}`);
    const open: string[] = [];
    for (const [host, own, tun, other] of ends) {
      const home = folder([host, own, tun, other]);
      mkdirSync(join(home, "hosts"), { recursive: true });
      const connect = own === 1 ? ["ConnectTo = end2"] : [];
      writeFileSync(
        join(home, "tinc.conf"),
        lines([`Name = end${own}`, `Interface = ${tun}`, "DeviceType = tun", ...connect]),
      );
      const up = ["#!/bin/sh", `ip addr add ${place.ip(own)}/24 dev ${tun}`, `ip link set ${tun} up`];
      writeFileSync(join(home, "tinc-up"), lines(up), { mode: 0o755 });
      writeFileSync(join(home, "rsa_key.priv"), await must(["openssl", "genrsa", "-traditional", "2048"]), {
        mode: 0o600,
      });
      const rsa = await must(["openssl", "rsa", "-in", join(home, "rsa_key.priv"), "-RSAPublicKey_out"]);
      const about = [`Address = ${host.address}`, `Port = ${place.port}`, `Subnet = ${place.ip(own)}/32`];
      open[own] = lines([...about, "Cipher = aes-256-cbc", "Digest = sha256", rsa]);
    }
    return {
      children: ends.map((end) => {
        for (const own of [1, 2]) writeFileSync(join(folder(end), "hosts", `end${own}`), open[own] ?? "");
        return startLogged(end[0], place, [program("tincd"), "-c", folder(end), "-D", `--pidfile=${folder(end)}/pid`]);
      }),
    };
  },
};

export const n2n: Peer = {
  name: "n2n",
  install: () => versionOf([program("edge"), "-h"], /v\.?(\d\S*)/),
  start: async (bed, place) => {
    const ends = endsOf(bed, place);
    const supernode = startLogged(bed.a, place, [program("supernode"), "-l", String(place.port)]);
    const edges = ends.map(([host, own, tun]) => {
      const command = [program("edge"), "-f", "-d", tun, "-a", place.ip(own), "-c", "bench", "-k", "benchmark"];
      command.push("-l", `${bed.a.address}:${place.port}`, "-p", String(place.port + 1), "-M", "1400");
      return startLogged(host, place, command);
    });
    return { children: [supernode, ...edges] };
  },
};

export const fastd: Peer = {
  name: "fastd",
  install: () => versionOf([program("fastd"), "--version"], /v(\S+)/),
  start: async (bed, place) => {
    const keys = await Promise.all([1, 2].map(async () => await must([program("fastd"), "--generate-key"])));
    const field = (own: 1 | 2, name: string) => new RegExp(`${name}: (\\S+)`).exec(keys[own - 1] ?? "")?.[1] ?? "";
    const ends = endsOf(bed, place);
    const children = ends.map(([host, own, tun, other]) => {
      const file = join(host.folder, `fastd-${place.number}.conf`);
      const config = [
        `bind any:${place.port};`,
        "mode tun;",
        `interface "${tun}";`,
        "mtu 1420;",
        // The fastest of its methods that both encrypt and authenticate.
        'method "salsa2012+umac";',
        `secret "${field(own, "Secret")}";`,
        `peer "other" { key "${field(own === 1 ? 2 : 1, "Public")}"; remote ${other.address}:${place.port}; }`,
        `on up "ip addr add ${place.ip(own)}/24 dev ${tun}; ip link set ${tun} up";`,
      ];
      writeFileSync(file, lines(config), { mode: 0o600 });
      return startLogged(host, place, [program("fastd"), "--config", file]);
    });
    return { children };
  },
};

const vpncloudProgram = () => crateProgram("vpncloud", "vpncloud", ["--no-default-features"]);

export const vpncloud: Peer = {
  name: "vpncloud",
  install: async () => versionOf([await vpncloudProgram(), "--version"], /(\d+\.\d+\.\d+)/),
  start: async (bed, place) => {
    const file = await vpncloudProgram();
    const ends = endsOf(bed, place);
    const children = ends.map(([host, own, tun, other]) => {
      const command = [file, "--listen", String(place.port), "--peer", `${other.address}:${place.port}`];
      command.push("--device", tun, "--type", "tun", "--ip", `${place.ip(own)}/24`, "--claim", `${place.ip(own)}/32`);
      return startLogged(host, place, [...command, "--mode", "router", "--password", "benchmark"]);
    });
    return { children };
  },
};

const lines = (all: readonly string[]) => `${all.join("\n")}\n`;
