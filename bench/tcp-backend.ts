// The server of `tcp-1m`, a process: `tcp-backend.ts PORT READY_PORT`. The second port tells that the first is open.

import { BODY_BYTES, makeBody } from "./tcp-body.ts";

interface Sender {
  /** Of what was asked for. */
  owed: number;
}

const [port = 0, ready = 0] = process.argv.slice(2).map(Number);
const body = makeBody();

function send(socket: Bun.Socket<Sender>): void {
  const sender = socket.data;
  while (sender.owed > 0) {
    const written = socket.write(body, (BODY_BYTES - (sender.owed % BODY_BYTES)) % BODY_BYTES);
    if (written <= 0) return;
    sender.owed -= written;
  }
}

Bun.listen<Sender>({
  hostname: "127.0.0.1",
  port,
  socket: {
    open(socket) {
      socket.data = { owed: 0 };
    },
    data(socket, bytes) {
      socket.data.owed += bytes.length * BODY_BYTES;
      send(socket);
    },
    drain: send,
  },
});
Bun.serve({ hostname: "127.0.0.1", port: ready, fetch: () => new Response("LIVE\n") });
