/**
 * UTF-8 without a platform codec: strict both ways (no overlong form, no surrogate, nothing above U+10FFFF), so that a
 * text has exactly one encoding.
 */

/** The encoding, or undefined where the text holds half a surrogate pair. */
export function encodeUtf8(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) as number;
    if (code < 0x80) {
      bytes[length++] = code;
    } else if (code < 0x800) {
      bytes[length++] = 0xc0 | (code >> 6);
      bytes[length++] = 0x80 | (code & 0x3f);
    } else if (code < 0x10000) {
      if (code >= 0xd800 && code < 0xe000) return undefined;
      bytes[length++] = 0xe0 | (code >> 12);
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[length++] = 0x80 | (code & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (code >> 18);
      bytes[length++] = 0x80 | ((code >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[length++] = 0x80 | (code & 0x3f);
      i++;
    }
  }
  return bytes.slice(0, length);
}

/** The text, or undefined where the bytes are no well-formed UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const more =
      first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
    if (more === 0) return undefined;
    let code = first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const next = bytes[at++];
      if (next === undefined || (next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    const least = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
    text += String.fromCodePoint(code);
  }
  return text;
}

/** Control characters (C0, DEL, C1) and the marks that turn the direction of text: not for names that others display. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** True where a text of a peer may be shown as it is. */
export function isPrintable(text: string): boolean {
  return text.search(UNPRINTABLE) < 0;
}

/** The printable part of `text`, cut between characters so that it takes at most `maxBytes` in UTF-8. */
export function fitText(text: string, maxBytes: number): string {
  let fitted = "";
  let length = 0;
  for (const character of text.replace(UNPRINTABLE, "")) {
    const bytes = encodeUtf8(character);
    if (bytes === undefined) continue;
    length += bytes.length;
    if (length > maxBytes) break;
    fitted += character;
  }
  return fitted;
}

/** The bytes of an ASCII label of the protocol. */
export function ascii(label: string): Uint8Array {
  return Uint8Array.from(label, (character) => character.charCodeAt(0));
}
