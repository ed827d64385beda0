/**
 * The frames inside DATA, read as docs/protocol.md draws them. The product reads them in Rust; this second reading checks
 * the vectors that both are held to.
 *
 *   kind u8 | aux u8 | len u16 | body[len]; kind 0 ends the list, zeros may follow; kinds from 0x80 on are skipped
 */
import { Reader } from "../../native-helper/overlay/wire/bytes.ts";

export interface Frame {
  readonly kind: number;
  readonly aux: number;
  readonly body: Uint8Array;
}

const LAST_KIND = 9;
const SKIPPED_FROM = 0x80;
/** IP, ETH, IPC and ETHC name a virtual interface in `aux`. */
const WITH_INTERFACE = new Set([1, 2, 8, 9]);

export function decodeFrames(plaintext: Uint8Array): Frame[] | undefined {
  const reader = new Reader(plaintext);
  const frames: Frame[] = [];
  while (reader.remaining > 0 && plaintext[reader.at] !== 0) {
    const kind = reader.u8();
    const aux = reader.u8();
    const body = reader.take(reader.u16());
    if (reader.failed) return undefined;
    if (kind >= SKIPPED_FROM) continue;
    if (kind > LAST_KIND || (aux !== 0 && !WITH_INTERFACE.has(kind))) return undefined;
    frames.push({ kind, aux, body });
  }
  return reader.rest().every((byte) => byte === 0) ? frames : undefined;
}
