// Sends random datagrams at a steady rate and counts what comes back: node udp-flood.mjs ADDRESS PORT PER_SECOND SECONDS
// Every other one begins with the first byte of a packet of ours, so that more than the first comparison is tried.
// At its end it prints {"sent": N, "answers": N}.
import { randomFillSync } from "node:crypto";
import { createSocket } from "node:dgram";

const [address, port, perSecond, seconds] = process.argv.slice(2);
const LARGEST = 1472;
const FIRST_BYTES = [0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58];

const socket = createSocket("udp4");
const pool = Buffer.alloc(1 << 20);
let sent = 0;
let answers = 0;
socket.on("message", () => answers++);
socket.on("error", () => {}); // A refused datagram is not our concern.

const total = Number(perSecond) * Number(seconds);
const started = performance.now();
let offset = 0;

function turn() {
  const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * Number(perSecond)));
  for (; sent < due; sent++) {
    if (offset + LARGEST + 4 > pool.length || sent === 0) {
      randomFillSync(pool);
      offset = 0;
    }
    const length = pool.readUInt16LE(offset) % (LARGEST + 1);
    const datagram = pool.subarray(offset + 4, offset + 4 + length);
    if (length > 0 && sent % 2 === 0) datagram[0] = FIRST_BYTES[pool[offset + 2] % FIRST_BYTES.length];
    offset += length + 4;
    socket.send(datagram, Number(port), address);
  }
  if (sent < total) setTimeout(turn, 1);
  // An answer to the last ones still has its time to come.
  else setTimeout(() => process.stdout.write(JSON.stringify({ sent, answers }), () => process.exit(0)), 500);
}

socket.bind(0, turn);
