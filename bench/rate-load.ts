// A load generator with a constant rate, a process: `rate-load.ts PORT CONNECTIONS SECONDS RATE PATH [AUTHORITY [WARM_UP_SECONDS]]`. Requests
// are due on the clock, whether or not earlier ones were answered, and their latency counts from when they were due: a proxy that stands
// still for 100 ms is seen by every request of these 100 ms, and not by one alone. What is due in the time of warming up does not count: a
// pause of 50 ms of this program's compiler would be the 99th percentile of three seconds. SIGTERM ends it early. Prints one RateResult in JSON.

import { answerLength } from "./answer.ts";
import { percentile } from "./statistics.ts";

export interface RateResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly errors: number;
}

/** What is due is looked at this often; all that fell due since counts from its own time. */
const TICK_MS = 1;
/** Answers may come this long after the last request: a proxy that stands still for seconds is measured, not refused. */
const GRACE_MS = 20_000;

const [port = 0, connections = 1, seconds = 1, rate = 1_000] = process.argv.slice(2, 6).map(Number);
const [path = "/", authority = "localhost", warmUp = "0"] = process.argv.slice(6);
const warmUpMs = Number(warmUp) * 1_000;
const REQUEST = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`, "latin1");
let planned = Math.max(1, Math.round(rate * (seconds + warmUpMs / 1_000)));
const intervalMs = 1_000 / rate;

interface Exchange {
  /** When the request under way was due; -1 when there is none. */
  dueAt: number;
  /** What came of the answer, while it is incomplete. */
  held: Buffer;
}

const idle: Bun.Socket<Exchange>[] = [];
/** Due times that found no connection idle. */
const waiting: number[] = [];
let firstWaiting = 0;
const latenciesUs: number[] = [];
let errors = 0;
let answered = 0;
let issued = 0;
let open = 0;
let startedAt = 0;

function finish(): void {
  const unanswered = planned - answered - errors;
  const result: RateResult = {
    requests: latenciesUs.length,
    seconds,
    p50Us: percentile(latenciesUs, 0.5),
    p99Us: percentile(latenciesUs, 0.99),
    maxUs: percentile(latenciesUs, 1),
    errors: errors + Math.max(0, unanswered),
  };
  console.log(JSON.stringify(result));
  process.exit(0);
}

function send(socket: Bun.Socket<Exchange>, dueAt: number): void {
  socket.data.dueAt = dueAt;
  socket.write(REQUEST);
}

function settle(failed: boolean, dueAt: number): void {
  if (failed) errors++;
  else {
    answered++;
    if (dueAt - startedAt >= warmUpMs) latenciesUs.push((performance.now() - dueAt) * 1_000);
  }
  if (answered + errors >= planned) finish();
}

function receive(socket: Bun.Socket<Exchange>, bytes: Buffer): void {
  const exchange = socket.data;
  const whole = exchange.held.length === 0 ? bytes : Buffer.concat([exchange.held, bytes]);
  const length = answerLength(whole);
  if (length === 0) {
    exchange.held = Buffer.from(whole);
    return;
  }
  exchange.held = Buffer.alloc(0);
  const { dueAt } = exchange;
  exchange.dueAt = -1;
  settle(length !== whole.length, dueAt);
  const next = waiting[firstWaiting];
  if (next === undefined) idle.push(socket);
  else {
    firstWaiting++;
    send(socket, next);
  }
}

function gone(socket: Bun.Socket<Exchange>): void {
  const at = idle.indexOf(socket);
  if (at !== -1) idle.splice(at, 1);
  if (socket.data.dueAt >= 0) settle(true, 0);
  if (--open === 0) finish();
}

function tick(): void {
  const now = performance.now();
  while (issued < planned) {
    const dueAt = startedAt + issued * intervalMs;
    if (dueAt > now) return;
    issued++;
    const socket = idle.pop();
    if (socket) send(socket, dueAt);
    else waiting.push(dueAt);
  }
}

async function main(): Promise<void> {
  const sockets = await Promise.all(
    Array.from({ length: connections }, () =>
      Bun.connect<Exchange>({
        hostname: "127.0.0.1",
        port,
        data: { dueAt: -1, held: Buffer.alloc(0) },
        socket: { data: receive, close: gone },
      }),
    ),
  );
  open = sockets.length;
  idle.push(...sockets);
  startedAt = performance.now();
  setInterval(tick, TICK_MS);
  setTimeout(finish, warmUpMs + seconds * 1_000 + GRACE_MS);
  process.on("SIGTERM", () => {
    planned = issued;
    if (answered + errors >= planned) finish();
  });
}

if (import.meta.main) await main();
