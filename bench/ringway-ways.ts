/** This product on the bed: two helpers that find each other, each variant in an affiliation of its own. */
import { HelperProcess } from "../test/netns/helper-process.ts";
import type { Host } from "../test/netns/internet.ts";
import { type Bed, firstAnswer, type Way } from "./bed.ts";
import { placeOf } from "./peers.ts";

export interface Variant {
  readonly name: string;
  /** Lines for the part `[interface]` of `ringway.toml`. */
  readonly interface?: readonly string[];
  /** Switches of `drivers/debug.ts`. */
  readonly debug?: string;
}

/** The MTU that all interfaces of a comparison have where their programs let one choose. */
const INTERFACE = ["mtu = 1420"];

export const ringwayVariants: readonly Variant[] = [
  { name: "ringway", interface: INTERFACE },
  { name: "ringway-chacha", interface: INTERFACE, debug: "chacha" },
];

/** Starts two helpers of a variant and waits for the first answer through them. */
export async function startRingway(bed: Bed, variant: Variant, number: number): Promise<Way> {
  const started = performance.now();
  const place = placeOf(number);
  const one = (host: Host, own: 1 | 2, other: Host) =>
    new HelperProcess(host, {
      ...(variant.debug !== undefined && { env: { RINGWAY_DEBUG: variant.debug } }),
      config: [
        `affiliation = "bench ${variant.name}"`,
        `port = ${place.port}`,
        `start = ["ringway.udp://${other.address}:${place.port}"]`,
        "[interface]",
        `name = "${own === 1 ? place.tunA : place.tunB}"`,
        `ip = "172.16.${number}.${own}"`,
        ...(variant.interface ?? []),
        "",
      ].join("\n"),
    });
  const helpers = [one(bed.a, 1, bed.b), one(bed.b, 2, bed.a)];
  const address = `172.16.${number}.2`;
  await firstAnswer(bed.a, address).catch((error: Error) => {
    throw new Error(`${variant.name}: ${error.message}; the helper's log:\n${helpers[0]?.log()}`);
  });
  return {
    name: variant.name,
    from: bed.a,
    address,
    pids: helpers.map(({ pid }) => pid),
    firstPingS: (performance.now() - started) / 1000,
    lastWords: () => helpers.map((helper) => helper.log().slice(-500)).join("\n"),
  };
}
