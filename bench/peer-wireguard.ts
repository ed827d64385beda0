/** wireguard-go and boringtun: two programs with one protocol and one way to be told their keys. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import type { Host } from "../test/netns/internet.ts";
import { until } from "../test/netns/shell.ts";
import type { Bed } from "./bed.ts";
import { crateProgram, goModuleVersion, goPrograms, versionOf } from "./install.ts";
import { type Peer, type Place, type Started, startLogged } from "./peers.ts";

const WIREGUARD_MTU = 1_420;
const goProgram = async () =>
  join(await goPrograms(["golang.zx2c4.com/wireguard"], "latest", ["wireguard"]), "wireguard");
const boringtunProgram = () => crateProgram("boringtun-cli", "boringtun-cli");

export const wireguardGo: Peer = {
  name: "wireguard-go",
  install: async () => goModuleVersion(await goProgram()),
  start: async (bed, place) => {
    const file = await goProgram();
    return startBoth(bed, place, (tun) => [file, "-f", tun], { LOG_LEVEL: "error", WG_PROCESS_FOREGROUND: "1" });
  },
};

export const boringtun: Peer = {
  name: "boringtun",
  install: async () => versionOf([await boringtunProgram(), "--version"], /(\d+\.\d+\.\d+)/),
  start: async (bed, place) => {
    const file = await boringtunProgram();
    return startBoth(bed, place, (tun) => [file, "--foreground", "--disable-drop-privileges", tun], {});
  },
};

async function startBoth(
  { a, b }: Bed,
  place: Place,
  command: (tun: string) => readonly string[],
  env: Record<string, string>,
): Promise<Started> {
  const [keyA, keyB] = [keyPair(), keyPair()];
  const children = [startLogged(a, place, command(place.tunA), env), startLogged(b, place, command(place.tunB), env)];
  const end = async (host: Host, tun: string, own: 1 | 2, keys: KeyPair, other: KeyPair, otherHost: Host) => {
    const allowed = place.ip(own === 1 ? 2 : 1);
    await configure(tun, [
      `private_key=${keys.secret}`,
      `listen_port=${place.port}`,
      `public_key=${other.open}`,
      `endpoint=${otherHost.address}:${place.port}`,
      `allowed_ip=${allowed}/32`,
    ]);
    await host.must(["ip", "addr", "add", `${place.ip(own)}/24`, "dev", tun]);
    await host.must(["ip", "link", "set", tun, "mtu", String(WIREGUARD_MTU), "up"]);
  };
  return {
    children,
    ready: async () => {
      await Promise.all([end(a, place.tunA, 1, keyA, keyB, b), end(b, place.tunB, 2, keyB, keyA, a)]);
    },
  };
}

interface KeyPair {
  readonly secret: string;
  readonly open: string;
}

/** The last 32 bytes of both encodings are the bare X25519 keys. */
function keyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  return {
    secret: privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32).toString("hex"),
    open: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"),
  };
}

/** One `set` by the configuration protocol of WireGuard's programs (wireguard.com/xplatform). */
async function configure(tun: string, lines: readonly string[]): Promise<void> {
  const path = `/var/run/wireguard/${tun}.sock`;
  await until(`the socket of ${tun}`, 10_000, () => existsSync(path), 20);
  const answer = await new Promise<string>((resolve, reject) => {
    let text = "";
    const socket = createConnection(path, () => socket.write(`set=1\n${lines.join("\n")}\n\n`));
    socket.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      if (text.includes("errno=")) socket.destroy();
    });
    socket.on("error", reject).on("close", () => resolve(text));
  });
  if (!answer.includes("errno=0\n")) throw new Error(`${tun} refuses its configuration: ${answer.trim()}`);
}
