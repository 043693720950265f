// The applications: HTTP/1.1 with upgrades, HTTP/2 for gRPC, and byte streams; each notes what it saw of every exchange.

import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readExchange, type Told } from "../plan.ts";
import { bodyOf, pause, type Sink, send, slowDown, Verifier } from "./body.ts";
import type { Served, Sighting } from "./told.ts";

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

export class Sightings {
  readonly #all = new Map<string, Mutable<Sighting>>();

  of(id: string): Mutable<Sighting> {
    let sighting = this.#all.get(id);
    if (!sighting) {
      sighting = { id, seen: 0, whole: 0, resets: 0, fault: undefined };
      this.#all.set(id, sighting);
    }
    return sighting;
  }

  get all(): readonly Sighting[] {
    return [...this.#all.values()];
  }
}

/** One exchange as the application's side has it, whatever carries it. */
interface Carried {
  readonly told: Told;
  readonly framed: boolean;
  readonly source: NodeJS.ReadableStream & { readonly destroyed: boolean };
  readonly sink: Sink;
  head(length: number): void;
  finish(): void;
  reset(): void;
  /** The client reset it: Node ends the body of such a stream, too. */
  isAborted(): boolean;
}

function serve(carried: Carried, sightings: Sightings): void {
  const { told, framed, source } = carried;
  const sighting = sightings.of(told.id);
  sighting.seen++;
  const limit = sighting.seen === 1 ? told.reset : undefined;
  const reset = () => {
    sighting.resets++;
    carried.reset();
  };
  source.on("error", () => {});
  if (limit === 0) {
    reset();
    return;
  }
  const verifier = new Verifier(bodyOf(told.seed, told.up, framed));
  source.on("data", (chunk: Buffer) => {
    verifier.take(chunk);
    if (told.pace === "slow-server") slowDown(source);
  });
  const answer = async () => {
    sighting.whole++;
    if (carried.sink.destroyed) return;
    const body = bodyOf(told.seed + 1, told.down, framed);
    carried.head(body.length);
    const sent = await send(carried.sink, body, told.pace === "slow-server", limit);
    if (limit !== undefined) reset();
    else if (sent) carried.finish();
  };
  source.on("end", () => {
    if (verifier.isWhole) void answer();
    // A body that ends too early, and says that it is whole.
    else if (!carried.isAborted())
      sighting.fault ??= verifier.fault ?? `the end after ${verifier.received} of ${told.up} bytes`;
  });
  source.on("close", () => {
    sighting.fault ??= verifier.fault;
  });
}

function serveHttp1(request: IncomingMessage, response: ServerResponse, sightings: Sightings): void {
  const told = readExchange(String(request.headers["x-soak"]));
  const { socket } = request;
  response.on("error", () => {});
  serve(
    {
      told,
      framed: false,
      source: request,
      sink: response,
      head: (length) => response.writeHead(200, told.seed % 2 === 0 ? { "content-length": length } : {}),
      finish: () => response.end(),
      reset: () => socket.resetAndDestroy(),
      isAborted: () => !request.complete,
    },
    sightings,
  );
}

/** A header of the answer: no frames of WebSocket's, whose bytes no proxy reads. */
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

function serveUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, sightings: Sightings): void {
  const socket = stream as Socket;
  if (head.length > 0) socket.unshift(head);
  socket.write(SWITCHING);
  serveStream(readExchange(String(request.headers["x-soak"])), socket, sightings);
}

/** The client's body has a length that is known, so that neither end need be half closed. */
function serveStream(told: Told, socket: Socket, sightings: Sightings): void {
  const sighting = sightings.of(told.id);
  sighting.seen++;
  const { reset: limit } = told;
  const reset = () => {
    sighting.resets++;
    socket.resetAndDestroy();
  };
  if (limit === 0) {
    reset();
    return;
  }
  const verifier = new Verifier(bodyOf(told.seed, told.up, false));
  const answer = async () => {
    sighting.whole++;
    const sent = await send(socket, bodyOf(told.seed + 1, told.down, false), told.pace === "slow-server", limit);
    if (limit !== undefined) reset();
    else if (sent) socket.end();
  };
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    const before = verifier.isWhole;
    verifier.take(chunk);
    sighting.fault ??= verifier.fault;
    if (!before && verifier.isWhole) void answer();
    if (told.pace === "slow-server") slowDown(socket);
  });
  if (told.up === 0) void answer();
}

function serveBytes(socket: Socket, sightings: Sightings): void {
  socket.on("error", () => {});
  let held = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    const end = held.indexOf("\n");
    if (end < 0) return;
    socket.off("data", onData);
    socket.pause();
    if (held.length > end + 1) socket.unshift(held.subarray(end + 1));
    serveStream(readExchange(held.subarray(0, end).toString()), socket, sightings);
    socket.resume();
  };
  socket.on("data", onData);
}

function serveGrpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, sightings: Sightings): void {
  stream.on("error", () => {});
  serve(
    {
      told: readExchange(String(headers["x-soak"])),
      framed: true,
      source: stream,
      sink: stream,
      head: () => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      },
      finish: () => stream.end(),
      reset: () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
      isAborted: () => stream.aborted || stream.rstCode !== http2.constants.NGHTTP2_NO_ERROR,
    },
    sightings,
  );
}

/** One port: goes for a while, and comes back where it was. */
export class Application {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(served: Served, sightings: Sightings) {
    this.#server = createApplication(served, sightings);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", () => {
        this.#server.off("error", reject);
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve(this.#port);
      });
    });
  }

  /** Its connections are reset, and new ones refused. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Resolves when it listens again. */
  async outage(ms: number): Promise<void> {
    this.stop();
    await pause(ms);
    await this.listen();
  }
}

function createApplication(served: Served, sightings: Sightings): Server {
  switch (served) {
    case "http": {
      // A server that closes what is idle races with the proxy's next request: that is a case of its own, and no accident here.
      const server = createHttpServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) =>
        serveHttp1(request, response, sightings),
      );
      server.on("upgrade", (request, stream, head) => serveUpgrade(request, stream, head, sightings));
      return server;
    }
    case "grpc": {
      const server = http2.createServer();
      server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
        serveGrpc(stream, headers, sightings),
      );
      return server;
    }
    case "bytes":
      return createServer((socket) => serveBytes(socket, sightings));
  }
}
