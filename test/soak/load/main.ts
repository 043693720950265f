// The load: clients and applications in one process of Node's, so that neither end is made of what is tested.
//
//   node load.mjs REPORT      orders come by standard input, a line of JSON each; what is seen goes to the file REPORT at the end

import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Exchange, exchangeOf, type Protocol } from "../plan.ts";
import { Application, Sightings } from "./application.ts";
import { pause } from "./body.ts";
import { BytesClient } from "./bytes-client.ts";
import { Http1Client } from "./http1-client.ts";
import { Http2Client } from "./http2-client.ts";
import type {
  ApplicationName,
  FromLoad,
  LoadReport,
  OutageSpan,
  Outcome,
  Place,
  Ports,
  Served,
  ToLoad,
} from "./told.ts";

const NAMES: readonly ApplicationName[] = ["a", "b"];
const SERVED: readonly Served[] = ["http", "grpc", "bytes"];

interface Client {
  run(exchange: Exchange): Promise<Outcome>;
  close(): void;
}

/** How many exchanges run at once in each protocol, over how many connections. */
const CLIENTS: Readonly<Record<Protocol, { readonly connections: number; readonly streams: number }>> = {
  http1: { connections: 4, streams: 1 },
  http2: { connections: 2, streams: 3 },
  "grpc-unary": { connections: 1, streams: 3 },
  "grpc-stream": { connections: 1, streams: 2 },
  websocket: { connections: 1, streams: 1 },
  bytes: { connections: 2, streams: 1 },
  visitor: { connections: 1, streams: 1 },
};

type Begin = Extract<ToLoad, { readonly kind: "begin" }>;

const sightings = new Sightings();
const applications = new Map<string, Application>();
const outcomes: Outcome[] = [];
const clients: Client[] = [];
const outages: OutageSpan[] = [];
const away = new Set<string>();

function clientOf(protocol: Protocol, places: Begin): Client {
  const place: Place = protocol === "bytes" ? places.bytes : protocol === "visitor" ? places.visitors : places.http;
  switch (protocol) {
    case "http2":
    case "grpc-unary":
    case "grpc-stream":
      return new Http2Client(place);
    case "bytes":
      return new BytesClient(place);
    default:
      return new Http1Client(place);
  }
}

async function runStream(client: Client, name: string, protocol: Protocol, seed: number, until: number) {
  for (let count = 0; performance.now() < until; count++) {
    const exchange = exchangeOf(seed, name, protocol, count);
    await pause(exchange.pauseMs);
    outcomes.push(await client.run(exchange));
  }
}

async function begin(order: Begin, report: string): Promise<void> {
  const until = performance.now() + order.seconds * 1_000;
  const running: Promise<void>[] = [];
  for (const [protocol, { connections, streams }] of Object.entries(CLIENTS) as [
    Protocol,
    (typeof CLIENTS)[Protocol],
  ][])
    for (let connection = 0; connection < connections; connection++) {
      const client = clientOf(protocol, order);
      clients.push(client);
      for (let stream = 0; stream < streams; stream++)
        running.push(runStream(client, `${protocol}.${connection}.${stream}`, protocol, order.seed, until));
    }
  await Promise.all(running);
  for (const client of clients) client.close();
  await pause(1_000); // what was given up at last is seen by the applications, and outages are over
  const seen: LoadReport = { outages, outcomes, sightings: sightings.all };
  writeFileSync(report, JSON.stringify(seen));
  tell({ kind: "over" });
}

async function suffer({ application, served, ms }: Extract<ToLoad, { readonly kind: "outage" }>): Promise<void> {
  const from = Date.now();
  const key = `${application}-${served}`;
  if (away.has(key)) return;
  away.add(key);
  await applications.get(key)?.outage(ms);
  away.delete(key);
  outages.push({ served, from, to: Date.now() });
}

function tell(line: FromLoad): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function listen(): Promise<Ports> {
  const ports: Record<string, Record<string, number>> = {};
  for (const name of NAMES) {
    const own: Record<string, number> = {};
    for (const served of SERVED) {
      const application = new Application(served, sightings);
      applications.set(`${name}-${served}`, application);
      own[served] = await application.listen();
    }
    ports[name] = own;
  }
  return ports as Ports;
}

tell({ kind: "ports", ports: await listen() });
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as ToLoad;
  if (order.kind === "begin") void begin(order, process.argv[2]!);
  else if (order.kind === "outage") void suffer(order);
  else break;
}
process.exit(0);
