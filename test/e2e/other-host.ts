// What plays another host beyond the uplink: a web server, an echo of UDP, and a resolver that knows a few names.

import { decodeMessage, encodeMessage, FLAG, type Message, RCODE, TYPE } from "../../src/agent/dns/message.ts";
import { nameText } from "../../src/agent/dns/name.ts";
import { MessageReader, writeMessage } from "../../src/agent/dns/tcp-frame.ts";
import { OTHER_HOST } from "./own-machine.ts";

const ADDRESS = OTHER_HOST.split(".").map(Number);
const TYPE_TXT = 16;
/** More than UDP's 512 bytes, or the 1,232 of EDNS, hold. */
const LONG = Uint8Array.from([255, ...new Uint8Array(255).fill(0x61)]);

function answerTo(query: Uint8Array, transport: "udp" | "tcp"): Uint8Array | undefined {
  const decoded = decodeMessage(query);
  if (decoded.kind === "malformed") return undefined;
  const { message } = decoded;
  const [question] = message.questions;
  if (!question) return undefined;
  const record = { name: question.name, class: 1, ttl: 60 };
  const reply: Message = { ...message, flags: FLAG.response | message.flags, authorities: [], additionals: [] };
  const name = nameText(question.name);
  const isHere = name === "outside.example" || name === "partner.example" || name === "outside.office.example";
  if (isHere && question.type === TYPE.a)
    return encodeMessage({ ...reply, answers: [{ ...record, type: TYPE.a, data: Uint8Array.from(ADDRESS) }] });
  if (isHere && question.type === TYPE_TXT) {
    if (transport === "udp") return encodeMessage({ ...reply, flags: reply.flags | FLAG.truncated });
    return encodeMessage({
      ...reply,
      answers: Array.from({ length: 8 }, () => ({ ...record, type: TYPE_TXT, data: LONG })),
    });
  }
  return encodeMessage({ ...reply, flags: reply.flags | (isHere ? RCODE.noError : RCODE.nameError) });
}

await Bun.udpSocket({
  hostname: OTHER_HOST,
  port: 53,
  socket: {
    data(socket, bytes, port, address) {
      const reply = answerTo(bytes, "udp");
      if (reply) socket.send(reply, port, address);
    },
  },
});
Bun.listen<MessageReader>({
  hostname: OTHER_HOST,
  port: 53,
  socket: {
    open(socket) {
      socket.data = new MessageReader((query) => {
        const reply = answerTo(query, "tcp");
        if (reply) socket.write(writeMessage(reply));
      });
    },
    data: (socket, bytes) => socket.data.receive(bytes),
  },
});
await Bun.udpSocket({
  hostname: OTHER_HOST,
  port: 9_999,
  socket: { data: (socket, bytes, port, address) => void socket.send(`${address} said ${bytes}`, port, address) },
});
for (const port of [80, 8_888]) {
  Bun.serve({
    hostname: OTHER_HOST,
    port,
    fetch: (request, server) =>
      Response.json({ from: server.requestIP(request)?.address, host: request.headers.get("host") }),
  });
}
console.log("ready");
