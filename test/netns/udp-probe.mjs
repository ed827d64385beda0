// A UDP socket steered by lines, to be run on a host of the test bed: node udp-probe.mjs PORT
// Reads "send ADDRESS PORT TEXT"; prints "got ADDRESS PORT TEXT" for each datagram. It answers the text "who" with the
// address and port that it saw, as a reporter does.
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const socket = createSocket("udp4");
socket.on("message", (message, from) => {
  const text = message.toString("utf8");
  process.stdout.write(`got ${from.address} ${from.port} ${text}\n`);
  if (text === "who") socket.send(`seen ${from.address} ${from.port}`, from.port, from.address);
});
socket.bind(Number(process.argv[2]), () => process.stdout.write("ready\n"));
createInterface({ input: process.stdin }).on("line", (line) => {
  const [, address, port, ...words] = line.split(" ");
  socket.send(words.join(" "), Number(port), address);
});
process.stdin.on("end", () => process.exit(0));
