// Connections that stay open, a process: `idle-connections.ts PORT COUNT PATH`. Each makes one request, as a client did that waits now;
// prints `{"open": n, "errors": n}` when all have their answer, and keeps them until it is killed.

import { answerLength } from "./answer.ts";

/** Connections that are opened at once: more would wait in the listener's queue. */
const AT_ONCE = 64;

const [port = 0, count = 0] = process.argv.slice(2, 4).map(Number);
const [path = "/"] = process.argv.slice(4);
const REQUEST = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`, "latin1");

interface Waiting {
  held: Buffer;
  answered(ok: boolean): void;
}

let open = 0;
let errors = 0;

async function openOne(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  await Bun.connect<Waiting>({
    hostname: "127.0.0.1",
    port,
    data: { held: Buffer.alloc(0), answered: resolve },
    socket: {
      open: (socket) => void socket.write(REQUEST),
      data(socket, bytes) {
        socket.data.held = Buffer.concat([socket.data.held, bytes]);
        const length = answerLength(socket.data.held);
        if (length !== 0) socket.data.answered(length > 0);
      },
      close(socket) {
        open--;
        socket.data.answered(false);
      },
    },
  });
  if (await promise) open++;
  else errors++;
}

let begun = 0;
async function work(): Promise<void> {
  while (begun < count) {
    begun++;
    await openOne().catch(() => errors++);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(JSON.stringify({ open, errors }));
