// Our server, asked by @grpc/grpc-js and by hand.

import { afterAll, afterEach, expect, test } from "bun:test";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { RequestHead, type ResponseHead } from "../http/stream.ts";
import { frameMessage } from "./message.ts";
import { type CallHandler, GrpcService, type ServerCall, unary } from "./server.ts";
import { connectTo, serve } from "./test-wire.ts";

/** What the calls of a test were told. */
const events: string[] = [];
afterEach(() => {
  events.length = 0;
});

/** Sends each message back; stops reading while the client does not. */
class Echo implements CallHandler {
  readonly #call: ServerCall;

  constructor(call: ServerCall) {
    this.#call = call;
  }
  onMessage(message: Buffer): void {
    if (!this.#call.send(message)) this.#call.pause();
  }
  onWritable(): void {
    this.#call.resume();
  }
  onEnd(): void {
    this.#call.end();
  }
  onCancel(): void {
    events.push("cancelled");
  }
}

/** More than a client's window takes, between short ones. */
const PARTS = [[1, 2_000_000, 2, 70_000], [3], [4, 5, 1_000_000]].map((lengths) =>
  lengths.map((length) => Buffer.alloc(length, length)),
);

let waiting = Promise.withResolvers<void>();

const service = new GrpcService(
  {
    "/t.T/Upper": unary(async (request) => ({ message: Buffer.from(request.toString().toUpperCase()) })),
    "/t.T/Refuse": unary(async () => ({ code: "PERMISSION_DENIED", message: "not you: 100 % nö\n" })),
    "/t.T/Throw": unary(() => Promise.reject(new Error("out of luck"))),
    "/t.T/WhoAmI": unary(async (_, { peer, metadata }) => {
      const token = metadata[metadata.indexOf("x-token") + 1];
      return { message: Buffer.from(`${peer.principal} ${token}`) };
    }),
    "/t.T/Never": (call) => {
      waiting.resolve();
      return {
        onMessage() {},
        onEnd() {},
        onCancel: () => events.push(`cancelled, send says ${call.send(Buffer.alloc(1))}`),
      };
    },
    "/t.T/Echo": (call) => new Echo(call),
    "/t.T/Parts": (call) => ({
      onMessage() {
        for (const parts of PARTS) call.sendParts(parts);
        call.end({ code: "OUT_OF_RANGE", message: "that was all" });
      },
      onEnd() {},
      onCancel: () => events.push("cancelled"),
    }),
  },
  100_000,
);

const server = serve(service);
const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
afterAll(() => {
  client.close();
  server.stop();
});

const asBytes = (message: Buffer) => message;

function call(path: string, request: Buffer, metadata = new Metadata(), options = {}): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      asBytes,
      asBytes,
      request,
      metadata,
      options,
      (error: ServiceError | null, reply?: Buffer) =>
        resolve(error ? `${error.code} ${error.details}` : reply!.toString()),
    );
  });
}

test("a unary call, its peer and its metadata", async () => {
  expect(await call("/t.T/Upper", Buffer.from("hello"))).toBe("HELLO");
  const metadata = new Metadata();
  metadata.set("x-token", "abc");
  expect(await call("/t.T/WhoAmI", Buffer.alloc(0), metadata)).toBe("spiffe://cluster.local/ns/default/sa/test abc");
});

test("statuses, with messages that need escaping", async () => {
  expect(await call("/t.T/Refuse", Buffer.alloc(3))).toBe("7 not you: 100 % nö\n");
  expect(await call("/t.T/Throw", Buffer.alloc(3))).toBe("13 out of luck");
  expect(await call("/t.T/Missing", Buffer.alloc(3))).toBe("12 unknown method /t.T/Missing");
});

test("a message above the limit ends its call, and no other", async () => {
  expect(await call("/t.T/Upper", Buffer.alloc(100_001))).toBe("8 message is larger than 100000 bytes");
  expect(await call("/t.T/Upper", Buffer.alloc(100_000, "a"))).toHaveLength(100_000);
});

test("the deadline ends a call at both ends", async () => {
  const status = await call("/t.T/Never", Buffer.alloc(3), new Metadata(), { deadline: Date.now() + 50 });
  expect(status).toStartWith("4 ");
  while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual(["cancelled, send says true"]);
});

test("a client that cancels is heard", async () => {
  waiting = Promise.withResolvers<void>();
  const stream = client.makeBidiStreamRequest("/t.T/Never", asBytes, asBytes);
  stream.on("error", () => {});
  stream.write(Buffer.from("x"));
  await waiting.promise;
  stream.cancel();
  while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(events).toEqual(["cancelled, send says true"]);
});

test("messages stream in both directions, in order and whole, past a reader that pauses", async () => {
  const stream = client.makeBidiStreamRequest("/t.T/Echo", asBytes, asBytes);
  const sizes = Array.from({ length: 300 }, (_, index) => (index * 7_919) % 20_000);
  const received: number[] = [];
  stream.on("data", (message: Buffer) => {
    expect(message.every((byte) => byte === received.length % 251)).toBe(true);
    received.push(message.length);
    if (received.length % 50 !== 0) return;
    stream.pause();
    setImmediate(() => stream.resume());
  });
  const done = new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("end", () => resolve());
  });
  sizes.forEach((size, index) => {
    stream.write(Buffer.alloc(size, index % 251));
  });
  stream.end();
  await done;
  expect(received).toEqual(sizes);
});

test("an encoding that is not spoken is refused by name", async () => {
  const options = { "grpc.default_compression_algorithm": 2 };
  const zipping = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), options);
  const status = await new Promise<string>((resolve) => {
    zipping.makeUnaryRequest("/t.T/Upper", asBytes, asBytes, Buffer.alloc(50), (error: ServiceError | null) =>
      resolve(`${error?.code} ${error?.details}`),
    );
  });
  expect(status).toBe("12 grpc-encoding gzip is not supported");
  zipping.close();
});

/** A request of any shape: the response's head, and the fields that end it. */
async function ask(headers: string[], body: Buffer, method = "POST"): Promise<string> {
  const connection = await connectTo(server.port);
  try {
    return await new Promise<string>((resolve) => {
      let text = "";
      const stream = connection.request(
        new RequestHead(method, "http", "a.test", "/t.T/Upper", headers, "HTTP/2", -1, undefined),
        false,
        {
          onInform() {},
          onResponse(head: ResponseHead, end: boolean) {
            text = `${head.status} ${head.headers.join(" ")}`;
            if (end) resolve(text);
          },
          onData() {},
          onEnd: (trailers) => resolve(`${text} | ${trailers?.join(" ")}`),
          onReset: (reason) => resolve(`reset ${reason}`),
          onWritable() {},
        },
      );
      stream.write(body);
      stream.end();
    });
  } finally {
    connection.shutdown();
  }
}

test("what is not gRPC gets 415", async () => {
  expect(await ask(["content-type", "application/json"], Buffer.from("{}"))).toBe("415 ");
  expect(await ask(["content-type", "application/grpc-web"], Buffer.alloc(0))).toBe("415 ");
  expect(await ask(["content-type", "application/grpc"], Buffer.alloc(0), "PUT")).toBe("415 ");
});

test("broken streams of messages end in a status", async () => {
  const grpc = ["content-type", "application/grpc"];
  const refused = "200 content-type application/grpc grpc-status";
  expect(await ask(grpc, Buffer.alloc(0))).toBe(`${refused} 3 grpc-message a unary call has one message`);
  expect(await ask(grpc, Buffer.concat([frameMessage(Buffer.alloc(1)), frameMessage(Buffer.alloc(1))]))).toBe(
    `${refused} 3 grpc-message a unary call has one message`,
  );
  expect(await ask(grpc, Buffer.from([0, 0, 0, 0, 9, 1]))).toBe(
    `${refused} 3 grpc-message the call ended inside a message`,
  );
  expect(await ask(grpc, Buffer.from([1, 0, 0, 0, 1, 1]))).toBe(
    `${refused} 13 grpc-message a compressed message in a call without grpc-encoding`,
  );
});

test("messages in long parts arrive whole and in order through a small window, and the status after them", async () => {
  const stream = client.makeServerStreamRequest("/t.T/Parts", asBytes, asBytes, Buffer.alloc(1));
  const got: Buffer[] = [];
  const status = Promise.withResolvers<ServiceError>();
  stream.on("data", (message: Buffer) => got.push(message));
  stream.on("error", (error: ServiceError) => status.resolve(error));
  expect(await status.promise).toMatchObject({ code: 11, details: "that was all" });
  expect(got.map(({ length }) => length)).toEqual(PARTS.map((parts) => Buffer.concat(parts).length));
  expect(got.every((message, i) => message.equals(Buffer.concat(PARTS[i]!)))).toBe(true);
  expect(events).toEqual([]);
});
