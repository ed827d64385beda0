/**
 * Switches for tests and benchmarks: words of the environment variable RINGWAY_DEBUG, separated by commas. They take
 * away what a lesser computer or kernel does not have; none makes anything less safe.
 */
const meanings = {
  chacha: "offers ChaCha20-Poly1305 alone, as a computer without AES hardware does",
  "whole-checksums": "does not offer frames with partial checksums",
  "no-segmentation": "sends one datagram a message, as a kernel without UDP_SEGMENT makes it",
  "no-coalescing": "receives one datagram a message, as a kernel without UDP_GRO does",
  "no-interface-offload": "reads and writes single packets, as an interface without TUNSETOFFLOAD does",
} as const;

export type DebugSwitch = keyof typeof meanings;

/** The switches in `text`. Throws for a word that is none, with the list of those there are. */
export function debugSwitches(text = process.env.RINGWAY_DEBUG): ReadonlySet<DebugSwitch> {
  const words = (text ?? "").split(",").filter((word) => word !== "");
  for (const word of words) {
    if (!isSwitch(word)) {
      const list = Object.entries(meanings).map(([name, does]) => `\n  ${name.padEnd(21)} ${does}`);
      throw new Error(`RINGWAY_DEBUG: there is no switch "${word}"; the switches are:${list.join("")}`);
    }
  }
  return new Set(words.filter(isSwitch));
}

function isSwitch(word: string): word is DebugSwitch {
  return Object.hasOwn(meanings, word);
}
