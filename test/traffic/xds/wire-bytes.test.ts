// What the log says of bytes on the wire and of heads: of the client's side and of the attempts together (Envoy: BytesMeter).

import { expect } from "bun:test";
import type { Received } from "./behaviour.ts";
import type { Http1Client } from "./client.ts";
import { DIRECT, TCP_LEGS } from "./configuration.ts";
import type { LogLine } from "./logs.ts";
import type { ClientResponse } from "./response.ts";
import { type Body, traffic } from "./traffic.ts";
import type { Field } from "./wire.ts";

const COUNTS = ["WIRE_BYTES_SENT", "WIRE_BYTES_RECEIVED", "HEADER_BYTES_SENT", "HEADER_BYTES_RECEIVED"] as const;

function operators(side: "UPSTREAM" | "DOWNSTREAM"): Readonly<Record<string, string>> {
  return Object.fromEntries(COUNTS.map((count) => [`${side}_${count}`, `%${side}_${count}%`]));
}

const log = { ...operators("UPSTREAM"), ...operators("DOWNSTREAM") };

interface Counts {
  readonly sent: number;
  readonly received: number;
  readonly headSent: number;
  readonly headReceived: number;
}

function counts(line: LogLine, side: "UPSTREAM" | "DOWNSTREAM"): Counts {
  const [sent, received, headSent, headReceived] = COUNTS.map((count) => Number(line[`${side}_${count}`]));
  return { sent: sent!, received: received!, headSent: headSent!, headReceived: headReceived! };
}

const NOTHING: Counts = { sent: 0, received: 0, headSent: 0, headReceived: 0 };

/** Colon, space and the line's end; Envoy does not count the space of what it receives. */
const WRITTEN = 4;
const READ = 3;

function fieldBytes(fields: readonly Field[], around: number): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length + around, 0);
}

/** Of a message of HTTP/1.1 whose body is framed by `content-length`. */
function messageBytes(startLine: string, fields: readonly Field[], bodyLength: number): number {
  return `${startLine}\r\n`.length + fieldBytes(fields, WRITTEN) + "\r\n".length + bodyLength;
}

function requestBytes({ method, path, headers, body }: Received): number {
  return messageBytes(`${method} ${path} HTTP/1.1`, headers, body.length);
}

function responseBytes({ headers, body }: ClientResponse): number {
  return messageBytes("HTTP/1.1 200 OK", headers, Buffer.byteLength(body, "latin1"));
}

/** Sends these very bytes. */
async function ask(connection: Http1Client, bytes: string): Promise<ClientResponse> {
  connection.raw.send(bytes);
  return connection.response();
}

const REQUEST_FIELDS: readonly Field[] = [
  ["host", "lab.test"],
  ["x-a", "1"],
  ["content-length", "4"],
];
// The white space around values is on the wire, and no part of a field.
const REQUEST = "POST /path?query HTTP/1.1\r\nhost:lab.test\r\nx-a: \t 1 \r\ncontent-length: 4\r\n\r\nbody";
const RESPONSE_FIELDS: readonly Field[] = [
  ["content-length", "5"],
  ["x-b", "2"],
];
const RESPONSE = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-b:  2\r\n\r\nhello";

traffic(
  "HTTP/1.1 is counted to the byte, each request of a connection for itself",
  { log, legs: DIRECT },
  async ({ client, application, logs }) => {
    application.v1.answers({ kind: "raw", bytes: RESPONSE });
    const connection = await client.http1();
    const responses = [await ask(connection, REQUEST), await ask(connection, REQUEST)];
    const lines = await logs(2);
    for (const [i, response] of responses.entries()) {
      const line = lines[i]!;
      const request = application.v1.requests[i]!;
      expect(counts(line, "DOWNSTREAM")).toEqual({
        received: REQUEST.length,
        headReceived: fieldBytes(REQUEST_FIELDS, READ),
        sent: responseBytes(response),
        headSent: fieldBytes(response.headers, WRITTEN),
      });
      expect(counts(line, "UPSTREAM")).toEqual({
        sent: requestBytes(request),
        headSent: fieldBytes(request.headers, WRITTEN),
        received: RESPONSE.length,
        headReceived: fieldBytes(RESPONSE_FIELDS, READ),
      });
    }
  },
);

/** Two requests in one read; how many requests' bytes each of them received. */
function atOnce(shares: readonly number[]): Body {
  return async ({ client, logs }) => {
    const connection = await client.http1();
    await ask(connection, REQUEST + REQUEST);
    await connection.response();
    const received = (await logs(2)).map((line) => counts(line, "DOWNSTREAM").received);
    expect(received).toEqual(shares.map((share) => share * REQUEST.length));
  };
}

traffic(
  "requests that came at once are each counted for themselves",
  {
    log,
    legs: DIRECT,
    differs: {
      envoy: {
        because: "all that was read counts for the request in progress, and again for the next",
        expect: atOnce([2, 1]),
      },
    },
  },
  atOnce([1, 1]),
);

const CHUNKED =
  "POST / HTTP/1.1\r\nhost: lab.test\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-trailer: one\r\n\r\n";
const CHUNKED_ANSWER =
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;ext\r\nhello\r\n0\r\nx-checksum:  two\r\n\r\n";

traffic(
  "chunks and trailers are counted as they are framed",
  { log, legs: DIRECT, manager: { http_protocol_options: { enable_trailers: true } } },
  async ({ client, application, logs }) => {
    application.v1.answers({ kind: "raw", bytes: CHUNKED_ANSWER });
    const response = await ask(await client.http1(), CHUNKED);
    const [line] = await logs(1);
    const { headers, trailers } = application.v1.requests[0]!;
    expect([trailers, response.trailers]).toEqual([[["x-trailer", "one"]], [["x-checksum", "two"]]]);
    const lastChunk = (fields: readonly Field[]) => "0\r\n\r\n".length + fieldBytes(fields, WRITTEN);
    expect(counts(line!, "DOWNSTREAM")).toEqual({
      received: CHUNKED.length,
      headReceived: fieldBytes([["host", "lab.test"], ["transfer-encoding", "chunked"], ...trailers], READ),
      sent: messageBytes("HTTP/1.1 200 OK", response.headers, "5\r\nhello\r\n".length) + lastChunk(response.trailers),
      headSent: fieldBytes([...response.headers, ...response.trailers], WRITTEN),
    });
    expect(counts(line!, "UPSTREAM")).toEqual({
      sent: messageBytes("POST / HTTP/1.1", headers, "4\r\nbody\r\n".length) + lastChunk(trailers),
      headSent: fieldBytes([...headers, ...trailers], WRITTEN),
      received: CHUNKED_ANSWER.length,
      headReceived: fieldBytes([["transfer-encoding", "chunked"], ...response.trailers], READ),
    });
  },
);

const UNAVAILABLE = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

traffic(
  "what attempts moved is added up",
  { log, legs: DIRECT, route: { retry_policy: { retry_on: "5xx", num_retries: 3 } } },
  async ({ client, application, logs }) => {
    const unavailable = { kind: "raw", bytes: UNAVAILABLE } as const;
    application.v1.answers(unavailable, unavailable, { kind: "raw", bytes: RESPONSE });
    await ask(await client.http1(), REQUEST);
    const [line] = await logs(1);
    const { requests } = application.v1;
    expect(requests).toHaveLength(3);
    expect(counts(line!, "DOWNSTREAM").received).toBe(REQUEST.length);
    expect(counts(line!, "UPSTREAM")).toEqual({
      sent: requests.reduce((sum, request) => sum + requestBytes(request), 0),
      headSent: requests.reduce((sum, { headers }) => sum + fieldBytes(headers, WRITTEN), 0),
      received: 2 * UNAVAILABLE.length + RESPONSE.length,
      headReceived: 2 * fieldBytes([["content-length", "0"]], READ) + fieldBytes(RESPONSE_FIELDS, READ),
    });
  },
);

traffic(
  "a response of the proxy's own has no upstream",
  {
    log,
    legs: DIRECT,
    routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "here" } } }],
  },
  async ({ client, logs }) => {
    const response = await client.request("/");
    const [line] = await logs(1);
    expect(counts(line!, "DOWNSTREAM").sent).toBe(responseBytes(response));
    expect(counts(line!, "UPSTREAM")).toEqual(NOTHING);
  },
);

const FRAME_HEAD = 9;

/** The end may have a frame of its own. */
function framed(body: string): readonly number[] {
  return [body.length + FRAME_HEAD, body.length + 2 * FRAME_HEAD];
}

traffic(
  "HTTP/2 is counted by the frames of a stream, compressed as they are",
  { log, legs: ["h2"] },
  async ({ client, application, logs }) => {
    application.v1.answers({ kind: "respond", body: "hello" });
    const connection = await client.http1();
    for (let i = 0; i < 2; i++) await ask(connection, REQUEST);
    const upstream = (await logs(2)).map((line) => counts(line, "UPSTREAM"));
    const [first, second] = [upstream[0]!, upstream[1]!];
    for (const { sent, headSent, received, headReceived } of upstream) {
      expect(framed("body")).toContain(sent - headSent);
      expect(framed("hello")).toContain(received - headReceived);
      expect(headReceived).toBeGreaterThan(FRAME_HEAD);
    }
    // HPACK: what was said once is an index the next time.
    expect(second.headSent).toBeLessThan(first.headSent);
    expect(second.headSent).toBeGreaterThan(FRAME_HEAD);
    expect(second.headReceived).toBeLessThan(first.headReceived);
  },
);

const UPGRADE = "GET / HTTP/1.1\r\nhost: lab.test\r\nconnection: upgrade\r\nupgrade: lab\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: lab\r\n\r\n";

traffic(
  "an upgraded connection counts its bytes behind the heads",
  { log, legs: DIRECT, manager: { upgrade_configs: [{ upgrade_type: "lab" }] } },
  async ({ client, application, logs }) => {
    application.v1.answers({ kind: "raw", bytes: `${SWITCHED}hello`, close: true });
    const raw = await client.connect();
    raw.send(UPGRADE);
    await raw.hears("hello");
    raw.end();
    const [line] = await logs(1);
    expect(counts(line!, "DOWNSTREAM")).toMatchObject({ received: UPGRADE.length, sent: raw.text.length });
    expect(counts(line!, "UPSTREAM")).toMatchObject({
      sent: requestBytes(application.v1.requests[0]!),
      received: SWITCHED.length + "hello".length,
    });
  },
);

const CONNECT = "CONNECT bytes.test:80 HTTP/1.1\r\nhost: bytes.test:80\r\n\r\n";

traffic(
  "a CONNECT that ends here has heads on its client's side alone",
  {
    log,
    legs: DIRECT,
    manager: { upgrade_configs: [{ upgrade_type: "CONNECT" }] },
    routes: [
      {
        match: { connect_matcher: {} },
        route: { cluster: "bytes", upgrade_configs: [{ upgrade_type: "CONNECT", connect_config: {} }] },
      },
    ],
    clusters: { bytes: { endpoints: ["bytes"] } },
  },
  async ({ client, logs }) => {
    const raw = await client.connect();
    raw.send(CONNECT);
    await raw.hears("\r\n\r\n");
    raw.send("hello");
    await raw.hears("hello");
    raw.end();
    const [line] = await logs(1);
    expect(counts(line!, "DOWNSTREAM")).toMatchObject({
      received: CONNECT.length + "hello".length,
      headReceived: fieldBytes([["host", "bytes.test:80"]], READ),
      sent: raw.text.length,
    });
    expect(counts(line!, "UPSTREAM")).toEqual({ ...NOTHING, sent: "hello".length, received: "hello".length });
  },
);

traffic(
  "a byte stream has no heads, and moved the same on both sides",
  { log, legs: TCP_LEGS, endpoints: ["bytes"], tcp: {} },
  async ({ client, logs }) => {
    const raw = await client.connect();
    raw.send("hello");
    await raw.hears("hello");
    raw.end();
    const [line] = await logs(1);
    const moved: Counts = { sent: 5, received: 5, headSent: 0, headReceived: 0 };
    expect([counts(line!, "DOWNSTREAM"), counts(line!, "UPSTREAM")]).toEqual([moved, moved]);
  },
);
