// The load generator of `tcp-1m`, a process: `tcp-load.ts PORT CONNECTIONS SECONDS`. Each connection asks, reads the whole body, asks again.
// Prints one LoadResult in JSON.

import type { LoadResult } from "./measurement.ts";
import { percentile } from "./statistics.ts";
import { ASK, BODY_BYTES, MARK } from "./tcp-body.ts";

/** For a connection that stalls: the run ends this long after its time, whatever is open. */
const GRACE_MS = 2_000;

interface Reader {
  received: number;
  askedAt: number;
}

const [port = 0, connections = 1, seconds = 1] = process.argv.slice(2).map(Number);
const latenciesUs: number[] = [];
const startedAt = performance.now();
const endsAt = startedAt + seconds * 1_000;
let open = connections;
let errors = 0;

function finish(): void {
  const result: LoadResult = {
    requests: latenciesUs.length,
    seconds: (performance.now() - startedAt) / 1_000,
    p50Us: percentile(latenciesUs, 0.5),
    p99Us: percentile(latenciesUs, 0.99),
    errors,
  };
  console.log(JSON.stringify(result));
  process.exit(0);
}

function leave(failed: boolean): void {
  if (failed) errors++;
  if (--open === 0) finish();
}

function ask(socket: Bun.Socket<Reader>): void {
  socket.data.received = 0;
  socket.data.askedAt = performance.now();
  socket.write(ASK);
}

/** A body ends where its mark is, or the stream has lost or doubled bytes. */
function read(socket: Bun.Socket<Reader>, bytes: Buffer): void {
  const reader = socket.data;
  reader.received += bytes.length;
  if (reader.received < BODY_BYTES) return;
  if (reader.received > BODY_BYTES || bytes[bytes.length - 1] !== MARK) {
    reader.received = Number.NaN;
    socket.end();
    return;
  }
  const now = performance.now();
  latenciesUs.push((now - reader.askedAt) * 1_000);
  if (now < endsAt) ask(socket);
  else socket.end();
}

for (let i = 0; i < connections; i++)
  Bun.connect<Reader>({
    hostname: "127.0.0.1",
    port,
    data: { received: 0, askedAt: 0 },
    socket: { open: ask, data: read, close: (socket) => leave(socket.data.received !== BODY_BYTES) },
  }).catch(() => leave(true));

setTimeout(
  () => {
    errors += open;
    finish();
  },
  seconds * 1_000 + GRACE_MS,
);
