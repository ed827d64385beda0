/** nebula, as it comes and with the offloads that it has since 1.12. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../test/netns/internet.ts";
import { must } from "../test/netns/shell.ts";
import type { Bed } from "./bed.ts";
import { goModuleVersion, goPrograms, Missing } from "./install.ts";
import { type Peer, type Place, type Started, startLogged } from "./peers.ts";

const MODULE = "github.com/slackhq/nebula/cmd";
/** The last that Go before 1.27 builds. */
const BEFORE_GO_1_27 = "v1.10.3";

async function folder(): Promise<string> {
  const get = (version: string) =>
    goPrograms([`${MODULE}/nebula`, `${MODULE}/nebula-cert`], version, ["nebula", "nebula-cert"]);
  try {
    return await get("latest");
  } catch (error) {
    if (error instanceof Missing) return await get(BEFORE_GO_1_27);
    throw error;
  }
}

const version = async () => (await goModuleVersion(join(await folder(), "nebula"))).replace(/^v/, "");
const hasOffloads = (text: string) => Number(text.split(".")[0]) > 1 || Number(text.split(".")[1]) >= 12;

export const nebula: Peer = {
  name: "nebula",
  install: async () => {
    const found = await version();
    if (!hasOffloads(found)) {
      throw new Missing(`nebula has offloads since 1.12, which needs Go 1.27; only ${found} could be built here`);
    }
    return found;
  },
  start: (bed, place) => start(bed, place, true),
};

export const nebulaPlain: Peer = {
  name: "nebula-plain",
  install: version,
  start: (bed, place) => start(bed, place, false),
};

async function start({ a, b }: Bed, place: Place, offloads: boolean): Promise<Started> {
  const programs = await folder();
  const cert = (...args: string[]) => must([join(programs, "nebula-cert"), ...args]);
  const file = (name: string) => join(a.folder, `nebula-${place.number}-${name}`);
  await cert("ca", "-name", "bench", "-out-crt", file("ca.crt"), "-out-key", file("ca.key"));
  const end = async (host: Host, own: 1 | 2, tun: string, otherHost: Host) => {
    const [crt, key] = [file(`${own}.crt`), file(`${own}.key`)];
    const ca = ["-ca-crt", file("ca.crt"), "-ca-key", file("ca.key")];
    await cert("sign", ...ca, "-name", `end${own}`, "-ip", `${place.ip(own)}/24`, "-out-crt", crt, "-out-key", key);
    const config = {
      pki: { ca: file("ca.crt"), cert: crt, key },
      static_host_map: { [place.ip(own === 1 ? 2 : 1)]: [`${otherHost.address}:${place.port}`] },
      lighthouse: { am_lighthouse: false },
      listen: { host: "0.0.0.0", port: place.port, ...(offloads && { udp_offloads: true }) },
      tun: { dev: tun, mtu: 1_420, tx_queue: 2_000, ...(offloads && { use_offloads: true }) },
      punchy: { punch: false },
      cipher: "aes",
      logging: { level: "error" },
      firewall: {
        outbound: [{ port: "any", proto: "any", host: "any" }],
        inbound: [{ port: "any", proto: "any", host: "any" }],
      },
    };
    // nebula reads YAML, of which JSON is a part.
    const path = file(`${own}.yml`);
    writeFileSync(path, JSON.stringify(config));
    return startLogged(host, place, [join(programs, "nebula"), "-config", path]);
  };
  return { children: [await end(a, 1, place.tunA, b), await end(b, 2, place.tunB, a)] };
}
