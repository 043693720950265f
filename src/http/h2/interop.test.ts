// Both ends against other implementations over loopback: curl (nghttp2), node:http2, and each other under back-pressure.

import { afterAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { HeaderList } from "../headers.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { MemoryTransport } from "../memory-transport.ts";
import {
  RequestHead,
  ResponseHead,
  type ServerConnectionListener,
  type ServerStream,
  type StreamListener,
} from "../stream.ts";
import { Http2ClientConnection } from "./client-connection.ts";
import { Http2ServerConnection } from "./server-connection.ts";
import { type SocketState, socketHandlers } from "./test-socket.ts";

/** Sends back what it gets, slowly if the client reads slowly, and the request's fields as those of the response. */
class Echo implements ServerConnectionListener {
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void {
    const echoed = head.headers.filter((_, i) => head.headers[i - (i % 2)]!.startsWith("x-"));
    stream.respond(new ResponseHead(200, ["x-method", head.method, "x-path", head.path, ...echoed], -1), end);
    stream.listener = {
      onData: (chunk) => {
        if (!stream.write(chunk)) stream.pause();
      },
      onEnd: (trailers) => stream.end(trailers),
      onReset() {},
      onWritable: () => stream.resume(),
    } satisfies StreamListener;
  }
  onRefused(): void {}
  onClosed(): void {}
}

const server = Bun.listen<SocketState>({
  hostname: "127.0.0.1",
  port: 0,
  data: undefined as never,
  socket: socketHandlers((transport) => new Http2ServerConnection(transport, new Echo(), DEFAULT_LIMITS, "http")),
});
afterAll(() => server.stop(true));
const origin = `http://127.0.0.1:${server.port}`;

// Every byte that a field's value may have, so that every code of the Huffman table is used.
const VISIBLE = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i)).join("");

describe("our server", () => {
  test("serves curl, which codes its fields with Huffman's code", async () => {
    const body = randomBytes(300_000);
    const args = ["-sS", "-D", "-", "--http2-prior-knowledge", "--max-time", "10", "-H", `x-all: ${VISIBLE}`];
    const curl = Bun.spawn(["curl", ...args, "--data-binary", "@-", `${origin}/a?b=c`], {
      stdin: body,
      stdout: "pipe",
    });
    const output = Buffer.from(await new Response(curl.stdout).arrayBuffer());
    expect(await curl.exited).toBe(0);
    const head = output.subarray(0, output.length - body.length).toString("latin1");
    expect(head).toStartWith("HTTP/2 200");
    expect(head).toContain(`x-all: ${VISIBLE}\r\n`);
    expect(head).toContain("x-method: POST\r\nx-path: /a?b=c\r\n");
    expect(output.subarray(output.length - body.length).equals(body)).toBe(true);
  });

  test("serves node:http2: many at once, large bodies, trailers", async () => {
    const session = http2.connect(origin);
    const once = (index: number) =>
      new Promise<void>((resolve, reject) => {
        const body = randomBytes(1 + ((index * 7_919) % 200_000));
        const stream = session.request(
          { ":method": "POST", ":path": `/${index}`, "x-index": String(index) },
          { waitForTrailers: true },
        );
        const received: Buffer[] = [];
        let trailers = "";
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": String(index) }));
        stream.on("trailers", (fields) => {
          trailers = String(fields["x-sum"]);
        });
        stream.on("response", (fields) => expect(fields["x-index"]).toBe(String(index)));
        stream.on("data", (chunk: Buffer) => received.push(chunk));
        stream.on("error", reject);
        stream.on("end", () => {
          expect(Buffer.concat(received).equals(body)).toBe(true);
          expect(trailers).toBe(String(index));
          resolve();
        });
        stream.end(body);
      });
    await Promise.all(Array.from({ length: 30 }, (_, index) => once(index)));
    await new Promise<void>((resolve) => session.close(resolve));
  });
});

test("our client asks node:http2: body, interim response and trailers", async () => {
  const peer = http2.createServer();
  peer.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    const received: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => received.push(chunk));
    stream.on("end", () => {
      stream.respond(
        { ":status": 201, "x-path": headers[":path"], "x-all": headers["x-all"] as string },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-length": String(Buffer.concat(received).length) }));
      stream.end(Buffer.concat(received));
    });
  });
  await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve));
  let client: Http2ClientConnection | undefined;
  const ignore = { onAvailable() {}, onDraining() {}, onClosed() {} };
  const socket = await Bun.connect<SocketState>({
    hostname: "127.0.0.1",
    port: (peer.address() as AddressInfo).port,
    data: undefined as never,
    socket: socketHandlers((transport) => {
      client = new Http2ClientConnection(transport, ignore, DEFAULT_LIMITS);
      return client;
    }),
  });
  const body = randomBytes(150_000);
  const result = await new Promise<{
    status: number;
    headers: HeaderList;
    body: Buffer;
    trailers: HeaderList | undefined;
  }>((resolve, reject) => {
    let head: ResponseHead | undefined;
    const received: Buffer[] = [];
    const request = new RequestHead(
      "PUT",
      "http",
      "a.test",
      "/put",
      ["x-all", VISIBLE],
      "HTTP/1.1",
      body.length,
      undefined,
    );
    const stream = client!.request(request, false, {
      onInform() {},
      onResponse(response) {
        head = response;
      },
      onData: (chunk) => received.push(Buffer.from(chunk)),
      onEnd: (trailers) =>
        resolve({ status: head!.status, headers: head!.headers, body: Buffer.concat(received), trailers }),
      onReset: (reason) => reject(new Error(reason)),
      onWritable() {},
    });
    stream.write(body);
    stream.end();
  });
  expect(result.status).toBe(201);
  expect(result.headers).toContain(VISIBLE);
  expect(result.body.equals(body)).toBe(true);
  expect(result.trailers).toEqual(["x-length", String(body.length)]);
  socket.end();
  peer.close();
});

test("ten megabytes each way on eight streams, over a narrow wire between slow readers, arrive whole", async () => {
  const limits = {
    ...DEFAULT_LIMITS,
    highWaterBytes: 64 * 1024,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 200_000,
  };
  const [near, far] = MemoryTransport.pair(20_000);
  const ignore = { onAvailable() {}, onDraining() {}, onClosed() {} };
  const client = new Http2ClientConnection(near, ignore, limits);
  near.attach(client);
  far.attach(new Http2ServerConnection(far, new Echo(), limits, "http"));
  await Promise.all(Array.from({ length: 8 }, (_, index) => sendAndCompare(client, index)));
  expect(client.active).toBe(0);
});

async function sendAndCompare(client: Http2ClientConnection, index: number): Promise<void> {
  const sent = createHash("sha256");
  const received = createHash("sha256");
  let left = 1_250_000;
  await new Promise<void>((resolve, reject) => {
    let parts = 0;
    const feed = () => {
      while (left > 0) {
        const chunk = randomBytes(Math.min(left, 1 + ((left * 31) % 50_000)));
        left -= chunk.length;
        sent.update(chunk);
        if (!stream.write(chunk)) return;
      }
      stream.end();
    };
    const request = new RequestHead("POST", "http", "a.test", `/${index}`, [], "HTTP/1.1", -1, undefined);
    const stream = client.request(request, false, {
      onInform() {},
      onResponse() {},
      onData(chunk) {
        received.update(chunk);
        if (++parts % 5 !== index % 5) return;
        stream.pause();
        setImmediate(() => stream.resume());
      },
      onEnd: () => resolve(),
      onReset: (reason) => reject(new Error(reason)),
      onWritable: feed,
    });
    feed();
  });
  expect(received.digest("hex")).toBe(sent.digest("hex"));
}
