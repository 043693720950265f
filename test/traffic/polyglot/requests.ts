// Requests, in HTTP/1.1 and in HTTP/2 with prior knowledge. One handler for both: Node's compatibility API says what came in which.
//
//   /describe      JSON of the request: version, fields, trailers, length and hash of the body
//   /bytes/N       N bytes with their length (HEAD: the length alone)
//   /chunks/N      N bytes without it, and their hash as a trailer
//   /status/N      that status, with an entity tag and no body
//   /early         answers before it has read the body
//   /refuse        417 to `Expect: 100-continue`, without a 100
//   /traffic.Polyglot/…   no answer: what asks for a deadline without a server that keeps it

import { createServer, type IncomingMessage } from "node:http";
import http2, { type Http2ServerRequest } from "node:http2";
import { createServer as createByteServer, type Socket } from "node:net";
import { serveBytes } from "./bytes.ts";
import { content, sha256 } from "./content.ts";

type Request = IncomingMessage | Http2ServerRequest;

/** What the two kinds of ServerResponse have in common: their overloads differ. */
interface Response {
  writeContinue(): void;
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(bytes: Uint8Array): boolean;
  addTrailers(trailers: Record<string, string>): void;
  end(bytes?: Uint8Array | string): unknown;
}

/** What an application saw of a request. */
export interface Seen {
  readonly version: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the fields, in the letters that they came in. */
  readonly names: readonly string[];
  readonly trailers: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly sha256: string;
}

function onBody(request: Request, onWhole: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => onWhole(Buffer.concat(chunks)));
}

function describe(request: Request, body: Buffer): Seen {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return {
    version: request.httpVersion,
    method: request.method ?? "",
    path: request.url ?? "",
    authority: request.headers[":authority"]?.toString() ?? request.headers.host ?? "",
    headers: Object.fromEntries(headers),
    names: request.rawHeaders.filter((_, i) => i % 2 === 0),
    trailers: request.trailers as Record<string, string>,
    bytes: body.length,
    sha256: sha256(body),
  };
}

function sendChunks(response: Response, bytes: Buffer): void {
  response.writeHead(200, { "content-type": "application/octet-stream", trailer: "x-sha256" });
  for (let at = 0; at < bytes.length; at += 10_000) response.write(bytes.subarray(at, at + 10_000));
  response.addTrailers({ "x-sha256": sha256(bytes) });
  response.end();
}

function answer(request: Request, response: Response): void {
  const [, verb, count = "0"] = (request.url ?? "").split("/");
  switch (verb) {
    case "bytes":
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": count });
      response.end(request.method === "HEAD" ? undefined : content(Number(count)));
      return;
    case "chunks":
      sendChunks(response, content(Number(count)));
      return;
    case "status":
      response.writeHead(Number(count), { etag: '"one"' });
      response.end();
      return;
    case "early":
      response.writeHead(200, { "content-type": "text/plain" });
      response.end("early\n");
      return;
    case "traffic.Polyglot":
      request.resume();
      return;
    default:
      onBody(request, (body) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(describe(request, body)));
      });
  }
}

function answerExpectation(request: Request, response: Response): void {
  if (request.url === "/refuse") {
    response.writeHead(417, { "content-length": "0" });
    response.end();
    return;
  }
  response.writeContinue();
  answer(request, response);
}

function http1() {
  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  server.on("checkContinue", answerExpectation);
  return server;
}

function http2Server() {
  const server = http2.createServer(answer);
  server.on("checkContinue", answerExpectation);
  return server;
}

export function listenHttp1(port: number): void {
  http1().listen(port, "127.0.0.1");
}

export function listenHttp2(port: number): void {
  http2Server().listen(port, "127.0.0.1");
}

/** A port that nobody declared: whatever a client begins with is answered in kind. */
export function listenAny(port: number): void {
  const [one, two] = [http1(), http2Server()];
  const server = createByteServer({ allowHalfOpen: true }, (socket: Socket) => {
    socket.on("error", () => {});
    socket.once("data", (chunk: Buffer) => {
      socket.pause();
      socket.unshift(chunk);
      const text = chunk.toString("latin1");
      if (text.startsWith("PRI * HTTP/2.0")) two.emit("connection", socket);
      else if (text.split("\n")[0]!.trimEnd().endsWith("HTTP/1.1")) one.emit("connection", socket);
      else serveBytes(socket);
      process.nextTick(() => socket.resume());
    });
  });
  server.listen(port, "127.0.0.1");
}
