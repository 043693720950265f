// Our client, against servers of @grpc/grpc-js and of our own.

import { afterAll, beforeAll, expect, spyOn, test } from "bun:test";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { Http2ClientConnection } from "../http/h2/client-connection.ts";
import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import { MemoryTransport } from "../http/memory-transport.ts";
import { type ClientConnection, ResponseHead, type ServerStream } from "../http/stream.ts";
import { ClientCall, type UnaryAnswer, unaryCall } from "./client.ts";
import { frameMessage } from "./message.ts";
import type { GrpcStatus } from "./status.ts";
import { connectTo } from "./test-wire.ts";

const asBytes = (message: Buffer) => message;
const shape = (path: string, stream: boolean) => ({
  path,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: asBytes,
  requestDeserialize: asBytes,
  responseSerialize: asBytes,
  responseDeserialize: asBytes,
});

/** Resolved when the server sees a call cancelled. */
const cancelled = Promise.withResolvers<void>();
const server = new Server();
server.addService(
  {
    Upper: shape("/t.T/Upper", false),
    Refuse: shape("/t.T/Refuse", false),
    Never: shape("/t.T/Never", false),
    Echo: shape("/t.T/Echo", true),
  },
  {
    Upper: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      const token = call.metadata.get("x-token")[0] ?? "";
      reply(null, Buffer.from(call.request.toString().toUpperCase() + token));
    },
    Refuse: (_: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) =>
      reply({ code: 9, details: "nö: 5 %" }),
    Never: (call: ServerUnaryCall<Buffer, Buffer>) => call.on("cancelled", () => cancelled.resolve()),
    Echo: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("data", (message: Buffer) => call.write(message));
      call.on("end", () => call.end());
    },
  },
);

let connection: ClientConnection;
beforeAll(async () => {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
  connection = await connectTo(port);
});
afterAll(() => {
  connection.shutdown();
  server.forceShutdown();
});

function call(path: string, text: string, options = {}): Promise<UnaryAnswer> {
  return unaryCall(connection, path, Buffer.from(text), { authority: "t.test", ...options });
}

test("a unary call with metadata", async () => {
  const answer = await call("/t.T/Upper", "hello ", { metadata: ["x-token", "abc"] });
  expect(answer.kind === "message" && answer.message.toString()).toBe("HELLO abc");
});

test("statuses", async () => {
  expect(await call("/t.T/Refuse", "x")).toEqual({
    kind: "status",
    status: { code: "FAILED_PRECONDITION", message: "nö: 5 %" },
  });
  expect(await call("/t.T/Missing", "x")).toMatchObject({ kind: "status", status: { code: "UNIMPLEMENTED" } });
});

test("the deadline ends a call at both ends", async () => {
  const answer = await call("/t.T/Never", "x", { timeoutMs: 50 });
  expect(answer).toMatchObject({ kind: "status", status: { code: "DEADLINE_EXCEEDED" } });
  await cancelled.promise;
  expect(connection.active).toBe(0);
});

test("messages stream in both directions, in order and whole, while either end holds the other back", async () => {
  const sizes = Array.from({ length: 300 }, (_, index) => (index * 7_919) % 20_000);
  const received: number[] = [];
  let sent = 0;
  const status = await new Promise<GrpcStatus>((resolve) => {
    const feed = () => {
      for (; sent < sizes.length; sent++) {
        const size = sizes[sent]!;
        if (!stream.send(Buffer.alloc(size, sent % 251))) {
          sent++;
          return;
        }
      }
      stream.end();
    };
    const stream = new ClientCall(
      connection,
      "/t.T/Echo",
      { authority: "t.test" },
      {
        onMessage(message) {
          expect(message.every((byte) => byte === received.length % 251)).toBe(true);
          received.push(message.length);
          if (received.length % 40 !== 0) return;
          stream.pause();
          setImmediate(() => stream.resume());
        },
        onWritable: feed,
        onStatus: resolve,
      },
    );
    feed();
  });
  expect(status.code).toBe("OK");
  expect(received).toEqual(sizes);
});

/** What a unary call makes of a server that does as it is told; whether the server saw it reset. */
async function against(behave: (stream: ServerStream) => void, end = true): Promise<[answer: string, seen: string]> {
  const [near, far] = MemoryTransport.pair();
  let seen = "";
  const owner = {
    onRequest(stream: ServerStream) {
      stream.listener = { onData() {}, onEnd() {}, onReset: (reason: string) => (seen = reason), onWritable() {} };
      behave(stream);
    },
    onRefused() {},
    onClosed() {},
  };
  far.attach(new Http2ServerConnection(far, owner, DEFAULT_LIMITS, "http"));
  const client = new Http2ClientConnection(near, { onAvailable() {}, onDraining() {}, onClosed() {} }, DEFAULT_LIMITS);
  near.attach(client);
  const status = await new Promise<GrpcStatus>((resolve) => {
    const options = { authority: "t.test", maxMessageBytes: 100 };
    const call = new ClientCall(client, "/t.T/X", options, { onMessage() {}, onWritable() {}, onStatus: resolve });
    if (end) call.end();
  });
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(client.active).toBe(0);
  return [`${status.code}: ${status.message}`, seen];
}

const GRPC = ["content-type", "application/grpc"];
const head = (status: number, headers: string[]) => new ResponseHead(status, headers, -1);

test("a server that breaks the protocol gives a status all the same", async () => {
  const messages = (bytes: Buffer, trailers?: string[]) => (stream: ServerStream) => {
    stream.respond(head(200, [...GRPC]), false);
    stream.write(bytes);
    if (trailers) stream.end(trailers);
  };
  expect(await against((stream) => stream.respond(head(503, []), true))).toEqual([
    "UNAVAILABLE: HTTP status 503 instead of a gRPC response",
    "",
  ]);
  expect(await against((stream) => stream.respond(head(404, []), false))).toEqual([
    "UNIMPLEMENTED: HTTP status 404 instead of a gRPC response",
    "cancelled",
  ]);
  expect(await against((stream) => stream.respond(head(200, ["content-type", "text/html"]), false))).toEqual([
    "UNKNOWN: the server's answer is not gRPC",
    "cancelled",
  ]);
  expect(await against((stream) => stream.respond(head(200, [...GRPC]), true))).toEqual([
    "INTERNAL: the server ended the call without a status",
    "",
  ]);
  expect(await against((stream) => stream.reset("refused"))).toEqual([
    "UNAVAILABLE: the server refused the stream",
    "",
  ]);
  expect(await against((stream) => stream.reset("cancelled"))).toEqual([
    "CANCELLED: the server cancelled the call",
    "",
  ]);
  expect(await against(messages(frameMessage(Buffer.alloc(101))))).toEqual([
    "RESOURCE_EXHAUSTED: the server sent a message above the limit",
    "cancelled",
  ]);
  expect(await against(messages(Buffer.from([1, 0, 0, 0, 0])))).toEqual([
    "INTERNAL: the server compressed a message without being asked",
    "cancelled",
  ]);
  expect(await against(messages(Buffer.from([0, 0, 0, 0, 9, 1]), ["grpc-status", "0"]))).toEqual([
    "INTERNAL: the server ended the call inside a message",
    "",
  ]);
  expect(await against(messages(Buffer.alloc(0), []))).toEqual([
    "INTERNAL: the server ended the call without a status",
    "",
  ]);
});

test("a server that is done while the client still sends is sent no more", async () => {
  const [answer] = await against((stream) => stream.respond(head(200, [...GRPC, "grpc-status", "8"]), true), false);
  expect(answer).toBe("RESOURCE_EXHAUSTED: ");
});

test("a unary call that is answered OK by no message, or by two, has failed", async () => {
  const [near, far] = MemoryTransport.pair();
  const owner = {
    onRequest(stream: ServerStream) {
      stream.respond(head(200, [...GRPC]), false);
      for (let i = 0; i < 2; i++) stream.write(frameMessage(Buffer.alloc(1)));
      stream.end(["grpc-status", "0"]);
    },
    onRefused() {},
    onClosed() {},
  };
  far.attach(new Http2ServerConnection(far, owner, DEFAULT_LIMITS, "http"));
  const client = new Http2ClientConnection(near, { onAvailable() {}, onDraining() {}, onClosed() {} }, DEFAULT_LIMITS);
  near.attach(client);
  expect(await unaryCall(client, "/t.T/X", Buffer.alloc(0), { authority: "t.test" })).toMatchObject({
    status: { code: "INTERNAL", message: "the server answered OK with 2 messages, expected one" },
  });
});

const LONG = Buffer.from(Array.from({ length: 4 * 1024 * 1024 }, (_, i) => (i * 7) % 251));

/** A call whose server sends `messages` and is done; and the stream that it sends on. */
async function receiving(messages: readonly Buffer[], onMessage: (message: Buffer, call: ClientCall) => void) {
  const [near, far] = MemoryTransport.pair();
  const begun = Promise.withResolvers<ServerStream>();
  const owner = { onRequest: (stream: ServerStream) => begun.resolve(stream), onRefused() {}, onClosed() {} };
  far.attach(new Http2ServerConnection(far, owner, DEFAULT_LIMITS, "http"));
  const client = new Http2ClientConnection(near, { onAvailable() {}, onDraining() {}, onClosed() {} }, DEFAULT_LIMITS);
  near.attach(client);
  const over = Promise.withResolvers<GrpcStatus>();
  const call: ClientCall = new ClientCall(
    client,
    "/t.T/X",
    { authority: "t.test" },
    { onMessage: (message) => onMessage(message, call), onWritable() {}, onStatus: over.resolve },
  );
  const stream = await begun.promise;
  stream.listener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
  stream.respond(head(200, [...GRPC]), false);
  for (const message of messages) stream.write(frameMessage(message));
  stream.end(["grpc-status", "0"]);
  return { stream, call, over: over.promise };
}

test("a long message is taken a window at a time, with rests in between, and short ones are not", async () => {
  const timers = spyOn(globalThis, "setTimeout");
  try {
    const short = Array.from({ length: 64 }, () => LONG.subarray(0, 64 * 1024));
    const few = await receiving(short, () => {});
    expect((await few.over).code).toBe("OK");
    const rests = () => timers.mock.calls.filter(([, ms]) => ms === 1).length;
    expect(rests()).toBe(0);
    const received: Buffer[] = [];
    const { over } = await receiving([LONG], (message) => received.push(message));
    expect((await over).code).toBe("OK");
    expect(received.length).toBe(1);
    expect(LONG.equals(received[0]!)).toBe(true);
    // At most a window comes before a rest, and another while the client does not know yet that it has one.
    expect(rests()).toBeGreaterThanOrEqual(LONG.length / (2 * DEFAULT_LIMITS.streamWindowBytes) - 1);
  } finally {
    timers.mockRestore();
  }
});

test("the end of a rest does not resume a call that its owner has paused", async () => {
  const received: number[] = [];
  const { stream, call, over } = await receiving([Buffer.alloc(1), LONG], (message, paused) => {
    received.push(message.length);
    if (message.length === 1) paused.pause();
  });
  await Bun.sleep(20); // rests are over, all of them
  expect(received).toEqual([1]);
  const held = stream.buffered;
  expect(held).toBeGreaterThan(LONG.length / 2);
  await Bun.sleep(20);
  expect(stream.buffered).toBe(held);
  call.resume();
  expect((await over).code).toBe("OK");
  expect(received).toEqual([1, LONG.length]);
});
