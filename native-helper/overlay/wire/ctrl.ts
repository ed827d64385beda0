/**
 * CTRL frames: what nodes of a ring say to each other inside sessions.
 *
 *   body of the frame  type u8 | flags u8 (1 ack wanted, 2 answer) | id u32 | body; 8,192 bytes at most
 *
 * The bodies are drawn in ring-messages.ts (types 0..24, 50..53, 58 and 59), record-messages.ts (32..45) and speed-messages.ts (54..57). Inside ROUTED a
 * message travels as its type and body alone.
 */
import { Reader, Writer } from "./bytes.ts";
import { recordMessages } from "./record-messages.ts";
import { ringMessages } from "./ring-messages.ts";
import { speedMessages } from "./speed-messages.ts";
import type { Ctrl, Message, MessageOf, MessageType } from "./types.ts";

export const CTRL_MAX_BYTES = 8_192;
export const CTRL_HEAD_BYTES = 6;

/** How one message is written and read. `read` may leave `reader.failed`, and must use up the body. */
export interface BodyCodec<T extends MessageType> {
  readonly number: number;
  write(writer: Writer, message: MessageOf<T>): void;
  read(reader: Reader): MessageOf<T> | undefined;
}

const ACK_WANTED = 1;
const ANSWER = 2;

const codecs: { readonly [T in MessageType]: BodyCodec<T> } = { ...ringMessages, ...recordMessages, ...speedMessages };
const byNumber: (BodyCodec<MessageType> | undefined)[] = [];
const names: (MessageType | undefined)[] = [];
for (const [name, codec] of Object.entries(codecs)) {
  byNumber[codec.number] = codec as BodyCodec<MessageType>;
  names[codec.number] = name as MessageType;
}

/** Taken by each encoding in turn; what leaves is a copy. */
const scratch = new Writer(1_024);

/** The body of a CTRL frame. Throws where the message breaks a limit of its layout. */
export function encodeCtrl(ctrl: Ctrl): Uint8Array {
  const codec = codecOf(ctrl.message);
  const writer = scratch;
  writer.reset();
  writer.u8(codec.number);
  writer.u8((ctrl.ackWanted ? ACK_WANTED : 0) | (ctrl.answer ? ANSWER : 0));
  writer.u32(ctrl.id);
  codec.write(writer, ctrl.message);
  if (writer.length > CTRL_MAX_BYTES)
    throw new RangeError(`${ctrl.message.type} of ${writer.length} bytes exceeds a CTRL frame`);
  return writer.finish();
}

/** Undefined where the bytes are malformed or of a type that this version does not have. */
export function decodeCtrl(bytes: Uint8Array): Ctrl | undefined {
  if (bytes.length > CTRL_MAX_BYTES) return undefined;
  const reader = new Reader(bytes);
  const number = reader.u8();
  const flags = reader.u8();
  const id = reader.u32();
  if (reader.failed || flags > (ACK_WANTED | ANSWER)) return undefined;
  const message = readBody(number, reader);
  return message && { ackWanted: (flags & ACK_WANTED) !== 0, answer: (flags & ANSWER) !== 0, id, message };
}

/** A message as it travels inside ROUTED. */
export function encodeBody(message: Message): { readonly type: number; readonly body: Uint8Array } {
  const codec = codecOf(message);
  const writer = scratch;
  writer.reset();
  codec.write(writer, message);
  return { type: codec.number, body: writer.finish() };
}

/** Reads what `encodeBody` wrote; undefined where it is malformed or of a type that this version does not have. */
export function decodeBody(typeNumber: number, body: Uint8Array): Message | undefined {
  return body.length > CTRL_MAX_BYTES ? undefined : readBody(typeNumber, new Reader(body));
}

export function messageTypeNumber(type: MessageType): number {
  return codecs[type].number;
}

/** The name of a number; undefined where this version does not have it. */
export function messageTypeName(typeNumber: number): MessageType | undefined {
  return names[typeNumber];
}

function codecOf(message: Message): BodyCodec<MessageType> {
  return codecs[message.type] as BodyCodec<MessageType>;
}

function readBody(typeNumber: number, reader: Reader): Message | undefined {
  const message = byNumber[typeNumber]?.read(reader);
  return reader.complete ? message : undefined;
}
