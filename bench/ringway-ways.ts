/** This product on the bed: helpers that find each other, each variant in an affiliation of its own. */
import { HelperProcess } from "../test/netns/helper-process.ts";
import type { Host, Internet } from "../test/netns/internet.ts";
import { until } from "../test/netns/shell.ts";
import { type Bed, firstAnswer, makeBed, makeBedWithMiddle, type Way } from "./bed.ts";
import { placeOf } from "./peers.ts";

export interface Variant {
  readonly name: string;
  /** Lines for the part `[interface]` of `ringway.toml`. */
  readonly interface?: readonly string[];
  /** Switches of `drivers/debug-switches.ts`. */
  readonly debug?: string;
  /** The one transport; UDP where none is named. */
  readonly transport?: "udp" | "tcp";
  /** Whether a third member lies between the two, so that it relays all that they say. */
  readonly relayed?: boolean;
}

/** The MTU that all interfaces of a comparison have where their programs let one choose. */
const INTERFACE = ["mtu = 1420"];

export const ringwayVariants: readonly Variant[] = [
  { name: "ringway", interface: INTERFACE },
  { name: "ringway-chacha", interface: INTERFACE, debug: "chacha" },
  { name: "ringway-tcp", interface: INTERFACE, transport: "tcp" },
  // With the default, which is made for relays: larger packets are cut anew for the header that a relay reads.
  { name: "ringway-relay", relayed: true },
];

export function bedOf(internet: Internet, variant: Variant): Promise<Bed> {
  return variant.relayed ? makeBedWithMiddle(internet, variant.name) : makeBed(internet, variant.name);
}

/** Starts the helpers of a variant and waits for the first answer through them, and for the path that is meant. */
export async function startRingway({ a, b, middle }: Bed, variant: Variant, number: number): Promise<Way> {
  const started = performance.now();
  const place = placeOf(number);
  const transport = variant.transport ?? "udp";
  const one = (host: Host, own: 1 | 2 | 3, start: readonly string[]) =>
    new HelperProcess(host, {
      ...(variant.debug !== undefined && { env: { RINGWAY_DEBUG: variant.debug } }),
      config: [
        `affiliation = "bench ${variant.name}"`,
        `transport = "${transport}"`,
        `port = ${place.port}`,
        `start = [${start.map((address) => `"ringway.${transport}://${address}:${place.port}"`).join(", ")}]`,
        "[interface]",
        `name = "${own === 1 ? place.tunA : own === 2 ? place.tunB : "tap0"}"`,
        `ip = "172.16.${number}.${own}"`,
        ...(variant.interface ?? []),
        "",
      ].join("\n"),
    });
  const helpers =
    middle === undefined
      ? ([one(a, 1, [b.address]), one(b, 2, [a.address])] as const)
      : ([one(a, 1, [middle.towardsA]), one(b, 2, [middle.towardsB]), one(middle.host, 3, [])] as const);
  const address = `172.16.${number}.2`;
  const expected = middle === undefined ? transport : "relay";
  try {
    await firstAnswer(a, address);
    const firstPingS = (performance.now() - started) / 1000;
    const client = await helpers[0].client();
    await until(`a path by ${expected}`, 30_000, async () => {
      const peer = (await client.peers({})).find(({ virtualIp }) => virtualIp === address);
      return peer?.transport === expected;
    });
    return {
      name: variant.name,
      from: a,
      address,
      pids: helpers.map(({ pid }) => pid),
      firstPingS,
      lastWords: () => helpers.map((helper) => helper.log().slice(-500)).join("\n"),
    };
  } catch (error) {
    throw new Error(`${variant.name}: ${(error as Error).message}; the helper's log:\n${helpers[0].log()}`);
  }
}
