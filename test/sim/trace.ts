/** One line of text for each thing that goes into or comes out of an engine; read by people who look for a fault. */
import type { Path, Via } from "../../native-helper/overlay/boundary.ts";
import { decodeBody, decodeCtrl } from "../../native-helper/overlay/wire/ctrl.ts";
import type { Message } from "../../native-helper/overlay/wire/types.ts";
import type { Host, HostEvent } from "./host.ts";

const HANDSHAKE_NAMES = new Map([
  [0x51, "INIT"],
  [0x52, "RESP"],
  [0x53, "XX1"],
  [0x54, "XX2"],
  [0x55, "XX3"],
  [0x56, "COOKIE"],
]);

/** Undefined for what says nothing (timeouts). */
export function traceLine(now: number, host: Host, event: HostEvent): string | undefined {
  const text = eventText(host, event);
  return text === undefined ? undefined : `${now.toFixed(1).padStart(9)} ${host.name.padEnd(5)} ${text}`;
}

function eventText(host: Host, event: HostEvent): string | undefined {
  if (event.kind === "ip") return `<= ip ${event.packet.id} ${event.packet.src} > ${event.packet.dst}`;
  if (event.kind === "input") {
    const { input } = event;
    switch (input.kind) {
      case "timeout":
        return undefined;
      case "handshake":
        return `<- ${handshakeName(input.packet)} ${input.packet.length} B from ${placeText(input.via)}`;
      case "ctrl":
        return `<- ${peerOf(host, input.slot)} ${ctrlText(input.bytes)} by ${placeText(input.path)}`;
      case "confirmed":
      case "newPath":
      case "probeAck":
        return `<- ${input.kind} ${peerOf(host, input.slot)} by ${placeText(input.path)}`;
      default:
        return `<- ${JSON.stringify(input)}`;
    }
  }
  const { effect } = event;
  switch (effect.kind) {
    case "sendHandshake":
      return `-> ${handshakeName(effect.packet)} ${effect.packet.length} B to ${placeText(effect.via)}`;
    case "sendCtrl":
      return `-> ${peerOf(host, effect.slot)} ${ctrlText(effect.bytes)}${effect.path ? ` by ${placeText(effect.path)}` : ""}`;
    case "sendProbe":
    case "pathUse":
      return `-> ${effect.kind} ${peerOf(host, effect.slot)} ${placeText(effect.path)}`;
    case "keyAdd":
      return `-> keyAdd ${effect.peer.slice(0, 6)} slot ${effect.slot} rx ${effect.indexRx} tx ${effect.indexTx}`;
    case "fib":
      return `-> fib ${effect.fib.edges.map((edge) => `${edge.peer.slice(0, 6)}${edge.member ? "" : "?"}${edge.direct ? "" : "~"}`).join(" ")}`;
    case "save":
      return undefined;
    default:
      return `-> ${JSON.stringify(effect)}`;
  }
}

function handshakeName(packet: Uint8Array): string {
  return HANDSHAKE_NAMES.get(packet[0] ?? 0) ?? "bytes";
}

function peerOf(host: Host, slot: number): string {
  return host.dataPath?.sessions.get(slot)?.peer.slice(0, 6) ?? `slot ${slot}`;
}

function placeText(place: Path | Via): string {
  const peer = "peer" in place ? ` of ${place.peer.slice(0, 6)}` : "";
  if (place.kind === "udp") return place.remote;
  return place.kind === "tunnel" ? `tunnel ${place.relay.slice(0, 6)}${peer}` : `ring${peer}`;
}

function ctrlText(bytes: Uint8Array): string {
  const ctrl = decodeCtrl(bytes);
  if (ctrl === undefined) return `undecodable ctrl ${bytes[0]} of ${bytes.length} B`;
  const marks = `${ctrl.ackWanted ? "!" : ""}${ctrl.answer ? "=" : ""}`;
  return `${messageText(ctrl.message)}${marks} #${ctrl.id}`;
}

function messageText(message: Message): string {
  switch (message.type) {
    case "routed": {
      const inner = decodeBody(message.innerType, message.inner);
      const way = `${message.src.slice(0, 6)}${message.back ? " <<" : " >>"} ${message.dst.slice(0, 6)} ${message.mode}`;
      return `routed(${way} ${inner === undefined ? `type ${message.innerType}` : messageText(inner)})`;
    }
    case "near":
    case "found":
    case "refer":
      return `${message.type}(${message.briefs.map((brief) => brief.address.slice(0, 6)).join(" ")})`;
    case "edges":
      return `edges(${message.changes.length}${message.full ? " full" : ""})`;
    default:
      return message.type;
  }
}
