// Carries a marker over the virtual network, by TCP and UDP.
// node say-marker.mjs take PORT TIMES HEX: prints "ready", then {"tcp": N, "udp": N}, how often the marker came by each, once
//   TIMES came by TCP and half as many by UDP, which promises nothing.
// node say-marker.mjs say ADDRESS PORT TIMES HEX: sends it.
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

const [verb, ...words] = process.argv.slice(2);
/** Markers in one datagram. */
const TOGETHER = 40;

if (verb === "take") take(Number(words[0]), Number(words[1]), Buffer.from(words[2], "hex"));
else say(words[0], Number(words[1]), Number(words[2]), Buffer.from(words[3], "hex"));

function take(port, times, marker) {
  const came = { tcp: 0, udp: 0 };
  const count = (kind, bytes) => {
    for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + marker.length)) came[kind]++;
    if (came.tcp < times || came.udp < times / 2) return;
    process.stdout.write(`${JSON.stringify(came)}\n`, () => process.exit(0));
  };
  const datagrams = createSocket("udp4", (bytes) => count("udp", bytes));
  const server = createServer((stream) => {
    const parts = [];
    stream.on("data", (part) => parts.push(part)).on("end", () => count("tcp", Buffer.concat(parts)));
  });
  datagrams.bind(port, () => server.listen(port, "0.0.0.0", () => process.stdout.write("ready\n")));
}

function say(address, port, times, marker) {
  const together = Buffer.concat(Array(TOGETHER).fill(marker));
  const socket = createSocket("udp4");
  let left = times / TOGETHER;
  // At a pace that a relay behind slow links can follow.
  const timer = setInterval(() => {
    socket.send(together, port, address);
    if (--left > 0) return;
    clearInterval(timer);
    const stream = connect(port, address, () => stream.end(Buffer.concat(Array(times).fill(marker))));
    stream.on("close", () => process.exit(0));
  }, 5);
}
