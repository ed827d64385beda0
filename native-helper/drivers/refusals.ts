/** What the system's sockets refuse to send, as warnings of `status` while it goes on. */
import type { Warning } from "#contract";
import type { Instant } from "../overlay/boundary.ts";

/** A warning stays so long after the last refusal. */
const SAID_FOR_MS = 60_000;

// Unreachable networks are not among them: that a peer lists addresses of networks this computer is not in is usual.
const kinds = {
  sendRefused: {
    code: "SEND_REFUSED",
    text: "The system does not permit packets to be sent to other members",
    remedy: "Let this computer's firewall pass outgoing UDP packets of Ringway's port.",
  },
  sendNoBuffers: {
    code: "SEND_NO_BUFFERS",
    text: "The system has no buffers for packets to other members",
    remedy: "Look for a network card that stands still, or too small a limit on the memory of sockets.",
  },
} as const;

type Kind = keyof typeof kinds;

export class Refusals {
  readonly #counted = new Map<Kind, { readonly packets: number; readonly at: Instant }>();

  /** Takes the drops of the data path, counted since it began. */
  take(now: Instant, drops: Readonly<Record<string, number>>): void {
    for (const kind of Object.keys(kinds) as Kind[]) {
      const packets = drops[kind] ?? 0;
      if (packets > (this.#counted.get(kind)?.packets ?? 0)) this.#counted.set(kind, { packets, at: now });
    }
  }

  warnings(now: Instant): readonly Warning[] {
    return [...this.#counted]
      .filter(([, { at }]) => now - at < SAID_FOR_MS)
      .map(([kind, { packets }]) => {
        const { code, text, remedy } = kinds[kind];
        return { code, text: `${text}: ${packets} packets so far.`, remedy };
      });
  }
}
